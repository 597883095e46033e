"""The auditor's doors: who did what, whose records somebody saw, which looks want explaining."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request

from services.patients import door, paging
from services.patients.door import Db, Limit
from services.patients.privacy import tracing
from services.patients.privacy.snooping import Suspicion
from shared import access
from shared.access import Role
from shared.audit import Event
from shared.audit.store import Wanted

router = door.router("access log", "/v1/access-log")

Auditor = Annotated[access.Caller, Depends(access.needs(Role.AUDITOR))]
Place = Annotated[str | None, Query(max_length=100, description="`next` of the page before")]
Person = Annotated[str, Query(min_length=1, max_length=100, description="id of staff or system")]
Since = Annotated[datetime, Query(alias="from", description="a moment with an offset; counts")]
Until = Annotated[
    datetime, Query(alias="to", description="a moment with an offset; does not count")
]


@dataclass(frozen=True, slots=True)
class Acts:
    acts: list[Event]
    next: str | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A patient whose data somebody has seen or changed."""

    id: UUID
    times: int
    first: datetime
    last: datetime
    what: list[str]


@dataclass(frozen=True, slots=True)
class SeenBy:
    by: str
    patients: list[Seen]


@dataclass(frozen=True, slots=True)
class Report:
    suspicions: list[Suspicion]


class MomentNeedsAnOffset(Exception):
    """A moment is given with its offset from UTC"""


@router.get("")
async def acts(
    request: Request,
    database: Db,
    caller: Auditor,
    by: Person | None = None,
    patient: UUID | None = None,
    since: Annotated[datetime | None, Query(alias="from")] = None,
    until: Annotated[datetime | None, Query(alias="to")] = None,
    outcome: Literal["shown", "changed", "refused", "failed"] | None = None,
    what: Annotated[str | None, Query(max_length=64)] = None,
    strangers: Annotated[
        bool, Query(description="attempts by who is nobody we know, of the whole installation")
    ] = False,
    cursor: Place = None,
    limit: Limit = door.PAGE,
) -> Acts:
    """Acts, newest first: by whom, about whom, when."""
    found = await tracing.acts(
        database,
        door.looker(request, caller),
        Wanted(by, patient, _moment(since), _moment(until), outcome, what),
        strangers=strangers,
        after=paging.place(cursor),
        limit=limit,
    )
    return Acts(found.events, paging.cursor(*found.next) if found.next else None)


@router.get("/patients")
async def patients(
    request: Request, database: Db, caller: Auditor, by: Person, since: Since, until: Until
) -> SeenBy:
    """Whose records somebody has seen between two moments: what a breach is reported with."""
    first, last = _moment(since), _moment(until)
    assert first is not None
    assert last is not None
    looker = door.looker(request, caller)
    found = await tracing.patients_seen(database, looker, by, first, last)
    return SeenBy(by, [Seen(**one) for one in found])


@router.get("/suspicions")
async def suspicions(
    request: Request, database: Db, caller: Auditor, since: Since, until: Until
) -> Report:
    """Looks that want an explanation, by the thresholds of the hospital; three months at most."""
    first, last = _moment(since), _moment(until)
    assert first is not None
    assert last is not None
    rules: Any = request.app.state.snooping
    found = await tracing.suspicions(database, door.looker(request, caller), rules, first, last)
    return Report(found)


def _moment(given: datetime | None) -> datetime | None:
    if given is not None and given.tzinfo is None:
        raise MomentNeedsAnOffset
    return given
