"""The page of those whose trial weeks are over, and whose own limits wait for a decision."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.patients import door, look, paging, store
from services.patients.door import Db, Now
from services.patients.page import trial_weeks as view
from services.patients.setup import frame
from shared import access, sensitive
from shared.limits import store_suggested

router = APIRouter(prefix="/setup/trial-weeks", include_in_schema=False)

PAGE = 50


@router.get("")
async def trial_weeks(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    looker = door.looker(request, caller)
    programmes: Any = request.app.state.programmes
    async with database.transaction() as tx:
        found = await store_suggested.waiting(
            tx, caller.org, list(caller.units), by=caller.id,
            but=sensitive.closed(programmes, caller.groups),
            after=paging.place(cursor), limit=PAGE + 1,
        )  # fmt: skip
        shown = found[:PAGE]
        units = {one.id: one.name for one in await store.units(tx, caller.org)}
        if shown:
            named = list(dict.fromkeys(one.patient_id for one in shown))
            await look.logged(tx, looker, named, "proposals")
    last = shown[-1] if len(found) > PAGE else None
    filled = {
        "rows": view.rows(
            shown, programmes, units, frame.language(request), now, request.app.state.worklist_at
        ),
        "several": len(caller.units) > 1,
        "next": f"/setup/trial-weeks?cursor={paging.cursor(last.since, last.enrolment_id)}"
        if last else "",
        "before": "/setup/trial-weeks" if cursor else "",
    }  # fmt: skip
    title = frame.said(request)["trial_weeks"]["title"]
    return frame.html(request, caller, "trial_weeks.html", filled, title=title, tab="start")
