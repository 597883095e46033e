"""The nurse's pages: the list, one patient. Forms answer with a redirect to the page."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import pydantic
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, page, sheet, views, worklist
from services.alerts.care import contacting, doing, entering, moves, moving, shut_pages
from services.alerts.care.entering import Entry
from services.alerts.clinical import lifecycle
from services.alerts.door import Has
from services.alerts.one_patient import patient_curves, patient_data, patient_opened
from services.alerts.reader import NotYourUnit, Reader
from services.alerts.routes import MoveRequest
from services.alerts.rows import downtime, drawn, list_data
from services.alerts.views import Listed, Parts, Question
from shared import access, entered, exact, service
from shared.access import Caller

router = APIRouter(include_in_schema=False)

LIST = 500
Colour = Literal["red", "yellow", "green"]
State = Literal["open", "acknowledged", "snoozed"]


# --- the list -------------------------------------------------------------------------------


@router.get("/")
async def list_page(
    request: Request,
    has: Has,
    caller: access.Clinician,
    unit: UUID | None = None,
    programme: Annotated[str | None, Query(max_length=64)] = None,
    colour: Colour | None = None,
    assignee: Annotated[str | None, Query(max_length=100)] = None,
    state: State | None = None,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    asked = Question(unit, programme, colour, assignee, state, door.row_place(cursor), LIST)
    return await _list(request, has, caller, asked, cursor, "worklist.html")


@router.get("/rows")
async def rows_of_list(
    request: Request,
    has: Has,
    caller: access.Clinician,
    unit: UUID | None = None,
    programme: Annotated[str | None, Query(max_length=64)] = None,
    colour: Colour | None = None,
    assignee: Annotated[str | None, Query(max_length=100)] = None,
    state: State | None = None,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> Response:
    asked = Question(unit, programme, colour, assignee, state, door.row_place(cursor), LIST)
    return await _list(request, has, caller, asked, cursor, "rows.html")


async def _list(
    request: Request, has: Has, caller: Caller, asked: Question, cursor: str | None, template: str
) -> Response:
    by = door.reader(request, caller)
    lang = sheet.language(request)
    listed = await views.worklist(has, by, asked, drawn_in=lang)
    data = {
        **list_data.page(by, has.programmes, asked, listed),
        "drawn": [_drawn(has, by, listed, one, lang) for one in listed.rows],
        **sheet.frame(request, by),
        "next": worklist.next_place(listed),
        "query": list_data.query(asked, cursor),
    }
    view = page.worklist_view(data, lang, listed.now)
    return sheet.html(request, template, view)


def _drawn(has: Parts, by: Reader, listed: Listed, stored: Any, lang: str) -> dict[str, Any]:
    """As it was drawn before, or drawn now and kept if it stands as it is stored."""
    key, row = listed.drawn.get((stored["unit_id"], stored["patient_id"]), (None, None))
    if row is None:
        row = drawn.draw(list_data.row(by, listed, stored), by.id, listed.now, lang)
        if key is not None:
            has.drawn.keep(key, row)
    return row.at(listed.now)


@router.get("/downtime")
async def downtime_page(
    request: Request, has: Has, caller: access.Clinician, unit: UUID | None = None
) -> Response:
    """The list to print, of one unit: every patient, whatever the filter."""
    by = door.reader(request, caller)
    chosen = unit or min(by.units, default=None)
    if chosen is None:
        raise NotYourUnit
    data, listed = await downtime.whole(has, by, chosen)
    view = page.downtime_view(data, sheet.language(request), listed.now)
    return sheet.html(request, "downtime.html", view)


# --- one patient ----------------------------------------------------------------------------


@router.get("/patients/{patient_id}")
async def patient_page(
    request: Request,
    has: Has,
    caller: access.Clinician,
    patient_id: UUID,
    days: Literal["14", "30", "90"] = "30",
    reading: UUID | None = None,
    saved: Literal["true", "proposed"] | None = None,
    compare: UUID | None = None,
    problem: Annotated[str | None, Query(max_length=64, pattern="^[a-z-]+$")] = None,
) -> Response:
    by = door.reader(request, caller)
    more: dict[str, Any] = {
        "reading": str(reading) if reading else None,
        "saved": saved,
        "compare": str(compare) if compare else None,
        "video": contacting.room(
            request.app.state.video_url,
            request.app.state.ways.identity_keys.first,
            by.org,
            patient_id,
        ),
    }
    if problem:
        more["problem"] = _sentence(problem, sheet.language(request))
    try:
        return await _patient(request, has, by, patient_id, int(days), more)
    except shut_pages.REFUSALS as refusal:
        return await shut_pages.shut(request, has, by, patient_id, refusal)


@router.get("/patients/{patient_id}/chart.json")
async def patient_chart(
    request: Request,
    has: Has,
    caller: access.Clinician,
    patient_id: UUID,
    days: Annotated[int, Query(ge=1, le=90)] = 30,
) -> Response:
    by = door.reader(request, caller)
    seen = await patient_opened.opened(has, by, patient_id)
    view = page.chart_view(
        patient_curves.chart(has, by, seen, days), sheet.language(request), seen.now
    )
    return Response(exact.dumps(view), media_type="application/json", headers=sheet.HEADERS)


async def _patient(
    request: Request,
    has: Has,
    by: Reader,
    patient_id: UUID,
    days: int,
    more: Mapping[str, Any],
    status: int = 200,
) -> Response:
    seen = await patient_opened.opened(has, by, patient_id)
    data = {**patient_data.page(has, by, seen, days), **sheet.frame(request, by), **more}
    view = page.patient_view(data, sheet.language(request), seen.now)
    return sheet.html(request, "patient.html", view, status)


@router.post("/patients/{patient_id}/alerts/{alert_id}/moves")
async def move_from_page(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, alert_id: UUID
) -> Response:
    """The same verb as the API's; a 409 shows the page anew, with what was typed kept."""
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by = door.reader(request, caller)
    sent: dict[str, Any] = {key: value for key, value in form.items() if key != "csrf" and value}
    try:
        given = {**sent, "version": int(form.get("version", "0"))}
        if "confirm" in sent:
            given["confirm"] = sent["confirm"] == "true"
        wanted = MoveRequest.model_validate(given)
    except (pydantic.ValidationError, ValueError) as error:
        raise door.FormIsUnreadable from error
    try:
        await moves.move(
            has.database,
            has.notifier,
            has.programmes,
            has.memory,
            by,
            alert_id,
            wanted.wanted(),
        )
    except moves.AlertHasMoved as refused:
        moved_by = refused.members["alert"].get("moved_by") or {}
        more = {
            "moved": {"alert": str(alert_id), "by": moved_by.get("name")},
            "draft": {**sent, "alert": str(alert_id)},
        }
        return await _patient(request, has, by, patient_id, 30, more, 409)
    except tuple(REFUSALS) as refused:
        draft = {**sent, "alert": str(alert_id)}
        return await _refused(request, has, by, patient_id, refused, draft=draft)
    return _back(patient_id, saved="true")


