"""Every key starts with the organisation."""

import asyncpg
import pytest

from tests.ledger.hospital import Hospital
from tests.ledger.items import ago, reading

SCHEMAS = ["ledger", "patients", "alerts"]

# Looked up before the organisation is known.
REFERENCE_TABLES = {"patients.secret"}
# The migrations' own book-keeping; no organisation's data.
BOOK_KEEPING = {"ledger.version", "patients.version", "alerts.version"}


async def rows(hospital: Hospital, query: str) -> list[asyncpg.Record]:
    async with hospital.owner.connection() as connection:
        return await connection.fetch(query, SCHEMAS)


async def test_every_table_has_a_primary_key_that_starts_with_the_organisation(
    hospital: Hospital,
) -> None:
    found = await rows(
        hospital,
        """
        select n.nspname || '.' || c.relname as name,
               (select a.attname from pg_index i
                join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
                where i.indrelid = c.oid and i.indisprimary) as first
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = any($1) and c.relkind in ('r', 'p') order by 1
        """,
    )
    tables = {row["name"] for row in found}
    assert {"ledger.reading", "ledger.receipt", "ledger.handover", "patients.binding"} <= tables
    assert {row["name"] for row in found if row["first"] != "org"} - BOOK_KEEPING == (
        REFERENCE_TABLES
    )


async def test_every_index_starts_with_the_organisation(hospital: Hospital) -> None:
    found = await rows(
        hospital,
        """
        select n.nspname || '.' || c.relname as name, i.indexrelid::regclass::text as index,
               a.attname as first
        from pg_index i
        join pg_class c on c.oid = i.indrelid
        join pg_namespace n on n.oid = c.relnamespace
        left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
        where n.nspname = any($1)
        """,
    )
    excepted = REFERENCE_TABLES | BOOK_KEEPING
    others = [row for row in found if row["first"] != "org" and row["name"] not in excepted]
    # A list in a column can be looked into only by an index of its own; the query names the org.
    # Who redeems a code knows no organisation yet, as with a secret.
    assert sorted(row["index"] for row in others) == [
        "alerts.notification_of_alert",
        "patients.enrolment_code_by_hash",
    ]


async def test_every_foreign_key_stays_inside_the_organisation(hospital: Hospital) -> None:
    found = await rows(
        hospital,
        """
        select k.conname,
               (select a.attname from pg_attribute a
                where a.attrelid = k.conrelid and a.attnum = k.conkey[1]) as here,
               (select a.attname from pg_attribute a
                where a.attrelid = k.confrelid and a.attnum = k.confkey[1]) as there
        from pg_constraint k join pg_namespace n on n.oid = k.connamespace
        where n.nspname = any($1) and k.contype = 'f' and k.conparentid = 0
        """,
    )
    assert found
    assert [row["conname"] for row in found if (row["here"], row["there"]) != ("org", "org")] == []


async def test_the_hand_over_is_not_partitioned_and_the_readings_are(hospital: Hospital) -> None:
    found = await rows(
        hospital,
        """
        select c.relname, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = any($1) and c.relname in ('handover', 'decision', 'reading')
        """,
    )
    assert {row["relname"]: row["relkind"] for row in found} == {
        "handover": b"r", "decision": b"r", "reading": b"p",
    }  # fmt: skip


async def test_the_readings_are_keyed_by_organisation_id_and_time(hospital: Hospital) -> None:
    found = await rows(
        hospital,
        """
        select array_agg(a.attname::text order by k.place) as key
        from pg_index i, unnest(i.indkey) with ordinality k(attnum, place), pg_attribute a
        where i.indrelid = 'ledger.reading'::regclass and i.indisprimary
          and a.attrelid = i.indrelid and a.attnum = k.attnum and $1::text[] is not null
        """,
    )
    assert found[0]["key"] == ["org", "id", "at"]


async def test_organisations_do_not_see_each_other_under_the_same_names(
    hospital: Hospital,
) -> None:
    """The same credential name and message id, in two organisations: two facts, two people."""
    here = await hospital.patient()
    cred = await hospital.held_by(here)
    elsewhere = Hospital(
        hospital.org + "-x", hospital.owner, hospital.ingest, hospital.patients, hospital.alerts
    )
    await elsewhere.found()
    there = await elsewhere.patient()
    async with hospital.owner.connection() as connection:
        await connection.execute(
            """
            insert into patients.credential select $2, cred, kind, secret_hash, mqtt_hash, label,
                $3, null, now(), created_by from patients.credential where org = $1 and cred = $4
            """,
            hospital.org, elsewhere.org, elsewhere.unit_id, cred,
        )  # fmt: skip
    await elsewhere.bind(cred, there, ago(days=3))
    item = reading()

    [mine] = await hospital.send(cred, item)
    [theirs] = await elsewhere.send(cred, item)

    assert (mine.patient_id, theirs.patient_id) == (here, there)
    assert mine.fact_id != theirs.fact_id
    assert len(await hospital.facts(here)) == len(await elsewhere.facts(there)) == 1
    assert await hospital.facts(there) == []


@pytest.mark.parametrize("count", [1, 300])
async def test_a_shard_is_a_number_from_0_to_63(hospital: Hospital, count: int) -> None:
    async with hospital.owner.connection() as connection:
        shards = {
            row["shard"]
            for row in await connection.fetch(
                "select ledger.shard(gen_random_uuid()) as shard from generate_series(1, $1)",
                count,
            )
        }
    assert shards <= set(range(64))
    assert count == 1 or len(shards) > 50
