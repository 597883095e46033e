"""The nurse's pages: log-in, the list, one patient. Forms answer with a redirect to the page."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

import pydantic
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.alerts import door, entering, list_data, moves, page, patient_data, views, worklist
from services.alerts.clinical import lifecycle
from services.alerts.door import Has
from services.alerts.entering import Entry
from services.alerts.reader import Reader
from services.alerts.routes import MoveRequest
from services.alerts.views import Question
from shared import access, exact, service
from shared.access import Caller, Role

router = APIRouter(include_in_schema=False)

OSLO = ZoneInfo("Europe/Oslo")
LIST = 500
YEAR = 365 * 24 * 3600
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
PLAIN = {"lang": ("nb", "en"), "theme": ("light", "dark", "auto")}

Colour = Literal["red", "yellow", "green"]
State = Literal["open", "acknowledged", "snoozed"]


class NoSuchPerson(Exception):
    """Nobody of that name can log in here"""


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
    listed = await views.worklist(has, by, asked)
    data = {
        **list_data.page(by, has.programmes, asked, listed),
        **_frame(request, by),
        "next": worklist.next_place(listed),
        "query": list_data.query(asked, cursor),
    }
    view = page.worklist_view(data, _language(request), listed.now)
    return _html(request, template, view)


# --- one patient ----------------------------------------------------------------------------


@router.get("/patients/{patient_id}")
async def patient_page(
    request: Request,
    has: Has,
    caller: access.Clinician,
    patient_id: UUID,
    days: Literal["14", "30", "90"] = "30",
    reading: UUID | None = None,
    saved: bool = False,
    problem: Annotated[str | None, Query(max_length=64, pattern="^[a-z-]+$")] = None,
) -> Response:
    by = door.reader(request, caller)
    more = {"reading": str(reading) if reading else None, "saved": saved}
    if problem:
        more["problem"] = _sentence(problem, _language(request))
    return await _patient(request, has, by, patient_id, int(days), more)


@router.get("/patients/{patient_id}/chart.json")
async def patient_chart(
    request: Request,
    has: Has,
    caller: access.Clinician,
    patient_id: UUID,
    days: Annotated[int, Query(ge=1, le=90)] = 30,
) -> Response:
    seen = await patient_data.opened(has, door.reader(request, caller), patient_id)
    view = page.chart_view(patient_data.chart(has, seen, days), _language(request), seen.now)
    return Response(exact.dumps(view), media_type="application/json", headers=HEADERS)


async def _patient(
    request: Request,
    has: Has,
    by: Reader,
    patient_id: UUID,
    days: int,
    more: Mapping[str, Any],
    status: int = 200,
) -> Response:
    seen = await patient_data.opened(has, by, patient_id)
    data = {**patient_data.page(has, by, seen, days), **_frame(request, by), **more}
    view = page.patient_view(data, _language(request), seen.now)
    return _html(request, "patient.html", view, status)


@router.post("/patients/{patient_id}/alerts/{alert_id}/moves")
async def move_from_page(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID, alert_id: UUID
) -> Response:
    """The same verb as the API's; a 409 shows the page anew, with what was typed kept."""
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    by = door.reader(request, caller)
    sent = {key: value for key, value in form.items() if key != "csrf" and value}
    try:
        wanted = MoveRequest.model_validate({**sent, "version": int(form.get("version", "0"))})
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
            moves.Wanted(
                lifecycle.Move(wanted.move),
                wanted.version,
                wanted.note,
                wanted.until,
                wanted.assignee,
                wanted.outcome,
            ),
        )
    except moves.AlertHasMoved as refused:
        moved_by = refused.members["alert"].get("moved_by") or {}
        more = {
            "moved": {"alert": str(alert_id), "by": moved_by.get("name")},
            "draft": {"note": wanted.note or ""},
        }
        return await _patient(request, has, by, patient_id, 30, more, 409)
    except tuple(REFUSALS) as refused:
        return _back(patient_id, problem=service.code_of(type(refused)))
    return _back(patient_id, saved="true")


@router.post("/patients/{patient_id}/readings")
async def enter_reading(
    request: Request, has: Has, caller: access.Clinician, patient_id: UUID
) -> Response:
    form = await door.form(request)
    door.from_page(request, caller, form.get("csrf"))
    now = datetime.now(UTC)
    try:
        entry = _entry(form, form.get("kind", ""), form.get("note"))
        await entering.enter(has.database, door.reader(request, caller), patient_id, entry, now)
    except tuple(REFUSALS) as refused:
        return _back(patient_id, problem=service.code_of(type(refused)))
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
    moves.AnotherIsOpen,
    moves.UnknownAssignee,
    entering.NoSuchReading,
    entering.ReadingHasChanged,
    entering.ReadingIsInTheFuture,
    entering.ReadingIsNotUsable,
)

SENTENCES = {
    "note-missing": ("Skriv en begrunnelse.", "Write a reason."),
    "until-missing": ("Velg hvor lenge.", "Choose until when."),
    "until-is-unusable": ("Tidspunktet kan ikke brukes.", "That time cannot be used."),
    "move-not-allowed": ("Det går ikke i denne tilstanden.", "Not possible in this state."),
    "another-is-open": ("Et nyere varsel er åpent.", "A newer alert is open."),
    "reading-is-not-usable": ("Verdiene kan ikke brukes.", "The values cannot be used."),
    "reading-is-in-the-future": ("Tidspunktet er i framtiden.", "That time is in the future."),
    "reading-has-changed": ("Målingen er alt endret.", "The reading has already been changed."),
}


