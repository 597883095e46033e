"""What is changed in the audit trail after its day is found and named, whoever did it."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from shared.audit import chain, sealing
from shared.audit.event import Event
from shared.database import Database
from tests.conftest import DatabaseUrls

DAYS = 3
ROWS = 20


@pytest.fixture
async def owner(database_urls: DatabaseUrls) -> asyncpg.Connection:
    """Three days with twenty acts each, sealed by the service, in the hands of the owner."""
    connection = await asyncpg.connect(database_urls.owner)
    await connection.execute("insert into ledger.organisation (org) values ('nordland')")
    for day in range(1, DAYS + 1):
        await connection.execute(
            """
            insert into audit.event (org, at, by, role, units, patients, what, why, outcome)
            select 'nordland', date_trunc('day', now()) - $1 * interval '1 day'
                   + n * interval '1 hour', 'anne', 'nurse', '{}',
                   array[gen_random_uuid(), gen_random_uuid()], 'list', 'treatment', 'shown'
            from generate_series(1, $2) n
            """,
            day,
            ROWS,
        )
    database = Database(database_urls.patients, name="test", size=2, fenced=True)
    await database.open()
    # On the first ten minutes of a day the day before is still open.
    assert await sealing.seal_all(database) in (DAYS, DAYS - 1)
    assert await sealing.seal_all(database) == 0
    await database.close()
    yield connection
    await connection.close()


async def test_what_nobody_has_touched_is_whole(owner: asyncpg.Connection) -> None:
    assert await sealing.verify(owner) == []
    assert await owner.fetchval("select sum(rows) from audit.day") >= ROWS * (DAYS - 1)


SEALED = "(select id from audit.event where at < now() - interval '2 days' order by at limit 1)"


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (f"update audit.event set by = 'x' where id = {SEALED}", "has been changed"),
        (f"update audit.event set patients = '{{}}' where id = {SEALED}", "has been changed"),
        (
            f"update audit.event set patients = patients[2:] where id = {SEALED}",
            "has been changed",
        ),
        (
            f"update audit.event set at = at + interval '1 microsecond' where id = {SEALED}",
            "has been changed",
        ),
        (f"update audit.event set times = 2 where id = {SEALED}", "has been changed"),
        (f"delete from audit.event where id = {SEALED}", "has been deleted"),
        (
            "insert into audit.event (org, at, by, role, units, patients, what, why, outcome)"
            " select org, at, 'x', role, units, patients, what, why, outcome from audit.event"
            f" where id = {SEALED}",
            "was written in afterwards",
        ),
    ],
)
async def test_tampering_is_found_and_the_row_named(
    owner: asyncpg.Connection, done: str, said: str
) -> None:
    victim = await owner.fetchval(f"select {SEALED}")
    await owner.execute(done)

    (fault,) = await sealing.verify(owner)
    assert fault.what == said
    if "insert" not in done:
        assert fault.event == victim


async def test_a_day_that_is_emptied_is_found(owner: asyncpg.Connection) -> None:
    await owner.execute("truncate audit.event")
    faults = await sealing.verify(owner)
    assert {fault.what for fault in faults} == {"has been deleted"}
    assert len(faults) >= ROWS * (DAYS - 1)


async def test_a_day_that_is_removed_from_the_chain_is_found(owner: asyncpg.Connection) -> None:
    await owner.execute("delete from audit.day where day = (select min(day) from audit.day)")
    assert "does not follow" in (await sealing.verify(owner))[0].what


async def test_a_row_and_its_digests_changed_together_break_the_chain(
    owner: asyncpg.Connection,
) -> None:
    day = await owner.fetchval("select min(day) from audit.day")
    await owner.execute(f"update audit.event set by = 'x' where id = {SEALED}")
    async with owner.transaction():
        found = await sealing.leaves(owner, "nordland", day)
    made = chain.seal("nordland", day, found, chain.BEGINNING)
    await owner.execute("update audit.day set leaves = $1 where day = $2", found, day)
    assert "the day's rows have been changed" in (await sealing.verify(owner))[0].what
    await owner.execute("update audit.day set root = $1 where day = $2", made.root, day)
    assert "seal has been changed" in (await sealing.verify(owner))[0].what
    await owner.execute("update audit.day set digest = $1 where day = $2", made.digest, day)
    assert "does not follow" in (await sealing.verify(owner))[0].what


async def test_a_chain_made_anew_is_found_by_the_digest_that_was_taken_outside(
    owner: asyncpg.Connection, database_urls: DatabaseUrls
) -> None:
    lines = [
        {"org": row["org"], "day": row["day"].isoformat(), "digest": row["digest"].hex()}
        for row in await owner.fetch("select org, day, digest from audit.day")
    ]
    await owner.execute(f"update audit.event set by = 'x' where id = {SEALED}")
    await owner.execute("truncate audit.day")
    database = Database(database_urls.patients, name="test", size=2)
    await database.open()
    await sealing.seal_all(database)
    await database.close()

    assert await sealing.verify(owner) == []  # by itself it is whole
    faults = await sealing.verify(owner, sealing.anchors_of(lines))
    assert {fault.what for fault in faults} == {
        "is not as it was when its digest was taken outside"
    }


async def test_what_has_expired_goes_and_the_chain_stays(owner: asyncpg.Connection) -> None:
    before = datetime.now(UTC).date() - timedelta(days=1)
    gone = await sealing.expire(owner, before)

    assert gone == ROWS * (DAYS - 1)
    assert await sealing.verify(owner) == []
    assert await owner.fetchval("select count(*) from audit.event") == ROWS


async def test_no_day_expires_that_is_not_sealed(owner: asyncpg.Connection) -> None:
    await owner.execute("truncate audit.day")
    assert await sealing.expire(owner, datetime.now(UTC).date()) == 0


def test_every_field_of_a_row_counts() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    plain = Event(
        "nordland", at, uuid4(), "anne", "nurse", None, [], None, [], "list", "treatment", "shown",
        None, None, None, None, 1,
    )  # fmt: skip
    other = {
        "org": "x", "at": at + timedelta(microseconds=1), "by": "x", "role": "x", "hpr": "1",
        "units": [uuid4()], "on_behalf": uuid4(), "patients": [uuid4()], "what": "x", "why": "x",
        "outcome": "changed", "about": "x", "address": "x", "door": "x", "request_id": "x",
        "times": 2,
    }  # fmt: skip
    from dataclasses import replace

    assert {field for field in Event.__dataclass_fields__} == {*other, "id", "name"}
    digests = {chain.leaf(replace(plain, **{name: value})) for name, value in other.items()}  # type: ignore[arg-type]  # by name
    assert len(digests | {chain.leaf(plain)}) == len(other) + 1


def test_nothing_can_be_moved_from_one_field_to_the_next() -> None:
    one = chain.digest("a", date(2026, 1, 1), 11, b"", b"")
    assert one != chain.digest("a", date(2026, 1, 1), 1, b"1", b"")
