"""An organisation in the database: what a test does to it, and what it asks of it."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from shared import ledger
from shared.contracts import Fact, Item, Result
from shared.database import Database
from tests.conftest import DatabaseUrls
from tests.ledger.items import HOUR, ago, value_of


@dataclass(frozen=True)
class Databases:
    """The database as its owner and as each service sees it."""

    owner: Database
    ingest: Database
    patients: Database
    alerts: Database


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
                    (org, id, number, name, born, language, unit_id, created_by, followed)
                values ($1, $2, $3, 'Test Testesen', '1950-01-01', 'nb', $4, 'test', true)
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


async def founded(databases: Databases) -> Hospital:
    hospital = Hospital(
        f"org-{uuid4().hex[:12]}",
        databases.owner,
        databases.ingest,
        databases.patients,
        databases.alerts,
    )
    await hospital.found()
    return hospital


async def three_holders(hospital: Hospital) -> tuple[str, list[datetime], list[UUID]]:
    """A device that three had in turn, a moment of each, and who they are."""
    people = [await hospital.patient() for _ in range(3)]
    cred = await hospital.credential()
    edges = [ago(hours=30), ago(hours=20), ago(hours=10)]
    for person, since, until in zip(people, edges, [*edges[1:], None], strict=True):
        await hospital.bind(cred, person, since, until)
    return cred, [edge + HOUR for edge in edges], people


async def held_item(hospital: Hospital, item: Item, cred: str | None = None) -> UUID:
    cred = cred or await hospital.credential()
    [answer] = await hospital.send(cred, item)
    assert answer.result is Result.QUARANTINED
    [held] = [each for each in await hospital.quarantined() if each.message_id == item.message_id]
    return held.id


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