async def _refused(
    request: Request, has: Has, by: Reader, patient_id: UUID, why: Exception, **typed: Any
) -> Response:
    """The page with the refusal in words, and what was typed in its place."""
    problem = _sentence(service.code_of(type(why)), sheet.language(request))
    return await _patient(request, has, by, patient_id, 30, {"problem": problem, **typed}, 422)


@router.post("/patients/{patient_id}/readings")
async def enter_reading(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by, now = door.reader(request, caller), datetime.now(UTC)
    try:
        entry = _entry(form, form.get("kind", ""), form.get("note"))
        await entering.enter(has.database, by, patient_id, entry, now)
    except tuple(REFUSALS) as refused:
        return await _refused(request, has, by, patient_id, refused, entered=form)
    return _back(patient_id, saved="true")


@router.post("/patients/{patient_id}/readings/{fact_id}/correct")
async def correct_reading(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, fact_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by, now = door.reader(request, caller), datetime.now(UTC)
    try:
        entry = _entry(form, "", form.get("note"))
        await entering.correct(has.database, by, patient_id, fact_id, entry, now)
    except tuple(REFUSALS) as refused:
        return _back(patient_id, problem=service.code_of(type(refused)))
    return _back(patient_id, saved="true")


@router.post("/patients/{patient_id}/readings/{fact_id}/void")
async def void_reading(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, fact_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by, now = door.reader(request, caller), datetime.now(UTC)
    try:
        await entering.void(
            has.database, by, patient_id, fact_id, form.get("note", "").strip(), now
        )
    except tuple(REFUSALS) as refused:
        return _back(patient_id, problem=service.code_of(type(refused)))
    return _back(patient_id, saved="true")


REFUSALS: tuple[type[Exception], ...] = (
    lifecycle.MoveNotAllowed,
    lifecycle.NoteMissing,
    lifecycle.UntilMissing,
    lifecycle.UntilIsUnusable,
    lifecycle.ConfirmationMissing,
    moving.AnotherIsOpen,
    moving.NothingHandedOver,
    moving.NotHandedToYou,
    moving.AcceptItFirst,
    moving.UnitMissing,
    moves.UnknownAssignee,
    moving.UnknownUnit,
    doing.TimeHasPassed,
    entered.NoSuchReading,
    entered.ReadingHasChanged,
    entered.ReadingIsInTheFuture,
    entered.ReadingIsNotUsable,
)

SENTENCES = {
    "note-missing": ("Skriv en begrunnelse.", "Write a reason."),
    "until-missing": ("Velg hvor lenge.", "Choose until when."),
    "until-is-unusable": ("Tidspunktet kan ikke brukes.", "That time cannot be used."),
    "move-not-allowed": ("Det går ikke i denne tilstanden.", "Not possible in this state."),
    "confirmation-missing": ("Bekreft at en rød skal utsettes.", "Confirm putting off a red."),
    "nothing-handed-over": ("Varselet er ikke overført.", "The alert is not handed over."),
    "accept-it-first": (
        "Ta over eller avslå varselet først.",
        "Accept or decline the alert first.",
    ),
    "not-handed-to-you": ("Bare mottakeren kan svare.", "Only the receiving unit may answer."),
    "unit-missing": ("Velg en avdeling.", "Choose a unit."),
    "time-has-passed": ("Påminnelsen må være fram i tid.", "A reminder must be ahead."),
    "another-is-open": ("Et nyere varsel er åpent.", "A newer alert is open."),
    "reading-is-not-usable": ("Verdiene kan ikke brukes.", "The values cannot be used."),
    "reading-is-in-the-future": ("Tidspunktet er i framtiden.", "That time is in the future."),
    "contact-is-in-the-future": ("Tidspunktet er i framtiden.", "That time is in the future."),
    "programme-not-followed": (
        "Velg et program pasienten er i.",
        "Choose the patient's programme.",
    ),
    "limit-is-out-of-bounds": (
        "Grensen er utenfor det programmet tillater.",
        "The limit is outside what the programme allows.",
    ),
    "already-proposed": (
        "Et forslag om denne grensen venter alt på en kollega.",
        "A proposal about this limit already awaits a colleague.",
    ),
    "needs-another-person": (
        "En annen enn den som foreslo, må bekrefte.",
        "Somebody else than who proposed it must confirm.",
    ),
    "proposal-is-settled": (
        "Forslaget er alt bekreftet eller trukket.",
        "The proposal has been confirmed or withdrawn already.",
    ),
    "limit-has-changed": (
        "Grensen er endret siden forslaget ble laget. Foreslå på nytt.",
        "The limit has changed since it was proposed. Propose it again.",
    ),
    "reading-has-changed": ("Målingen er alt endret.", "The reading has already been changed."),
}


def _sentence(code: str, lang: str) -> str:
    nothing = ("Ingenting ble lagret.", "Nothing was saved.")
    said = SENTENCES.get(code, ("", ""))
    return f"{said[lang == 'en']} {nothing[lang == 'en']}".strip()


def _entry(form: Mapping[str, str], kind: str, note: str | None) -> Entry:
    """`at` is a clock time in Norway, as the page's field gives it."""
    try:
        at = door.clock_time(form.get("at", ""))
    except ValueError as error:
        raise entered.ReadingIsNotUsable from error
    values = {
        key.removeprefix("values."): value.strip()
        for key, value in form.items()
        if key.startswith("values.") and value.strip()
    }
    return Entry(kind, at, values, (note or "").strip() or None)


def _back(patient_id: UUID, **said: str) -> Response:
    query = f"?{urlencode(said)}" if said else ""
    return RedirectResponse(f"/patients/{patient_id}{query}", 303, headers=sheet.HEADERS)
