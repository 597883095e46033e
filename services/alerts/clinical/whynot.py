"""Why a reading did, or did not, make each rule speak: one reason per rule, with its numbers.

What the rules found is asked of the rules themselves; only the silence is explained here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from services.alerts.clinical import conditions, finding, measure, persisting, rules, sitting
from services.alerts.clinical.finding import Finding, Waiting
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Sample
from shared.contracts import Fact
from shared.programmes import (
    AbsenceRule,
    CombinationRule,
    CountRule,
    OverdueRule,
    Programme,
    Rule,
    SampleRule,
    ScoreRule,
    ShareRule,
    UnansweredRule,
    inputs_of,
    limits_of,
)


class Why(StrEnum):
    """In the order in which they are asked; the first that holds is the answer."""

    SPOKE = "spoke"
    NOT_ENROLLED = "not-enrolled"
    LIMIT_NOT_SET = "limit-not-set"
    NOT_BEYOND = "not-beyond"
    NOT_YET_PERSISTENT = "not-yet-persistent"
    RED_SPOKE = "red-spoke"
    WAITS_FOR_RETAKE = "waits-for-retake"
    CLEARED_BY_RETAKE = "cleared-by-retake"
    PAUSED = "paused"
    COULD_NOT_BE_JUDGED = "could-not-be-judged"
    # Of what was found: why it was not told.
    GROUP_ALREADY_OPEN = "group-already-open"
    SNOOZED = "snoozed"
    COVERED_BY_CLOSE = "covered-by-close"


@dataclass(frozen=True, slots=True)
class Used:
    """A limit as it was in force: the patient's own, or the programme's default."""

    name: str
    value: Decimal | None
    own: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """`found` when it spoke; `until` when it will, unless something comes."""

    rule: Rule
    why: Why
    limits: tuple[Used, ...]
    found: Finding | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """What the rules say of the fact, by rule; the groups in which that was red, or failed."""

    found: dict[str, Finding]
    waits: dict[str, Waiting]
    red: frozenset[str]
    failed: frozenset[str]


def explain(programme: Programme, record: Record, fact: Fact, now: datetime) -> tuple[Answer, ...]:
    """One answer for each rule that looks at something this fact says."""
    said = _said(programme, record, fact, now)
    answers = []
    for rule in programme.rules:
        why = _why(rule, programme, record, fact, now, said)
        if why is not None:
            waits = said.waits.get(rule.id)
            answers.append(
                Answer(
                    rule,
                    why,
                    _used(rule, programme, record, fact),
                    said.found.get(rule.id) if why is Why.SPOKE else None,
                    waits.until if waits else None,
                )
            )
    return tuple(answers)


def _said(programme: Programme, record: Record, fact: Fact, now: datetime) -> _Said:
    waits: list[Waiting] = []
    found: dict[str, Finding] = {}
    trigger = str(fact.origin or fact.id)
    failed = set()
    for group in programme.groups:
        try:
            seen = rules.group_findings(programme, group, record, now, fact.at, waits)
        except Exception:  # said of its rules; the others are explained
            failed.add(group.name)
            continue
        for one in seen:
            if _is_of(one, programme, record, fact, trigger):
                found.setdefault(one.rule, one)
    return _Said(
        found,
        {one.rule: one for one in waits if one.trigger == trigger},
        frozenset(one.group for one in found.values() if one.colour == "red"),
        frozenset(failed),
    )


def _is_of(one: Finding, programme: Programme, record: Record, fact: Fact, trigger: str) -> bool:
    """A later reading may be compared with this one and name it; then this one did not speak."""
    rule = programme.rule_by_id[one.rule]
    if isinstance(rule, CombinationRule) or _is_news2(rule):
        return fact.id in one.facts
    named = finding.identity(record.patient_id, programme.slug, rule.id, rule.colour, trigger)
    return one.id == named


def _why(
    rule: Rule, programme: Programme, record: Record, fact: Fact, now: datetime, said: _Said
) -> Why | None:
    """None: the rule does not look at this fact."""
    if isinstance(rule, OverdueRule | UnansweredRule):
        return None
    several = _looked_at(rule, programme, record, fact)
    if not several:
        return None
    if rule.group in said.failed:
        return Why.COULD_NOT_BE_JUDGED
    if rule.id in said.found:
        return Why.SPOKE
    if all(record.enrolled(programme.slug, one.at) is None for one in several):
        return Why.NOT_ENROLLED
    if isinstance(rule, AbsenceRule):
        return _of_gap(rule, programme, record, several[-1], now, said)
    if isinstance(rule, CombinationRule) or _is_news2(rule):
        is_below_red = rule.colour == "yellow" and rule.group in said.red
        return Why.RED_SPOKE if is_below_red else Why.NOT_BEYOND
    return _of_samples(rule, programme, record, several, said)


def _of_samples(
    rule: SampleRule, programme: Programme, record: Record, several: list[Sample], said: _Said
) -> Why:
    if all(conditions.speaks(rule, programme, record, one) is None for one in several):
        unset = [one for one in limits_of(rule) if _is_unset(one, programme, record, several[0])]
        if unset:
            return Why.LIMIT_NOT_SET
        alone = _alone(rule)
        if any(conditions.speaks(alone, programme, record, one) is not None for one in several):
            return Why.NOT_YET_PERSISTENT
        return Why.NOT_BEYOND
    if all(persisting.speaks(rule, programme, record, one) is None for one in several):
        return Why.NOT_YET_PERSISTENT
    if rule.colour == "yellow" and rule.group in said.red:
        return Why.RED_SPOKE
    return Why.WAITS_FOR_RETAKE if rule.id in said.waits else Why.CLEARED_BY_RETAKE


def _alone(rule: SampleRule) -> SampleRule:
    """The rule as if one sample were enough."""
    match rule:
        case CountRule():
            return rule.model_copy(update={"n": 1})
        case ShareRule():
            return rule.model_copy(update={"share": Decimal(0), "points": 1})
        case _:
            return rule


def _of_gap(
    rule: AbsenceRule,
    programme: Programme,
    record: Record,
    sample: Sample,
    now: datetime,
    said: _Said,
) -> Why:
    limit = measure.number(programme, record, rule.longer_than, sample)
    if limit is None:
        return Why.LIMIT_NOT_SET
    deadline = sample.at + timedelta(seconds=int(limit * 3600))
    later = record.input(programme.input_by_name[rule.input]).sure
    if any(one.at > sample.at for one in later.between(sample.at, deadline)):
        return Why.NOT_BEYOND
    if record.paused(deadline) is not None:
        return Why.PAUSED
    if rule.id in said.waits or now < deadline:
        return Why.NOT_YET_PERSISTENT
    return Why.NOT_ENROLLED


def _looked_at(rule: Rule, programme: Programme, record: Record, fact: Fact) -> list[Sample]:
    """The fact's samples that the rule looks at."""
    match rule:
        case OverdueRule() | UnansweredRule():
            return []
        case CombinationRule():
            parts = [programme.rule_by_id[name] for name in rule.of]
            return [one for part in parts for one in _looked_at(part, programme, record, fact)]
        case ScoreRule(score="news2"):
            keys = [key for keys in sitting.SERIES.values() for key in keys]
            return [one for key in keys for one in _of(fact, record.series(key).all.samples)]
        case AbsenceRule():
            return _of(fact, record.input(programme.input_by_name[rule.input]).sure.samples)
        case _:
            wanted = programme.input_by_name[inputs_of(rule)[0]]
            return _of(fact, record.input(wanted).all.samples)


def _of(fact: Fact, several: Iterable[Sample]) -> list[Sample]:
    return [one for one in several if one.fact.id == fact.id]


def _is_unset(name: str, programme: Programme, record: Record, sample: Sample) -> bool:
    return measure.number(programme, record, name, sample) is None


def _used(rule: Rule, programme: Programme, record: Record, fact: Fact) -> tuple[Used, ...]:
    used = []
    for name in limits_of(rule):
        own = record.limit(programme.slug, name, fact.at)
        default = programme.limit_by_name[name].default
        used.append(Used(name, default if own is None else own, own is not None))
    return tuple(used)


def _is_news2(rule: Rule) -> bool:
    return isinstance(rule, ScoreRule) and rule.score == "news2"
