"""Given: an organisation with a unit and patients, facts through the ledger, and a judging part."""

import contextlib
import hashlib
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import httpx
from fastapi import FastAPI

from services.alerts import app
from services.alerts.care.moves import Wanted, move
from services.alerts.consumer import Consumer, Follower
from services.alerts.judging import silence
from services.alerts.judging.memory import Memory
from services.alerts.reader import Reader
from services.alerts.stream import Notifier
from services.alerts.views import Parts
from shared import exact, ledger, programmes, sensitive
from shared.access import Caller, DevelopmentIssuer, Role
from shared.contracts import Draft, Item, Subject
from shared.database import Database
from shared.programmes import Programme
from tests.conftest import DatabaseUrls

ORG = "nyre"
SENDER = ledger.Sender("c-journal", names_its_subject=True)
PROGRAMMES = programmes.load_all()
HOME = "home_dialysis"
OSLO = ZoneInfo("Europe/Oslo")
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
WATCHING = {
    "zone": "Europe/Oslo",
    "hours": [{"days": WEEKDAYS, "from": "07:45", "to": "15:30"}],
}
_messages = itertools.count(1)

_key = Path(tempfile.mkdtemp(prefix="hjv-test-")) / "key"
_key.write_text(DevelopmentIssuer.new_key())
ISSUER = DevelopmentIssuer(_key, "test")


@dataclass
class World:
    """A database with one organisation, and one replica of the judging."""

    urls: DatabaseUrls
    owner: Database
    alerts: Database
    unit: UUID
    other_unit: UUID
    nurse: Reader
    memory: Memory = field(default_factory=Memory)
    follower: Follower = field(default_factory=lambda: Follower(ORG))
    programmes: dict[str, Programme] = field(default_factory=lambda: PROGRAMMES)

    @property
    def consumer(self) -> Consumer:
        return Consumer(self.alerts, Notifier(self.alerts), self.programmes, self.memory)

    @property
    def clock(self) -> silence.Clock:
        return silence.Clock(self.alerts, Notifier(self.alerts), self.programmes, self.memory)

    async def judge(self) -> int:
        """Everything that waits, as the follower does it."""
        return await self.consumer.drain(self.follower)

    async def wake(self, patient: UUID) -> list[UUID]:
        """What the clock loop does to one patient, whenever he would have been woken. The alerts
        that were told."""
        async with self.alerts.transaction() as tx:
            woken = await silence.wake(
                tx, ORG, patient, self.programmes, self.memory, may_listen=True
            )
        assert woken is not None
        self.memory.keep(ORG, woken.patient)
        return woken.told

    async def fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        async with self.owner.connection() as connection:
            return await connection.fetch(query, *arguments)

    async def value(self, query: str, *arguments: Any) -> Any:
        async with self.owner.connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: Any) -> None:
        async with self.owner.connection() as connection:
            await connection.execute(query, *arguments)

    async def now(self) -> datetime:
        return await self.value("select clock_timestamp()")

    async def open_alerts(self, patient: UUID) -> list[asyncpg.Record]:
        return await self.fetch(
            "select * from alerts.alert where patient_id = $1 and state <> 'closed'"
            ' order by opened_at, "group"',
            patient,
        )

    async def alert(self, patient: UUID, group: str) -> asyncpg.Record:
        found = [one for one in await self.open_alerts(patient) if one["group"] == group]
        assert len(found) == 1, f"{len(found)} open alerts in {group}"
        return found[0]

    async def findings(self, patient: UUID) -> set[UUID]:
        """What is found and has not gone."""
        rows = await self.fetch(
            "select id from alerts.finding where patient_id = $1 and gone_at is null", patient
        )
        return {row["id"] for row in rows}

    async def row(self, patient: UUID) -> dict[str, Any] | None:
        return await self.value(
            "select body from alerts.worklist_row where patient_id = $1 limit 1", patient
        )

    async def move(self, alert: asyncpg.Record, name: str, **more: Any) -> dict[str, Any]:
        from services.alerts.clinical.lifecycle import Move

        wanted = Wanted(Move(name), more.pop("version", alert["version"]), **more)
        return await move(
            self.alerts,
            Notifier(self.alerts),
            self.programmes,
            self.memory,
            self.nurse,
            alert["id"],
            wanted,
        )


