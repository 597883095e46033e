"""The page's own doors to the filters that a nurse saves for herself. A filter chooses what is
listed; the reds it leaves out are named beside it whoever has saved it."""

from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, sheet
from services.alerts.door import Has
from services.alerts.rows import store_filters
from shared import access

router = APIRouter(include_in_schema=False)

MOST = 12
LONGEST = 40
KEPT = ("unit", "programme", "colour", "assignee", "state")
CHOICES = {
    "colour": ("red", "yellow", "green"),
    "state": ("open", "acknowledged", "snoozed"),
}


@router.post("/filters")
async def save_filter(request: Request, has: Has, caller: access.Clinician) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    name, query = form.get("name", "").strip(), _query(form.get("query", ""))
    if not 0 < len(name) <= LONGEST or not query:
        raise door.FormIsUnreadable
    async with has.database.transaction() as tx:
        if not await store_filters.save(tx, caller.org, caller.id, name, query, MOST):
            raise door.FormIsTooLarge
    return RedirectResponse(f"/?{urlencode(query)}", 303, headers=sheet.HEADERS)


@router.post("/filters/remove")
async def remove_filter(request: Request, has: Has, caller: access.Clinician) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    async with has.database.transaction() as tx:
        await store_filters.remove(tx, caller.org, caller.id, form.get("name", ""))
    return RedirectResponse("/", 303, headers=sheet.HEADERS)


def _query(text: str) -> dict[str, str]:
    """Only what the address of a list may carry, and nothing that no filter of ours holds."""
    found = {key: value for key, value in parse_qsl(text) if key in KEPT and len(value) <= 100}
    if "unit" in found:
        try:
            UUID(found["unit"])
        except ValueError as error:
            raise door.FormIsUnreadable from error
    if any(found.get(key, choices[0]) not in choices for key, choices in CHOICES.items()):
        raise door.FormIsUnreadable
    return found
