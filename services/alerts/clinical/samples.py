"""Samples of one patient, in a total order that does not depend on arrival.

A doubtful sample (its clock cannot be trusted, or only its date is known) is judged, but never
serves as the latest, as a retake or as what others are compared with.
"""

import dataclasses
from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, cast

from services.alerts.clinical import answered
from services.alerts.clinical.numbers import decimal
from shared import attachments
from shared.contracts import Fact, Flag

Key = tuple[str, str]  # (kind, field), ("", "context.effluent") or ("answers:<form>", linkId)
Plain = Decimal | str | bool | tuple[Any, ...]

WHOLE = "*"  # the fact itself, whatever fields it has
LONGEST = timedelta(days=1)  # of a session or a night; a duration of more is no duration either


@dataclass(slots=True)
class Sample:
    """`figure` is the number in the value that rules compare, found once: each rule asks for it."""

    at: datetime
    fact: Fact
    kind: str
    field: str
    value: Plain
    phase: str  # pre, post, none
    sure: bool
    figure: Decimal | None = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        value = self.value
        self.figure = value if type(value) is Decimal else figure_in(value)


class Figures(NamedTuple):
    """The number in each of several samples. `whole` when each has one."""

    each: tuple[Decimal | None, ...]
    whole: bool
    lowest: Decimal | None
    highest: Decimal | None

    def followed_by(self, later: Iterable["Sample"]) -> "Figures":
        more = tuple([sample.figure for sample in later])
        _, whole, lowest, highest = self
        for figure in more:
            if figure is None:
                whole = False
                continue
            if lowest is None or figure < lowest:
                lowest = figure
            if highest is None or figure > highest:
                highest = figure
        return Figures(self.each + more, whole, lowest, highest)


NO_FIGURES = Figures((), True, None, None)


class Series:
    """Samples by time. Equal times are ordered by the fact's origin, which no resend changes."""

    __slots__ = ("_figures", "ats", "samples")

    def __init__(self, samples: Iterable[Sample]) -> None:
        """`samples` come in order."""
        self.samples = tuple(samples)
        self.ats = tuple([sample.at for sample in self.samples])
        self._figures: Figures | None = None

    @property
    def figures(self) -> "Figures":
        """What rules compare of each sample, gathered once: windows are long."""
        if self._figures is None:
            self._figures = NO_FIGURES.followed_by(self.samples)
        return self._figures

    def followed_by(self, later: list[Sample]) -> "Series":
        """With later samples behind: what a reading just taken costs, however long the past."""
        new = Series.__new__(Series)
        new.samples = self.samples + tuple(later)
        new.ats = self.ats + tuple([sample.at for sample in later])
        new._figures = None if self._figures is None else self._figures.followed_by(later)
        return new

    def since(self, at: datetime | None) -> tuple[Sample, ...]:
        if at is None:
            return self.samples
        ats = self.ats
        if not ats or ats[-1] < at:
            return ()
        if len(ats) > 1 and ats[-2] < at:  # the newest alone: so it nearly always is
            return self.samples[-1:]
        return self.samples[bisect_left(ats, at) :]

    def between(self, first: datetime, last: datetime) -> tuple[Sample, ...]:
        """From `first` to `last`, both included."""
        return self.samples[bisect_left(self.ats, first) : bisect_right(self.ats, last)]

    def before(self, at: datetime) -> tuple[Sample, ...]:
        """Strictly earlier ones."""
        return self.samples[: bisect_left(self.ats, at)]

    def earlier(self, at: datetime, within: timedelta, apart: timedelta) -> slice:
        """Where those stand that are at most `within` and at least `apart` older."""
        start = bisect_left(self.ats, at - within)
        end = bisect_right(self.ats, at - apart, start) if apart else bisect_left(self.ats, at)
        return slice(start, end)

    def window(self, first: datetime, sample: Sample) -> slice:
        """Where those from `first` stand that come before `sample`, be it one of them or not."""
        start = bisect_left(self.ats, first)
        end = bisect_right(self.ats, sample.at, start)
        mine = place(sample)
        while end > start and place(self.samples[end - 1]) >= mine:
            end -= 1
        return slice(start, end)

    def numbers(self, where: slice) -> tuple[tuple[Sample, ...], tuple[Decimal, ...]]:
        """Those of a stretch that have a figure, and the figures."""
        several, figures = self.samples[where], self.figures
        if figures.whole:
            return several, cast(tuple[Decimal, ...], figures.each[where])
        pairs = zip(several, figures.each[where], strict=True)
        kept = [(one, figure) for one, figure in pairs if figure is not None]
        return tuple(one for one, _ in kept), tuple(figure for _, figure in kept)

    def latest(self, first: datetime, last: datetime) -> Sample | None:
        """The last one from `first` to `last`, both included."""
        place = bisect_right(self.ats, last)
        return self.samples[place - 1] if place and self.ats[place - 1] >= first else None


class Pair(NamedTuple):
    """All samples of a series, and those that may be trusted for their time.

    `last` is when the last of them was over: a period counts to its end.
    """

    all: Series
    sure: Series
    last: datetime | None


