"""Verb: a nurse's move on an alert. It covers what she saw, and nothing that came after.

The law: the patient's state row first; the version she saw must be the version there is, or
nothing is written; the move, the row and the access log commit together.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import reader, store, store_views, telling
from services.alerts.care import doing, moving
from services.alerts.care.moving import Mover, Wanted
from services.alerts.clinical.lifecycle import Move
from services.alerts.judging import triage, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import PLATFORM, Alert, Patient, State
from services.alerts.judging.raising import Changes
from services.alerts.reader import Reader
from services.alerts.rows import neutral
from services.alerts.rows.row import Programmes
from services.alerts.stream import Notifier
from shared.database import Database
from shared.programmes import LIFE


class NoSuchAlert(Exception):
    """There is no such alert"""


class UnknownAssignee(Exception):
    """Nobody of that id works with patients here"""


class AlertHasMoved(Exception):
    """The alert has changed since you saw it; nothing was saved"""

    def __init__(self, alert: dict[str, Any]) -> None:
        super().__init__()
        self.members = {"alert": alert}


async def move(
    database: Database,
    notifier: Notifier,
    programmes: Programmes,
    memory: Memory,
    by: Reader,
    alert_id: UUID,
    wanted: Wanted,
) -> dict[str, Any]:
    """The alert after the move. NoSuchAlert, AlertHasMoved, UnknownAssignee, UnknownUnit and what
    `moving` and `lifecycle` speak against."""
    patient_id = await _patient_of(database, by, alert_id)
    async with reader.opened(database, by, patient_id, "alert") as tx:
        state = await store.lock_state(tx, by.org, patient_id)
        alert = await store.alert(tx, by.org, alert_id)
        if state is None or alert is None:
            raise NoSuchAlert
        if alert.programme in by.shut and wanted.move not in neutral.MOVES:
            raise reader.NotYourGroup
        if alert.version != wanted.version:
            raise reader.Shown(AlertHasMoved(await _told(tx, by, alert)))
        now = await store.now(tx)
        patient = await _loaded(tx, by.org, state, memory, now)
        alert = patient.alerts.get(alert_id, alert)
        changes = await _moved(tx, patient, alert, by, wanted, programmes, now)
        if wanted.remind_at is not None:
            await doing.remind(tx, by, alert, wanted.note or "", wanted.remind_at, now)
        triage.wake_by(state, triage.wakes(patient, programmes, now))
        written = writing.Writing(by.org, now)
        written.add(patient, changes, programmes)
        await written.write(tx)
        await reader.note(tx, by, [patient_id], "alert", "changed")
        answer = await _told(tx, by, alert)
    # A reopened alert may rest on findings older than what was read here.
    if patient_id != PLATFORM and wanted.move is not Move.REOPEN:
        memory.keep(by.org, patient)
    notifier.tell(by.org, written.units, written.told)
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
    return (await triage.load(tx, org, {id_: state}, {id_: now}, memory, now))[id_]


async def _moved(
    tx: asyncpg.Connection,
    patient: Patient,
    alert: Alert,
    by: Reader,
    wanted: Wanted,
    programmes: Programmes,
    now: datetime,
) -> Changes:
    name = None
    if wanted.move is Move.ASSIGN and wanted.assignee:
        name = await _name_of(tx, by.org, wanted.assignee, alert.unit_id)
    if wanted.unit is not None and wanted.unit not in await store_views.units(tx, by.org):
        raise moving.UnknownUnit
    seen = tuple(row["id"] for row in await store.findings_of(tx, by.org, alert.id))
    programme = programmes.get(alert.programme)
    version = patient.record.decided.version(programme, now) if programme else None
    return moving.apply(
        patient,
        alert,
        Mover(by.id, by.name, by.role, by.units),
        wanted,
        now,
        seen=seen,
        assignee_name=name,
        life=version.life if version else LIFE,
    )


async def _name_of(tx: asyncpg.Connection, org: str, assignee: str, unit: UUID | None) -> str:
    """Of somebody who treats patients in the alert's unit: no other could open it, and it would be
    on nobody's list though it has a name. The platform's own alerts are of no unit."""
    staff = await store_views.staff(tx, org)
    units = frozenset({unit}) if unit else frozenset(one for each in staff for one in each["units"])
    for person in telling.colleagues(staff, units):
        if person["id"] == assignee:
            return str(person["name"])
    raise UnknownAssignee


async def _told(tx: asyncpg.Connection, by: Reader, alert: Alert) -> dict[str, Any]:
    [story] = neutral.stories(await store_views.stories(tx, by.org, [alert]), by.shut)
    names = await store_views.names(tx, by.org, [alert.patient_id])
    units = await store_views.units(tx, by.org)
    return telling.alert(story, names.get(alert.patient_id), units, by)
