"""What a patient's plan expects, and when: one due per (plan, local day, slot).

Local clock times in Europe/Oslo, instants in UTC, so that the nights when the clock changes
have exactly one of each. Expecting starts when the plan is activated, not at the first reading;
an enrolment that is recorded as of a day gone by makes nobody silent in the meantime.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from uuid import UUID

from services.alerts.clinical import wording
from services.alerts.clinical.decided import Enrolment
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import WHOLE
from shared.programmes import DAYS, PlanItem, Programme

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """`plan` is the enrolment's id, `slot` the plan item's. `paused` names the pause over it."""

    plan: UUID
    day: date
    slot: str
    item: PlanItem
    opens_at: datetime
    due_at: datetime
    grace_until: datetime
    paused: str | None

    @property
    def key(self) -> str:
        return f"{self.plan}|{self.day.isoformat()}|{self.slot}"


def local_day(at: datetime) -> date:
    return at.astimezone(wording.OSLO).date()


def dues(record: Record, programme: Programme, first: date, last: date) -> tuple[Due, ...]:
    """Everything expected from local day `first` to `last`, paused ones included and marked."""
    found = _expected(record, programme, first, last, None, None)
    return tuple(sorted(found, key=lambda due: (due.due_at, due.slot)))


def satisfied_by(due: Due, record: Record) -> UUID | None:
    """The first fact measured in the slot's window; a clock we doubt satisfies nothing."""
    sure = record.series((due.item.kind, WHOLE)).sure
    for sample in sure.between(due.opens_at, due.grace_until):
        if not due.item.phase or sample.phase in due.item.phase:
            return sample.fact.id
    return None


def overdue(
    record: Record, programme: Programme, now: datetime, since: datetime | None
) -> Iterator[Due]:
    """What is expected, not paused, past its grace at `now` and still missing.

    With `since`, only what a fact measured at or after `since` could have satisfied.
    """
    started = [one.start for one in record.enrolments if one.programme == programme.slug]
    if not started:
        return
    grace = max(record.longest_grace(programme.slug), programme.longest_grace)
    earliest = min(started) if since is None else max(since - grace, min(started))
    last = local_day(now)
    for due in _expected(record, programme, local_day(earliest), last, since, now):
        if due.paused is None and satisfied_by(due, record) is None:
            yield due


def _expected(
    record: Record,
    programme: Programme,
    first: date,
    last: date,
    after: datetime | None,
    before: datetime | None,
) -> Iterator[Due]:
    """Those whose grace is over from `after` to `before`."""
    seen: set[tuple[int, date, str]] = set()
    for enrolment in record.enrolments:
        if enrolment.programme != programme.slug:
            continue
        for day, item, opens_at, due_at in _days(record, enrolment, programme, first, last):
            # A plan changed in mid-day expects a slot once, as it first stood.
            key = (enrolment.id.int, day, item.id)
            if key in seen:
                continue
            seen.add(key)
            grace_until = due_at + item.grace
            if (after and grace_until < after) or (before and grace_until > before):
                continue
            pause = record.paused(due_at)
            paused = pause.id if pause else None
            yield Due(enrolment.id, day, item.id, item, opens_at, due_at, grace_until, paused)


def _days(
    record: Record, enrolment: Enrolment, programme: Programme, first: date, last: date
) -> Iterator[tuple[date, PlanItem, datetime, datetime]]:
    items = programme.plan if enrolment.plan is None else enrolment.plan
    day = max(first, local_day(enrolment.start))
    if enrolment.end is not None:
        last = min(last, local_day(enrolment.end))
    enrolled = local_day(enrolment.first)
    while day <= last:
        for item in items if _plans(record, enrolment, programme, day) else ():
            if _is_expected(item, day, enrolled):
                opens_at, due_at = instants(day, item.opens, item.due)
                # What is asked once, on its day, is still asked for.
                was_told = due_at >= enrolment.recorded or item.on_day is not None
                if enrolment.covers(due_at) and was_told:
                    yield day, item, opens_at, due_at
        day += ONE_DAY


def _plans(record: Record, enrolment: Enrolment, programme: Programme, day: date) -> bool:
    """A day is planned whole, by the version it began with: a slot that another version moves in
    mid-day is expected once, neither twice nor never."""
    if len(programme.versions) == 1:
        return True
    began = max(instants(day, time(0), time(0))[0], enrolment.first)
    return record.decided.version(programme, began).version == programme.version


def _is_expected(item: PlanItem, day: date, enrolled: date) -> bool:
    if item.on_day is not None:
        return (day - enrolled).days == item.on_day
    if DAYS[day.weekday()] not in item.days:
        return False
    if item.every_weeks == 1:
        return True
    # Whole weeks from Monday to Sunday, so that a form keeps its day of the week.
    weeks = (day - enrolled + timedelta(days=enrolled.weekday())).days // 7
    return weeks % item.every_weeks == 0


@lru_cache(maxsize=4096)
def instants(day: date, opens: time, due: time) -> tuple[datetime, datetime]:
    """A clock time that does not exist that night is the moment after; of two, the first."""
    return (
        datetime.combine(day, opens, wording.OSLO).astimezone(UTC),
        datetime.combine(day, due, wording.OSLO).astimezone(UTC),
    )
