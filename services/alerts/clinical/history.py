"""One patient's facts and decisions, ordered by time and by nothing that depends on arrival.

Facts handed in are the current ones: what was corrected or voided is already gone.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from services.alerts.clinical import decided, samples
from services.alerts.clinical.decided import Decided, Enrolment, Pause
from services.alerts.clinical.finding import Spoken
from services.alerts.clinical.samples import WHOLE, Key, Pair, Sample
from shared.contracts import Fact, Flag
from shared.programmes import Input, Programme, Source

MEASURED = ("reading", "answers", "attachment")


class Record:
    """Build with `Record.of`. `adding` and `without` answer a new record and share the rest."""

    __slots__ = (
        "_inputs",
        "_series",
        "decided",
        "enrolments",
        "memo",
        "patient_id",
        "pauses",
        "reused",
        "spoken",
        "statuses",
        "unreadable",
    )

    def __init__(self, patient_id: UUID) -> None:
        self.patient_id = patient_id
        self._series: dict[Key, Pair] = {}
        self._inputs: dict[str, tuple[Input, Pair]] = {}
        self.memo: dict[Any, Any] = {}  # what was worked out about exactly this record
        # Of a group's rules that look at one input: from when its samples have been looked at, and
        # of which of them each rule spoke.
        self.spoken: dict[tuple[str, str, str, str], tuple[datetime, dict[str, list[Spoken]]]] = {}
        self.statuses: tuple[Fact, ...] = ()
        self.reused: tuple[Fact, ...] = ()
        self.unreadable: tuple[Fact, ...] = ()
        self._decide(Decided())

    @classmethod
    def of(cls, patient_id: UUID, facts: Iterable[Fact]) -> Self:
        return cls(patient_id).adding(facts)

    def adding(self, facts: Iterable[Fact]) -> Self:
        """This record with more facts, in any order. One that is already here changes nothing."""
        new = self._copy()
        found: dict[Key, list[Sample]] = {}
        decisions: list[Fact] = []
        for fact in sorted(facts, key=samples.fact_place):
            if fact.type in MEASURED:
                new._take(fact, found)
            elif fact.type == "device-event":
                new.statuses = _with(new.statuses, fact)
            else:
                decisions.append(fact)
        for key, several in found.items():
            new._series[key] = samples.added(self.series(key), several)
        new._inputs = dict(self._inputs)
        for one, pair in self._inputs.values():
            if not found.keys().isdisjoint(one.reads):
                new._inputs[one.key] = (one, _extended(one, pair, found))
        if decisions:
            new._decide(decided.read((*self.decided.facts, *decisions)))
        else:
            new.spoken = dict(self.spoken)
        return new

    def without(self, ids: Container[UUID]) -> Self:
        """This record without these facts: corrected, voided or filed elsewhere."""
        new = self._copy()
        for key, pair in self._series.items():
            kept = [sample for sample in pair.all.samples if sample.fact.id not in ids]
            if len(kept) != len(pair.all.samples):
                new._series[key] = samples.pair(kept)
        new.statuses = tuple(fact for fact in self.statuses if fact.id not in ids)
        new.reused = tuple(fact for fact in self.reused if fact.id not in ids)
        new.unreadable = tuple(fact for fact in self.unreadable if fact.id not in ids)
        if any(fact.id in ids for fact in self.decided.facts):
            new._decide(decided.read(fact for fact in self.decided.facts if fact.id not in ids))
        return new

    def series(self, key: Key) -> Pair:
        return self._series.get(key, samples.NONE)

    def input(self, wanted: Input) -> Pair:
        """The samples of an input, gathered from its sources once per record."""
        if wanted.only is not None:
            return self._series.get(wanted.only, samples.NONE)
        known = self._inputs.get(wanted.key)
        if known is None:
            known = (wanted, self._gathered(wanted.sources))
            self._inputs[wanted.key] = known
        return known[1]

    def fresh(self, at: datetime | None) -> list[Key]:
        """The series of which any sample may lie at or after `at`."""
        known: list[Key] | None = self.memo.get(("fresh", at))
        if known is None:
            known = [
                key
                for key, pair in self._series.items()
                if at is None or (pair.last is not None and pair.last >= at)
            ]
            self.memo[("fresh", at)] = known
        return known

    def reaches(self, wanted: Input, at: datetime) -> bool:
        """Whether any sample the input is made of may lie at or after `at`."""
        for key in wanted.reads:
            pair = self._series.get(key)
            if pair is not None and pair.last is not None and pair.last >= at:
                return True
        return False

    def limit(self, programme: str, name: str, at: datetime) -> Decimal | None:
        return self.decided.limit(programme, name, at)

    def enrolled(self, programme: str, at: datetime) -> Enrolment | None:
        for one in self.enrolments:
            if one.programme == programme and one.covers(at):
                return one
        return None

    def follows(self, programme: Programme, at: datetime) -> Enrolment | None:
        """The enrolment by which this very version of the programme judges at `at`."""
        if len(programme.versions) > 1 and (
            self.decided.version(programme, at).version != programme.version
        ):
            return None
        return self.enrolled(programme.slug, at)

    def longest_grace(self, programme: str) -> timedelta:
        """Of the plans the patient has of his own."""
        own = [
            item.grace
            for one in self.enrolments
            if one.programme == programme
            for item in one.plan or ()
        ]
        return max(own, default=timedelta(0))

    def paused(self, at: datetime) -> Pause | None:
        return next((pause for pause in self.pauses if pause.covers(at)), None)

    def newest(self) -> Fact | None:
        """The last measured fact, trusted or not, in the total order."""
        last = [
            pair.all.samples[-1]
            for (_, field), pair in self._series.items()
            if field == WHOLE and pair.all.samples
        ]
        return max(last, key=samples.place).fact if last else None

    def _take(self, fact: Fact, found: dict[Key, list[Sample]]) -> None:
        if Flag.ID_REUSED in fact.flags:
            self.reused = _with(self.reused, fact)
        try:
            taken = samples.of_fact(fact)
        except decided.UNREADABLE:
            # One that cannot be read must not hide the others; it is found by `judge`.
            self.unreadable = _with(self.unreadable, fact)
            return
        for key, sample in taken:
            found.setdefault(key, []).append(sample)

    def _gathered(self, sources: tuple[Source, ...]) -> Pair:
        several = [
            sample
            for source in sources
            for sample in _chosen(source, self.series(source.key).all.samples)
        ]
        if len(sources) > 1 or sources[0].moment == "end":
            several.sort(key=samples.place)
        return samples.pair(several)

    def _copy(self) -> Self:
        new = type(self).__new__(type(self))
        new.patient_id = self.patient_id
        new.decided, new.enrolments, new.pauses = self.decided, self.enrolments, self.pauses
        new.statuses, new.reused, new.unreadable = self.statuses, self.reused, self.unreadable
        new._series = self._series.copy()
        new._inputs = {}
        new.memo = {}
        new.spoken = {}
        return new

    def _decide(self, what: Decided) -> None:
        self.decided = what
        self.enrolments = what.enrolments
        self.pauses = what.pauses


def _extended(wanted: Input, pair: Pair, found: Mapping[Key, list[Sample]]) -> Pair:
    """An input gathered before, with the samples that have come since."""
    new: list[Sample] = []
    for source in wanted.sources:
        if source.key in found:
            new += _chosen(source, found[source.key])
    if len(new) > 1:
        new.sort(key=samples.place)
    return samples.added(pair, new) if new else pair


def _chosen(source: Source, several: Sequence[Sample]) -> Sequence[Sample]:
    if source.phase:
        several = [one for one in several if one.phase in source.phase]
    if source.codes:
        several = [one for one in several if samples.answers(one.value, source.codes)]
    if source.moment == "end":
        several = [
            one if one.fact.until is None else replace(one, at=samples.over(one)) for one in several
        ]
    return several


def _with(facts: tuple[Fact, ...], fact: Fact) -> tuple[Fact, ...]:
    if any(one.id == fact.id for one in facts):
        return facts
    return tuple(sorted((*facts, fact), key=samples.fact_place))
