"""Pure: counts of people that say nothing of any few of them.

A cell is a programme at a unit in a month. Fewer than five are never shown as a number, and no sum
is: whatever is asked, the answer is made from the shown cells alone, so that no two answers differ
by a hidden one. A sum is of what is shown, and says that something is left out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

SMALLEST = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """`month` is its first day. `patients` are people, each once a cell."""

    programme: str
    unit_id: UUID
    month: date
    patients: int


@dataclass(frozen=True, slots=True)
class Shown:
    """`patients` null: some, but fewer than five."""

    programme: str
    unit_id: UUID
    month: date
    patients: int | None


@dataclass(frozen=True, slots=True)
class Sum:
    """Of the shown cells of a programme, a unit or a month. `more`: some are left out."""

    of: str
    patients: int
    more: bool


def shown(cells: Iterable[Cell]) -> list[Shown]:
    """What may be published; a cell without anybody is none."""
    found = [
        Shown(
            one.programme,
            one.unit_id,
            one.month,
            one.patients if one.patients >= SMALLEST else None,
        )
        for one in cells
        if one.patients > 0
    ]
    return sorted(found, key=lambda one: (one.month, one.programme, one.unit_id.int))


def sums(published: Iterable[Shown], by: str) -> list[Sum]:
    """By `programme`, `unit_id` or `month`. People in two programmes are counted in both."""
    groups: dict[str, list[int | None]] = {}
    for one in published:
        groups.setdefault(str(getattr(one, by)), []).append(one.patients)
    return [
        Sum(name, sum(number or 0 for number in numbers), None in numbers)
        for name, numbers in sorted(groups.items())
    ]


def all_sums(published: list[Shown]) -> Mapping[str, list[Sum]]:
    return {
        "programmes": sums(published, "programme"),
        "units": sums(published, "unit_id"),
        "months": sums(published, "month"),
    }