def _sentence(code: str, lang: str) -> str:
    nothing = ("Ingenting ble lagret.", "Nothing was saved.")
    said = SENTENCES.get(code, ("", ""))
    return f"{said[lang == 'en']} {nothing[lang == 'en']}".strip()


def _entry(form: Mapping[str, str], kind: str, note: str | None) -> Entry:
    """`at` is a clock time in Norway, as the page's field gives it."""
    try:
        local = datetime.fromisoformat(form.get("at", ""))
    except ValueError as error:
        raise entering.ReadingIsNotUsable from error
    at = (local if local.tzinfo else local.replace(tzinfo=OSLO)).astimezone(UTC)
    values = {
        key.removeprefix("values."): value.strip()
        for key, value in form.items()
        if key.startswith("values.") and value.strip()
    }
    return Entry(kind, at, values, (note or "").strip() or None)


def _back(patient_id: UUID, **said: str) -> Response:
    query = f"?{urlencode(said)}" if said else ""
    return RedirectResponse(f"/patients/{patient_id}{query}", 303, headers=HEADERS)


# --- log-in of the development issuer -------------------------------------------------------


@router.get("/login")
async def login_page(
    request: Request,
    has: Has,
    next: Annotated[str, Query(max_length=500)] = "/",
    problem: Annotated[str | None, Query(max_length=64, pattern="^[a-z-]+$")] = None,
) -> Response:
    """In test mode, whoever reaches this page may log in as any of the staff."""
    people = await views.people(has) if request.app.state.issuer.is_open else []
    people.sort(key=lambda one: list(Role).index(Role(one["role"])))  # nurses first
    data = {
        **_looks(request),
        "people": [
            {
                "id": f"{one['org']}:{one['id']}",
                "name": one["name"],
                "role": one["role"],
                "unit": one["unit"],
            }
            for one in people
        ],
        "next": _inside(next),
        "problem": problem,
    }
    return _html(request, "login.html", page.login_view(data, _language(request)))


@router.post("/login")
async def log_in(request: Request, has: Has) -> Response:
    access.same_site(request)
    form = await door.form(request)
    org, _, person = form.get("person", "").partition(":")
    found = [
        one for one in await views.people(has) if one["org"] == org and str(one["id"]) == person
    ]
    if not found:
        return RedirectResponse("/login?problem=unknown", 303, headers=HEADERS)
    caller = Caller(
        id=str(found[0]["id"]),
        name=found[0]["name"],
        role=Role(found[0]["role"]),
        org=org,
        units=frozenset(found[0]["units"]),
        hpr=found[0]["hpr"],
    )
    token = request.app.state.issuer.token(caller)
    response = RedirectResponse(_inside(form.get("next", "/")), 303, headers=HEADERS)
    secure = request.app.state.secure_cookie
    response.set_cookie(
        access.cookie_name(secure=secure),
        token,
        max_age=access.SESSION_SECONDS,
        httponly=True,
        samesite="lax",
        secure=secure,
    )
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    access.same_site(request)
    response = RedirectResponse("/login", 303, headers=HEADERS)
    secure = request.app.state.secure_cookie
    response.delete_cookie(
        access.cookie_name(secure=secure), httponly=True, samesite="lax", secure=secure
    )
    return response


def _inside(place: str) -> str:
    """A place on this site, whatever was asked for."""
    is_ours = place.startswith("/") and not place.startswith(("//", "/\\"))
    return place if is_ours and place.isprintable() else "/"


# --- frame ----------------------------------------------------------------------------------


def _frame(request: Request, by: Reader) -> dict[str, Any]:
    return {
        **_looks(request),
        "me": {"id": by.id, "name": by.name, "role": by.role},
        "csrf": door.token_of(request),
    }


def _looks(request: Request) -> dict[str, Any]:
    theme = request.query_params.get("theme") or request.cookies.get("theme")
    return {"theme": theme if theme in PLAIN["theme"] else None}


def _language(request: Request) -> str:
    chosen = request.query_params.get("lang") or request.cookies.get("lang")
    # Not the browser's language: hospital machines are often installed in English.
    return str(chosen) if chosen in PLAIN["lang"] else "nb"


def _html(request: Request, template: str, view: Any, status: int = 200) -> Response:
    response = HTMLResponse(page.render(template, view), status, headers=HEADERS)
    for name, known in PLAIN.items():
        chosen = request.query_params.get(name)
        if chosen in known:
            response.set_cookie(name, chosen, max_age=YEAR, samesite="lax", httponly=True)
    return response


def problem_page(request: Request, status: int, code: str) -> Response:
    """A refusal as a page, for who reads pages; an expired session leads to the log-in."""
    if status == 401 and request.method == "GET":
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': asked})}", 303, headers=HEADERS)
    data = {
        **_looks(request),
        "status": status,
        "code": code,
        "request_id": request.scope.get("state", {}).get("request_id", ""),
    }
    view = page.error_view(data, _language(request), datetime.now(UTC))
    return _html(request, "error.html", view, status)
