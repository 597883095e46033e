"""Rules over several samples at once: a window's figure, a share, a personal baseline, a rate.

Pure arithmetic on decimals, as in `conditions`. Only samples that may be trusted for their time
are counted beside the one that is judged.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from statistics import median
from typing import assert_never

from services.alerts.clinical import measure, samples, wording
from services.alerts.clinical.finding import Match
from services.alerts.clinical.history import Record
from services.alerts.clinical.measure import BEYOND
from services.alerts.clinical.samples import Sample
from shared.programmes import BaselineRule, Programme, RateRule, ShareRule, WindowRule

SHOWN = 14  # values a finding names at most


def window(rule: WindowRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    how, reference = rule.comparison
    limit = measure.number(programme, record, reference, sample)
    if limit is None:
        return None
    several, figures = _window(rule, programme, record, sample)
    values = [value for value in figures if value is not None]
    if len(values) < rule.points:
        return None
    if rule.spanning is not None and several[-1].at - several[0].at < rule.spanning:
        return None
    figure = _figure_of(rule, values)
    if not BEYOND[how](figure, limit):
        return None
    pairs = zip(several, figures, strict=True)
    counted = [(one, value) for one, value in pairs if value is not None]
    about = programme.input_by_name[rule.input]
    return Match(
        tuple(measure.as_value(one, value, about) for one, value in counted[-SHOWN:]),
        tuple(one.fact.id for one, _ in counted),
        measure.used((reference, limit)),
        lambda language: {
            "value": wording.number(figure, max(about.decimals, 1), language),
            "latest": wording.number(counted[-1][1], about.decimals, language),
            "limit": wording.limit(limit, about.decimals, language),
            "count": str(len(counted)),
        },
        figure,
    )


def share(rule: ShareRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    least = measure.number(programme, record, rule.share, sample)
    limit: Decimal | None = None
    used: list[tuple[Decimal | str, Decimal]] = []
    if rule.comparison is not None:
        limit = measure.number(programme, record, rule.comparison[1], sample)
        if limit is None:
            return None
        used.append((rule.comparison[1], limit))
    if least is None:
        return None
    used.append((rule.share, least))

    def beyond(one: Sample) -> bool:
        if rule.comparison is None or limit is None:
            return samples.answers(one.value, rule.codes)
        figure = one.figure
        return figure is not None and BEYOND[rule.comparison[0]](figure, limit)

    if not beyond(sample):
        return None
    counted, _ = _window(rule, programme, record, sample)
    hits = sum(map(beyond, counted))
    percent = Decimal(hits * 100) / len(counted)
    if len(counted) < rule.points or percent < least:
        return None
    about = programme.input_by_name[rule.input]
    return Match(
        tuple(measure.as_value(one, one.value, about) for one in counted[-SHOWN:]),
        tuple(one.fact.id for one in counted),
        measure.used(*used),
        lambda language: {
            "percent": wording.number(percent, 0, language),
            "share": wording.number(least, 0, language),
            "limit": wording.limit(limit, about.decimals, language) if limit is not None else "",
            "count": str(hits),
            "of": str(len(counted)),
        },
        percent,
    )


def baseline(
    rule: BaselineRule, programme: Programme, record: Record, sample: Sample
) -> Match | None:
    value = sample.figure
    times = measure.number(programme, record, rule.mads, sample)
    least = measure.number(programme, record, rule.least, sample)
    if value is None or times is None or least is None:
        return None
    about = programme.input_by_name[rule.input]
    series = record.input(about).sure
    earlier = series.earlier(sample.at, rule.over, rule.apart)
    _, usual = series.numbers(earlier)
    if len(usual) < rule.points:
        return None
    middle = median(usual)
    moved = {"rise": value - middle, "fall": middle - value, "either": abs(value - middle)}
    if moved[rule.direction] <= least:
        return None  # nearly always: the spread need not be known
    spread = median([abs(one - middle) for one in usual])
    room = max(times * spread, least)
    if moved[rule.direction] <= room:
        return None
    return Match(
        (measure.as_value(sample, value, about),),
        (sample.fact.id,),
        measure.used((rule.mads, times), (rule.least, least)),
        lambda language: {
            "value": wording.number(value, about.decimals, language),
            "reference": wording.number(middle, about.decimals, language),
            "change": wording.signed(value - middle, about.decimals, language),
            "limit": wording.limit(room, about.decimals, language),
            "count": str(len(usual)),
        },
        moved[rule.direction],
    )


def rate(rule: RateRule, programme: Programme, record: Record, sample: Sample) -> Match | None:
    how, reference = rule.comparison
    limit = measure.number(programme, record, reference, sample)
    amount = sample.figure
    if limit is None or amount is None:
        return None
    about = programme.input_by_name[rule.input]
    used: list[tuple[Decimal | str, Decimal]] = [(reference, limit)]
    values = [measure.as_value(sample, amount, about)]
    facts = [sample.fact.id]
    result = amount
    if rule.per_hour:
        hours = _hours(rule, programme, record, sample)
        if not hours:
            return None
        result /= hours
    if rule.per is not None:
        whole: Decimal | None
        if rule.per in programme.input_by_name:
            joined = _nearest(rule.per, rule.joins, programme, record, sample)
            if joined is None:
                return None
            of, whole = joined
            values.append(measure.as_value(of, whole, programme.input_by_name[rule.per]))
            facts.append(of.fact.id)
        else:
            whole = measure.number(programme, record, rule.per, sample)
            if whole is not None:
                used.append((rule.per, whole))
        if not whole:
            return None
        result /= whole
    if not BEYOND[how](result, limit):
        return None
    return Match(
        tuple(values),
        tuple(dict.fromkeys(facts)),
        measure.used(*used),
        lambda language: {
            "value": wording.number(result, 1, language),
            "amount": wording.number(amount, about.decimals, language),
            "limit": wording.limit(limit, 1, language),
        },
        result,
    )


def _figure_of(rule: WindowRule, values: Sequence[Decimal]) -> Decimal:
    match rule.figure:
        case "mean":
            return sum(values, Decimal(0)) / len(values)
        case "median":
            return median(values)
        case "lowest":
            return min(values)
        case "highest":
            return max(values)
        case "sum":
            return sum(values, Decimal(0))
        case "range":
            return max(values) - min(values)
        case _:
            assert_never(rule.figure)


def _window(
    rule: WindowRule | ShareRule, programme: Programme, record: Record, sample: Sample
) -> tuple[list[Sample], list[Decimal | None]]:
    """The trusted samples of the window up to this one, and this one, in order; their figures."""
    series = record.input(programme.input_by_name[rule.input]).sure
    earlier = series.window(sample.at - rule.within, sample)
    if rule.last is not None:
        earlier = slice(max(earlier.start, earlier.stop - rule.last + 1), earlier.stop)
    return (
        [*series.samples[earlier], sample],
        [*series.figures.each[earlier], sample.figure],
    )


def _hours(rule: RateRule, programme: Programme, record: Record, sample: Sample) -> Decimal | None:
    if rule.hours is not None:
        joined = _nearest(rule.hours, rule.joins, programme, record, sample)
        if joined is not None and joined[1]:
            return joined[1] / 60
    length = samples.lasted(sample)
    return None if length is None else measure.seconds(length) / 3600


def _nearest(
    name: str, within: timedelta, programme: Programme, record: Record, sample: Sample
) -> tuple[Sample, Decimal] | None:
    """The last trusted sample of another input before this one or together with it.

    Never a later one: whether a rule speaks of a sample depends on nothing that comes after.
    """
    series = record.input(programme.input_by_name[name]).sure
    near = [
        (one, figure)
        for one in series.between(sample.at - within, sample.at)
        if (figure := one.figure) is not None
    ]
    return near[-1] if near else None
