"""One migrated database for all of these tests, an organisation of its own for each.

Every key starts with the organisation, so tests cannot meet. Units, patients, credentials and
bindings are inserted by the owner; everything else goes through the roles the services have.
"""

import asyncio
import contextlib
import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from anyio.from_thread import BlockingPortal

from deploy.local import postgres as launcher
from shared import exact, ledger
from shared.contracts import Draft, Fact, Item, Result
from shared.database import Database
from tests.conftest import TEMPLATE, DatabaseUrls

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

HERE = Path(__file__).parent


def now() -> datetime:
    return datetime.now(UTC)


def ago(**parts: float) -> datetime:
    return now() - timedelta(**parts)


# --- the database -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def ledger_urls(postgres: launcher.Server, portal: BlockingPortal) -> Iterator[DatabaseUrls]:
    name = f"hjemvakt_ledger_{os.getpid()}"
    owner = postgres.url("hjemvakt", "postgres")
    portal.call(_execute, owner, f"create database {name} template {TEMPLATE} strategy file_copy")
    yield DatabaseUrls(
        owner=postgres.url("hjemvakt", name),
        ingest=postgres.url("hjv_ingest", name),
        patients=postgres.url("hjv_patients", name),
        alerts=postgres.url("hjv_alerts", name),
    )
    portal.call(_execute, owner, f"drop database {name} with (force)")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all of these tests, so that they can share their connections."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def databases(ledger_urls: DatabaseUrls) -> AsyncIterator["Databases"]:
    async with opened(ledger_urls) as databases:
        yield databases


@pytest_asyncio.fixture(loop_scope="session")
async def hospital(databases: "Databases") -> "Hospital":
    return await founded(databases)


@pytest_asyncio.fixture(loop_scope="session")
async def alone(database_urls: DatabaseUrls) -> AsyncIterator["Hospital"]:
    """A hospital in a database that nobody else uses, for a test that changes its tables."""
    async with opened(database_urls) as databases:
        yield await founded(databases)


@dataclass(frozen=True)
class Databases:
    """The database as its owner and as each service sees it."""

    owner: Database
    ingest: Database
    patients: Database
    alerts: Database


@contextlib.asynccontextmanager
async def opened(urls: DatabaseUrls) -> AsyncIterator[Databases]:
    databases = Databases(
        owner=Database(urls.owner, name="owner"),
        ingest=Database(urls.ingest, name="ingest"),
        patients=Database(urls.patients, name="patients"),
        alerts=Database(urls.alerts, name="alerts", server_settings=ledger.TAKE_SETTINGS),
    )
    every = [databases.owner, databases.ingest, databases.patients, databases.alerts]
    try:
        for database in every:
            await database.open()
        yield databases
    finally:
        for database in every:
            await database.close()


async def founded(databases: Databases) -> "Hospital":
    hospital = Hospital(
        f"org-{uuid4().hex[:12]}",
        databases.owner,
        databases.ingest,
        databases.patients,
        databases.alerts,
    )
    await hospital.found()
    return hospital


# --- the hospital -----------------------------------------------------------------------------


