"""The way to the set-up pages where no front door stands before the services."""

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import sheet

router = APIRouter(include_in_schema=False)


@router.get("/setup/{rest:path}")
async def set_up(request: Request, rest: str) -> Response:
    """Behind the front door this path is the record's; here it leads there."""
    place: str = request.app.state.setup_at
    if not place:
        raise HTTPException(404)
    asked = f"/setup/{rest}".removesuffix("/")
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{place}{asked}{query}", 303, headers=sheet.HEADERS)
