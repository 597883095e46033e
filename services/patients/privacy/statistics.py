"""The door of researchers: how many were followed, never who, and never fewer than five."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from services.patients import door, store
from services.patients.door import Db, Now, Word
from services.patients.privacy import aggregates, store_statistics
from services.patients.privacy.aggregates import Shown, Sum
from shared import access
from shared.access import Role
from shared.wall_clock import OSLO

router = door.router("statistics", "/v1")

Researcher = Annotated[access.Caller, Depends(access.needs(Role.RESEARCHER))]
Month = Annotated[str, Query(pattern=r"^20\d\d-(?:0[1-9]|1[0-2])$")]
MOST_MONTHS = 36


class NotMonths(Exception):
    """At most 36 months, the first not after the last, and none that is not over yet"""


@dataclass(frozen=True, slots=True)
class Statistics:
    """`cells` with null: fewer than five. `sums` are of what is shown only, and say `more` where
    something is left out."""

    cells: list[Shown]
    sums: Mapping[str, list[Sum]]
    units: Mapping[UUID, str]


@router.get("/statistics")
async def statistics(
    database: Db,
    now: Now,
    caller: Researcher,
    since: Annotated[Month, Query(alias="from")],
    to: Month,
    programme: Annotated[list[Word] | None, Query(max_length=40)] = None,
    unit: Annotated[list[UUID] | None, Query(max_length=100)] = None,
) -> Statistics:
    """How many patients each programme followed at each unit, by month. Only months that are over
    are counted, so that nobody is found by asking every day."""
    first, last = _first_day(since), _first_day(to)
    _must_be_over(first, last, now)
    async with database.transaction() as tx:
        cells = await store_statistics.followed(
            tx, caller.org, first=first, last=last, programmes=programme, unit_ids=unit
        )
        units = {one.id: one.name for one in await store.units(tx, caller.org)}
    published = aggregates.shown(cells)
    named = {one.unit_id for one in published}
    return Statistics(
        published,
        aggregates.all_sums(published),
        {unit_id: name for unit_id, name in units.items() if unit_id in named},
    )


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _must_be_over(first: date, last: date, now: datetime) -> None:
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    this = now.astimezone(OSLO).date().replace(day=1)
    if not 1 <= months <= MOST_MONTHS or last >= this:
        raise NotMonths
