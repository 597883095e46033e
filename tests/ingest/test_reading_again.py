"""What staff ask to have read again is read, whatever lies beside it."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx

from tests.ingest.conftest import ORG, Holder, weight


async def test_what_cannot_be_stored_holds_up_nothing_that_is_read_again(
    http: httpx.AsyncClient, owner: asyncpg.Connection, holder: Holder, other: Holder
) -> None:
    """A reading that was filed once takes the same ids when it is read again."""

    async def send(of: Holder, **more: str) -> None:
        answer = await http.post("/v1/observations", json=weight(**more), headers=of.headers)
        assert answer.status_code == 200

    await send(other, kind="first")
    await send(holder)
    await send(other, kind="last")
    then = datetime.now(UTC) - timedelta(days=1)
    await owner.execute(
        "update patients.binding set valid = tstzrange(lower(valid), $2) where cred = $1",
        holder.cred, then,
    )  # fmt: skip
    await owner.execute(
        "select ledger.refile($1, $2, $3, null, 'test', gen_random_uuid())", ORG, holder.cred, then
    )
    async with owner.transaction():
        await owner.execute(
            "update patients.binding set valid = tstzrange(lower(valid), null) where cred = $1",
            holder.cred,
        )
        await owner.execute("update ledger.quarantine set state = 'replaying'")

    left = 3
    for _ in range(50):
        query = "select count(*) from ledger.quarantine where state = 'replaying'"
        if not (left := await owner.fetchval(query)):
            break
        await asyncio.sleep(0.1)

    assert left == 0
    held = await owner.fetch("select cred, code, state from ledger.quarantine order by code")
    assert [(one["code"], one["state"]) for one in held] == [
        ("not-storable", "waiting"),
        ("unknown-kind", "waiting"),
        ("unknown-kind", "waiting"),
    ]
