"""Verb: what people owe each other about a patient. A reminder is a task for one's own unit at a
moment ahead; a task may be handed over to another unit, which takes it or gives it back.

The law: the patient's state row first; the version on the screen must be the version there is, or
nothing is written; what is done is never undone, and no line of the history is ever changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.alerts import reader, store, store_views, telling
from services.alerts.care import store_tasks
from services.alerts.care.moving import NotHandedToYou, NothingHandedOver, UnitMissing, UnknownUnit
from services.alerts.judging.patient import Alert
from services.alerts.reader import NotYourUnit, Reader
from services.alerts.stream import Notifier
from shared.database import Database

Json = dict[str, Any]

AT_ONCE = 200


class What(StrEnum):
    DONE = "done"
    POSTPONE = "postpone"
    HAND_OVER = "hand-over"
    ACCEPT = "accept"
    DECLINE = "decline"


class NoSuchTask(Exception):
    """There is no such task"""


class TaskHasMoved(Exception):
    """The task has changed since you saw it; nothing was saved"""

    def __init__(self, task: Json) -> None:
        super().__init__()
        self.members = {"task": task}


class TaskIsDone(Exception):
    """The task is done: make a new one"""


class TextMissing(ValueError):
    """A task says what is to be done, and a task given back says why"""


class TimeHasPassed(ValueError):
    """A reminder is for a moment ahead"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The move as asked for. `version` is the task's as it stood on the screen."""

    move: What
    version: int
    note: str | None = None
    unit: UUID | None = None
    until: datetime | None = None


async def remind(
    tx: asyncpg.Connection, by: Reader, alert: Alert, text: str, at: datetime, now: datetime
) -> None:
    """A note that comes back, in the transaction of the note. TimeHasPassed."""
    unit = alert.unit_id if alert.unit_id in by.units else min(by.units, default=alert.unit_id)
    if unit is None:
        raise UnitMissing
    await _add(tx, by, alert.patient_id, text, at, now, unit=unit, alert_id=alert.id)


async def add(
    database: Database,
    notifier: Notifier,
    by: Reader,
    patient_id: UUID,
    text: str,
    *,
    unit: UUID | None,
    due_at: datetime | None,
) -> Json:
    """A new task, for the reader's own unit or offered to another. NoSuchPatient, NotYourUnit,
    UnknownUnit, TextMissing, TimeHasPassed."""
    async with reader.opened(database, by, patient_id, "task") as tx:
        await store.lock_state(tx, by.org, patient_id)
        now = await store.now(tx)
        _, treating = await store_views.patient_units(tx, by.org, patient_id)
        mine = min(treating & by.units)
        if unit is not None and unit not in await store_views.units(tx, by.org):
            raise UnknownUnit
        own = unit if unit is not None and unit in by.units else mine
        id_ = await _add(
            tx,
            by,
            patient_id,
            text,
            due_at,
            now,
            unit=own,
            offered_to=unit if unit is not None and unit not in by.units else None,
        )
        await reader.note(tx, by, [patient_id], "task", "changed")
        made = await store_tasks.task(tx, by.org, id_)
        assert made is not None
        told = telling.task(made, await store_views.units(tx, by.org))
    _tell(notifier, by.org, dict(made))
    return told


