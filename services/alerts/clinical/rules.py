"""The rules of a programme over a patient's record: which findings there are at `now`.

Findings are a function of the facts, of the limits valid when each fact was measured, and of
`now`; never of arrival order. A red limit speaks at once and asks for a retake; a yellow one
that asks for a retake waits for it. Hysteresis does not apply to findings: two values either
side of a limit are findings on one open alert.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal, assert_never

from services.alerts.clinical import combining, conditions, finding, persisting, scores, silence
from services.alerts.clinical.finding import Finding, Seen, Spoken, Waiting
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Pair, Sample
from shared.programmes import (
    AbsenceRule,
    CombinationRule,
    Group,
    OtherRule,
    OverdueRule,
    Programme,
    SampleRule,
    ScoreRule,
    limits_of,
)


def findings(
    programme: Programme, record: Record, now: datetime, since: datetime | None = None
) -> tuple[Finding, ...]:
    """Every finding whose trigger is at or after `since`, and the earlier ones that a fact at or
    after `since` may change (`covers` says from when). All of them without `since`.

    `since` is the earliest moment, old or new, of any fact that came, went or was decided.
    """
    found: list[Finding] = []
    for group in programme.groups:
        found += group_findings(programme, group, record, now, since)
    return finding.in_order(found)


def group_findings(
    programme: Programme,
    group: Group,
    record: Record,
    now: datetime,
    since: datetime | None,
    waits: list[Waiting] | None = None,
) -> list[Finding]:
    """The group's findings. What waits in the same stretch of time is added to `waits`."""
    seen = _see(programme, group, record, now, since)
    if waits is not None:
        waits += [one for _, one in seen if isinstance(one, Waiting)]
    return [one for _, one in seen if isinstance(one, Finding)]


def waiting(programme: Programme, record: Record, now: datetime) -> tuple[Waiting, ...]:
    """What the passing of time alone will change: retakes not yet taken, gaps not yet too long."""
    found = []
    for group in programme.groups:
        # Older triggers have waited longer than any retake, and are findings or nothing by now.
        since = now - group.reach
        seen = _see(programme, group, record, now, since, afresh=True)
        found += [one for _, one in seen if isinstance(one, Waiting)]
    return tuple(sorted(found, key=lambda one: (one.until, one.rule, one.trigger)))


def covers(programme: Programme, record: Record, since: datetime) -> dict[str, datetime]:
    """From which moment `findings(…, since)` answers completely, by rule."""
    answer = {}
    for group in programme.groups:
        for rule in group.rules:
            answer[rule.id] = since - group.reach
            if isinstance(rule, ScoreRule):
                answer[rule.id] = since
            if isinstance(rule, CombinationRule):
                answer[rule.id] = since
            if isinstance(rule, AbsenceRule):
                last = record.input(programme.input_by_name[rule.input]).sure.before(since)
                answer[rule.id] = last[-1].at if last else since
    return answer


def unset(programme: Programme, record: Record, at: datetime) -> tuple[str, ...]:
    """Limits without a default that nobody has set: the rules that use them keep silent."""
    wanted = dict.fromkeys(name for rule in programme.rules for name in limits_of(rule))
    return tuple(
        name
        for name in wanted
        if programme.limit_by_name[name].default is None
        and record.limit(programme.slug, name, at) is None
    )


