"""What each service's role may do in the database, and a good deal of what it may not."""

from uuid import uuid4

import asyncpg
import pytest

from shared import ledger
from tests.ledger.hospital import Databases, Hospital
from tests.ledger.items import now, reading

ORG = "'hus'"
ID = "gen_random_uuid()"

DENIED = {
    "ingest": [
        "select * from ledger.reading",
        "select * from ledger.current",
        "select * from ledger.decision",
        "select * from ledger.superseded",
        "select * from ledger.handover",
        "select patient_id from ledger.receipt",
        "select drafts from ledger.quarantine",
        "insert into ledger.reading select * from ledger.reading",
        "insert into ledger.receipt (org) values ('hus')",
        "insert into ledger.organisation (org) values ('hus')",
        "update ledger.receipt set result = 'stored'",
        "delete from ledger.receipt",
        "update ledger.quarantine set state = 'released'",
        "delete from ledger.handover",
        f"select ledger.release({ORG}, {ID}, {ID}, 'me')",
        f"select ledger.refile({ORG}, 'c-1', now(), null, 'me', {ID})",
        f"select ledger.route({ORG}, array[{ID}])",
        "select name from patients.patient",
        "select born from patients.patient",
        "select sealed from patients.identifier",
        "select * from patients.access_log",
        "select * from audit.event",
        "update audit.event set why = 'tidied'",
        "delete from audit.event",
        "truncate audit.event",
        "insert into audit.event (at) values (now())",
        "insert into audit.day (org) values ('hus')",
        "select * from patients.enrolment",
        "insert into patients.binding select * from patients.binding",
        "update patients.binding set valid = 'empty'",
        "update patients.credential set revoked_at = null",
        "delete from patients.secret",
        "select * from alerts.state",
        "select * from alerts.alert",
        "delete from ledger.attachment",
        "update ledger.attachment set original = ''",
        f"select ledger.answer({ORG}, {ID}, {ID}, 'text', 'me')",
        f"select * from ledger.shown_file({ORG}, '', false)",
    ],
    "patients": [
        "update ledger.reading set body = '{}'",
        "delete from ledger.reading",
        "insert into ledger.reading select * from ledger.reading",
        "update ledger.decision set body = '{}'",
        "delete from ledger.decision",
        "update ledger.receipt set patient_id = null",
        "delete from ledger.receipt",
        "insert into ledger.superseded select * from ledger.superseded",
        "delete from ledger.superseded",
        "update ledger.quarantine set state = 'released'",
        "delete from ledger.quarantine",
        "delete from ledger.handover",
        "select * from ledger.handover for update",
        f"select ledger.mend({ORG}, {ID}, now(), true, null, null, null, null)",
        "update audit.event set why = 'tidied'",
        "delete from audit.event",
        "truncate audit.event",
        "insert into audit.event (id) values (gen_random_uuid())",
        "update audit.day set rows = 0",
        "delete from audit.day",
        "delete from patients.patient",
        "delete from patients.binding",
        "update patients.personal_limit set value = 0",
        "delete from patients.personal_limit",
        "select * from alerts.alert",
        "select original from ledger.attachment",
        "select shown from ledger.attachment",
        "update ledger.attachment set media_type = 'text/html'",
        "delete from ledger.attachment",
        "update alerts.alert set state = 'closed'",
        "delete from ledger.organisation",
    ],
    "alerts": [
        "select original from ledger.attachment",
        "select sha256 from ledger.attachment",
        "insert into ledger.attachment (org) values ('hus')",
        f"select ledger.programmes_of({ORG}, {ID})",
        "update ledger.reading set body = '{}'",
        "delete from ledger.reading",
        "insert into ledger.reading select * from ledger.reading",
        "update ledger.decision set body = '{}'",
        "delete from ledger.decision",
        "insert into ledger.superseded select * from ledger.superseded",
        "select raw from ledger.receipt",
        "select drafts from ledger.quarantine",
        "update ledger.quarantine set state = 'released'",
        f"select ledger.release({ORG}, {ID}, {ID}, 'me')",
        f"select ledger.refile({ORG}, 'c-1', now(), null, 'me', {ID})",
        f"select ledger.reject({ORG}, {ID}, 'me', 'why')",
        "select * from patients.identifier",
        "select * from patients.credential",
        "select * from patients.secret",
        "select * from patients.binding",
        "update patients.patient set name = 'x'",
        "select * from audit.event",
        "select * from audit.day",
        "update audit.event set why = 'tidied'",
        "delete from audit.event",
        "truncate audit.event",
        "delete from alerts.alert",
        "update alerts.move set note = 'tidied'",
        "delete from alerts.move",
        "delete from alerts.finding",
    ],
}

EVERYBODY = [
    "create table public.mine (id int)",
    "create schema mine",
    "create function ledger.mine() returns int language sql as 'select 1'",
    "alter table ledger.receipt add column more text",
    "alter table ledger.reading detach partition ledger.reading_before_2024",
    "drop table ledger.handover",
    "drop schema ledger cascade",
    "truncate ledger.handover",
    "create trigger t before insert on ledger.receipt execute function tsvector_update_trigger()",
    "alter function ledger.shard(uuid) owner to current_user",
    "create role mine",
    "set role hjemvakt",
    "set session authorization hjemvakt",
    "select ledger.ensure_partitions(1)",
    "select audit.ensure_partitions(1)",
    "alter table audit.event detach partition audit.event_other",
    "drop table audit.event",
    "select ledger.release_one('hus', gen_random_uuid(), gen_random_uuid(), '', 'me', true)",
    "select ledger.back_to_quarantine('hus', 'c', 'm', '', null, 'unbound', '[]')",
    "copy ledger.reading to program 'cat'",
    "update ledger.version set version_num = 'x'",
    "lock table ledger.reading in access exclusive mode",
]

