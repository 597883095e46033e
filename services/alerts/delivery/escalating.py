"""Verb and loop: an alert that nobody answers climbs its unit's ladder, step by step.

The law: the patient's state row first; what is told, the move in the alert's history and the moment
of the next step commit together, so that of any number of replicas one takes a step, once. By
database time; a clock set back puts nothing off.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import structlog

from services.alerts import store
from services.alerts.clinical import climbing, lifecycle
from services.alerts.clinical.climbing import Climb, Standing, Turn, What
from services.alerts.delivery import store_climbs, store_outbox
from services.alerts.delivery.alarming import Alarms
from services.alerts.delivery.message import EMERGENCY, RED, YELLOW
from services.alerts.delivery.store_climbs import ESCALATED, NO_UNIT
from services.alerts.judging import triage, watchdog, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import PLATFORM, SYSTEM, Moved, Patient, State
from services.alerts.judging.raising import Changes
from services.alerts.rounds import Rounds
from services.alerts.rows import store_rows
from services.alerts.rows.row import Programmes
from services.alerts.stream import Notifier
from shared.database import Database, DatabaseIsAway
from shared.ladders import Ladder, LadderIsUnusable, Rung, Target

log = structlog.get_logger()

TICK = 1.0
AT_ONCE = 200
ASK_AGAIN = 5.0
FRESH = 15.0
STEP = 5.0
# Ladders that have come, alarms, the clock: looked at less often than alerts.
SELDOM = 10.0
# One person or place hears at most so often of what is no graver than what it heard last.
SPACING = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Step:
    """One alert's turn that tells somebody."""

    row: asyncpg.Record
    ladder: Ladder
    rung: Rung
    next_at: datetime | None

    @property
    def is_higher(self) -> bool:
        """What a person escalated stands in the history as her move."""
        return not self.is_wanted and (self.row["step"] > 0 or self.rung.is_last)

    @property
    def is_wanted(self) -> bool:
        return bool(self.row["why"] == ESCALATED)

    @property
    def rank(self) -> int:
        if self.row["colour"] == "yellow":
            return YELLOW
        return EMERGENCY if self.row["emergency"] and self.row["lane"] == "clinical" else RED


@dataclass(slots=True)
class Climbed:
    """What became of one patient's alerts. `messages` are the ids of what was put in the outbox."""

    patient: Patient | None = None
    units: dict[UUID, set[UUID]] = field(default_factory=dict)
    told: list[UUID] = field(default_factory=list)
    messages: list[UUID] = field(default_factory=list)


