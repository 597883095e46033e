"""Whether one sample makes one rule speak, and with which numbers. Pure arithmetic on decimals."""

from datetime import timedelta
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import assert_never

from services.alerts.clinical import samples, wording
from services.alerts.clinical.finding import Match, Value
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Sample
from shared.programmes import (
    ChangeRule,
    CodedRule,
    CountRule,
    Input,
    LimitRule,
    Programme,
    SampleRule,
    ScoreRule,
    TargetRule,
)

BEYOND = {"above": gt, "at_least": ge, "below": lt, "at_most": le}


def speaks(rule: SampleRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    """The match, or None: not beyond, nothing to compare with, or a limit nobody has set."""
    match rule:
        case LimitRule():
            return _limit(rule, programme, record, sample)
        case ChangeRule():
            return _change(rule, programme, record, sample)
        case TargetRule():
            return _target(rule, programme, record, sample)
        case CountRule():
            return _count(rule, programme, record, sample)
        case CodedRule():
            return _coded(rule, programme, sample)
        case ScoreRule():
            return _form_score(rule, programme, sample)
        case _:
            assert_never(rule)


def number(
    programme: Programme, record: Record, reference: Decimal | str, sample: Sample
) -> Decimal | None:
    """A figure as it stands, or the limit of that name in force when the sample was taken."""
    if isinstance(reference, Decimal):
        return reference
    own = record.limit(programme.slug, reference, sample.at)
    return programme.limit_by_name[reference].default if own is None else own


def _limit(rule: LimitRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    how, reference = rule.comparison
    value, limit = _figure(sample), number(programme, record, reference, sample)
    if value is None or limit is None or not BEYOND[how](value, limit):
        return None
    about = programme.input_by_name[rule.input]
    # 89.6 is below 90 and must not read "90 (limit 90)".
    rounded = round(value, about.decimals)
    decimals = about.decimals if BEYOND[how](rounded, limit) else 2
    return Match(
        (as_value(sample, value, about),),
        (sample.fact.id,),
        _used((reference, limit)),
        lambda language: {
            "value": wording.number(value, decimals, language),
            "limit": wording.limit(limit, about.decimals, language),
        },
    )


def _change(rule: ChangeRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    how, reference = rule.comparison
    value, limit = _figure(sample), number(programme, record, reference, sample)
    earlier = _reference(rule, programme, record, sample)
    if value is None or limit is None or earlier is None:
        return None
    from_, before = earlier
    change = value - before
    moved = change if rule.direction == "rise" else -change
    elapsed = sample.at - from_.at
    if rule.per is not None:
        moved = moved * _seconds(rule.per) / _seconds(elapsed)
    used = [(reference, limit)]
    if rule.percent_of is not None:
        whole = number(programme, record, rule.percent_of, sample)
        if not whole:
            return None
        moved = moved / whole * 100
        used.append((rule.percent_of, whole))
    if not BEYOND[how](moved, limit):
        return None
    about = programme.input_by_name[rule.input]
    against = programme.input_by_name[rule.against]
    return Match(
        (as_value(sample, value, about), as_value(from_, before, against)),
        (sample.fact.id, from_.fact.id),
        _used(*used),
        lambda language: {
            "value": wording.number(value, about.decimals, language),
            "reference": wording.number(before, against.decimals, language),
            "change": wording.signed(change, about.decimals, language),
            "rate": wording.signed(moved, max(about.decimals, 1), language),
            "percent": wording.number(moved, 1, language),
            "limit": wording.limit(limit, about.decimals, language),
            "hours": wording.number(_seconds(elapsed) / 3600, 0, language),
        },
    )


def _reference(
    rule: ChangeRule, programme: Programme, record: Record, sample: Sample
) -> tuple[Sample, Decimal] | None:
    """The earlier sample to compare with. The lowest, not the first: a weight that dips and
    then climbs is fluid gained since the dip.
    """
    series = record.input(programme.input_by_name[rule.against]).sure
    found = [
        (one, figure)
        for one in series.between(sample.at - rule.within, sample.at - rule.apart)
        if one.at < sample.at and (figure := _figure(one)) is not None
    ]
    if not found:
        return None
    match rule.reference:
        case "last":
            return found[-1]
        case "lowest":
            return min(found, key=lambda pair: pair[1])
        case "highest":
            return max(found, key=lambda pair: pair[1])
        case _:
            assert_never(rule.reference)


def _target(rule: TargetRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    how, reference = rule.comparison
    value, limit = _figure(sample), number(programme, record, reference, sample)
    target = number(programme, record, rule.target, sample)
    if value is None or limit is None or target is None:
        return None
    over = value - target
    distance = {"over": over, "under": -over, "either": abs(over)}[rule.direction]
    if not BEYOND[how](distance, limit):
        return None
    about = programme.input_by_name[rule.input]
    return Match(
        (as_value(sample, value, about),),
        (sample.fact.id,),
        _used((rule.target, target), (reference, limit)),
        lambda language: {
            "value": wording.number(value, about.decimals, language),
            "target": wording.number(target, about.decimals, language),
            "change": wording.signed(over, about.decimals, language),
            "limit": wording.limit(limit, about.decimals, language),
        },
    )


def _count(rule: CountRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    about = programme.input_by_name[rule.input]
    limit: Decimal | None = None
    used: tuple[tuple[str, Decimal], ...] = ()
    if rule.comparison is not None:
        limit = number(programme, record, rule.comparison[1], sample)
        if limit is None:
            return None
        used = _used((rule.comparison[1], limit))

    def beyond(one: Sample) -> bool:
        if rule.comparison is None or limit is None:
            return samples.answers(one.value, rule.codes)
        figure = _figure(one)
        return figure is not None and BEYOND[rule.comparison[0]](figure, limit)

    if not beyond(sample):
        return None
    counted = [sample]
    for one in reversed(record.input(about).sure.before(sample.at)):
        if len(counted) == rule.m or sample.at - one.at > rule.within:
            break
        if counted[-1].at - one.at >= rule.apart:
            counted.append(one)
    counted.reverse()
    hits = sum(map(beyond, counted))
    if hits < rule.n:
        return None
    figures = [figure for one in counted if (figure := _figure(one)) is not None]
    return Match(
        tuple(as_value(one, one.value, about) for one in counted),
        tuple(one.fact.id for one in counted),
        used,
        lambda language: {
            "value": wording.number(figures[-1], about.decimals, language) if figures else "",
            "values": wording.listed(figures, about.decimals, language),
            "limit": wording.limit(limit, about.decimals, language) if limit is not None else "",
            "count": str(hits),
            "of": str(len(counted)),
        },
    )


def _coded(rule: CodedRule, programme: Programme, sample: Sample) -> Match | None:
    if not samples.answers(sample.value, rule.codes):
        return None
    several = sample.value if isinstance(sample.value, tuple) else (sample.value,)
    said = next(one for one in several if isinstance(one, str | bool) and one in rule.codes)
    about = programme.input_by_name[rule.input]
    return Match((as_value(sample, said, about),), (sample.fact.id,), (), lambda language: {})


def _form_score(rule: ScoreRule, programme: Programme, sample: Sample) -> Match | None:
    value, least = _figure(sample), rule.at_least
    if value is None or least is None or value < least:
        return None
    if rule.below is not None and value >= rule.below:
        return None
    about = programme.input_by_name[rule.score]
    return Match(
        (as_value(sample, value, about),),
        (sample.fact.id,),
        (),
        lambda language: {
            "value": wording.number(value, about.decimals, language),
            "limit": wording.limit(least, about.decimals, language),
        },
    )


def _figure(sample: Sample) -> Decimal | None:
    value = sample.value
    if isinstance(value, tuple):
        value = next((one for one in value if isinstance(one, Decimal)), "")
    return value if isinstance(value, Decimal) else None


def as_value(sample: Sample, value: samples.Plain, about: Input) -> Value:
    if isinstance(value, tuple):
        value = ", ".join(str(one) for one in value)
    return Value(sample.kind, sample.field, value, about.ucum, sample.at)


def _used(*pairs: tuple[Decimal | str, Decimal]) -> tuple[tuple[str, Decimal], ...]:
    return tuple((name, value) for name, value in pairs if isinstance(name, str))


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)) / 1_000_000
