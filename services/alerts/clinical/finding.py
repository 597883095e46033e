"""What a rule saw. A finding is a value: its id depends on what it is about, never on when or
in which order the facts arrived.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID, uuid5

from services.alerts.clinical.samples import Sample
from shared.programmes import Colour, Lane, Programme, Rule, Text

NAMESPACE = UUID("6f0f0a2e-6a52-5d0e-9a3e-0c8a5f6d7b11")

Said = dict[str, str]  # language -> sentence
Words = Callable[[str], Mapping[str, str]]  # language -> what a rule's text may name


class Value(NamedTuple):
    kind: str
    field: str
    value: Decimal | str | bool
    ucum: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """`limits` are those used, by name; `marks` the NEWS2 parameters that alone score 3.

    `doubts`: whether it may be of another unit of measure or another person, and whether it was
    measured during an admission.
    `retake` asks the patient to measure again. `late` = the reading came long after it was taken.
    `score`, of a NEWS2: how high it was at least.
    """

    id: UUID
    programme: str
    programme_version: str
    rule: str
    group: str
    colour: Colour
    lane: Lane
    emergency: bool
    at: datetime
    facts: tuple[UUID, ...]
    values: tuple[Value, ...]
    limits: tuple[tuple[str, Decimal], ...]
    reason: Said
    patient_text: Said
    retake: bool = False
    late: bool = False
    marks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    score: int | None = None


def identity(patient_id: UUID, programme: str, rule: str, colour: str, trigger: str) -> UUID:
    return uuid5(NAMESPACE, f"{patient_id}|{programme}|{rule}|{colour}|{trigger}")


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, by time; equal times by id, so that the order is total."""
    return tuple(
        sorted({one.id: one for one in findings}.values(), key=lambda one: (one.at, one.id.int))
    )


@dataclass(frozen=True, slots=True)
class Match:
    """That a rule speaks: what it saw, which limits it used, and the words for its text.

    `measured` is what was compared: the value, the change, the distance, the percentage.
    """

    values: tuple[Value, ...]
    facts: tuple[UUID, ...]
    limits: tuple[tuple[str, Decimal], ...]
    words: Words
    measured: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sample that a rule speaks of, and what was made of it, by whether it is to be measured
    again. Nothing that comes later changes either.
    """

    sample: Sample
    match: Match
    made: dict[bool, Finding] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A rule that will speak at `until` unless something comes: judge the patient again then."""

    programme: str
    rule: str
    group: str
    awaits: Literal["retake", "absence", "answer", "online", "pause"]
    trigger: str
    until: datetime


Seen = tuple[str, Finding | Waiting]  # what triggered it, and what was seen


def of_rule(
    rule: Rule,
    programme: Programme,
    patient_id: UUID,
    match: Match,
    at: datetime,
    trigger: str,
    received_at: datetime,
    *,
    retake: bool = False,
    marks: tuple[str, ...] = (),
    score: int | None = None,
) -> Finding:
    return Finding(
        id=identity(patient_id, programme.slug, rule.id, rule.colour, trigger),
        programme=programme.slug,
        programme_version=programme.version,
        rule=rule.id,
        group=rule.group,
        colour=rule.colour,
        lane=rule.lane,
        emergency=rule.emergency,
        at=at,
        facts=match.facts,
        values=match.values,
        limits=match.limits,
        reason=_in_languages(rule.says, match),
        patient_text=_in_languages(rule.tells, match),
        retake=retake,
        late=received_at - at > programme.late_after,
        marks=marks,
        score=score,
    )


def _in_languages(text: Text, match: Match) -> Said:
    return {
        "nb": text.nb.format_map(match.words("nb")),
        "en": text.en.format_map(match.words("en")),
    }