@contextlib.asynccontextmanager
async def world(urls: DatabaseUrls) -> AsyncIterator[World]:
    owner = Database(urls.owner, name="test", size=6)
    alerts = Database(urls.alerts, name="alerts", size=8, server_settings=ledger.TAKE_SETTINGS)
    await owner.open()
    await alerts.open()
    try:
        unit, other = uuid4(), uuid4()
        async with owner.transaction() as tx:
            await tx.execute("insert into ledger.organisation (org) values ($1)", ORG)
            for id_, name in ((unit, "Nyre hjemme"), (other, "Lunge hjemme")):
                await tx.execute(
                    "insert into patients.unit (org, id, name, short, watching)"
                    " values ($1, $2, $3, $3, $4)",
                    ORG,
                    id_,
                    name,
                    WATCHING,
                )
            nurse = uuid4()
            await tx.execute(
                "insert into patients.staff (org, id, name, role, units)"
                " values ($1, $2, 'Kari Testsykepleier', 'nurse', $3)",
                ORG,
                nurse,
                [unit],
            )
        reader = Reader(str(nurse), "Kari Testsykepleier", "nurse", ORG, frozenset({unit}))
        yield World(urls, owner, alerts, unit, other, reader)
    finally:
        await alerts.close()
        await owner.close()


async def patient(
    world: World,
    *,
    enrolled: timedelta = timedelta(days=60),
    plan: list[dict[str, Any]] | None = None,
    limits: dict[str, Any] | None = None,
    unit: UUID | None = None,
    programme: str = HOME,
) -> UUID:
    """Registered and enrolled, in home dialysis if not told; no plan: nothing is expected."""
    id_, of = uuid4(), unit or world.unit
    now = await world.now()
    async with world.owner.transaction() as tx:
        n = next(_messages)
        await tx.execute(
            "insert into patients.patient"
            " (org, id, number, name, born, language, unit_id, created_by)"
            " values ($1, $2, $3, $4, date '1952-03-14', 'nb', $5, 'test')",
            ORG,
            id_,
            f"S-{n:06d}",
            f"Test Testesen {n}",
            of,
        )
    about = {"name": f"Test Testesen {n}", "born": "1952-03-14", "unit_id": str(of),
             "number": f"S-{n:06d}", "deceased": False}  # fmt: skip
    await decide(world, id_, "patient-registered", about, now - enrolled)
    enrolment = {"enrolment_id": str(uuid4()), "programme": programme, "unit_id": str(of),
                 "plan": [] if plan is None else plan}  # fmt: skip
    await decide(world, id_, "enrolled", enrolment, now - enrolled, recorded_then=True)
    for name, value in (limits or {}).items():
        body = {"programme": programme, "name": name, "value": value, "reason": "test"}
        await decide(world, id_, "limit-set", body, now - enrolled)
    return id_


async def decide(
    world: World,
    patient_id: UUID,
    type_: str,
    body: dict[str, Any],
    at: datetime,
    *,
    recorded_then: bool = False,
) -> UUID:
    """`recorded_then`: as if it had been said at that moment, not now."""
    async with world.owner.transaction() as tx:
        id_ = await ledger.decide(tx, ORG, patient_id, type_, body, by="test", at=at)
        if recorded_then:
            await tx.execute("update ledger.decision set recorded_at = at where id = $1", id_)
        return id_


def reading(kind: str, at: datetime, context: dict[str, Any] | None = None, **fields: Any) -> Item:
    """An item as a decoder would make it."""
    message = f"m-{next(_messages):08d}"
    values = {name: Decimal(str(v)) if not isinstance(v, str) else v for name, v in fields.items()}
    body: dict[str, Any] = {"v": 1, "values": values, "entered": "device"}
    if context:
        body["context"] = context
    return item(message, kind, at, body)


