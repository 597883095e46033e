"""What staff ask to have read again is read, whatever lies beside it."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx

from tests.ingest.conftest import ORG, Holder, weight


async def test_what_cannot_be_stored_holds_up_nothing_that_is_read_again(
    http: httpx.AsyncClient, owner: asyncpg.Connection, holder: Holder, other: Holder
) -> None:
    async def send(of: Holder, **more: str) -> None:
        answer = await http.post("/v1/observations", json=weight(**more), headers=of.headers)
        assert answer.status_code == 200

    await send(other, kind="first")
    await send(holder, kind="bad")
    await send(other, kind="last")
    # What this one becomes when it is read, the database will not have.
    await owner.execute(
        f"""
        update ledger.receipt set raw = replace(convert_from(raw, 'UTF8'), '"bad"',
            '"body_weight"')::bytea where cred = '{holder.cred}';
        alter table ledger.quarantine add check (cred <> '{holder.cred}' or drafts is null);
        update ledger.quarantine set state = 'replaying'
        """
    )

    assert await _settled(owner)
    held = await owner.fetch("select cred, code, state from ledger.quarantine order by code")
    assert [(one["code"], one["state"]) for one in held] == [
        ("not-storable", "waiting"),
        ("unknown-kind", "waiting"),
        ("unknown-kind", "waiting"),
    ]


async def test_what_was_filed_once_is_stored_again_when_it_is_read_anew(
    http: httpx.AsyncClient, owner: asyncpg.Connection, holder: Holder
) -> None:
    answer = await http.post("/v1/observations", json=weight(81.5), headers=holder.headers)
    [first] = answer.json()["results"]
    then = datetime.now(UTC) - timedelta(days=1)
    binding = "update patients.binding set valid = tstzrange(lower(valid), $2) where cred = $1"
    await owner.execute(binding, holder.cred, then)
    await owner.execute(
        "select ledger.refile($1, $2, $3, null, 'test', gen_random_uuid())", ORG, holder.cred, then
    )
    await owner.execute(binding, holder.cred, None)
    await owner.execute("update ledger.quarantine set state = 'replaying', decided_by = 'n'")

    assert await _settled(owner)
    assert await owner.fetchval("select state from ledger.quarantine") == "released"
    facts = await owner.fetch("select id, origin from ledger.current where org = $1", ORG)
    assert [str(one["origin"]) for one in facts] == [first["ref"].partition("/")[2]]


async def _settled(owner: asyncpg.Connection) -> bool:
    for _ in range(100):
        if not await owner.fetchval(
            "select count(*) from ledger.quarantine where state = 'replaying'"
        ):
            return True
        await asyncio.sleep(0.1)
    return False
