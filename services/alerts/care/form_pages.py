"""The pages of a form that staff fill in for the patient."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, page, sheet, telling
from services.alerts.care import filling
from services.alerts.care.filling import Typed
from services.alerts.door import Has
from services.alerts.page.words import words
from services.alerts.reader import Reader
from services.alerts.views import Parts
from shared import access, entered, service

router = APIRouter(include_in_schema=False)

Name = Annotated[str, Path(max_length=64)]


@router.get("/patients/{patient_id}/forms/{name}")
async def form_page(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, name: Name
) -> Response:
    return await _page(request, has, door.reader(request, caller), patient_id, name)


@router.post("/patients/{patient_id}/forms/{name}")
async def fill_in(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, name: Name
) -> Response:
    """Stored, or the form again with what was typed and what is wrong with it."""
    sent = await door.form(request, filling.MOST)
    door.from_page(request, caller, sent.get("csrf"))
    by = door.reader(request, caller)
    try:
        typed = _typed(sent)
        await filling.fill(has, by, patient_id, name, typed, datetime.now(UTC))
    except filling.Unfit as unfit:
        empty = words(sheet.language(request))["filling"]["empty"]
        problem = empty if "" in unfit.faults else None
        return await _page(
            request, has, by, patient_id, name, sent, faults=unfit.faults, problem=problem
        )
    except (entered.ReadingIsInTheFuture, entered.ReadingIsNotUsable) as refused:
        problem = words(sheet.language(request))["filling"][service.code_of(type(refused))]
        return await _page(request, has, by, patient_id, name, sent, problem=problem)
    return RedirectResponse(f"/patients/{patient_id}?saved=true", 303, headers=sheet.HEADERS)


async def _page(
    request: Request,
    parts: Parts,
    by: Reader,
    patient_id: UUID,
    name: str,
    sent: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    asked = await filling.asked(parts, by, patient_id, name)
    data = {
        **sheet.frame(request, by),
        "name": asked.name,
        "form": asked.form,
        "patient": telling.person(patient_id, asked.names),
        "number": asked.names["number"] if asked.names else None,
        "typed": _kept(sent) if sent else None,
        **more,
    }
    view = page.form_view(data, sheet.language(request), asked.now)
    return sheet.html(request, "form.html", view, 422 if more else 200)


def _typed(sent: dict[str, str]) -> Typed:
    """`at` is a clock time in Norway, as the page's field gives it. ReadingIsNotUsable."""
    try:
        at = door.clock_time(sent.get("at", ""))
        texts, chosen = _answers(sent)
    except ValueError as error:
        raise entered.ReadingIsNotUsable from error
    note = sent.get("note", "").strip() or None
    return Typed(at, texts, chosen, note, sent.get("stopped") == "true")


def _answers(sent: dict[str, str]) -> tuple[dict[str, str], dict[str, list[int]]]:
    """`a.LINK` a text, `n.LINK` the option chosen, `m.N.LINK` one of several."""
    texts: dict[str, str] = {}
    chosen: dict[str, list[int]] = {}
    for key, value in sent.items():
        sort, _, rest = key.partition(".")
        if sort == "a":
            texts[rest] = value
        elif sort == "n":
            chosen[rest] = [_place(value)]
        elif sort == "m":
            chosen.setdefault(rest.partition(".")[2], []).append(_place(value))
    return texts, chosen


def _place(value: str) -> int:
    if not value.isdecimal():
        raise ValueError
    return int(value)


def _kept(sent: dict[str, str]) -> dict[str, Any]:
    try:
        texts, chosen = _answers(sent)
    except ValueError:
        texts, chosen = {}, {}
    return {
        "texts": texts,
        "chosen": chosen,
        "at": sent.get("at"),
        "note": sent.get("note"),
        "stopped": sent.get("stopped") == "true",
    }