class Escalation(Rounds):
    """Part of the service: looks every second whose turn has come."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        programmes: Programmes,
        memory: Memory,
        undelivered_after: timedelta,
    ) -> None:
        super().__init__("escalation", database, every=TICK, fresh=FRESH)
        self._notifier = notifier
        self._programmes = programmes
        self._memory = memory
        self._alarms = Alarms(database, notifier, programmes, undelivered_after)
        self._postponed: dict[tuple[str, UUID], float] = {}
        self._looked: dict[str, float] = {}
        self._offset: float | None = None

    async def round(self, org: str) -> int:
        """One look at an organisation. How many messages were put in the outbox."""
        async with self._database.connection() as connection:
            stepped = self._has_stepped_back(await store.now(connection))
        if stepped or time.monotonic() - self._looked.get(org, -SELDOM) >= SELDOM:
            await self._look(org)
        async with self._database.connection() as connection:
            patients = await store_climbs.due_to_climb(connection, org, AT_ONCE)
        messages = 0
        for patient_id in patients:
            if self._postponed.get((org, patient_id), 0.0) <= time.monotonic():
                messages += await self._climb(org, patient_id)
        return messages

    async def _look(self, org: str) -> None:
        async with self._database.transaction() as tx:
            await store_climbs.mend_clock(tx, org)
            await store_climbs.look_again(tx, org)
            await store_rows.beat(tx, org, "escalation", {})
        await self._alarms.look(org)
        self._looked[org] = time.monotonic()

    async def _climb(self, org: str, patient_id: UUID) -> int:
        try:
            async with self._database.transaction() as tx:
                climbed = await climb(tx, org, patient_id, self._programmes, self._memory)
        except (DatabaseIsAway, asyncpg.PostgresConnectionError, OSError):
            raise
        except Exception as error:
            # His moment stays where it is: he is asked about again, and holds up nobody else.
            fault = type(error).__name__
            log.error("Alerts could not climb.", patient=str(patient_id), fault=fault)
            self._postponed[org, patient_id] = time.monotonic() + ASK_AGAIN
            return 0
        self._postponed.pop((org, patient_id), None)
        if climbed is None:
            return 0
        if climbed.patient is not None and patient_id != PLATFORM:
            self._memory.keep(org, climbed.patient)
        self._notifier.tell(org, climbed.units, climbed.told)
        return len(climbed.messages)

    def _has_stepped_back(self, now: datetime) -> bool:
        offset = now.timestamp() - time.monotonic()
        back = self._offset is not None and offset < self._offset - STEP
        self._offset = offset
        return back


async def climb(
    tx: asyncpg.Connection, org: str, patient_id: UUID, programmes: Programmes, memory: Memory
) -> Climbed | None:
    """One patient's alerts whose moment has come; None when somebody else holds him."""
    locked = await store_climbs.lock_patient(tx, org, patient_id)
    if locked is None:
        return None
    state, now = locked
    rows = await store_climbs.climbs(tx, org, patient_id, now)
    ladders = await _ladders(tx, org, {row["unit_id"] for row in rows})
    steps = []
    for row in rows:
        ladder = ladders.get(row["unit_id"])
        if await _is_anothers(tx, org, row, ladders, now):
            continue
        turn = climbing.turn(
            Climb(row["step"], row["planned"], row["told_at"]), _standing(row), ladder, now
        )
        await _set(tx, org, row, turn, now)
        if turn.rung is not None and ladder is not None:
            steps.append(Step(row, ladder, turn.rung, turn.next_at))
    climbed = Climbed(messages=await _tell(tx, org, steps, programmes, now))
    # Who was told nothing yet is not escalated: he is told.
    higher = [one for one in steps if one.is_higher]
    if higher:
        await _record(tx, org, state, higher, climbed, programmes, memory, now)
    return climbed


async def _ladders(tx: asyncpg.Connection, org: str, units: set[UUID]) -> dict[UUID, Ladder]:
    found = {}
    stored = await store_climbs.ladders(tx, org, None if NO_UNIT in units else list(units))
    for unit_id, body in stored.items():
        try:
            found[unit_id] = Ladder.of(body)
        except LadderIsUnusable:
            log.error("A ladder cannot be read; nobody is told.", org=org, unit=str(unit_id))
    return found


async def _is_anothers(
    tx: asyncpg.Connection,
    org: str,
    row: asyncpg.Record,
    ladders: Mapping[UUID, Ladder],
    now: datetime,
) -> bool:
    """An alert of no unit climbs every ladder; one that was handed over, its new unit's."""
    alert_id, unit_id = row["alert_id"], row["unit_id"]
    if row["state"] not in ("open", "acknowledged"):
        return False
    if row["of_unit"] is not None and row["of_unit"] != unit_id:
        await store_climbs.climb_for_units(tx, org, alert_id, [row["of_unit"]], now)
        await store_climbs.forget_climb(tx, org, alert_id, unit_id)
        return True
    if unit_id == NO_UNIT and ladders:
        await store_climbs.climb_for_units(tx, org, alert_id, list(ladders), now)
        await store_climbs.set_climb(
            tx, org, alert_id, unit_id, now=now, next_at=None, step=0, ended=True
        )
        return True
    return False


def _standing(row: asyncpg.Record) -> Standing | None:
    wanted = row["why"] == ESCALATED and row["state"] == "acknowledged"
    if row["state"] != "open" and not wanted:
        return None
    return Standing(row["colour"], row["lane"], row["emergency"])


async def _set(
    tx: asyncpg.Connection, org: str, row: asyncpg.Record, turn: Turn, now: datetime
) -> None:
    alert_id, unit_id, step = row["alert_id"], row["unit_id"], row["step"]
    if turn.what is What.FORGET:
        await store_climbs.forget_climb(tx, org, alert_id, unit_id)
        return
    rung = turn.rung
    await store_climbs.set_climb(
        tx,
        org,
        alert_id,
        unit_id,
        now=now,
        next_at=turn.next_at,
        step=rung.number if rung else step,
        stepped=rung is not None,
        planned=turn.what is not What.REST,
        ended=turn.what is What.END or (rung is not None and turn.next_at is None),
        at_last=rung is not None and rung.is_last,
    )


