"""NEWS2 from a patient's record: which measurements belong together, and for how long.

No standard says how long a vital sign measured at home is valid in a score; these windows are
our proposal and are to be confirmed by a clinician.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from services.alerts.clinical import news2
from services.alerts.clinical.history import Record
from services.alerts.clinical.news2 import News2
from services.alerts.clinical.samples import Key, Sample

SESSION = timedelta(minutes=60)
TEMPERATURE_HOLDS = timedelta(hours=4)
ADULT = 16

SERIES: Mapping[str, tuple[Key, ...]] = {
    "respiratory_rate": (("resp_rate", "value"),),
    "spo2": (("spo2", "value"),),
    "supplemental_oxygen": (("spo2", "oxygen"),),
    "systolic_bp": (("blood_pressure", "systolic"),),
    "pulse": (("heart_rate", "value"), ("blood_pressure", "pulse"), ("spo2", "pulse")),
    "consciousness": (("consciousness", "value"),),
    "temperature": (("body_temp", "value"),),
}
PARAMETER: Mapping[Key, str] = {key: name for name, keys in SERIES.items() for key in keys}
NAMES = {
    "respiratory_rate": ("pustefrekvens", "respiratory rate"),
    "spo2": ("SpO₂", "SpO₂"),
    "supplemental_oxygen": ("oksygen", "oxygen"),
    "systolic_bp": ("systolisk blodtrykk", "systolic blood pressure"),
    "pulse": ("puls", "pulse"),
    "consciousness": ("bevissthet", "consciousness"),
    "temperature": ("temperatur", "temperature"),
}
# Minimum monitoring interval of chart 4: how long a total is current.
CURRENT: Mapping[news2.Band, timedelta] = {
    "low": timedelta(hours=6),
    "low-medium": timedelta(hours=1),
    "medium": timedelta(hours=1),
    "high": timedelta(hours=1),
}
CURRENT_AT_0 = timedelta(hours=12)


class Part(NamedTuple):
    name: str
    value: Decimal | str | bool
    at: datetime
    kind: str
    field: str
    fact: UUID
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Assembled:
    """A score with the parts it was made of, as of the moment `at`. `doubtful`: the clock of some
    of them cannot be trusted."""

    at: datetime
    score: News2
    spo2_scale: int
    parts: tuple[Part, ...]
    doubtful: bool = False

    @property
    def trigger(self) -> str:
        """Which score this is: of what moment, and how high. A sitting that turns out to be worse
        when the rest of it arrives is another than the one a nurse has seen."""
        at, bound = self.at.astimezone(UTC).isoformat(), self.score.lower_bound
        return f"{at}|doubtful|{bound}" if self.doubtful else f"{at}|{bound}"

    @property
    def expires(self) -> datetime:
        lowest = self.score.lower_bound
        return self.at + (CURRENT_AT_0 if lowest == 0 else CURRENT[self.score.lowest_band])

    def ages(self, now: datetime) -> dict[str, timedelta]:
        return {part.name: now - part.at for part in self.parts}


def applies(record: Record, at: datetime) -> bool:
    """Not for children under 16 and not in pregnancy."""
    born = record.decided.born
    if record.decided.is_pregnant(at):
        return False
    if born is None:
        return True
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day)) >= ADULT


def assemble(record: Record, at: datetime, *, doubtful: bool = False) -> Assembled | None:
    """The set measured in the sitting that ends at `at`; None where NEWS2 does not apply.

    Doubtful samples take part only in a set that is made of them and, where they are silent, of
    sure ones: they can raise an alarm but never calm one.
    """
    if not applies(record, at):
        return None
    parts: dict[str, Part] = {}
    for name, keys in SERIES.items():
        first = at - (TEMPERATURE_HOLDS if name == "temperature" else SESSION)
        found: list[Sample] = []
        if doubtful:
            found = [
                sample
                for key in keys
                for sample in record.series(key).all.between(first, at)
                if is_doubtful(sample)
            ]
        found = found or [
            sample
            for key in keys
            if (sample := record.series(key).sure.latest(first, at)) is not None
        ]
        if found:
            parts[name] = _part(name, max(found, key=lambda sample: sample.at))
    if not parts:
        return None
    # The scale that was decided when the saturation was measured.
    scale = record.decided.spo2_scale(parts["spo2"].at if "spo2" in parts else at)
    given = {name: part.value for name, part in parts.items()}
    made = news2.score(spo2_scale=scale, **given)  # type: ignore[arg-type]  # by series
    return Assembled(at, made, scale, tuple(parts.values()), doubtful)


def is_doubtful(sample: Sample) -> bool:
    """Measured at some moment, by a clock that cannot be trusted."""
    return not sample.sure and sample.fact.precision == "instant"


def current(record: Record, now: datetime) -> Assembled | None:
    """The newest score there is at `now`, however old; its `expires` says whether it holds."""
    ends = [
        ats[place - 1]
        for key in PARAMETER
        if (ats := record.series(key).sure.ats) and (place := bisect_right(ats, now))
    ]
    return assemble(record, max(ends)) if ends else None


def scored(record: Record, since: datetime | None) -> tuple[Assembled, ...]:
    """Every score made by a measurement at or after `since` that itself gives points.

    A measurement without points cannot raise the score above what an earlier moment already
    said, so it makes no new score to find fault with.
    """
    known: tuple[Assembled, ...] | None = record.memo.get(("news2", since))
    if known is None:
        known = tuple(_scored(record, since))
        record.memo[("news2", since)] = known
    return known


def _scored(record: Record, since: datetime | None) -> Iterator[Assembled]:
    moments: set[datetime] = set()
    doubtful: set[datetime] = set()
    fresh = record.fresh(since)
    for key, name in PARAMETER.items():
        for sample in record.series(key).all.since(since) if key in fresh else ():
            if sample.sure:
                if _may_count(name, sample, record):
                    moments.add(sample.at)
            elif is_doubtful(sample):
                doubtful.add(sample.at)
    for at in sorted(moments):
        made = assemble(record, at)
        if made and any(_counts(made, part) for part in made.parts if part.at == at):
            yield made
    for at in sorted(doubtful):
        made = assemble(record, at, doubtful=True)
        if made and any(_counts(made, part) for part in made.parts if part.at == at):
            yield made


def _may_count(name: str, sample: Sample, record: Record) -> bool:
    """Whether a measurement can give points by itself; on scale 2 saturation does by the oxygen."""
    value = sample.value
    if name not in news2.BANDS or not isinstance(value, Decimal):
        return not (value is False or value == "A")
    if name == "spo2" and record.decided.spo2_scale(sample.at) != 1:
        return True
    return news2.points(name, value) > 0


def _counts(made: Assembled, part: Part) -> bool:
    return made.score.subscores.get(part.name, 0) > 0


def _part(name: str, sample: Sample) -> Part:
    value = sample.value
    if isinstance(value, tuple):
        raise TypeError("a measurement has one value")
    if name == "consciousness" and value not in news2.CONSCIOUSNESS:
        raise news2.ImpossibleValue(name)
    fact = sample.fact
    return Part(name, value, sample.at, sample.kind, sample.field, fact.id, fact.received_at)