NONE = Pair(Series(()), Series(()), None)


def pair(samples: list[Sample]) -> Pair:
    """`samples` come in order."""
    every = Series(samples)
    last = max([over(sample) for sample in samples], default=None)
    if all(sample.sure for sample in samples):
        return Pair(every, every, last)
    return Pair(every, Series(sample for sample in samples if sample.sure), last)


def added(old: Pair, new: list[Sample]) -> Pair:
    """Old and new samples, each fact once. `new` is in order."""
    if old.last is None:
        return pair(_once(new))
    if old.all.ats[-1] < new[0].at and all([sample.sure for sample in new]):
        new = _once(new)
        every = old.all.followed_by(new)
        sure = every if old.sure is old.all else old.sure.followed_by(new)
        return Pair(every, sure, max(old.last, *map(over, new)))
    return pair(_once(sorted((*old.all.samples, *new), key=place)))


def _once(samples: list[Sample]) -> list[Sample]:
    """A fact that came twice counts once; two fields of one fact are two samples."""
    if len(samples) == 1:
        return samples
    return [
        sample
        for index, sample in enumerate(samples)
        if index == 0 or not _same(samples[index - 1], sample)
    ]


def _same(one: Sample, other: Sample) -> bool:
    return (
        one.fact.id == other.fact.id
        and one.at == other.at
        and one.field == other.field
        and one.kind == other.kind
    )


def figure_in(value: Plain) -> Decimal | None:
    """The number that rules compare; of several the first."""
    if isinstance(value, tuple):
        value = next((one for one in value if isinstance(one, Decimal)), "")
    return value if isinstance(value, Decimal) else None


def over(sample: Sample) -> datetime:
    """When what was measured was over. An end in the future is no measured one: we heard of it
    when it was over, and a wrong year in it must not put off that the next one is missed."""
    fact = sample.fact
    if fact.until is None:
        return sample.at
    return min(fact.until, max(fact.at, fact.received_at))


def lasted(sample: Sample) -> timedelta | None:
    """How long what was measured took; None where nobody can tell, or where it cannot be: what is
    divided by a wrong year would be no rate at all."""
    if sample.fact.until is None:
        return None
    length = over(sample) - sample.fact.at
    return length if timedelta(0) < length <= LONGEST else None


def place(sample: Sample) -> tuple[datetime, int, int, str]:
    fact = sample.fact
    return (sample.at, (fact.origin or fact.id).int, fact.id.int, sample.field)


def fact_place(fact: Fact) -> tuple[datetime, int, int]:
    return (fact.at, (fact.origin or fact.id).int, fact.id.int)


def of_fact(fact: Fact) -> list[tuple[Key, Sample]]:
    """Every sample in a reading or in answers. Raises on a body that cannot be read."""
    context: Mapping[str, Any] = fact.body.get("context") or {}
    said = context.get("phase")
    phase = said if said in ("pre", "post") else "none"
    sure = fact.precision == "instant" and Flag.CLOCK_SUSPECT not in fact.flags
    at, (kind, fields) = fact.at, _fields(fact, context)
    found = [
        ((kind, field), Sample(at, fact, kind, field, value, phase, sure))
        for field, value in fields
    ]
    for name, word in context.items():
        if isinstance(word, str) and name != "phase":
            field = f"context.{name}"
            found.append((("", field), Sample(at, fact, kind, field, word, phase, sure)))
    return found


def answers(value: Plain, codes: Container[str | bool]) -> bool:
    """Whether a coded value, or any of several, is among the codes."""
    if isinstance(value, tuple):
        return any(isinstance(one, str | bool) and one in codes for one in value)
    return isinstance(value, str | bool) and value in codes


def _fields(fact: Fact, context: Mapping[str, Any]) -> tuple[str, list[tuple[str, Plain]]]:
    body = fact.body
    fields: list[tuple[str, Plain]] = [(WHOLE, "")]
    if fact.type == "reading":
        for name, value in body["values"].items():
            fields.append((name, _code_or_number(value)))
        if fact.kind == "spo2" and (oxygen := _oxygen(body, context)) is not None:
            fields.append(("oxygen", oxygen))
        return fact.kind, fields
    if fact.type == attachments.TYPE:
        return f"{attachments.PREFIX}{fact.kind}", fields
    fields += answered.fields(body)
    return f"answers:{answered.form_of(body)}", fields


def _code_or_number(value: Any) -> Decimal | str:
    """A number written as text is still a number: it must not slip past the limits."""
    try:
        return decimal(value)
    except (ArithmeticError, ValueError):
        if isinstance(value, str):
            return value
        raise


def _oxygen(body: Mapping[str, Any], context: Mapping[str, Any]) -> bool | None:
    """On oxygen if either says so; on air only when said, never because nothing was said."""
    flow, said = body["values"].get("oxygen_flow"), context.get("on_oxygen")
    if said is True or (flow is not None and decimal(flow) > 0):
        return True
    return False if said is False or flow is not None else None
