"""The page from which follow-up is steered, and the same as a table for a spreadsheet."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.alerts import door, page, sheet
from services.alerts.door import Has
from services.alerts.looking_back.kept import Kept
from services.alerts.looking_back.steering import Question
from services.alerts.looking_back.weeks import Steering
from services.alerts.page.steering import table
from services.alerts.reader import Reader
from shared import access, spreadsheet

router = APIRouter(include_in_schema=False)

WEEKS = (4, 12, 26, 52)
Programme = Annotated[str, Query(pattern=r"^[a-z0-9_-]{0,64}$")]
Unit = Annotated[str, Query(pattern=r"^([0-9a-f-]{36})?$")]
Weeks = Annotated[int, Query(ge=1, le=WEEKS[-1])]


@router.get("/burden")
async def burden_page(
    request: Request, has: Has, caller: access.Clinician,
    unit: Unit = "", programme: Programme = "", weeks: Weeks = 12,
) -> Response:  # fmt: skip
    by = door.reader(request, caller)
    told = await _told(request, has, by, unit, programme, weeks)
    data = {
        **sheet.frame(request, by), "told": told, "unit": unit, "programme": programme,
        "weeks": weeks, "offered": WEEKS, "back": request.app.state.setup_at or "",
        "names": has.programmes,
    }  # fmt: skip
    return sheet.html(request, "steering.html", page.steering_view(data, sheet.language(request)))


@router.get("/burden.csv")
async def burden_table(
    request: Request, has: Has, caller: access.Clinician,
    unit: Unit = "", programme: Programme = "", weeks: Weeks = 12,
) -> Response:  # fmt: skip
    """A row per week, unit and programme. A table is sent on: what would be about fewer than five
    patients is left empty in it, though the page shows it."""
    by = door.reader(request, caller)
    told = await _told(request, has, by, unit, programme, weeks)
    made = spreadsheet.table(table(told, sheet.language(request)), mark=True)
    headers = {**sheet.HEADERS, "Content-Disposition": 'attachment; filename="hjemvakt-burden.csv"'}
    return Response(made, headers=headers, media_type="text/csv")


async def _told(
    request: Request, has: Has, by: Reader, unit: str, programme: str, weeks: int
) -> Steering:
    try:
        chosen = UUID(unit) if unit else None
    except ValueError as error:
        raise door.PlaceIsUnknown from error
    kept: Kept = request.app.state.steering
    return await kept.steering(has, by, Question(chosen, programme or None, weeks))