def item(message: str, kind: str, at: datetime, body: dict[str, Any]) -> Item:
    raw = exact.canonical({"id": message, "kind": kind, "at": at.isoformat(), **body})
    return Item(
        message_id=message,
        content=hashlib.sha256(raw).digest(),
        raw=raw,
        media_type="application/json",
        drafts=(Draft("reading", kind, body),),
        at=at,
        clock="synced",
    )


def systolic(value: int, at: datetime, **context: Any) -> Item:
    return reading("blood_pressure", at, context or None, systolic=value, diastolic=70)


def weight(value: str, at: datetime, **context: Any) -> Item:
    return reading("body_weight", at, context or None, value=value)


def voided(of: Item) -> Item:
    """The withdrawal of an item by its own sender."""
    raw = exact.canonical({"void": of.message_id, "n": next(_messages)})
    return Item(
        message_id=f"m-{next(_messages):08d}",
        content=hashlib.sha256(raw).digest(),
        raw=raw,
        media_type="application/json",
        at=of.at,
        clock="synced",
        how="void",
        replaces=of.message_id,
    )


async def send(world: World, patient_id: UUID, *items: Item) -> list[ledger.Answer]:
    """Appended and committed, in this order, each in its own transaction."""
    answers = []
    for one in items:
        entry = ledger.Entry(SENDER, replace(one, subject=Subject(patient_id=patient_id)))
        async with world.owner.transaction() as tx:
            answers += await ledger.append(tx, ORG, [entry])
    return answers


def reader_of(world: World, units: frozenset[UUID]) -> Reader:
    """The nurse, with other units."""
    return replace(world.nurse, units=units)


async def pretend(world: World, column: str, alert: asyncpg.Record) -> None:
    """As if the moment in this column had come."""
    await world.execute(
        f"update alerts.alert set {column} = clock_timestamp() - interval '1 minute' where id = $1",
        alert["id"],
    )
    await forget(world, alert["patient_id"])


async def forget(world: World, patient: UUID) -> None:
    """What was changed behind the service's back is not what it remembers."""
    await world.execute(
        "update alerts.state set version = version + 1 where patient_id = $1", patient
    )


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


# --- the application ------------------------------------------------------------------------


def application(world: World) -> FastAPI:
    """As `create` wires it, on this world's database, without its loops."""
    os.environ["HJEMVAKT_MODE"] = "test"
    os.environ["HJEMVAKT_IDENTITY_KEY"] = "00" * 32
    os.environ["HJEMVAKT_DEVELOPMENT_KEY"] = str(_key)
    os.environ["HJEMVAKT_DATABASE_ALERTS"] = world.urls.alerts
    made = app.create()
    forms = made.state.parts.forms
    made.state.parts = Parts(
        world.alerts, Notifier(world.alerts), world.programmes, world.memory, forms
    )
    made.state.guard.database = made.state.backstop.database = world.alerts
    return made


def token(
    world: World,
    role: str = "nurse",
    units: frozenset[UUID] | None = None,
    org: str = ORG,
    seconds: int = 600,
    groups: Iterable[str] = (sensitive.ALL,),
) -> str:
    return ISSUER.token(
        Caller(
            id=world.nurse.id,
            name=world.nurse.name,
            role=Role(role),
            org=org,
            units=world.nurse.units if units is None else units,
            groups=frozenset(groups),
        ),
        seconds=seconds,
    )


@contextlib.asynccontextmanager
async def client(
    world: World,
    role: str | None = "nurse",
    units: frozenset[UUID] | None = None,
    org: str = ORG,
    seconds: int = 600,
    groups: Iterable[str] = (sensitive.ALL,),
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with a token; role None: nobody."""
    shown = token(world, role, units, org, seconds, groups) if role else ""
    headers = {"Authorization": f"Bearer {shown}"} if role else {}
    transport = httpx.ASGITransport(app=application(world), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://alerts", headers=headers
    ) as client:
        yield client