@dataclass
class Hospital:
    """An organisation, and what a test does to it and asks of it."""

    org: str
    owner: Database
    ingest: Database
    patients: Database
    alerts: Database
    unit_id: UUID = field(default_factory=uuid4)

    async def found(self) -> None:
        async with self.owner.connection() as connection:
            await connection.execute("insert into ledger.organisation (org) values ($1)", self.org)
            await connection.execute(
                """
                insert into patients.unit (org, id, name, short, watching)
                values ($1, $2, 'Nyreavdelingen', 'Nyre', '{}')
                """,
                self.org,
                self.unit_id,
            )

    async def patient(self) -> UUID:
        patient_id = uuid4()
        async with self.owner.connection() as connection:
            await connection.execute(
                """
                insert into patients.patient
                    (org, id, number, name, born, language, unit_id, created_by)
                values ($1, $2, $3, 'Test Testesen', '1950-01-01', 'nb', $4, 'test')
                """,
                self.org, patient_id, f"S-{patient_id.hex[:12]}", self.unit_id,
            )  # fmt: skip
        return patient_id

    async def identifier(self, patient_id: UUID, hashed: bytes) -> None:
        async with self.owner.connection() as connection:
            await connection.execute(
                """
                insert into patients.identifier (org, hash, system, sealed, patient_id)
                values ($1, $2, 'urn:test', '', $3)
                """,
                self.org,
                hashed,
                patient_id,
            )

    async def credential(self, kind: str = "device") -> str:
        cred = f"c-{uuid4().hex[:16]}"
        async with self.owner.connection() as connection:
            await connection.execute(
                """
                insert into patients.credential
                    (org, cred, kind, secret_hash, mqtt_hash, label, unit_id, created_by)
                values ($1, $2, $3, $4, '', 'test', $5, 'test')
                """,
                self.org, cred, kind, hashlib.sha256(cred.encode()).digest(), self.unit_id,
            )  # fmt: skip
        return cred

    async def bind(
        self,
        cred: str,
        patient_id: UUID,
        since: datetime,
        until: datetime | None = None,
        slot: str = "",
    ) -> UUID:
        """A binding as it stood from the beginning: nothing is filed again."""
        async with self.owner.connection() as connection:
            return await add_binding(connection, self.org, cred, patient_id, since, until, slot)

    async def held_by(self, patient_id: UUID, since: datetime | None = None) -> str:
        """A device that the patient holds, by default since a month ago."""
        cred = await self.credential()
        await self.bind(cred, patient_id, since or ago(days=30))
        return cred

    async def hand_over(
        self,
        cred: str,
        patient_id: UUID | None,
        since: datetime,
        until: datetime | None = None,
        slot: str = "",
    ) -> ledger.Refiled:
        """From `since` to `until` the patient held it (None: nobody), whatever was said before."""
        async with self.patients.transaction() as tx:
            await ledger.lock_bindings(tx, self.org)
            return await self.change_binding(tx, cred, patient_id, since, until, slot)

    async def change_binding(
        self,
        tx: asyncpg.Connection,
        cred: str,
        patient_id: UUID | None,
        since: datetime,
        until: datetime | None = None,
        slot: str = "",
    ) -> ledger.Refiled:
        """The same in a transaction that holds the lock."""
        rows = await tx.fetch(
            """
            select id, patient_id, lower(valid) as since, upper(valid) as until
            from patients.binding
            where org = $1 and cred = $2 and slot = $3 and valid && tstzrange($4, $5)
            """,
            self.org, cred, slot, since, until,
        )  # fmt: skip
        for row in rows:
            await tx.execute(
                "update patients.binding set valid = 'empty' where org = $1 and id = $2",
                self.org,
                row["id"],
            )
        for row in rows:
            if row["since"] is None or row["since"] < since:
                await add_binding(tx, self.org, cred, row["patient_id"], row["since"], since, slot)
            if until is not None and (row["until"] is None or row["until"] > until):
                await add_binding(tx, self.org, cred, row["patient_id"], until, row["until"], slot)
        if patient_id is not None:
            await add_binding(tx, self.org, cred, patient_id, since, until, slot)
        return await ledger.refile(tx, self.org, cred, (since, until), by="nurse")

    # --- sending ------------------------------------------------------------------------------

    async def send(
        self, cred: str, *items: Item, system: bool = False, **more: Any
    ) -> list[ledger.Answer]:
        async with self.ingest.connection() as connection:
            return await send(connection, self.org, cred, *items, system=system, **more)

    async def correct_by_staff(self, patient_id: UUID, target: UUID, item: Item) -> ledger.Answer:
        async with self.patients.transaction() as tx:
            [answer] = await ledger.append_as_staff(
                tx, self.org, by="nurse", patient_id=patient_id, items=[item], target=target
            )
        return answer

    # --- asking -------------------------------------------------------------------------------

    async def facts(self, patient_id: UUID) -> list[Fact]:
        async with self.patients.connection() as connection:
            return await ledger.facts(connection, self.org, patient_id)

    async def values(self, patient_id: UUID) -> list[Decimal]:
        """The values of the patient's facts in force, sorted."""
        return sorted(value_of(fact) for fact in await self.facts(patient_id))

    async def quarantined(self, **more: Any) -> list[ledger.Quarantined]:
        async with self.patients.connection() as connection:
            return await ledger.quarantined(connection, self.org, **more)

    async def release(self, item: UUID, patient_id: UUID | None = None) -> ledger.Answer:
        async with self.patients.transaction() as tx:
            return await ledger.release(tx, self.org, item, patient_id=patient_id, by="nurse")

    async def rows(self) -> list[asyncpg.Record]:
        """The hand-over as it lies there."""
        async with self.owner.connection() as connection:
            return await connection.fetch(
                "select * from ledger.handover where org = $1 order by seq", self.org
            )

    async def told(self, patient_id: UUID) -> list[str]:
        """The types of the hand-over rows of a patient, in their order."""
        return [row["type"] for row in await self.rows() if row["patient_id"] == patient_id]

    async def empty_handover(self) -> None:
        async with self.owner.connection() as connection:
            await connection.execute("delete from ledger.handover where org = $1", self.org)

    async def count(self, table: str) -> int:
        async with self.owner.connection() as connection:
            return int(
                await connection.fetchval(
                    f"select count(*) from ledger.{table} where org = $1", self.org
                )
            )

    async def receipt(self, cred: str, message_id: str) -> asyncpg.Record:
        async with self.owner.connection() as connection:
            row = await connection.fetchrow(
                "select * from ledger.receipt where org = $1 and cred = $2 and message_id = $3",
                self.org, cred, message_id,
            )  # fmt: skip
        assert row is not None
        return row


