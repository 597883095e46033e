"""The rules of a programme over a patient's record: which findings there are at `now`.

Findings are a function of the facts, of the limits valid when each fact was measured, and of
`now`; never of arrival order. A red limit speaks at once and asks for a retake; a yellow one
that asks for a retake waits for it. Two values either side of a limit are findings on one open
alert; where a yellow rule gives `clear`, a value that hovers is one finding a day.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, assert_never

from services.alerts.clinical import (
    combining,
    conditions,
    finding,
    scores,
    sieve,
    silence,
    speaking,
)
from services.alerts.clinical.finding import Finding, Seen, Spoken, Waiting
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Pair, Sample
from shared.programmes import (
    Group,
    OtherRule,
    OverdueRule,
    Programme,
    Rule,
    SampleRule,
    UnansweredRule,
    limits_of,
)

EVER = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)


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
    if not seen:
        return []
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
    return {
        rule.id: covers_of(rule, programme, group, record, since)
        for group in programme.groups
        for rule in group.rules
    }


def covers_of(
    rule: Rule, programme: Programme, group: Group, record: Record, since: datetime
) -> datetime:
    """The same of one rule."""
    match rule.kind:  # by its name: to ask for its class costs ten times as much
        case "score" | "combination":
            return since
        case "absence":
            last = record.input(programme.input_by_name[rule.input]).sure.before(since)
            return last[-1].at if last else since
        case "unanswered":
            return since - silence.PROMISED
        case _:
            return since - group.reach


def judging(programme: Programme, record: Record, since: datetime | None) -> list[Programme]:
    """The versions of a programme that `findings(…, since)` must be asked of: those that judged
    the patient at any moment it answers for. The latest first, so that what an earlier one said of
    the same trigger stands when findings are put in order."""
    if len(programme.versions) == 1:
        return [programme]
    if since is None:
        return record.decided.versions_since(programme, EVER)
    first = since
    for one in programme.versions.values():
        first = min([first, *covers(one, record, since).values()])
        if any(isinstance(rule, OverdueRule) for rule in one.rules):
            # What a day expects is judged by the version that day began with.
            grace = max(record.longest_grace(one.slug), one.longest_grace)
            first = min(first, since - grace - timedelta(days=1))
        if any(isinstance(rule, UnansweredRule) for rule in one.rules):
            # It is the version of the day it was taken that promised.
            first = min(first, since - 2 * silence.PROMISED - silence.LATEST)
    return record.decided.versions_since(programme, first)


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
    changed = None if afresh else since
    for look in speaking.looks(programme, group):
        if start is None or record.reaches(look.wanted, start):
            pair = record.input(look.wanted)
            spoken = speaking.spoken(look, pair, programme, record, start, changed)
            for rule in look.rules if spoken else ():
                if rule.id in spoken:
                    seen += _at_samples(rule, spoken[rule.id], pair, programme, record, now)
    for other in group.others:
        # No retake changes a score, so it is looked at from `since` only.
        first = since if other.kind in ("score", "combination") else start
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
    match rule.kind:
        case "score":
            return scores.at_sittings(rule, programme, record, start)
        case "absence":
            return silence.at_gaps(rule, programme, record, now, start)
        case "overdue":
            return silence.at_dues(rule, programme, record, now, start)
        case "unanswered":
            return silence.at_unanswered(rule, programme, record, now)
        case "combination":
            return combining.at_meetings(rule, programme, record, start)
        case _:
            assert_never(rule)


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

    One beyond confirms, before or after; without one, a later one clears. Where the rule gives
    `clear`, only one that is there or past it does, and one short of it confirms.
    """
    assert rule.retake is not None
    within = rule.retake.within
    others = [
        one
        for one in pair.sure.between(sample.at - within, sample.at + within)
        if one.at != sample.at
    ]
    asked = sieve.of(rule, programme)(record, others)
    if any(conditions.speaks(rule, programme, record, one) for one in asked):
        return "confirmed"
    later = [one for one in others if one.at > sample.at]
    if any(conditions.clears(rule, programme, record, one) for one in later):
        return "cleared"
    return "confirmed" if later else "none"
