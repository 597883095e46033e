"""Pure: looks into records that want an explanation. None of them is an offence by itself; each is
a question that the auditor asks. The thresholds are data: snooping.toml.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared import watching

FILE = Path(__file__).with_name("snooping.toml")

Name = Literal[
    "own-record", "same-family-name", "colleague", "neighbour-unit", "many-without-relation",
    "outside-hours",
]  # fmt: skip
SEEN = ("shown", "changed")


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    on: bool = True


class FamilyName(_Rule):
    ignore: frozenset[str] = frozenset()


class Many(_Rule):
    patients: int = Field(default=3, ge=1)
    hours: int = Field(default=24, ge=1)


class Outside(_Rule):
    looks: int = Field(default=3, ge=1)
    margin_minutes: int = Field(default=60, ge=0)


class Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    own_record: _Rule = _Rule()
    same_family_name: FamilyName = FamilyName()
    colleague: _Rule = _Rule()
    neighbour_unit: _Rule = _Rule()
    many_without_relation: Many = Many()
    outside_hours: Outside = Outside()


@dataclass(frozen=True, slots=True)
class Read:
    """One look into one record by one member of staff."""

    by: str
    name: str
    units: list[UUID]
    at: datetime
    what: str
    why: str
    outcome: str
    patient: UUID
    patient_name: str
    patient_unit: UUID
    is_own: bool = False
    is_colleague: bool = False


@dataclass(frozen=True, slots=True)
class Suspicion:
    """`patient` None: about the sum of the looks, not about one record."""

    rule: Name
    by: str
    name: str
    patient: UUID | None
    looks: int
    first: datetime
    last: datetime
    patients: int = 1


def rules(own: Path | None = None) -> Rules:
    """A hospital's own thresholds, or those that ship."""
    return Rules.model_validate(tomllib.loads((own or FILE).read_text()))


def judge(
    reads: Sequence[Read], hours: Mapping[UUID, Mapping[str, Any]], rules: Rules
) -> list[Suspicion]:
    """Newest first. `hours`: each unit's watching hours."""
    found: list[Suspicion] = []
    for looks in _together(reads, lambda one: (one.by, one.patient)).values():
        seen = [one for one in looks if one.outcome in SEEN]
        found += [_told(name, seen) for name in _about_one(seen, rules)]
    for looks in _together(reads, lambda one: one.by).values():
        found += _many(looks, rules.many_without_relation)
        found += _outside(looks, hours, rules.outside_hours)
    return sorted(found, key=lambda one: one.last, reverse=True)


def _about_one(seen: Sequence[Read], rules: Rules) -> Iterable[Name]:
    if not seen:
        return
    one = seen[0]
    if rules.own_record.on and one.is_own:
        yield "own-record"
    elif rules.colleague.on and one.is_colleague:
        yield "colleague"
    family = _family(one.name)
    if (
        rules.same_family_name.on
        and not one.is_own
        and family == _family(one.patient_name)
        and family not in {name.casefold() for name in rules.same_family_name.ignore}
    ):
        yield "same-family-name"
    if rules.neighbour_unit.on and any(each.why.startswith("emergency") for each in seen):
        yield "neighbour-unit"


def _many(looks: Sequence[Read], rule: Many) -> list[Suspicion]:
    """The largest number of patients without relation within the span, once."""
    without = [one for one in looks if one.outcome == "refused" or one.why.startswith("emergency")]
    worst: Sequence[Read] = ()
    span = timedelta(hours=rule.hours)
    for start, first in enumerate(without):
        within = [one for one in without[start:] if one.at - first.at < span]
        if len({one.patient for one in within}) > len({one.patient for one in worst}):
            worst = within
    if not rule.on or len({one.patient for one in worst}) < rule.patients:
        return []
    return [_told("many-without-relation", worst, of_all=True)]


def _outside(
    looks: Sequence[Read], hours: Mapping[UUID, Mapping[str, Any]], rule: Outside
) -> list[Suspicion]:
    """When none of the reader's units was watched, nor within the margin of it."""
    margin = timedelta(minutes=rule.margin_minutes)
    outside = [
        one
        for one in looks
        if one.outcome in SEEN
        and one.units
        and not any(
            watching.watching(hours.get(unit), one.at + offset).now
            for unit in one.units
            for offset in (-margin, timedelta(0), margin)
        )
    ]
    if not rule.on or len(outside) < rule.looks:
        return []
    return [_told("outside-hours", outside, of_all=True)]


def _told(name: Name, looks: Sequence[Read], *, of_all: bool = False) -> Suspicion:
    one = looks[0]
    return Suspicion(
        name, one.by, one.name, None if of_all else one.patient, len(looks),
        looks[0].at, looks[-1].at, len({each.patient for each in looks}),
    )  # fmt: skip


def _together(reads: Iterable[Read], by: Any) -> Mapping[Any, list[Read]]:
    found: dict[Any, list[Read]] = defaultdict(list)
    for one in reads:
        found[by(one)].append(one)
    return found


def _family(name: str) -> str:
    return name.split()[-1].casefold() if name.split() else ""
