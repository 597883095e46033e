"""What silence rules see: a gap that is too long, and what the plan expects and has not come."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from services.alerts.clinical import finding, measure, schedule, wording
from services.alerts.clinical.finding import Match, Seen, Waiting
from services.alerts.clinical.history import Record
from shared import workdays
from shared.programmes import AbsenceRule, OverdueRule, Programme, UnansweredRule

# Nothing is promised to what comes later than this after it was taken.
LATEST = timedelta(days=30)
# How far before a fact a promise may lie whose breach the fact changes.
PROMISED = timedelta(days=30)


def at_gaps(
    rule: AbsenceRule, programme: Programme, record: Record, now: datetime, start: datetime | None
) -> Iterator[Seen]:
    series = record.input(programme.input_by_name[rule.input]).sure
    # A new sample at `start` ends the gap after the one before it.
    first = 0 if start is None else max(len(series.before(start)) - 1, 0)
    for place in range(first, len(series.samples)):
        sample = series.samples[place]
        limit = measure.number(programme, record, rule.longer_than, sample)
        if limit is None or record.enrolled(programme.slug, sample.at) is None:
            continue
        longest = timedelta(seconds=int(limit * 3600))
        deadline = _deadline(programme, record, sample.at, longest)
        if deadline is None or record.enrolled(programme.slug, deadline) is None:
            continue
        if place + 1 < len(series.ats) and series.ats[place + 1] <= deadline:
            continue
        trigger = str(sample.fact.origin or sample.fact.id)
        if now < deadline:
            yield (
                trigger,
                Waiting(programme.slug, rule.id, rule.group, "absence", trigger, deadline),
            )
            continue
        about = programme.input_by_name[rule.input]
        named = isinstance(rule.longer_than, str)
        match = Match(
            (measure.as_value(sample, sample.value, about),),
            (sample.fact.id,),
            ((str(rule.longer_than), limit),) if named else (),
            _gap_words(limit, sample.at),
        )
        yield (
            trigger,
            finding.of_rule(rule, programme, record.patient_id, match, deadline, trigger, deadline),
        )


def _gap_words(limit: Decimal, last: datetime) -> finding.Words:
    return lambda language: {
        "limit": wording.number(limit, 0, language),
        "day": wording.day(schedule.local_day(last), language),
        "clock": wording.clock(last),
    }


def _deadline(
    programme: Programme, record: Record, last: datetime, longer_than: timedelta
) -> datetime | None:
    """When the gap is too long. A pause at that moment puts it off to a gap after the pause; a
    version that begins to judge later says it then, so that no gap falls between two versions."""
    deadline: datetime | None = last + longer_than
    while deadline is not None:
        if (pause := record.paused(deadline)) is not None:
            deadline = None if pause.end is None else pause.end + longer_than
            continue
        judged = record.decided.judged_from(programme, deadline)
        if judged == deadline:
            return deadline
        deadline = judged
    return None


def at_dues(
    rule: OverdueRule, programme: Programme, record: Record, now: datetime, start: datetime | None
) -> Iterator[Seen]:
    for due in schedule.overdue(record, programme, now, start):
        if rule.kinds and due.item.kind not in rule.kinds:
            continue
        match = Match((), (), (), _due_words(due))
        yield (
            due.key,
            finding.of_rule(
                rule, programme, record.patient_id, match, due.grace_until, due.key, due.grace_until
            ),
        )


def _due_words(due: schedule.Due) -> finding.Words:
    return lambda language: {
        "item": due.item.names.en if language == "en" else due.item.names.nb,
        "day": wording.day(due.day, language),
        "due": wording.clock(due.due_at),
    }


def at_unanswered(
    rule: UnansweredRule, programme: Programme, record: Record, now: datetime
) -> Iterator[Seen]:
    """All that the record holds: they are few, and an answer may come long after."""
    for sample in record.input(programme.input_by_name[rule.input]).all.samples:
        fact = sample.fact
        if fact.received_at - sample.at > LATEST or record.decided.is_answered(fact):
            continue
        deadline = workdays.promised(fact.received_at, rule.workdays, rule.by)
        if record.follows(programme, sample.at) is None:
            continue
        if record.enrolled(programme.slug, deadline) is None:
            continue
        # Of its own: a red one does not take back what the yellow one said before it.
        trigger = f"{fact.origin or fact.id}|{rule.id}"
        if now < deadline:
            yield (
                trigger,
                Waiting(programme.slug, rule.id, rule.group, "answer", trigger, deadline),
            )
            continue
        match = Match((), (fact.id,), (), _promise_words(sample.at, deadline))
        yield (
            trigger,
            finding.of_rule(rule, programme, record.patient_id, match, deadline, trigger, deadline),
        )


def _promise_words(sent: datetime, deadline: datetime) -> finding.Words:
    return lambda language: {
        "day": wording.day(schedule.local_day(sent), language),
        "clock": wording.clock(sent),
        "promised": (
            f"{wording.day(schedule.local_day(deadline), language)} "
            f"{'kl.' if language == 'nb' else 'at'} {wording.clock(deadline)}"
        ),
    }
