"""Readings that are unlike the patient's own: another unit of measure, or another person.

The stored fact is never changed, and the reading is judged for red as any other; but it is said
beside every finding that rests on it, and as a technical finding of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from statistics import median
from typing import Literal, NamedTuple

from services.alerts.clinical.finding import Finding
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import Figures, Key, Sample

Doubt = Literal["unit", "identity"]
# Beside these: measured while the patient was admitted, where others look after him.
ADMITTED = "admission"

# What a reading is compared with: the median of the last few of its kind in this time.
BEFORE = timedelta(days=30)
LAST = 5
NOTHING = timedelta(0)
# Two of them before a factor between units can be told from a first, odd reading.
KNOWN = 2

# A weight this far from the patient's own may be somebody else's on the same scale.
DAY = timedelta(hours=24)
JUMP = Decimal(5)  # kg within a day
SHARE = Decimal("0.08")


class Mixed(NamedTuple):
    """Units that are taken for each other: by which factor, and how much a patient's own values
    vary about it."""

    factor: Decimal
    room: Decimal


MIXED: Mapping[Key, Mixed] = {
    ("body_weight", "value"): Mixed(Decimal("2.20462"), Decimal("1.08")),  # kg, lb
    ("glucose", "value"): Mixed(Decimal("18.016"), Decimal("1.8")),  # mmol/L, mg/dL
    ("blood_pressure", "systolic"): Mixed(Decimal("7.50062"), Decimal("1.4")),  # mmHg, kPa
    ("blood_pressure", "diastolic"): Mixed(Decimal("7.50062"), Decimal("1.4")),
}
WEIGHT: Key = ("body_weight", "value")
# Values that are nearer than this to each other are of one unit, whatever they are.
NEAR = {
    key: (one.factor / one.room).quantize(Decimal("0.1"), ROUND_FLOOR) for key, one in MIXED.items()
}


class Doubted(NamedTuple):
    """A doubted sample, and what was usual for the patient."""

    sample: Sample
    doubt: Doubt
    usual: Decimal


def since(record: Record, at: datetime | None) -> Iterator[Doubted]:
    """Every doubted sample from `at` on."""
    fresh = record.fresh(at)
    for key in MIXED:
        for sample in record.series(key).all.since(at) if key in fresh else ():
            value = sample.figure
            if value is None:
                continue
            found = _doubt(record, key, sample.at, value)
            if found is not None:
                yield Doubted(sample, *found)


def said(record: Record, one: Finding) -> Finding:
    """The finding, with what is doubtful about the values it rests on."""
    doubts: dict[str, None] = dict.fromkeys(
        found[0]
        for value in one.values
        if (key := (value.kind, value.field)) in MIXED
        and isinstance(value.value, Decimal)
        and (found := _doubt(record, key, value.at, value.value)) is not None
    )
    if one.lane == "clinical" and one.facts and _is_admitted(record, one.at):
        doubts[ADMITTED] = None
    return replace(one, doubts=tuple(doubts)) if doubts else one


def _is_admitted(record: Record, at: datetime) -> bool:
    pause = record.paused(at) if record.pauses else None
    return pause is not None and pause.kind == ADMITTED


def _doubt(record: Record, key: Key, at: datetime, value: Decimal) -> tuple[Doubt, Decimal] | None:
    series = record.series(key).sure
    if _is_usual(key, value, series.figures):
        return None
    before = series.earlier(at, BEFORE, NOTHING)
    last = slice(max(before.start, before.stop - LAST), before.stop)
    earlier, figures = series.numbers(last)
    if not figures:
        return None
    usual = median(figures)
    if usual <= 0 or value <= 0:
        return None
    if len(figures) >= KNOWN and _is_another_unit(MIXED[key], value, usual):
        return "unit", usual
    if key == WEIGHT and _is_another_person(at, value, usual, zip(earlier, figures, strict=True)):
        return "identity", usual
    return None


def _is_usual(key: Key, value: Decimal, known: Figures) -> bool:
    """Whether it is so near even the extremes of all there is that nothing can be doubted of it."""
    if known.lowest is None or known.highest is None:
        return True
    lowest, highest = min(known.lowest, value), max(known.highest, value)
    if lowest <= 0 or highest >= lowest * NEAR[key]:
        return False
    return key != WEIGHT or (highest - lowest <= JUMP and highest - lowest <= lowest * SHARE)


def _is_another_unit(mixed: Mixed, value: Decimal, usual: Decimal) -> bool:
    ratio = max(value / usual, usual / value)
    return mixed.factor / mixed.room <= ratio <= mixed.factor * mixed.room


def _is_another_person(
    at: datetime, value: Decimal, usual: Decimal, earlier: Iterable[tuple[Sample, Decimal]]
) -> bool:
    """Far from what is usual; or far from another of the same day, and the less usual of the two:
    a patient's own weight after his wife's is not doubted for it."""
    if abs(value - usual) > usual * SHARE:
        return True
    return any(
        abs(value - other) > JUMP and abs(value - usual) >= abs(other - usual)
        for one, other in earlier
        if at - one.at <= DAY
    )