CASES = [
    (role, statement)
    for role, statements in DENIED.items()
    for statement in [*statements, *EVERYBODY]
] + [
    (role, f"set role {other}")
    for role in DENIED
    for other in ("hjv_ingest", "hjv_patients", "hjv_alerts")
    if other != f"hjv_{role}"
]  # fmt: skip


@pytest.mark.parametrize(("role", "statement"), CASES)
async def test_it_is_denied(databases: Databases, role: str, statement: str) -> None:
    async with getattr(databases, role).connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        finally:
            await transaction.rollback()


async def test_every_service_appends_and_by_the_one_function_only(hospital: Hospital) -> None:
    """Ingest what is sent; patients and alerts what staff enter on their pages."""
    cred = await hospital.credential()
    for database in (hospital.ingest, hospital.patients, hospital.alerts):
        async with database.connection() as connection:
            entry = ledger.Entry(ledger.Sender(cred), reading())
            assert len(await ledger.append(connection, hospital.org, [entry])) == 1


async def test_ingest_reads_what_it_needs_to_know_a_sender(hospital: Hospital) -> None:
    async with hospital.ingest.connection() as connection:
        for statement in (
            "select org, cred, kind, unit_id, revoked_at from patients.credential",
            "select org, cred from patients.secret",
            "select cred, slot, patient_id, valid from patients.binding",
            "select id, unit_id, deceased_at from patients.patient",
            "select patient_id from patients.identifier",
            "select id, watching from patients.unit",
            "select org from ledger.organisation",
            "select raw, media_type from ledger.receipt",
            "select id, cred, state from ledger.quarantine",
        ):
            await connection.fetch(statement + " limit 1")


async def test_patients_reads_facts_and_writes_decisions(hospital: Hospital) -> None:
    anna = await hospital.patient()
    async with hospital.patients.transaction() as tx:
        await ledger.decide(tx, hospital.org, anna, "paused", {}, by="nurse", at=now())
        for table in ("reading", "current", "decision", "superseded", "receipt", "quarantine"):
            await tx.fetch(f"select * from ledger.{table} where org = $1", hospital.org)
        with pytest.raises(ledger.NotWaiting):
            await ledger.ask_replay(tx, hospital.org, uuid4(), by="nurse")


async def test_alerts_decides_only_what_its_page_decides(hospital: Hospital) -> None:
    anna = await hospital.patient()
    async with hospital.alerts.transaction() as tx:
        await ledger.decide(tx, hospital.org, anna, "contact-logged", {}, by="nurse", at=now())
    for kind in ("enrolled", "enrolment-ended", "paused", "bound", "spo2-scale-decided"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with hospital.alerts.transaction() as tx:
                await ledger.decide(tx, hospital.org, anna, kind, {}, by="nurse", at=now())


async def test_alerts_reads_facts_takes_the_hand_over_and_writes_the_access_log(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    await hospital.send(await hospital.held_by(anna), reading())
    async with hospital.alerts.transaction() as tx:
        for table in ("reading", "current", "decision", "superseded"):
            await tx.fetch(f"select * from ledger.{table} where org = $1", hospital.org)
        await tx.fetch("select id, code, state, unit_id from ledger.quarantine limit 1")
        [row] = await ledger.take(tx, hospital.org, ledger.ALERTS)
        await ledger.done(tx, [row.ctid])
        await tx.execute(
            """
            insert into patients.access_log (org, by, role, patient_id, what, why)
            values ($1, 'nurse', 'nurse', $2, 'worklist', 'TREAT')
            """,
            hospital.org,
            anna,
        )
    assert await hospital.rows() == []


async def test_nobody_is_granted_anything_as_public(hospital: Hospital) -> None:
    """A function is open to everybody until that is taken back."""
    async with hospital.owner.connection() as connection:
        functions = await connection.fetch(
            """
            select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
            where n.nspname in ('ledger', 'patients', 'alerts', 'audit')
              and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                          where a.grantee = 0)
            """
        )
        relations = await connection.fetch(
            """
            select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname in ('ledger', 'patients', 'alerts', 'audit')
              and exists (select from aclexplode(c.relacl) a where a.grantee = 0)
            """
        )
    assert (functions, relations) == ([], [])


async def test_functions_with_the_owners_rights_name_their_search_path(
    hospital: Hospital,
) -> None:
    async with hospital.owner.connection() as connection:
        loose = await connection.fetch(
            """
            select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
            where n.nspname in ('ledger', 'patients', 'alerts', 'audit') and p.prosecdef
              and not coalesce('search_path=pg_catalog' = any(p.proconfig), false)
            """
        )
    assert loose == []


async def test_the_append_is_volatile(hospital: Hospital) -> None:
    """Otherwise its second statement would look with the eyes of the first."""
    async with hospital.owner.connection() as connection:
        kinds = await connection.fetch(
            """
            select p.proname, p.provolatile from pg_proc p
            join pg_namespace n on n.oid = p.pronamespace
            where n.nspname = 'ledger' and p.proname in
                ('append', 'append_again', 'refile', 'release', 'mend')
            """
        )
    assert {row["proname"]: row["provolatile"] for row in kinds} == dict.fromkeys(
        ("append", "append_again", "refile", "release", "mend"), b"v"
    )
