"""Pure: what the plans expect of a patient, kept a few days ahead, and whether it has come."""

from collections.abc import Container, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from uuid import UUID

from services.alerts.clinical import schedule, wording
from services.alerts.clinical.samples import WHOLE
from services.alerts.delivery import reminding
from services.alerts.judging.patient import Expected, Patient
from services.alerts.judging.raising import Changes
from shared.programmes import Programme

AHEAD = 2
BEHIND = 1
# A reading this late may still satisfy what was expected of it.
BEHIND_AT_MOST = 8

Programmes = Mapping[str, Programme]
Key = tuple[UUID, date, str]


def update(
    patient: Patient, changes: Changes, programmes: Programmes, now: datetime, since: datetime
) -> None:
    """Bring `patient.expected` in line with plans and facts; what is to be written is added to
    `changes`."""
    today = schedule.local_day(now)
    plans = len(patient.record.decided.facts)
    first = min(schedule.local_day(since), today - timedelta(days=BEHIND))
    whole = patient.expected_on != today or patient.plan_of != plans
    if whole or first < today - timedelta(days=BEHIND):
        first = max(first, today - timedelta(days=BEHIND_AT_MOST))
        _plan(patient, changes, programmes, first, today + timedelta(days=AHEAD))
        patient.expected_on, patient.plan_of = today, plans
    last: dict[str, datetime | None] = {}
    for one in patient.expected.values():
        if one.due is None or one.grace_until < since:
            continue
        kind = one.due.item.kind
        if kind not in last:
            last[kind] = _last(patient, kind)
        came = last[kind]
        if one.satisfied_by is not None or (came is not None and came >= one.opens_at):
            _look(one, patient, changes)


def _last(patient: Patient, kind: str) -> datetime | None:
    ats = patient.record.series((kind, WHOLE)).sure.ats
    return ats[-1] if ats else None


def missed(patient: Patient, changes: Changes, now: datetime) -> None:
    """Only while no fact of the patient waits: what has not come is missed."""
    for one in patient.expected.values():
        if one.is_undecided and one.grace_until <= now:
            one.missed_at = now
            changes.expected.append(one)


def wakes(patient: Patient, now: datetime) -> Iterator[datetime]:
    """When the patient is reminded, when something expected is overdue, and a moment after midnight
    when days are to be added."""
    yield from (one.grace_until for one in patient.expected.values() if one.is_undecided)
    yield from reminding.wakes(patient, now)
    if any(enrolment.end is None or enrolment.end > now for enrolment in patient.record.enrolments):
        tomorrow = schedule.local_day(now) + timedelta(days=1)
        midnight = datetime.combine(tomorrow, time(0, 5), wording.OSLO)
        # Not everybody in the same second.
        yield midnight + timedelta(seconds=patient.state.patient_id.int % 3600)


def _plan(
    patient: Patient, changes: Changes, programmes: Programmes, first: date, last: date
) -> None:
    wanted: dict[Key, schedule.Due] = {}
    loaded = {one.id for one in patient.record.enrolments if one.programme in programmes}
    for slug in {one.programme for one in patient.record.enrolments} & programmes.keys():
        for version in programmes[slug].versions.values():
            for due in schedule.dues(patient.record, version, first, last):
                if due.paused is None:
                    wanted[due.plan, due.day, due.slot] = due
    for key, one in list(patient.expected.items()):
        if first <= one.local_day <= last and key not in wanted and _may_go(one, loaded):
            changes.unexpected.append(patient.expected.pop(key))
    for key, due in wanted.items():
        known = patient.expected.get(key)
        if known is None or (known.is_undecided and _moved(known, due)):
            patient.expected[key] = _expected(due)
            changes.expected.append(patient.expected[key])
        else:
            known.due = due


def _may_go(one: Expected, loaded: Container[UUID]) -> bool:
    """What was never expected, as is known now, was not missed either: a pause that is recorded
    afterwards leaves no gap. What was decided by a programme that is not here stays."""
    return one.is_undecided or one.plan in loaded


def _look(one: Expected, patient: Patient, changes: Changes) -> None:
    assert one.due is not None
    fact = schedule.satisfied_by(one.due, patient.record)
    if fact != one.satisfied_by:
        one.satisfied_by = fact
        changes.expected.append(one)


def _moved(known: Expected, due: schedule.Due) -> bool:
    return (known.opens_at, known.due_at, known.grace_until) != (
        due.opens_at,
        due.due_at,
        due.grace_until,
    )


def _expected(due: schedule.Due) -> Expected:
    return Expected(
        plan=due.plan,
        local_day=due.day,
        slot=due.slot,
        kind=due.item.kind,
        opens_at=due.opens_at,
        due_at=due.due_at,
        grace_until=due.grace_until,
        due=due,
    )
