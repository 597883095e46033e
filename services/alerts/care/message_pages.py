"""The nurse's page of one conversation. Its forms answer with a redirect; a 409 shows it anew, with
what was typed kept.
"""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pydantic
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, page, sheet, telling
from services.alerts.care import conversing, doing, moves, moving, shut_pages
from services.alerts.care.conversations import ConversationMove
from services.alerts.care.conversing import Conversation
from services.alerts.door import Has
from services.alerts.reader import Reader
from shared import access, service

router = APIRouter(include_in_schema=False)

REFUSALS: tuple[type[Exception], ...] = (
    conversing.NothingWaits,
    conversing.AnswerIsNotUsable,
    doing.TextMissing,
    moves.UnknownAssignee,
    moving.NotHandedToYou,
    moving.NothingHandedOver,
    moving.UnitMissing,
    moving.UnknownUnit,
)


@router.get("/patients/{patient_id}/messages")
async def conversation_page(
    request: Request,
    has: Has,
    caller: access.Clinician,
    patient_id: UUID,
    saved: bool = False,
    problem: Annotated[str | None, Query(max_length=64, pattern="^[a-z-]+$")] = None,
) -> Response:
    by = door.reader(request, caller)
    try:
        found = await conversing.read(has, by, patient_id)
    except shut_pages.REFUSALS as refusal:
        return await shut_pages.shut(request, has, by, patient_id, refusal)
    return _shown(request, by, found, {"saved": saved, "problem": problem})


@router.post("/patients/{patient_id}/messages")
async def move_from_page(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by = door.reader(request, caller)
    sent: dict[str, Any] = {key: value for key, value in form.items() if key != "csrf" and value}
    try:
        wanted = ConversationMove.model_validate(
            {**sent, "version": int(form.get("version", "0"))}
        ).wanted()
    except (pydantic.ValidationError, ValueError) as error:
        raise door.FormIsUnreadable from error
    try:
        await conversing.move(has, by, patient_id, wanted)
    except conversing.ConversationHasMoved:
        found = await conversing.read(has, by, patient_id)
        more = {"moved": True, "draft": wanted.text or wanted.note or ""}
        return _shown(request, by, found, more, 409)
    except REFUSALS as refused:
        return _back(patient_id, problem=service.code_of(type(refused)))
    return _back(patient_id, saved="true")


def _shown(
    request: Request, by: Reader, found: Conversation, more: Mapping[str, Any], status: int = 200
) -> Response:
    data = {
        **sheet.frame(request, by),
        "conversation": found.json(by),
        "targets": [{"id": id_, "name": unit["name"]} for id_, unit in found.units.items()],
        "staff": telling.colleagues(found.staff, by.units),
        # The answer's own id: a form that is sent twice is one answer.
        "answer_id": str(uuid4()),
        **more,
    }
    view = page.messages_view(data, sheet.language(request), found.now)
    return sheet.html(request, "messages.html", view, status)


def _back(patient_id: UUID, **said: str) -> Response:
    query = f"?{urlencode(said)}" if said else ""
    place = f"/patients/{patient_id}/messages{query}"
    return RedirectResponse(place, 303, headers=sheet.HEADERS)
