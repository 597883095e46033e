"""Why a reading did, or did not, make each rule speak: one reason per rule, with its numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from services.alerts.clinical import conditions, measure, persisting, rules
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Sample
from shared.contracts import Fact
from shared.programmes import Programme, SampleRule, ScoreRule, inputs_of, limits_of


class Why(StrEnum):
    """In the order in which they are asked; the first that holds is the answer."""

    SPOKE = "spoke"
    NOT_ENROLLED = "not-enrolled"
    LIMIT_NOT_SET = "limit-not-set"
    NOT_BEYOND = "not-beyond"
    NOT_YET_PERSISTENT = "not-yet-persistent"
    WAITS_FOR_RETAKE = "waits-for-retake"
    CLEARED_BY_RETAKE = "cleared-by-retake"
    RED_SPOKE = "red-spoke"


@dataclass(frozen=True, slots=True)
class Used:
    """A limit as it was in force: the patient's own, or the programme's default."""

    name: str
    value: Decimal | None
    own: bool


@dataclass(frozen=True, slots=True)
class Answer:
    rule: str
    group: str
    colour: str
    why: Why
    limits: tuple[Used, ...]


def explain(programme: Programme, record: Record, fact: Fact, now: datetime) -> tuple[Answer, ...]:
    """One answer for each rule that looks at something this fact says."""
    spoken = _spoken(programme, record, fact, now)
    answers = []
    for rule in programme.rules:
        if not isinstance(rule, SampleRule) or _is_news2(rule):
            continue
        samples = _of(fact, rule, programme, record)
        if samples:
            why = _why(rule, programme, record, samples, now, spoken)
            answers.append(
                Answer(rule.id, rule.group, rule.colour, why, _used(rule, programme, record, fact))
            )
    return tuple(answers)


def _spoken(programme: Programme, record: Record, fact: Fact, now: datetime) -> dict[str, str]:
    """Rule -> group of those whose finding names the fact."""
    return {
        one.rule: one.group
        for one in rules.findings(programme, record, now, fact.at)
        if fact.id in one.facts
    }


def _why(
    rule: SampleRule,
    programme: Programme,
    record: Record,
    samples: Iterable[Sample],
    now: datetime,
    spoken: dict[str, str],
) -> Why:
    if rule.id in spoken:
        return Why.SPOKE
    several = list(samples)
    if all(record.enrolled(programme.slug, one.at) is None for one in several):
        return Why.NOT_ENROLLED
    if any(measure.number(programme, record, name, several[0]) is None for name in limits_of(rule)):
        return Why.LIMIT_NOT_SET
    if all(conditions.speaks(rule, programme, record, one) is None for one in several):
        return Why.NOT_BEYOND
    if all(persisting.speaks(rule, programme, record, one) is None for one in several):
        return Why.NOT_YET_PERSISTENT
    if rule.colour == "yellow" and _red_spoke(rule, programme, spoken):
        return Why.RED_SPOKE
    if rule.retake is not None and now < several[0].at + rule.retake.grace:
        return Why.WAITS_FOR_RETAKE
    return Why.CLEARED_BY_RETAKE


def _red_spoke(rule: SampleRule, programme: Programme, spoken: dict[str, str]) -> bool:
    return any(
        group == rule.group and programme.rule_by_id[name].colour == "red"
        for name, group in spoken.items()
    )


def _of(fact: Fact, rule: SampleRule, programme: Programme, record: Record) -> list[Sample]:
    wanted = programme.input_by_name[inputs_of(rule)[0]]
    last = fact.until or fact.at
    return [
        one for one in record.input(wanted).all.between(fact.at, last) if one.fact.id == fact.id
    ]


def _used(rule: SampleRule, programme: Programme, record: Record, fact: Fact) -> tuple[Used, ...]:
    used = []
    for name in limits_of(rule):
        own = record.limit(programme.slug, name, fact.at)
        default = programme.limit_by_name[name].default
        used.append(Used(name, default if own is None else own, own is not None))
    return tuple(used)


def _is_news2(rule: SampleRule) -> bool:
    return isinstance(rule, ScoreRule) and rule.score == "news2"
