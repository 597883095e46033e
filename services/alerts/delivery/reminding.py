"""Pure: of what a patient is reminded before anybody else hears of it. Once for each thing that is
due, and never while he is paused, admitted or no longer followed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.alerts.judging.patient import Expected, Patient, unit_of
from shared.contracts import Fact


@dataclass(frozen=True, slots=True)
class Reminder:
    """What fell due at one moment is one reminder. `unit_id` is whose channels carry it."""

    at: datetime
    unit_id: UUID
    dues: tuple[Expected, ...]

    @property
    def body(self) -> list[dict[str, str]]:
        return [
            {"plan": str(one.plan), "day": one.local_day.isoformat(), "slot": one.slot}
            for one in self.dues
        ]


def remind_at(one: Expected) -> datetime | None:
    """None until the plan has been read."""
    return one.due_at + one.due.item.reminded_after if one.due is not None else None


def due(patient: Patient, now: datetime, since: datetime) -> list[Reminder]:
    """Those whose moment has come since `since`, and whose grace is not over: then it is the
    nurse's to ask."""
    if patient.state.deceased or patient.record.paused(now) is not None:
        return []
    several: dict[tuple[datetime, UUID], list[Expected]] = defaultdict(list)
    for one in patient.expected.values():
        at = remind_at(one)
        if not one.is_undecided or at is None or not since < at <= now < one.grace_until:
            continue
        if (unit := _unit(patient, one, now)) is not None:
            several[at, unit].append(one)
    return [Reminder(at, unit, tuple(found)) for (at, unit), found in sorted(several.items())]


def wakes(patient: Patient, now: datetime) -> Iterator[datetime]:
    for one in patient.expected.values():
        at = remind_at(one)
        if one.is_undecided and at is not None and now < at < one.grace_until:
            yield at


def credentials(patient: Patient) -> list[str]:
    """What the patient holds now: his app's server knows him by it."""
    return held(patient.record.decided.facts)


def held(decided: Iterable[Fact]) -> list[str]:
    """The same of what was decided about him, oldest first."""
    held: dict[tuple[str, str], None] = {}
    for fact in decided:
        key = (str(fact.body.get("cred")), str(fact.body.get("slot") or ""))
        if fact.type == "bound":
            held[key] = None
        elif fact.type == "unbound":
            held.pop(key, None)
    return sorted({cred for cred, _ in held})


def _unit(patient: Patient, one: Expected, now: datetime) -> UUID | None:
    """The unit of the enrolment that expects it; None when the enrolment has ended."""
    for enrolment in patient.record.enrolments:
        if enrolment.id == one.plan and enrolment.covers(now):
            return unit_of(enrolment.unit_id) or patient.state.unit_id
    return None