# --- what is put in the outbox --------------------------------------------------------------


async def _tell(
    tx: asyncpg.Connection, org: str, steps: Iterable[Step], programmes: Programmes, now: datetime
) -> list[UUID]:
    """One message per person or place, whatever the number of alerts it is about."""
    together: dict[tuple[UUID, int, Target], list[Step]] = defaultdict(list)
    for one in steps:
        for target in one.rung.targets:
            together[one.row["unit_id"], one.rung.number, target].append(one)
    made = []
    for (unit_id, number, target), several in together.items():
        rank = min(one.rank for one in several)
        id_ = await store_outbox.add_notification(
            tx,
            org,
            id_=uuid4(),
            kind="alert",
            key=f"{unit_id}|{number}|{target.who}",
            unit_id=unit_id,
            rank=rank,
            language=several[0].ladder.language,
            routes=routes(several[0].ladder, target.channels),
            now=now,
            spacing=SPACING if rank != EMERGENCY else timedelta(0),
            alerts=[one.row["alert_id"] for one in several],
            step=number,
            who=target.who,
            sensitive=any(_is_sensitive(one.row["programme"], programmes) for one in several),
            body={"escalated": True} if any(one.is_wanted for one in several) else {},
        )
        if id_ is not None:
            made.append(id_)
    return made


def routes(ladder: Ladder, names: Iterable[str]) -> list[dict[str, str]]:
    """The channels as they are now: a message on its way keeps the address it was given."""
    return [
        {"name": name, "medium": ladder.channels[name].medium, "to": ladder.channels[name].to}
        for name in names
        if name in ladder.channels
    ]


def _is_sensitive(slug: str, programmes: Programmes) -> bool:
    """What we do not know is kept to ourselves; the platform's own troubles are nobody's."""
    programme = programmes.get(slug)
    return bool(slug) and (programme is None or programme.sensitive)


# --- what is written in the alert's history -------------------------------------------------


async def _record(
    tx: asyncpg.Connection,
    org: str,
    state: State,
    steps: list[Step],
    climbed: Climbed,
    programmes: Programmes,
    memory: Memory,
    now: datetime,
) -> None:
    patient = await _patient(tx, org, state, memory, now)
    if patient is None:
        # He cannot be read; that somebody is told does not wait for it.
        log.error("A step is not in the alert's history.", patient=str(state.patient_id))
        return
    changes = Changes()
    for one in steps:
        _escalate(patient, one, changes, now)
    written = writing.Writing(org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    climbed.patient, climbed.units = patient, written.units
    climbed.told = [one.row["alert_id"] for one in steps]


async def _patient(
    tx: asyncpg.Connection, org: str, state: State, memory: Memory, now: datetime
) -> Patient | None:
    id_ = state.patient_id
    if id_ == PLATFORM:
        return await watchdog.platform(tx, org, state)
    loaded = await triage.load(tx, org, {id_: state}, {id_: now}, memory, now, failed={})
    return loaded.get(id_)


def _escalate(patient: Patient, step: Step, changes: Changes, now: datetime) -> None:
    alert = patient.alerts.get(step.row["alert_id"])
    if alert is None:
        return
    rung = step.rung
    alert.state = lifecycle.next_state(
        lifecycle.Move.ESCALATE,
        alert.state,
        alert.colour,
        lifecycle.Role.SYSTEM,
        now,
        note=climbing.Why.UNANSWERED,
    )
    alert.version += 1
    alert.changed_at = alert.notified_at = now
    alert.body = {
        **alert.body,
        "escalated_at": now.isoformat(),
        "step": rung.number,
        "next_step_at": step.next_at.isoformat() if step.next_at else None,
    }
    changes.alerts[alert.id] = alert
    about: dict[str, Any] = {"why": "unanswered", "step": rung.number, "whom": rung.name}
    changes.moves.append(
        Moved(
            alert_id=alert.id,
            version=alert.version,
            patient_id=patient.state.patient_id,
            move=str(lifecycle.Move.ESCALATE),
            by=SYSTEM,
            by_name="",
            at=now,
            seen=(),
            state=str(alert.state),
            colour=alert.colour,
            body=about,
        )
    )
