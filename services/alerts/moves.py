"""Verb: a nurse's move on an alert. It covers what she saw, and nothing that came after.

The law: the patient's state row first; the version she saw must be the version there is, or
nothing is written; the move, the row and the access log commit together.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from services.alerts import reader, store, store_views, telling, triage, writing
from services.alerts.clinical import lifecycle
from services.alerts.clinical.lifecycle import Move
from services.alerts.memory import Memory
from services.alerts.patient import PLATFORM, Alert, Moved, Patient, State
from services.alerts.raising import Changes
from services.alerts.reader import Reader
from services.alerts.row import Programmes
from services.alerts.stream import Notifier
from shared.database import Database

log = structlog.get_logger()


class NoSuchAlert(Exception):
    """There is no such alert"""


class UnknownAssignee(Exception):
    """Nobody of that id works with patients here"""


class AlertHasMoved(Exception):
    """The alert has changed since you saw it; nothing was saved"""

    def __init__(self, alert: dict[str, Any]) -> None:
        super().__init__()
        self.members = {"alert": alert}


class AnotherIsOpen(Exception):
    """Another alert of this kind is open for the patient: move that one"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The move as asked for. `version` is the alert's as it stood on the screen."""

    move: Move
    version: int
    note: str | None = None
    until: datetime | None = None
    assignee: str | None = None
    outcome: str | None = None


async def move(
    database: Database,
    notifier: Notifier,
    programmes: Programmes,
    memory: Memory,
    by: Reader,
    alert_id: UUID,
    wanted: Wanted,
) -> dict[str, Any]:
    """The alert after the move. NoSuchAlert, AlertHasMoved, AnotherIsOpen, UnknownAssignee and
    what `lifecycle` speaks against."""
    patient_id = await _patient_of(database, by, alert_id)
    async with reader.opened(database, by, patient_id, "alert") as tx:
        state = await store.lock_state(tx, by.org, patient_id)
        alert = await store.alert(tx, by.org, alert_id)
        if state is None or alert is None:
            raise NoSuchAlert
        if alert.version != wanted.version:
            raise reader.Shown(AlertHasMoved(await _told(tx, by, alert)))
        now = await store.now(tx)
        patient = await _loaded(tx, by.org, state, memory, now)
        alert = patient.alerts.get(alert_id, alert)
        changes = await _moved(tx, patient, alert, by, wanted, now)
        state.wakes_at = triage.wakes(patient, programmes, now)
        written = writing.Writing(by.org, now)
        written.add(patient, changes, programmes)
        await written.write(tx)
        await reader.note(tx, by, [patient_id], "alert", "changed")
        answer = await _told(tx, by, alert)
    # A reopened alert may rest on findings older than what was read here.
    if patient_id != PLATFORM and wanted.move is not Move.REOPEN:
        memory.keep(by.org, patient)
    notifier.tell(by.org, written.units)
    return answer


async def _patient_of(database: Database, by: Reader, alert_id: UUID) -> UUID:
    """Read unlocked: an alert never changes its patient."""
    async with database.connection() as connection:
        alert = await store.alert(connection, by.org, alert_id)
    if alert is None:
        raise NoSuchAlert
    return alert.patient_id


async def _loaded(
    tx: asyncpg.Connection, org: str, state: State, memory: Memory, now: datetime
) -> Patient:
    id_ = state.patient_id
    return (await triage.load(tx, org, {id_: state}, {id_: now}, memory))[id_]


