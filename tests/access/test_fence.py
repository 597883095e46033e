"""PostgreSQL's own fence: a statement that forgets whose rows it may see, sees no other's."""

import json

import asyncpg
import pytest

from services.patients.hospital import ladders
from shared.database import Database, confine, one_request
from tests.conftest import DatabaseUrls
from tests.journeys import photos
from tests.patients.conftest import Record
from tests.patients.conftest import record as record

PHOTO = {
    "content-type": "image/jpeg",
    "hjemvakt-about": json.dumps({"kind": "photo", "at": "2026-01-01T10:00:00Z"}),
}
OUTSIDE = {("patients", "secret"), ("ledger", "organisation"), ("ledger", "handover")}


async def test_every_table_with_an_organisation_is_fenced(database_urls: DatabaseUrls) -> None:
    connection = await asyncpg.connect(database_urls.owner)
    try:
        rows = await connection.fetch(
            """
            select n.nspname, c.relname from pg_class c
            join pg_namespace n on n.oid = c.relnamespace
            join pg_attribute a on a.attrelid = c.oid and a.attname = 'org'
            where n.nspname in ('patients', 'ledger', 'audit') and c.relkind in ('r', 'p')
              and not c.relispartition and not c.relrowsecurity
            """
        )
    finally:
        await connection.close()
    assert {tuple(row) for row in rows} == OUTSIDE


async def test_a_request_sees_its_own_organisation_whatever_it_asks(record: Record) -> None:
    for org in ("nordland", "elsewhere"):
        unit = await record.unit(org=org)
        nurse = await record.staff("nurse", unit, org=org)
        patient = await record.patient(nurse, unit)
        body = {"kind": "body_weight", "at": "2026-01-01T10:00:00Z", "values": {"value": 70}}
        await nurse.post(f"/v1/patients/{patient}/readings", body)
        photo = photos.photo()
        await nurse.ask(
            "POST", f"/v1/patients/{patient}/attachments", 201, content=photo, headers=PHOTO
        )
        ladder = {"ladder": ladders.ALWAYS_SOMEBODY, "reason": "Vedtatt av avdelingsleder"}
        administrator = await record.administrator(org)
        await administrator.ask("PUT", f"/v1/units/{unit}/ladder", json=ladder)
    database = Database(record.urls.patients, name="test", size=1, fenced=True)
    await database.open()
    tables = ["patients.patient", "patients.staff", "audit.event", "ledger.reading",
              "ledger.current", "ledger.decision", "ledger.receipt", "ledger.attachment",
              "patients.ladder"]  # fmt: skip

    async def seen() -> dict[str, set[str]]:
        async with database.transaction() as tx:
            return {
                table: {row["org"] for row in await tx.fetch(f"select org from {table}")}
                for table in tables
            }

    try:
        for org in ("nordland", "elsewhere"):
            with one_request():
                confine(org)
                assert await seen() == {table: {org} for table in tables}
                async with database.transaction() as tx:
                    changed = await tx.execute("update patients.patient set language = 'nn'")
                    assert changed == "UPDATE 1"
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    async with database.transaction() as tx:
                        await tx.execute(
                            "insert into patients.unit (org, id, name, short, watching)"
                            " values ('third', gen_random_uuid(), 'x', 'x', '{}')"
                        )
        # What was one request's is not the next one's, on the same connection.
        assert await seen() == {table: {"nordland", "elsewhere"} for table in tables}
    finally:
        await database.close()
