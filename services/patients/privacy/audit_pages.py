"""The auditor's pages: who did what, whose records somebody has seen, which looks want explaining,
and how the days are sealed. Each page and each table is a look, and stands in the log itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request, Response

from services.patients import door, paging, store
from services.patients.door import Db, Now
from services.patients.page import audit as view
from services.patients.page.audit import Asked
from services.patients.privacy import store_audit, tracing
from services.patients.privacy.auditing import Auditor
from services.patients.setup import frame
from shared import spreadsheet
from shared.audit import Event
from shared.audit.store import Wanted
from shared.database import Database

router = APIRouter(prefix="/setup/audit", include_in_schema=False)

OSLO = ZoneInfo("Europe/Oslo")
PAGE = 50
TABLE = 10_000  # rows for a spreadsheet
DAYS = 100
LATELY = timedelta(days=7)

Cursor = Annotated[str | None, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Span:
    """`fault`: which of the two could not be read as a moment."""

    since: datetime | None
    until: datetime | None
    fault: str = ""


def _asked(
    by: Annotated[str, Query(max_length=100)] = "",
    patient: Annotated[str, Query(max_length=40)] = "",
    since: Annotated[str, Query(alias="from", max_length=40)] = "",
    until: Annotated[str, Query(alias="to", max_length=40)] = "",
    outcome: Literal["", "shown", "changed", "refused", "failed"] = "",
) -> Asked:
    return Asked(by.strip(), patient.strip(), since.strip(), until.strip(), outcome)


Filter = Annotated[Asked, Depends(_asked)]


@router.get("")
async def acts_page(
    request: Request, database: Db, caller: Auditor, asked: Filter, cursor: Cursor = None
) -> Response:
    looker = door.looker(request, caller)
    span = read(asked)
    patient, fault = await _patient(database, caller.org, asked, span)
    events: list[Event] = []
    after = None
    if not fault:
        found = await tracing.acts(
            database, looker, wanted(asked, patient, span), after=paging.place(cursor), limit=PAGE
        )
        events, after = found.events, found.next
    lang = frame.language(request)
    async with database.transaction() as tx:
        staff = await store.staff(tx, caller.org)
        numbers = await store_audit.numbers(tx, caller.org, _few(events))
    filled = {
        **view.around(asked, staff, "acts", fault, lang),
        "rows": view.acts(events, numbers, asked, lang),
        "next": view.place("", asked, cursor=paging.cursor(*after)) if after else "",
        "table": view.place("/acts.csv", asked),
    }
    return _page(request, caller, filled)


@router.get("/patients")
async def patients_page(
    request: Request, database: Db, now: Now, caller: Auditor, asked: Filter
) -> Response:
    """Which records somebody has read between two moments: what a breach is reported with."""
    span = read(asked)
    rows = await _seen(request, database, caller, asked, span, now)
    lang = frame.language(request)
    async with database.transaction() as tx:
        staff = await store.staff(tx, caller.org)
        numbers = await store_audit.numbers(tx, caller.org, [one["id"] for one in rows])
    filled = {
        **view.around(asked, staff, "patients", span.fault, lang),
        "rows": view.patients(rows, numbers, asked, lang),
        "table": view.place("/patients.csv", asked) if asked.by else "",
    }
    return _page(request, caller, filled)


@router.get("/suspicions")
async def suspicions_page(
    request: Request, database: Db, now: Now, caller: Auditor, asked: Filter
) -> Response:
    span = read(asked)
    until = span.until or now
    since = span.since or until - LATELY
    rules: Any = request.app.state.snooping
    fault = span.fault or ("too-long-a-span" if until - since > tracing.LONGEST else "")
    found = []
    if not fault:
        looker = door.looker(request, caller)
        found = await tracing.suspicions(database, looker, rules, since, until)
    lang = frame.language(request)
    async with database.transaction() as tx:
        staff = await store.staff(tx, caller.org)
        named = [one.patient for one in found if one.patient]
        numbers = await store_audit.numbers(tx, caller.org, named)
    shown = [one for one in found if not asked.by or one.by == asked.by]
    filled = {
        **view.around(asked, staff, "suspicions", fault, lang),
        "rows": view.suspicions(shown, numbers, lang),
    }
    return _page(request, caller, filled)


@router.get("/days")
async def days_page(request: Request, database: Db, caller: Auditor) -> Response:
    async with database.transaction() as tx:
        sealed = await store_audit.days(tx, caller.org, DAYS)
        waiting = await store_audit.unsealed(tx, caller.org)
    lang = frame.language(request)
    filled = {
        **view.around(Asked(), [], "days", "", lang),
        "rows": view.days([dict(one) for one in sealed]),
        "waiting": [f"{one:%d.%m.%Y}" for one in waiting],
    }
    return _page(request, caller, filled)


@router.get("/acts.csv")
async def acts_table(request: Request, database: Db, caller: Auditor, asked: Filter) -> Response:
    span = read(asked)
    patient, fault = await _patient(database, caller.org, asked, span)
    events: list[Event] = []
    if not fault:
        looker = door.looker(request, caller)
        found = await tracing.acts(
            database, looker, wanted(asked, patient, span), after=None, limit=TABLE
        )
        events = found.events
    async with database.transaction() as tx:
        ids = list({id for event in events for id in event.patients})
        numbers = await store_audit.numbers(tx, caller.org, ids)
    return _table("acts", view.acts_table(events, numbers))


@router.get("/patients.csv")
async def patients_table(
    request: Request, database: Db, now: Now, caller: Auditor, asked: Filter
) -> Response:
    rows = await _seen(request, database, caller, asked, read(asked), now)
    async with database.transaction() as tx:
        numbers = await store_audit.numbers(tx, caller.org, [one["id"] for one in rows])
    return _table("patients", view.patients_table(rows, numbers))


# --- what was asked for -----------------------------------------------------------------------


def read(asked: Asked) -> Span:
    """Clock times in Norway, as the fields of the page give them."""
    try:
        since, until = moment(asked.since), moment(asked.until)
    except (ValueError, OverflowError):
        return Span(None, None, "not-a-time")
    if since is not None and until is not None and since >= until:
        return Span(since, until, "not-a-period")
    return Span(since, until)


def moment(text: str) -> datetime | None:
    if not text:
        return None
    said = datetime.fromisoformat(text)
    return (said if said.tzinfo else said.replace(tzinfo=OSLO)).astimezone(UTC)


def wanted(asked: Asked, patient: UUID | None, span: Span) -> Wanted:
    return Wanted(asked.by or None, patient, span.since, span.until, asked.outcome or None)


async def _patient(
    database: Database, org: str, asked: Asked, span: Span
) -> tuple[UUID | None, str]:
    """Whom the local number names. The auditor's search shows nobody's name."""
    if span.fault or not asked.patient:
        return None, span.fault
    async with database.transaction() as tx:
        found = await store_audit.by_number(tx, org, asked.patient)
    return found, "" if found else "no-such-number"


async def _seen(
    request: Request, database: Database, caller: Auditor, asked: Asked, span: Span, now: datetime
) -> Sequence[Any]:
    if span.fault or not asked.by:
        return []
    until = span.until or now
    since = span.since or until - LATELY
    looker = door.looker(request, caller)
    return await tracing.patients_seen(database, looker, asked.by, since, until)


def _few(events: Iterable[Event]) -> list[UUID]:
    """Those that a row names; a list of many has their number only."""
    return list({id for event in events for id in event.patients[: view.NAMED]})


# --- what is answered -------------------------------------------------------------------------


def _page(request: Request, caller: Auditor, filled: dict[str, Any]) -> Response:
    title = frame.said(request)["audit"]["title"]
    return frame.html(request, caller, "audit.html", filled, title=title, tab="audit")


def _table(name: str, rows: Iterable[Sequence[object]]) -> Response:
    headers = {
        **frame.HEADERS, "Content-Disposition": f'attachment; filename="hjemvakt-{name}.csv"'
    }  # fmt: skip
    made = spreadsheet.table(rows, mark=True)
    return Response(made, headers=headers, media_type="text/csv")