async def _moved(
    tx: asyncpg.Connection,
    patient: Patient,
    alert: Alert,
    by: Reader,
    wanted: Wanted,
    now: datetime,
) -> Changes:
    alert.state = lifecycle.next_state(
        wanted.move,
        alert.state,
        alert.colour,
        lifecycle.Role(by.role),
        now,
        note=wanted.note,
        until=wanted.until,
    )
    match wanted.move:
        case Move.ACKNOWLEDGE:
            _acknowledge(alert, by, now)
            alert.acknowledged_until = wanted.until
        case Move.SNOOZE:
            _acknowledge(alert, by, now)
            alert.snoozed_until = wanted.until
        case Move.ASSIGN:
            await _assign(tx, alert, by, wanted.assignee, now)
        case Move.ESCALATE:
            alert.body = {**alert.body, "escalated_at": now.isoformat()}
        case Move.CLOSE:
            alert.closed_at = now
            alert.oldest_unacknowledged = None
            alert.snoozed_until = alert.acknowledged_until = None
            patient.alerts.pop(alert.id, None)
        case Move.REOPEN:
            if patient.alert_of(alert.programme, alert.group) is not None:
                raise AnotherIsOpen
            alert.closed_at = alert.acknowledged_at = alert.acknowledged_by = None
            alert.oldest_unacknowledged = now
            patient.alerts[alert.id] = alert
        case _:
            pass  # a note changes nothing but the history
    alert.version += 1
    alert.changed_at = now
    seen = tuple(row["id"] for row in await store.findings_of(tx, by.org, alert.id))
    changes = Changes()
    changes.alerts[alert.id] = alert
    changes.moves.append(
        Moved(
            alert_id=alert.id,
            version=alert.version,
            patient_id=alert.patient_id,
            move=str(wanted.move),
            by=by.id,
            by_name=by.name,
            at=now,
            seen=seen,
            state=str(alert.state),
            colour=alert.colour,
            note=wanted.note,
            outcome=wanted.outcome,
            until=wanted.until,
            assignee=alert.assignee if wanted.move is Move.ASSIGN else None,
            body={"assignee_name": alert.assignee_name} if wanted.move is Move.ASSIGN else {},
        )
    )
    return changes


def _acknowledge(alert: Alert, by: Reader, now: datetime) -> None:
    alert.acknowledged_at = now
    alert.acknowledged_by = by.id
    alert.acknowledged_until = alert.snoozed_until = None
    alert.oldest_unacknowledged = None


async def _assign(
    tx: asyncpg.Connection, alert: Alert, by: Reader, assignee: str | None, now: datetime
) -> None:
    """To somebody who treats patients, or back to nobody."""
    alert.assignee = alert.assignee_name = alert.assigned_at = None
    if not assignee:
        return
    for person in await store_views.staff(tx, by.org):
        if str(person["id"]) == assignee and person["role"] in ("nurse", "physician"):
            alert.assignee, alert.assignee_name = assignee, person["name"]
            alert.assigned_at = now
            return
    raise UnknownAssignee


async def _told(tx: asyncpg.Connection, by: Reader, alert: Alert) -> dict[str, Any]:
    story = (await store_views.stories(tx, by.org, [alert]))[0]
    names = await store_views.names(tx, by.org, [alert.patient_id])
    units = await store_views.units(tx, by.org)
    return telling.alert(story, names.get(alert.patient_id), units, by.role)


async def greens(
    database: Database, notifier: Notifier, by: Reader, patient_ids: list[UUID]
) -> tuple[list[UUID], list[UUID]]:
    """Mark greens as looked at: those that are green now, and those that no longer are."""
    async with database.transaction() as tx:
        mine = await store_views.rows_of_patients(tx, by.org, patient_ids)
        allowed = sorted(
            {row["patient_id"] for row in mine if row["unit_id"] in by.units},
            key=lambda one: one.int,
        )
        states = await store.lock_states(tx, by.org, allowed)
        seen = await store_views.mark_seen(tx, by.org, list(states), by.id)
        await reader.note(tx, by, seen, "green", "changed")
    units: dict[UUID, set[UUID]] = {}
    for row in mine:
        if row["patient_id"] in seen:
            units.setdefault(row["unit_id"], set()).add(row["patient_id"])
    notifier.tell(by.org, units)
    return seen, [one for one in patient_ids if one not in seen]
