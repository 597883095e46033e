"""The pages of a record that is shut for who asks, and the door that opens it in an emergency."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, page, sheet, telling
from services.alerts.care import emergency
from services.alerts.door import Has
from services.alerts.reader import NotYourUnit, Reader
from services.alerts.views import Parts
from shared import access, service
from shared.access import Blocked, Locked
from shared.access.emergency import REASONS

router = APIRouter(include_in_schema=False)

REFUSALS = (NotYourUnit, Locked, Blocked)


async def shut(
    request: Request,
    parts: Parts,
    by: Reader,
    patient_id: UUID,
    refusal: Exception | None = None,
    *,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Why she does not see the record, and how it is opened."""
    seen = await emergency.about(parts.database, by, patient_id)
    if refusal is None:
        refusal = Locked() if seen.names else NotYourUnit()
    data = {
        **sheet.frame(request, by),
        "why": service.code_of(type(refusal)),
        "patient_id": patient_id,
        "patient": telling.person(patient_id, seen.names) if seen.names else None,
        "number": seen.names["number"] if seen.names else None,
        "reasons": REASONS,
        **(more or {}),
    }
    view = page.shut_view(data, sheet.language(request), seen.now)
    return sheet.html(request, "shut.html", view, 422 if more else 403)


@router.post("/patients/{patient_id}/emergency-access")
async def open_in_emergency(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID
) -> Response:
    """For an hour. What was typed is kept when something of it is missing."""
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by = door.reader(request, caller)
    reason, text = form.get("reason", ""), form.get("text", "")
    try:
        await emergency.open_(has.database, has.notifier, by, patient_id, reason, text)
    except Blocked as refusal:
        return await shut(request, has, by, patient_id, refusal)
    except emergency.ReasonMissing:
        typed = {"reason": reason, "text": text}
        more = {"typed": typed, "problem": "reason-missing"}
        return await shut(request, has, by, patient_id, more=more)
    return RedirectResponse(f"/patients/{patient_id}", 303, headers=sheet.HEADERS)