async def add_binding(
    connection: asyncpg.Connection,
    org: str,
    cred: str,
    patient_id: UUID,
    since: datetime | None,
    until: datetime | None = None,
    slot: str = "",
) -> UUID:
    binding = uuid4()
    await connection.execute(
        """
        insert into patients.binding (org, id, cred, slot, patient_id, valid, recorded_by)
        values ($1, $2, $3, $4, $5, tstzrange($6, $7), 'test')
        """,
        org, binding, cred, slot, patient_id, since, until,
    )  # fmt: skip
    return binding


async def send(
    connection: asyncpg.Connection,
    org: str,
    cred: str,
    *items: Item,
    system: bool = False,
    **more: Any,
) -> list[ledger.Answer]:
    sender = ledger.Sender(cred, names_its_subject=system)
    return await ledger.append(
        connection, org, [ledger.Entry(sender, item) for item in items], **more
    )


async def take_all(hospital: Hospital) -> list[ledger.Taken]:
    """Take and delete until nothing is left; what a consumer would be told, in order."""
    taken: list[ledger.Taken] = []
    while True:
        async with hospital.alerts.transaction() as tx:
            batch = await ledger.take(tx, hospital.org, ledger.ALERTS)
            await ledger.done(tx, [row.ctid for row in batch])
        if not batch and not await hospital.rows():
            return taken
        taken += batch


async def judged(hospital: Hospital) -> set[UUID]:
    """Whose facts a consumer is told to judge, until the hand-over is empty."""
    return {row.patient_id for row in await take_all(hospital)}


# --- items ------------------------------------------------------------------------------------


def message(prefix: str = "m") -> str:
    return f"{prefix}-{uuid.uuid4()}"


def reading(
    message_id: str | None = None,
    value: str = "82.4",
    at: datetime | None = None,
    *,
    kind: str = "body_weight",
    pulse: str | None = None,
    **more: Any,
) -> Item:
    """A weight, or with `pulse` a cuff's message, which becomes two facts."""
    message_id = message_id or message()
    at = at or ago(hours=1)
    values = {"value": Decimal(value)}
    drafts = [Draft("reading", kind, {"v": 1, "values": values})]
    if pulse is not None:
        drafts.append(Draft("reading", "pulse", {"v": 1, "values": {"value": Decimal(pulse)}}))
    item = Item(
        message_id=message_id,
        content=b"",
        raw=exact.dumps({"id": message_id, "value": value}),
        media_type="application/json",
        drafts=tuple(drafts),
        at=at,
        **{"clock": "synced", **more},
    )
    return sealed(item)


def sealed(item: Item) -> Item:
    """With the content hash of what the item says."""
    said = [
        item.message_id, str(item.at), item.how, item.replaces, item.version,
        [[draft.type, draft.kind, draft.body] for draft in item.drafts], item.slot, item.serial,
    ]  # fmt: skip
    return replace(item, content=hashlib.sha256(exact.canonical(said)).digest())


def correction(of: str, value: str, message_id: str | None = None, **more: Any) -> Item:
    return reading(message_id, value, how="correction", replaces=of, **more)


def amendment(of: str, value: str, **more: Any) -> Item:
    """A correction under the message's own id: a FHIR PUT, or status amended."""
    return reading(of, value, how="correction", replaces=of, **more)


def void(of: str, message_id: str | None = None, **more: Any) -> Item:
    item = reading(message_id, how="void", replaces=of, **more)
    return sealed(replace(item, drafts=()))


def withdrawal(of: str, **more: Any) -> Item:
    """A void under the message's own id: JSON without `replaces`, FHIR entered-in-error."""
    return void(of, of, **more)


def value_of(fact: Fact) -> Decimal:
    return Decimal(fact.body["values"]["value"])


def results(answers: Sequence[ledger.Answer]) -> list[Result]:
    assert [answer.position for answer in answers] == list(range(1, len(answers) + 1))
    return [answer.result for answer in answers]


# --- schedules --------------------------------------------------------------------------------


async def waits(task: "asyncio.Task[Any]", connection: asyncpg.Connection) -> None:
    """Until the task's statement waits for a lock of another session; fails if it does not."""
    for _ in range(200):
        assert not task.done(), "it should have waited"
        if await connection.fetchval(
            """
            select true from pg_locks l join pg_stat_activity a using (pid)
            where not l.granted and a.datname = current_database() limit 1
            """
        ):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not wait for a lock")


async def until_true(question: Callable[[], bool], seconds: float = 5) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not question():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)
