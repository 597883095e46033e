"""What judgings changed, gathered per take and written with one statement per table."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts import row, software, store, store_rows
from services.alerts.clinical.history import Record
from services.alerts.patient import Alert, Expected, Moved, Patient
from services.alerts.raising import Changes
from services.alerts.row import Programmes, Row


@dataclass(slots=True)
class Writing:
    org: str
    now: datetime
    patients: list[Patient] = field(default_factory=list)
    changes: list[tuple[Patient, Changes]] = field(default_factory=list)
    rows: list[tuple[UUID, Row]] = field(default_factory=list)
    left: list[tuple[UUID, UUID]] = field(default_factory=list)
    units: dict[UUID, set[UUID]] = field(default_factory=dict)
    told: list[UUID] = field(default_factory=list)

    def add(self, patient: Patient, changes: Changes, programmes: Programmes) -> None:
        id_ = patient.state.patient_id
        made = {one.unit_id: one for one in rows(patient, programmes, self.now)}
        shown = [one for unit, one in made.items() if not _same(patient.rows.get(unit), one)]
        gone = [unit for unit in patient.rows if unit not in made]
        self.rows += [(id_, one) for one in shown]
        self.left += [(id_, unit) for unit in gone]
        for unit in (*(one.unit_id for one in shown), *gone):
            self.units.setdefault(unit, set()).add(id_)
        patient.rows = {unit: one for unit, one in made.items()}
        patient.state.version += 1
        self.patients.append(patient)
        self.told += changes.told
        if changes or changes.expected or changes.unexpected:
            self.changes.append((patient, changes))

    async def write(self, tx: asyncpg.Connection) -> None:
        """State first, so that a forgotten lock would show; then what hangs on it."""
        if not self.patients:
            return
        await store.save_states(tx, self.org, [one.state for one in self.patients])
        if self.changes:
            await self._write_changes(tx)
        await store_rows.save_rows(tx, self.org, self.rows, self.left)

    async def _write_changes(self, tx: asyncpg.Connection) -> None:
        alerts: list[Alert] = []
        moves: list[Moved] = []
        expected: list[tuple[UUID, Expected]] = []
        unexpected: list[tuple[UUID, Expected]] = []
        for patient, changes in self.changes:
            id_ = patient.state.patient_id
            alerts += changes.alerts.values()
            moves += changes.moves
            expected += [(id_, one) for one in changes.expected]
            unexpected += [(id_, one) for one in changes.unexpected]
        await store.save_alerts(tx, self.org, alerts)
        await store.save_findings(
            tx, self.org, self.now, [(p.state.patient_id, c) for p, c in self.changes]
        )
        await store.add_moves(tx, self.org, moves)
        await store_rows.save_expected(tx, self.org, expected, unexpected)


def rows(patient: Patient, programmes: Programmes, now: datetime) -> list[Row]:
    """A row that cannot be drawn is still a row: its alerts are shown without the figures."""
    try:
        drawn = row.rows(patient, programmes, now)
    except Exception:
        if not patient.alerts:
            raise
        bare = Patient(state=patient.state, record=Record(patient.state.patient_id))
        bare.alerts = patient.alerts
        drawn = row.rows(bare, programmes, now)
    by = software.made_by(programmes)
    return [replace(one, body={**one.body, "made_by": by}) for one in drawn]


def _same(old: Row | None, new: Row) -> bool:
    """Whether nothing but the moment of writing differs."""
    if old is None or old.rank != new.rank:
        return False
    before, after = dict(old.body), dict(new.body)
    del before["as_of"], after["as_of"]
    return before == after and (old.waiting_since, old.calm, old.states, old.assignees) == (
        new.waiting_since,
        new.calm,
        new.states,
        new.assignees,
    )
