"""Months of readings, attached while everything runs, by nobody but the owner."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from deploy import migrate
from shared import ledger
from shared.contracts import Result
from shared.migrations import partitions
from tests.ledger.hospital import Databases, Hospital, send
from tests.ledger.items import DAY, now, reading, results


async def bounds(hospital: Hospital) -> dict[str, str]:
    async with hospital.owner.connection() as connection:
        rows = await connection.fetch(
            """
            select c.relname, pg_get_expr(c.relpartbound, c.oid) as bound
            from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = 'ledger.reading'::regclass order by 1
            """
        )
    return {row["relname"]: row["bound"] for row in rows}


async def months(hospital: Hospital) -> list[str]:
    return [name for name in await bounds(hospital) if name != "reading_before_2024"]


async def months_ahead(hospital: Hospital) -> int:
    async with hospital.alerts.connection() as connection:
        return int(await connection.fetchval("select ledger.months_ahead()"))


async def test_there_is_one_partition_before_2024_and_a_month_each_for_two_years_ahead(
    hospital: Hospital,
) -> None:
    found = await bounds(hospital)

    assert "MINVALUE" in found.pop("reading_before_2024")
    today = now()
    months = (today.year - 2024) * 12 + today.month + 24
    assert list(found) == [
        f"reading_{2024 + month // 12}_{month % 12 + 1:02}" for month in range(months)
    ]
    assert await months_ahead(hospital) == 24


async def test_every_moment_has_its_partition_whatever_the_zone(hospital: Hospital) -> None:
    patient = await hospital.patient()
    moments = [
        datetime(1998, 5, 1, tzinfo=UTC),
        datetime(2023, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2025, 2, 28, 23, 30, tzinfo=UTC),  # already March in Norway
    ]
    cred = await hospital.held_by(patient, datetime(1990, 1, 1, tzinfo=UTC))

    answers = await hospital.send(cred, *(reading(at=at) for at in moments))

    assert results(answers) == [Result.STORED] * 4
    assert [fact.at for fact in await hospital.facts(patient)] == moments


async def test_a_partition_is_attached_while_a_reader_holds_the_table_and_an_append_is_open(
    alone: Hospital,
) -> None:
    """`create table … partition of` would wait behind the reader, and every append behind it."""
    cred = await alone.held_by(await alone.patient())
    before = await months_ahead(alone)
    async with alone.patients.transaction() as reader, alone.ingest.transaction() as writer:
        await reader.fetch("select count(*) from ledger.reading")
        await send(writer, alone.org, cred, reading())

        async with alone.owner.transaction() as owner:
            await owner.execute("set local lock_timeout = '2s'")
            made = await owner.fetchval("select ledger.ensure_partitions($1)", before + 3)
            # And while its transaction is still open, others send and read.
            [answer] = await asyncio.wait_for(alone.send(cred, reading()), 2)
            await asyncio.wait_for(reader.fetch("select count(*) from ledger.reading"), 2)

    assert made == 3
    assert answer.result is Result.STORED
    assert await months_ahead(alone) == before + 3


async def test_making_partitions_again_makes_none(alone: Hospital) -> None:
    before = await bounds(alone)
    async with alone.owner.connection() as owner:
        await partitions.ensure(owner)
        assert await owner.fetchval("select ledger.ensure_partitions(24)") == 0
    assert await bounds(alone) == before


async def test_migrate_makes_the_months_that_are_missing(
    alone: Hospital, database_url: str
) -> None:
    last = (await months(alone))[-2:]
    async with alone.owner.connection() as owner:
        for name in last:
            await owner.execute(f"drop table ledger.{name}")
    assert await months_ahead(alone) == 22

    await migrate.upgrade(database_url)

    assert await months_ahead(alone) == 24


async def test_a_new_partition_has_the_indexes_of_the_others(alone: Hospital) -> None:
    async with alone.owner.connection() as owner:
        await owner.execute("select ledger.ensure_partitions(25)")
        counts = await owner.fetch(
            """
            select count(distinct x.indexrelid) as indexes
            from pg_inherits i left join pg_index x on x.indrelid = i.inhrelid
            where i.inhparent = 'ledger.reading'::regclass group by i.inhrelid
            """
        )
    assert {row["indexes"] for row in counts} == {3}


async def test_fewer_than_three_months_ahead_can_be_seen_by_alerts(alone: Hospital) -> None:
    async with alone.owner.connection() as owner:
        for name in (await months(alone))[-22:]:
            await owner.execute(f"drop table ledger.{name}")
    assert await months_ahead(alone) == 2


@pytest.mark.parametrize("role", ["ingest", "patients", "alerts"])
@pytest.mark.parametrize(
    "statement",
    [
        "select ledger.ensure_partitions(99)",
        "create table ledger.reading_2099_01 (like ledger.reading)",
        "alter table ledger.reading add column more text",
        "drop table ledger.reading_before_2024",
        "truncate ledger.reading",
        "create index on ledger.receipt (org, at)",
    ],
)
async def test_no_service_has_ddl(databases: Databases, role: str, statement: str) -> None:
    async with getattr(databases, role).connection() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)


async def test_dropping_old_readings_drops_no_decision(alone: Hospital) -> None:
    """A limit set in a month whose readings are gone is still in force."""
    patient = await alone.patient()
    long_ago = datetime(2024, 3, 5, tzinfo=UTC)
    async with alone.patients.transaction() as tx:
        await ledger.decide(
            tx, alone.org, patient, "limit-set",
            {"programme": "x", "name": "target_weight", "value": 80, "reason": "r"},
            by="nurse", at=long_ago,
        )  # fmt: skip
    cred = await alone.held_by(patient, long_ago - DAY)
    await alone.send(cred, reading(at=long_ago))

    async with alone.owner.connection() as owner:
        await owner.execute("drop table ledger.reading_2024_03")

    async with alone.alerts.connection() as connection:
        [decision] = (await ledger.decisions(connection, alone.org, [patient]))[patient]
    assert (decision.type, decision.at, decision.body["value"]) == ("limit-set", long_ago, 80)
    assert await alone.facts(patient) == []