async def move(
    database: Database, notifier: Notifier, by: Reader, task_id: UUID, wanted: Wanted
) -> Json:
    """The task after the move. NoSuchTask, TaskHasMoved, TaskIsDone and what the moves ask for."""
    async with database.connection() as connection:
        known = await store_tasks.task(connection, by.org, task_id)
    if known is None:
        raise NoSuchTask
    async with reader.opened(database, by, known["patient_id"], "task") as tx:
        await store.lock_state(tx, by.org, known["patient_id"])
        task = await store_tasks.task(tx, by.org, task_id)
        assert task is not None
        units = await store_views.units(tx, by.org)
        if not {task["unit_id"], task["offered_to"]} & by.units:
            raise NotYourUnit
        if task["programme"] in by.shut:
            raise reader.NotYourGroup
        if task["version"] != wanted.version:
            raise reader.Shown(TaskHasMoved(telling.task(task, units)))
        now = await store.now(tx)
        after = _moved(task, by, wanted, now, units)
        await store_tasks.save(tx, by.org, after, _line(by, wanted, now))
        await reader.note(tx, by, [task["patient_id"]], "task", "changed")
        moved = await store_tasks.task(tx, by.org, task_id)
        assert moved is not None
    _tell(notifier, by.org, dict(task), dict(moved))
    return telling.task(moved, units)


async def tell_due(database: Database, notifier: Notifier, org: str) -> int:
    """Those that have become due are told, each once. How many there were."""
    async with database.transaction() as tx:
        due = await store_tasks.tell_due(tx, org, AT_ONCE)
    _tell(notifier, org, *map(dict, due))
    return len(due)


async def _add(
    tx: asyncpg.Connection,
    by: Reader,
    patient_id: UUID,
    text: str,
    due_at: datetime | None,
    now: datetime,
    *,
    unit: UUID,
    alert_id: UUID | None = None,
    offered_to: UUID | None = None,
) -> UUID:
    if not text.strip():
        raise TextMissing
    if due_at is not None and due_at <= now:
        raise TimeHasPassed
    id_ = uuid4()
    line = {"move": "make", "by": by.id, "by_name": by.name, "at": now.isoformat()}
    task = {
        "id": id_,
        "patient_id": patient_id,
        "unit_id": unit,
        "alert_id": alert_id,
        "text": text,
        "due_at": due_at or now,
        "made_at": now,
        "made_by": by.id,
        "made_by_name": by.name,
        "offered_to": offered_to,
        "history": [line],
    }
    await store_tasks.add(tx, by.org, task)
    return id_


def _moved(
    task: asyncpg.Record,
    by: Reader,
    wanted: Wanted,
    now: datetime,
    units: Mapping[UUID, Any],
) -> Json:
    if task["done_at"] is not None:
        raise TaskIsDone
    after = dict(task)
    match wanted.move:
        case What.DONE:
            after |= {"done_at": now, "done_by": by.id, "done_by_name": by.name}
            after["offered_to"] = None
        case What.POSTPONE:
            if wanted.until is None or wanted.until <= now:
                raise TimeHasPassed
            after |= {"due_at": wanted.until, "told_at": None}
        case What.HAND_OVER:
            if wanted.unit is None:
                raise UnitMissing
            if wanted.unit not in units:
                raise UnknownUnit
            # Back to its own unit: what was offered is withdrawn.
            after["offered_to"] = wanted.unit if wanted.unit != task["unit_id"] else None
        case What.ACCEPT | What.DECLINE:
            if task["offered_to"] is None:
                raise NothingHandedOver
            if task["offered_to"] not in by.units:
                raise NotHandedToYou
            if wanted.move is What.ACCEPT:
                after["unit_id"] = task["offered_to"]
            elif not (wanted.note or "").strip():
                raise TextMissing
            after["offered_to"] = None
    return after


def _line(by: Reader, wanted: Wanted, now: datetime) -> Json:
    return {
        "move": str(wanted.move),
        "by": by.id,
        "by_name": by.name,
        "at": now.isoformat(),
        "note": wanted.note,
        "unit": str(wanted.unit) if wanted.unit else None,
        "until": wanted.until.isoformat() if wanted.until else None,
    }


def _tell(notifier: Notifier, org: str, *tasks: Mapping[str, Any]) -> None:
    units: dict[UUID, set[UUID]] = {}
    for one in tasks:
        for unit in (one["unit_id"], one["offered_to"]):
            if unit is not None:
                units.setdefault(unit, set()).add(one["patient_id"])
    notifier.tell(org, units)
