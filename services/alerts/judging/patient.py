"""What alerts holds of one patient while his state row is locked: the record, the alerts that are
not closed, and every finding that was ever raised and could still change.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.alerts.clinical.history import Record
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.clinical.schedule import Due
from shared.programmes import Colour, Lane

# The platform's own alerts hang on this patient, who is nobody: one fault, one alert.
PLATFORM = UUID(int=0)
SYSTEM = "system"
# The rule by which a red answer in quarantine is an alert, which only a person ends.
HELD_RED = "held-red"

RANK = {"red": 0, "yellow": 1, "green": 2}


@dataclass(slots=True)
class State:
    """The row that is locked first. `judged_at` counts facts, `listened_at` silence too."""

    patient_id: UUID
    version: int = 0
    name: str | None = None
    born: date | None = None
    number: str | None = None
    unit_id: UUID | None = None
    deceased: bool = False
    judged_at: datetime | None = None
    listened_at: datetime | None = None
    wakes_at: datetime | None = None
    seen_at: datetime | None = None
    seen_by: str | None = None
    crashes: int = 0
    rests_until: datetime | None = None


@dataclass(slots=True)
class Alert:
    """One open matter of a patient and rule group. `body` holds what is shown and not asked for:
    the reason and patient text of the gravest finding, its facts, limits and marks.
    """

    id: UUID
    patient_id: UUID
    unit_id: UUID | None
    programme: str
    group: str
    lane: Lane
    rule: str
    colour: Colour
    opened_at: datetime
    changed_at: datetime
    notified_at: datetime
    emergency: bool = False
    state: Life = Life.OPEN
    version: int = 1
    oldest_unacknowledged: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_until: datetime | None = None
    snoozed_until: datetime | None = None
    assignee: str | None = None
    assignee_name: str | None = None
    assigned_at: datetime | None = None
    basis_changed: bool = False
    late: bool = False
    retake: bool = False
    cause: str | None = None
    closed_at: datetime | None = None
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        return (self.programme, self.group)


@dataclass(slots=True)
class Kept:
    """A finding as it was raised. What raised it stays; `gone_at` says that it is found no more."""

    id: UUID
    alert_id: UUID
    programme: str
    rule: str
    group: str
    at: datetime
    gone_at: datetime | None = None
    score: int | None = None


@dataclass(slots=True)
class Expected:
    """A row of what the plan expects. Key: plan, local day and slot."""

    plan: UUID
    local_day: date
    slot: str
    kind: str
    opens_at: datetime
    due_at: datetime
    grace_until: datetime
    satisfied_by: UUID | None = None
    missed_at: datetime | None = None
    due: Due | None = None  # what was expected, when the plan has been read

    @property
    def key(self) -> tuple[UUID, date, str]:
        return (self.plan, self.local_day, self.slot)

    @property
    def is_undecided(self) -> bool:
        return self.satisfied_by is None and self.missed_at is None


@dataclass(frozen=True, slots=True)
class Moved:
    """One line of an alert's history: a nurse's move, or what the system did."""

    alert_id: UUID
    version: int
    patient_id: UUID
    move: str
    by: str
    by_name: str
    at: datetime
    seen: tuple[UUID, ...]
    state: str
    colour: str
    note: str | None = None
    outcome: str | None = None
    until: datetime | None = None
    assignee: str | None = None
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Patient:
    """`complete_from` is the moment from which the record holds every fact; None: all of them.

    `known` are the findings in the table from the same moment on, gone ones included.
    """

    state: State
    record: Record
    complete_from: datetime | None = None
    alerts: dict[UUID, Alert] = field(default_factory=dict)
    known: dict[UUID, Kept] = field(default_factory=dict)
    expected: dict[tuple[UUID, date, str], Expected] = field(default_factory=dict)
    expected_on: date | None = None
    plan_of: int = 0  # how many decisions the expected rows were made from
    rows: dict[UUID, Any] = field(default_factory=dict)  # unit -> row as last written, or None
    weight: int = 0
    news2: list[Any] = field(default_factory=list)  # the newest score, once it has been made
    spark: dict[datetime, list[Any]] = field(default_factory=dict)  # the points last drawn

    def alert_of(self, programme: str, group: str) -> Alert | None:
        return next((one for one in self.alerts.values() if one.key == (programme, group)), None)

    def findings_of(self, alert_id: UUID) -> tuple[UUID, ...]:
        return tuple(kept.id for kept in self.known.values() if kept.alert_id == alert_id)


def gravest(alerts: Iterable[Alert]) -> list[Alert]:
    """Worst first: colour, clinical before technical, emergencies, then the longest wait."""
    return sorted(
        alerts,
        key=lambda one: (
            RANK[one.colour],
            one.lane == "technical",
            not one.emergency,
            one.state is not Life.OPEN,
            one.oldest_unacknowledged or one.opened_at,
            one.id.int,
        ),
    )


def unit_of(text: object) -> UUID | None:
    """A unit's id out of a decision. An unreadable one must not keep a patient from being
    judged; his alerts then belong to everybody."""
    try:
        return UUID(str(text))
    except ValueError:
        return None
