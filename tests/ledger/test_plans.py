"""The plan of the append's look-up, as the database itself made it: with many devices the binding
and the patient are found by their own index, one row each, and never by reading a table through.
"""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from deploy.local import postgres as launcher
from shared import ledger
from shared.database import Database
from tests.conftest import DatabaseUrls
from tests.ledger.hospital import Hospital, ago
from tests.ledger.items import reading

DEVICES = 20_000

MANY = """
with made as (
    select n, gen_random_uuid() as patient, 'c-' || md5(n::text) as cred
    from generate_series(1, $3::integer) n
), people as (
    insert into patients.patient
        (org, id, number, name, born, language, unit_id, created_by, followed)
    select $1, patient, 'M-' || n, 'Test Testesen', '1950-01-01', 'nb', $2, 'test', true from made
), credentials as (
    insert into patients.credential
        (org, cred, kind, secret_hash, mqtt_hash, label, unit_id, created_by)
    select $1, cred, 'device', sha256(cred::bytea), '', 'test', $2, 'test' from made
)
insert into patients.binding (org, id, cred, patient_id, valid, recorded_by)
select $1, gen_random_uuid(), cred, patient,
       tstzrange(clock_timestamp() - interval '30 days', null), 'test'
from made
"""
FORGET = "select pg_clear_attribute_stats('patients', $1, 'org', false)"


@pytest_asyncio.fixture(loop_scope="session")
async def superuser(
    postgres: launcher.Server, ledger_urls: DatabaseUrls
) -> AsyncIterator[Database]:
    """Only he may ask the server to explain what runs inside of a function."""
    name = urlsplit(ledger_urls.owner).path.lstrip("/")
    database = Database(postgres.url(launcher.SUPERUSER, name), name="superuser", size=1)
    await database.open()
    yield database
    await database.close()


@pytest.mark.parametrize("analysed", [True, False])
async def test_a_binding_among_many_is_found_by_its_index(
    hospital: Hospital, superuser: Database, analysed: bool
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    async with superuser.connection() as connection:
        begun = connection.transaction()
        await begun.start()
        try:
            # Foreign keys are looked up row by row; that is not what is looked at here.
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(MANY, hospital.org, hospital.unit_id, DEVICES)
            await connection.execute("set local session_replication_role = origin")
            for table in ("binding", "patient", "credential"):
                if analysed:
                    await connection.execute(f"analyze patients.{table}")
                else:  # nor by the server itself, in the middle of the tests that came before
                    await connection.execute(FORGET, table)
            plans = await explained(connection, hospital.org, cred)
        finally:
            await begun.rollback()

    look_up = [plan for plan in plans if "binding" in json.dumps(plan)]
    assert look_up, "the append's own statement was not explained"
    nodes = [node for plan in look_up for node in walked(plan["Plan"])]
    of_bindings = [one for one in nodes if one.get("Relation Name") == "binding"]
    of_patients = [one for one in nodes if one.get("Relation Name") == "patient"]
    assert {one["Index Name"] for one in of_bindings} == {"binding_by_holder"}
    assert {one["Index Name"] for one in of_patients} == {"patient_pkey"}
    assert not [one for one in nodes if one["Node Type"] == "Seq Scan"]
    read = [one for one in (*of_bindings, *of_patients) if one["Actual Loops"]]
    assert all(one["Actual Rows"] <= 1 for one in read)
    assert all(one.get("Rows Removed by Filter", 0) <= 1 for one in read)


async def explained(connection: asyncpg.Connection, org: str, cred: str) -> list[Any]:
    """What auto_explain says of the statements inside of one append, as they were run."""
    said: list[str] = []
    await connection.execute("load 'auto_explain'")
    await connection.execute(
        """
        set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;
        set auto_explain.log_analyze = on; set auto_explain.log_format = json;
        set client_min_messages = log
        """
    )

    def heard(_: Any, message: Any) -> None:
        said.append(message.message)

    connection.add_log_listener(heard)
    entry = ledger.Entry(ledger.Sender(cred), reading(f"m-{uuid4().hex}", at=ago(hours=1)))
    [answer] = await ledger.append(connection, org, [entry])
    assert answer.result == "stored"
    connection.remove_log_listener(heard)
    return [json.loads(one[one.index("{") :]) for one in said if "{" in one and "Plan" in one]


def walked(node: Any) -> list[Any]:
    return [node, *(one for child in node.get("Plans", ()) for one in walked(child))]
