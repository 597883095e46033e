"""Whether one sample makes one rule speak, and with which numbers. Pure arithmetic on decimals."""

from collections.abc import Sequence
from decimal import Decimal
from operator import ge, le
from statistics import median
from typing import assert_never

from services.alerts.clinical import measure, samples, spans, wording
from services.alerts.clinical.finding import Match
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Sample, Series
from shared.programmes import (
    REFERENCE,
    ChangeRule,
    CodedRule,
    CountRule,
    LimitRule,
    Programme,
    SampleRule,
    ScoreRule,
    TargetRule,
)

SAFE = {"above": le, "at_least": le, "below": ge, "at_most": ge}
SHOWN = 3  # of many samples compared with, the latest are named


def speaks(rule: SampleRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    """The match, or None: not beyond, nothing to compare with, or a limit nobody has set."""
    match rule.kind:  # by its name: to ask for its class costs ten times as much
        case "limit":
            return _limit(rule, programme, record, sample)
        case "change":
            return _change(rule, programme, record, sample)
        case "target":
            return _target(rule, programme, record, sample)
        case "n-of-m":
            return _count(rule, programme, record, sample)
        case "window":
            return spans.window(rule, programme, record, sample)
        case "share":
            return spans.share(rule, programme, record, sample)
        case "baseline":
            return spans.baseline(rule, programme, record, sample)
        case "rate":
            return spans.rate(rule, programme, record, sample)
        case "coded":
            return _coded(rule, programme, sample)
        case "score":
            return _form_score(rule, programme, sample)
        case _:
            assert_never(rule)


def clears(rule: SampleRule, programme: Programme, record: Record, sample: Sample) -> bool:
    """Whether a sample is so far on the safe side that what was beyond is over."""
    if not isinstance(rule, LimitRule) or rule.clear is None:
        return speaks(rule, programme, record, sample) is None
    value = sample.figure
    clear = measure.number(programme, record, rule.clear, sample)
    if value is None or clear is None:
        return speaks(rule, programme, record, sample) is None
    return bool(SAFE[rule.comparison[0]](value, clear))


def _limit(rule: LimitRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    how, reference = rule.comparison
    value, limit = sample.figure, measure.number(programme, record, reference, sample)
    if value is None or limit is None or not measure.BEYOND[how](value, limit):
        return None
    about = programme.input_by_name[rule.input]
    # 89.6 is below 90 and must not read "90 (limit 90)".
    rounded = round(value, about.decimals)
    decimals = about.decimals if measure.BEYOND[how](rounded, limit) else 2
    return Match(
        (measure.as_value(sample, value, about),),
        (sample.fact.id,),
        measure.used((reference, limit)),
        lambda language: {
            "value": wording.number(value, decimals, language),
            "limit": wording.limit(limit, about.decimals, language),
        },
        value,
    )


def _change(rule: ChangeRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    how, reference = rule.comparison
    value, limit = sample.figure, measure.number(programme, record, reference, sample)
    if value is None or limit is None:
        return None
    series = record.input(programme.input_by_name[rule.against]).sure
    earlier = _reference(rule, series, sample)
    if earlier is None:
        return None
    compared, before = earlier
    change = value - before
    moved = change if rule.direction == "rise" else -change
    elapsed = sample.at - compared[-1].at
    if rule.per is not None:
        moved = moved * measure.seconds(rule.per) / measure.seconds(elapsed)
    used = [(reference, limit)]
    for bound, one, how_so in (
        (rule.from_below, before, "below"),
        (rule.to_at_least, value, "at_least"),
    ):
        if bound is None:
            continue
        edge = measure.number(programme, record, bound, sample)
        if edge is None or not measure.BEYOND[how_so](one, edge):
            return None
        used.append((bound, edge))
    if rule.percent_of is not None:
        whole = (
            before
            if rule.percent_of == REFERENCE
            else measure.number(programme, record, rule.percent_of, sample)
        )
        if not whole:
            return None
        moved = moved / whole * 100
        if rule.percent_of != REFERENCE:
            used.append((rule.percent_of, whole))
    if not measure.BEYOND[how](moved, limit):
        return None
    about = programme.input_by_name[rule.input]
    against = programme.input_by_name[rule.against]
    return Match(
        (
            measure.as_value(sample, value, about),
            *(measure.as_value(one, one.value, against) for one in compared[-SHOWN:]),
        ),
        (sample.fact.id, *(one.fact.id for one in compared)),
        measure.used(*used),
        lambda language: {
            "value": wording.number(value, about.decimals, language),
            "reference": wording.number(before, against.decimals, language),
            "change": wording.signed(change, about.decimals, language),
            "rate": wording.signed(moved, max(about.decimals, 1), language),
            "percent": wording.number(moved, 1, language),
            "limit": wording.limit(limit, about.decimals, language),
            "hours": wording.number(measure.seconds(elapsed) / 3600, 0, language),
        },
        moved,
    )


def _reference(
    rule: ChangeRule, series: Series, sample: Sample
) -> tuple[Sequence[Sample], Decimal] | None:
    """The earlier samples to compare with, and their figure. The lowest, not the first: a weight
    that dips and then climbs is fluid gained since the dip.
    """
    earlier = series.earlier(sample.at, rule.within, rule.apart)
    found, figures = series.numbers(earlier)
    if len(found) < rule.points:
        return None
    match rule.reference:
        case "last":
            one = -1
        case "lowest":
            one = figures.index(min(figures))
        case "highest":
            one = figures.index(max(figures))
        case "median":
            return found, median(figures)
        case "mean":
            return found, sum(figures, Decimal(0)) / len(figures)
        case _:
            assert_never(rule.reference)
    return [found[one]], figures[one]


def _target(rule: TargetRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    how, reference = rule.comparison
    value, limit = sample.figure, measure.number(programme, record, reference, sample)
    target = measure.number(programme, record, rule.target, sample)
    if value is None or limit is None or target is None:
        return None
    distance = measure.distance(rule.direction, value, target)
    if not measure.BEYOND[how](distance, limit):
        return None
    about = programme.input_by_name[rule.input]
    return Match(
        (measure.as_value(sample, value, about),),
        (sample.fact.id,),
        measure.used((rule.target, target), (reference, limit)),
        lambda language: {
            "value": wording.number(value, about.decimals, language),
            "target": wording.number(target, about.decimals, language),
            "change": wording.signed(value - target, about.decimals, language),
            "limit": wording.limit(limit, about.decimals, language),
        },
        distance,
    )


def _count(rule: CountRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    about = programme.input_by_name[rule.input]
    limit: Decimal | None = None
    used: tuple[tuple[str, Decimal], ...] = ()
    if rule.comparison is not None:
        limit = measure.number(programme, record, rule.comparison[1], sample)
        if limit is None:
            return None
        used = measure.used((rule.comparison[1], limit))

    def beyond(one: Sample) -> bool:
        if rule.comparison is None or limit is None:
            return samples.answers(one.value, rule.codes)
        figure = one.figure
        return figure is not None and measure.BEYOND[rule.comparison[0]](figure, limit)

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
    figures = [figure for one in counted if (figure := one.figure) is not None]
    return Match(
        tuple(measure.as_value(one, one.value, about) for one in counted),
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
    return Match(
        (measure.as_value(sample, said, about),), (sample.fact.id,), (), lambda language: {}
    )


def _form_score(rule: ScoreRule, programme: Programme, sample: Sample) -> Match | None:
    value, least = sample.figure, rule.at_least
    if value is None or least is None or value < least:
        return None
    if rule.below is not None and value >= rule.below:
        return None
    about = programme.input_by_name[rule.score]
    return Match(
        (measure.as_value(sample, value, about),),
        (sample.fact.id,),
        (),
        lambda language: {
            "value": wording.number(value, about.decimals, language),
            "limit": wording.limit(least, about.decimals, language),
        },
    )
