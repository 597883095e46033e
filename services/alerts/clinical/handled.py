"""Benign cases that a programme names: whether a rule may close a yellow alert by itself, and which
of those are left open all the same, for a person to see whether the rule is right.

Pure: of the facts, the alert's findings and its id. Never red; whether anybody has touched the
alert is the caller's to know.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol, assert_never
from uuid import UUID

from services.alerts.clinical import conditions, finding, schedule
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import WHOLE
from shared.programmes import Handled, LimitRule, Programme, Rule

HUNDREDTHS = 10_000


class Spoken(Protocol):
    """A finding as it was raised."""

    @property
    def id(self) -> UUID: ...
    @property
    def rule(self) -> str: ...
    @property
    def at(self) -> datetime: ...


class Verdict(NamedTuple):
    """`sample`: the case fits, and the alert is one of those left open to be looked at."""

    case: Handled
    sample: bool


def verdict(
    programme: Programme,
    record: Record,
    alert_id: UUID,
    found: Sequence[Spoken],
    now: datetime,
) -> Verdict | None:
    """The case that fits every finding of the alert, if there is one."""
    for case in programme.handled:
        if found and all(_fits(case, programme, record, one, now) for one in found):
            return Verdict(case, is_sample(alert_id, programme.handled_sample))
    return None


def is_sample(alert_id: UUID, percent: int) -> bool:
    """The same answer whenever and wherever it is asked."""
    number = int.from_bytes(hashlib.sha256(alert_id.bytes).digest()[:8])
    return number % HUNDREDTHS < percent * HUNDREDTHS // 100


def _fits(case: Handled, programme: Programme, record: Record, one: Spoken, now: datetime) -> bool:
    rule = programme.rule_by_id.get(one.rule)
    if rule is None or rule.id not in case.rules or rule.colour == "red":
        return False
    match case.by:
        case "normal":
            return _is_normal_again(case, rule, programme, record, one)
        case "came":
            return _has_come(case, rule, programme, record, one, now)
        case _:
            assert_never(case.by)


def _is_normal_again(
    case: Handled, rule: Rule, programme: Programme, record: Record, one: Spoken
) -> bool:
    if not isinstance(rule, LimitRule):
        return False
    series = record.input(programme.input_by_name[rule.input]).sure
    later = [s for s in series.between(one.at, one.at + case.within) if s.at > one.at]
    if len(later) < case.points:
        return False
    if any(conditions.speaks(rule, programme, record, each) is not None for each in later):
        return False
    if not conditions.clears(rule, programme, record, later[-1]):
        return False
    if not case.alone:
        return True
    earlier = (s for s in series.between(one.at - case.alone, one.at) if s.at < one.at)
    return not any(conditions.speaks(rule, programme, record, each) for each in earlier)


def _has_come(
    case: Handled,
    rule: Rule,
    programme: Programme,
    record: Record,
    one: Spoken,
    now: datetime,
) -> bool:
    """What was missed has come after all, and was the only one of its kind that was missed."""
    missed = list(schedule.overdue(record, programme, now, one.at - case.alone))
    due = next((due for due in missed if _id(record, programme, rule, due) == one.id), None)
    if due is None or (case.kinds and due.item.kind not in case.kinds):
        return False
    if not _came(due, record, case):
        return False
    others = (
        each
        for each in missed
        if each.item.kind == due.item.kind
        and each.key != due.key
        and one.at - case.alone <= each.grace_until <= one.at
    )
    return not (case.alone and any(others))


def _id(record: Record, programme: Programme, rule: Rule, due: schedule.Due) -> UUID:
    return finding.identity(record.patient_id, programme.slug, rule.id, rule.colour, due.key)


def _came(due: schedule.Due, record: Record, case: Handled) -> bool:
    series = record.series((due.item.kind, WHOLE)).sure
    later: Iterable[datetime] = (
        sample.at
        for sample in series.between(due.grace_until, due.grace_until + case.within)
        if not due.item.phase or sample.phase in due.item.phase
    )
    return any(True for _ in later)
