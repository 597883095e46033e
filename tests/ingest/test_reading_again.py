"""What staff ask to have read again is read, whatever lies beside it."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import httpx

from tests.ingest.conftest import ORG, Holder, given_holder, weight

MANY = 700  # more than one batch


async def test_many_go_in_few_commits_and_a_bad_one_among_them_stops_none(
    http: httpx.AsyncClient, owner: asyncpg.Connection, unit: UUID, other: Holder
) -> None:
    device = await given_holder(owner, unit)
    query = "delete from patients.binding where cred = $1 returning patient_id"
    patient = await owner.fetchval(query, device.cred)
    now = datetime.now(UTC)
    sent = [weight(at=(now - timedelta(minutes=n)).isoformat()) for n in range(MANY)]
    for start in range(0, MANY, 100):
        answer = await http.post(
            "/v1/observations", json=sent[start : start + 100], headers=device.headers
        )
        assert {one["result"] for one in answer.json()["results"]} == {"quarantined"}
    async with owner.transaction():
        await owner.execute(
            """
            insert into patients.binding (org, id, cred, patient_id, valid, recorded_by)
            values ($1, gen_random_uuid(), $2, $3, tstzrange($4, null), 'test')
            """,
            ORG, device.cred, patient, now - timedelta(days=9),
        )  # fmt: skip
        # One of which nothing more can be read.
        await owner.execute(
            "update ledger.receipt set raw = '{' where cred = $1 and message_id = $2",
            device.cred, sent[7]["id"],
        )  # fmt: skip
        await owner.execute(
            "update ledger.quarantine set state = 'replaying' where cred = $1", device.cred
        )
        await owner.execute("select pg_notify('replay', $1)", ORG)

    await _until_read(owner)
    told = await owner.fetch(
        "select state, code, count(*) from ledger.quarantine where cred = $1 group by 1, 2",
        device.cred,
    )
    assert {tuple(row) for row in told} == {
        ("released", "unbound", MANY - 1), ("waiting", "unreadable", 1),
    }  # fmt: skip
    filed, commits = await owner.fetchrow(
        "select count(*), count(distinct xmin::text) from ledger.reading where patient_id = $1",
        patient,
    )
    assert filed == MANY - 1
    assert commits <= 6


async def _until_read(owner: asyncpg.Connection) -> None:
    for _ in range(300):
        query = "select count(*) from ledger.quarantine where state = 'replaying'"
        if not await owner.fetchval(query):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it is not read again")


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

    await _until_read(owner)
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

    await _until_read(owner)
    assert await owner.fetchval("select state from ledger.quarantine") == "released"
    facts = await owner.fetch("select id, origin from ledger.current where org = $1", ORG)
    assert [str(one["origin"]) for one in facts] == [first["ref"].partition("/")[2]]
