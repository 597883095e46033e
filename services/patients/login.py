"""The patient's log-in and log-out: by ID-porten, or in test mode without it by choosing a name."""

from typing import Annotated
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.patients import sheet, store
from services.patients.door import Db
from services.patients.page import words
from shared import access, service
from shared.access import Caller, Role, attempts, browser, login, source
from shared.access.login import Logins

WAITING = "hjemvakt-me-login"  # the browser that began is the one that comes back
HOME = "/me"
FORM = 4096
FAILED: tuple[type[Exception], ...] = (
    login.LogInFailed,
    access.NotRegisteredHere,
    access.LevelIsTooLow,
    access.ScopeIsMissing,
    access.IssuerDoesNotAnswer,
)

router = APIRouter(prefix="/me", include_in_schema=False)


@router.get("/login")
async def login_page(
    request: Request,
    next: Annotated[str, Query(max_length=300)] = HOME,
    problem: Annotated[str | None, Query(max_length=64, pattern="^[a-z-]+$")] = None,
    left: bool = False,
) -> Response:
    """Says where one is going before it leads there: an old bookmark must not surprise."""
    logins: Logins = request.app.state.logins
    ways = logins.ways()
    lang = sheet.language(request)
    t = words.words(lang)
    view = {
        "ways": [
            {"name": way.name, "address": _start(place, next)} for place, way in enumerate(ways)
        ],
        "by_id": request.app.state.issuer.is_open and not ways,
        "next": _mine(next),
        "problem": t["error"].get(problem, t["error"]["unknown"]) if problem else "",
        "left": left,
    }
    return sheet.html(request, "login.html", view, lang, title=t["login"]["title"], is_mine=False)


@router.get("/login/start")
async def start(
    request: Request,
    way: Annotated[int, Query(ge=0, le=20)] = 0,
    next: Annotated[str, Query(max_length=300)] = HOME,
) -> Response:
    """To the identity provider. A link and not a form: our pages' forms lead nowhere else."""
    logins: Logins = request.app.state.logins
    ways = logins.ways()
    request.app.state.paces.must_begin(_address(request) or "")
    if way >= len(ways):
        return _onwards("/me/login?problem=log-in-failed")
    try:
        begun = await logins.begin(ways[way], _mine(next))
    except FAILED as refused:
        return _onwards(f"/me/login?problem={service.code_of(type(refused))}")
    response = _onwards(begun.address)
    browser.keep(request, response, WAITING, begun.browser, login.LOGIN_SECONDS)
    return response


@router.get("/login/callback")
async def finish(request: Request) -> Response:
    """Back from the identity provider."""
    logins: Logins = request.app.state.logins
    began = browser.kept(request, WAITING)
    given = {name: value for name, value in request.query_params.items() if len(value) < 4000}
    try:
        done = await logins.finish(began, given, _address(request))
    except FAILED as refused:
        request.app.state.backstop.attempt(request.scope)
        at = attempts.place("log-in", _address(request) or "")
        await attempts.count(request.app.state.database, at, attempts.LOG_INS)
        return _onwards(f"/me/login?problem={service.code_of(type(refused))}")
    response = _onwards(_mine(done.next))
    browser.forget(request, response, WAITING)
    browser.keep(request, response, request.app.state.cookie, done.session, login.SESSION_SECONDS)
    return response


@router.post("/login")
async def log_in(request: Request, database: Db) -> Response:
    """Test mode without an identity provider: whoever knows a patient's id is that patient."""
    access.same_site(request)
    if request.app.state.logins.ways() or not request.app.state.issuer.is_open:
        return _onwards("/me/login")
    form = await _form(request)
    try:
        patient_id = UUID(form.get("patient", "").strip())
    except ValueError:
        return _onwards("/me/login?problem=not-registered-here")
    async with database.transaction() as tx:
        row = await store.anybody(tx, patient_id=patient_id)
    if row is None:
        return _onwards("/me/login?problem=not-registered-here")
    caller = Caller(str(patient_id), row["name"], Role.PATIENT, row["org"], patient_id=patient_id)
    token = request.app.state.issuer.token(caller)
    response = _onwards(_mine(form.get("next", HOME)))
    cookie = request.app.state.cookie
    browser.keep(request, response, cookie, token, access.SESSION_SECONDS)
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    access.same_site(request)
    cookie = request.app.state.cookie
    await request.app.state.logins.end(browser.kept(request, cookie))
    response = _onwards("/me/login?left=true")
    browser.forget(request, response, cookie)
    return response


async def _form(request: Request) -> dict[str, str]:
    """The log-in form, which is small; whatever else comes is nobody."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM:
            return {}
    try:
        return dict(parse_qsl(body.decode(), max_num_fields=5))
    except ValueError:
        return {}


def _onwards(place: str) -> Response:
    return RedirectResponse(place, 303, headers=sheet.HEADERS)


def _start(place: int, next: str) -> str:
    return f"/me/login/start?{urlencode({'way': place, 'next': _mine(next)})}"


def _mine(place: str) -> str:
    """One of the patient's own pages, whatever was asked for."""
    found = browser.inside(place, HOME)
    return found if found == HOME or found.startswith(f"{HOME}/") else HOME


def _address(request: Request) -> str | None:
    return source.of(request.scope, behind_proxy=request.app.state.behind_proxy) or None
