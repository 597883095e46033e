"""A rule that waits until it is true several times, and waits less the farther beyond it is."""

from services.alerts.clinical import conditions, measure
from services.alerts.clinical.finding import Match
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Sample
from shared.programmes import ChangeRule, LimitRule, Persistence, Programme, SampleRule, TargetRule


def speaks(rule: SampleRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    """The rule's match at this sample, when it has persisted for as long as it must."""
    match = conditions.speaks(rule, programme, record, sample)
    if match is None or not isinstance(rule, LimitRule | ChangeRule | TargetRule):
        return match
    if rule.persistence is None:
        return match
    needed = _needed(rule, rule.persistence, programme, record, sample, match)
    if needed <= 1:
        return match
    earlier = _earlier(rule, rule.persistence, programme, record, sample)
    if len(earlier) + 1 < rule.persistence.points:
        return None
    hits = [one for one in earlier if conditions.speaks(rule, programme, record, one) is not None]
    if len(hits) + 1 < needed:
        return None
    about = programme.input_by_name[rule.input]
    return Match(
        (*match.values, *(measure.as_value(one, one.value, about) for one in hits)),
        (*match.facts, *(one.fact.id for one in hits)),
        match.limits,
        match.words,
        match.measured,
    )


def _needed(
    rule: LimitRule | ChangeRule | TargetRule,
    persistence: Persistence,
    programme: Programme,
    record: Record,
    sample: Sample,
    match: Match,
) -> int:
    """How many of the last must be beyond: fewer when this one is far beyond."""
    needed = persistence.n
    how = rule.comparison[0]
    for step in persistence.sooner:
        far = measure.number(programme, record, step.beyond, sample)
        if far is None or match.measured is None:
            continue
        if measure.BEYOND[how](match.measured, far):
            needed = min(needed, step.n)
    return needed


def _earlier(
    rule: LimitRule | ChangeRule | TargetRule,
    persistence: Persistence,
    programme: Programme,
    record: Record,
    sample: Sample,
) -> list[Sample]:
    """The samples before this one that are counted, newest first."""
    counted: list[Sample] = []
    last = sample.at
    for one in reversed(record.input(programme.input_by_name[rule.input]).sure.before(sample.at)):
        if len(counted) + 1 == persistence.m or sample.at - one.at > persistence.within:
            break
        if last - one.at >= persistence.apart:
            counted.append(one)
            last = one.at
    return counted
