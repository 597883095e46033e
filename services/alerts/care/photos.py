"""The page's own doors to photos and documents: the file, the small picture, the answer."""

from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, sheet
from services.alerts.care import showing
from services.alerts.door import Has
from shared import access, attachments

router = APIRouter(include_in_schema=False)

LONGEST = 2000
# Whatever the file is, it is only looked at: it runs nothing and asks for nothing.
SAFE = {"content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'"}


@router.get("/patients/{patient_id}/attachments/{fact_id}")
async def file(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, fact_id: UUID
) -> Response:
    return await _file(request, has, caller, patient_id, fact_id, thumbnail=False)


@router.get("/patients/{patient_id}/attachments/{fact_id}/thumbnail")
async def thumbnail(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, fact_id: UUID
) -> Response:
    return await _file(request, has, caller, patient_id, fact_id, thumbnail=True)


@router.post("/patients/{patient_id}/attachments/{fact_id}/answer")
async def answer(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, fact_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    text = form.get("text", "").strip()
    if not 0 < len(text) <= LONGEST:
        raise door.FormIsUnreadable
    by = door.reader(request, caller)
    await showing.answer(has, by, patient_id, fact_id, text)
    place = f"/patients/{patient_id}?{urlencode({'saved': 'true'})}#photos"
    return RedirectResponse(place, 303, headers=sheet.HEADERS)


async def _file(
    request: Request,
    has: Has,
    caller: access.Caller,
    patient_id: UUID,
    fact_id: UUID,
    *,
    thumbnail: bool,
) -> Response:
    by = door.reader(request, caller)
    fact, media_type, body = await showing.shown(has, by, patient_id, fact_id, thumbnail=thumbnail)
    is_document = media_type == attachments.PDF
    name = f"{fact.kind}-{fact.at:%Y%m%d}.{'pdf' if is_document else 'jpg'}"
    how = "attachment" if is_document else "inline"
    headers = {**SAFE, "content-disposition": f'{how}; filename="{name}"'}
    return Response(body, media_type=media_type, headers=headers)
