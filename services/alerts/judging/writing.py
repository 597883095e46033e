"""What judgings changed, gathered per take and written at once: one statement per table, all of
them sent together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts import software, store
from services.alerts.clinical.history import Record
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.delivery import store_climbs
from services.alerts.delivery.store_climbs import ESCALATED, Told
from services.alerts.judging.patient import SYSTEM, Alert, Expected, Moved, Patient, State
from services.alerts.judging.raising import SHOWN_ONLY, Changes
from services.alerts.judging.store_together import Together
from services.alerts.other_systems import store_outgoing
from services.alerts.rows import row, store_rows
from services.alerts.rows.row import Programmes, Row
from shared import ledger
from shared.ledger import Taken


@dataclass(slots=True)
class Writing:
    org: str
    now: datetime
    states: list[State] = field(default_factory=list)
    changes: list[tuple[UUID, Changes]] = field(default_factory=list)
    rows: list[tuple[UUID, Row]] = field(default_factory=list)
    left: list[tuple[UUID, UUID]] = field(default_factory=list)
    units: dict[UUID, set[UUID]] = field(default_factory=dict)
    told: list[UUID] = field(default_factory=list)
    readings: list[tuple[UUID, UUID, UUID | None]] = field(default_factory=list)

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
        self.states.append(patient.state)
        self.told += changes.told
        if changes or changes.expected or changes.unexpected:
            self.changes.append((id_, changes))

    def brought(self, patient: Patient, taken: Iterable[Taken]) -> None:
        """What other systems are to be sent of this; what is noted twice is kept once."""
        state = patient.state
        self.readings += [
            (one.fact_id, state.patient_id, state.unit_id) for one in taken if one.type == "reading"
        ]

    async def write(self, tx: asyncpg.Connection, judged: Sequence[tuple[int, int]] = ()) -> None:
        """Together with the end of the hand-over rows that were `judged`."""
        together = Together()
        if judged:
            together.add(ledger.DONE, list(judged))
        if self.states:
            store.save_states(together, self.org, self.states)
        if self.changes:
            self._write_changes(together)
        store_rows.save_rows(together, self.org, self.rows, self.left)
        if self.readings:
            store_outgoing.note_readings(together, self.org, self.readings)
        await together.execute(tx)

    def _write_changes(self, together: Together) -> None:
        alerts: list[Alert] = []
        moves: list[Moved] = []
        expected: list[tuple[UUID, Expected]] = []
        unexpected: list[tuple[UUID, Expected]] = []
        for id_, changes in self.changes:
            alerts += changes.alerts.values()
            moves += changes.moves
            expected += [(id_, one) for one in changes.expected]
            unexpected += [(id_, one) for one in changes.unexpected]
        store.save_alerts(together, self.org, alerts)
        store.save_findings(together, self.org, self.now, self.changes)
        store.add_moves(together, self.org, moves)
        told = [one for _, changes in self.changes for one in to_tell(changes)]
        store_climbs.tell(together, self.org, told, self.now)
        store_rows.save_expected(together, self.org, expected, unexpected)


# What a person does that makes an alert somebody else's to answer.
OPENS_AGAIN = frozenset({"reopen", "decline"})


def to_tell(changes: Changes) -> list[Told]:
    """Alerts that are open and of which somebody should hear now, each with the latest reason."""
    why = {one.alert_id: one.move for one in changes.moves}
    ids = [*changes.told, *(id_ for id_, move in why.items() if move in OPENS_AGAIN)]
    alerts = [changes.alerts[id_] for id_ in dict.fromkeys(ids) if id_ in changes.alerts]
    told = [
        Told(one, why.get(one.id, "told"))
        for one in alerts
        if one.state is Life.OPEN and one.rule not in SHOWN_ONLY
    ]
    # A person who escalates wants the next step now, also of what she has acknowledged.
    lifted = {one.alert_id for one in changes.moves if one.move == ESCALATED and one.by != SYSTEM}
    lifted &= changes.alerts.keys()
    return [*told, *(Told(changes.alerts[id_], ESCALATED) for id_ in lifted)]


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
    return before == after and _asked_for(old) == _asked_for(new)


def _asked_for(one: Row) -> tuple[object, ...]:
    return (one.waiting_since, one.calm, one.states, one.assignees, one.programmes)