def _see(
    programme: Programme,
    group: Group,
    record: Record,
    now: datetime,
    since: datetime | None,
    *,
    afresh: bool = False,
) -> list[Seen]:
    """One group, all its rules from the same moment, so that red can speak for yellow. `afresh`
    when `since` is not the moment from which facts came or went."""
    start = None if since is None else since - group.reach
    seen: list[Seen] = []
    for wanted, several in group.at_samples:
        if start is None or record.reaches(wanted, start):
            for rule in several:
                pair = record.input(wanted)
                changed = None if afresh else since
                spoken = _speaking(rule, pair, programme, record, start, changed)
                seen += _at_samples(rule, spoken, pair, programme, record, now)
    for other in group.others:
        # No retake changes a score, so it is looked at from `since` only.
        first = since if isinstance(other, ScoreRule | CombinationRule) else start
        seen += _look(other, programme, record, now, first)
    if not seen:
        return seen
    red = {trigger for trigger, one in seen if isinstance(one, Finding) and one.colour == "red"}
    if not red:
        return seen
    yellow = {rule.id for rule in group.rules if rule.colour == "yellow"}
    return [(trigger, one) for trigger, one in seen if trigger not in red or one.rule not in yellow]


def _look(
    rule: OtherRule,
    programme: Programme,
    record: Record,
    now: datetime,
    start: datetime | None,
) -> Iterator[Seen]:
    match rule:
        case ScoreRule():
            return scores.at_sittings(rule, programme, record, start)
        case AbsenceRule():
            return silence.at_gaps(rule, programme, record, now, start)
        case OverdueRule():
            return silence.at_dues(rule, programme, record, now, start)
        case CombinationRule():
            return combining.at_meetings(rule, programme, record, start)
        case _:
            assert_never(rule)


def _speaking(
    rule: SampleRule,
    pair: Pair,
    programme: Programme,
    record: Record,
    start: datetime | None,
    since: datetime | None,
) -> list[Spoken]:
    """The samples from `start` on that the rule speaks of.

    Whether it speaks of one before `since` was decided when that one came, and depends on nothing
    later: only new ones are looked at.
    """
    key = (programme.slug, rule.id)
    known = record.spoken.pop(key, None) if since is not None else None
    samples: Iterable[Sample] = pair.all.since(start)
    found: list[Spoken] = []
    if known is not None and start is not None and since is not None and known[0] <= start:
        found = [one for one in known[1] if start <= one.sample.at < since]
        samples = pair.all.since(since)
    for sample in samples:
        if record.enrolled(programme.slug, sample.at) is None:
            continue
        match = persisting.speaks(rule, programme, record, sample)
        if match is not None:
            found.append(Spoken(sample, match))
    if start is not None and since is not None:
        record.spoken[key] = (start, found)
    return found


def _at_samples(
    rule: SampleRule,
    spoken: list[Spoken],
    pair: Pair,
    programme: Programme,
    record: Record,
    now: datetime,
) -> Iterator[Seen]:
    for one in spoken:
        sample = one.sample
        trigger = str(sample.fact.origin or sample.fact.id)
        retake = rule.retake is not None
        if rule.retake is not None and rule.colour == "yellow":
            answer = _retaken(rule, programme, record, pair, sample)
            if answer == "cleared":
                continue
            until = sample.at + rule.retake.grace
            if answer == "none" and now < until:
                yield (
                    trigger,
                    Waiting(programme.slug, rule.id, rule.group, "retake", trigger, until),
                )
                continue
            retake = answer == "none"
        if retake not in one.made:
            one.made[retake] = finding.of_rule(
                rule,
                programme,
                record.patient_id,
                one.match,
                sample.at,
                trigger,
                sample.fact.received_at,
                retake=retake,
            )
        yield trigger, one.made[retake]


def _retaken(
    rule: SampleRule, programme: Programme, record: Record, pair: Pair, sample: Sample
) -> Literal["confirmed", "cleared", "none"]:
    """Whether another sample within the retake's window is beyond too.

    One beyond confirms, before or after; without one, a later one that is not beyond clears.
    """
    assert rule.retake is not None
    within = rule.retake.within
    others = [
        one
        for one in pair.sure.between(sample.at - within, sample.at + within)
        if one.at != sample.at
    ]
    if any(conditions.speaks(rule, programme, record, one) for one in others):
        return "confirmed"
    return "cleared" if any(one.at > sample.at for one in others) else "none"
