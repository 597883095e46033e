"""Log-in and log-out: by the identity provider, or in test mode without one by choosing a name."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from services.alerts import door, page, sheet, views
from services.alerts.door import Has
from shared import access, service
from shared.access import Caller, Role, attempts, browser, login, source
from shared.access.login import Logins

WAITING = "hjemvakt-login"  # the browser that began is the one that comes back
FAILED: tuple[type[Exception], ...] = (
    login.LogInFailed,
    access.NotRegisteredHere,
    access.LevelIsTooLow,
    access.ScopeIsMissing,
    access.IssuerDoesNotAnswer,
)

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login_page(
    request: Request,
    has: Has,
    next: Annotated[str, Query(max_length=500)] = "/",
    problem: Annotated[str | None, Query(max_length=64, pattern="^[a-z-]+$")] = None,
    left: bool = False,
) -> Response:
    """Where staff log in. With one identity provider straight to it, unless there is something to
    say first. In test mode without any, whoever reaches this page may be any of the staff."""
    logins: Logins = request.app.state.logins
    ways = logins.ways()
    if len(ways) == 1 and problem is None and not left:
        return _onwards(_start(0, next))
    is_open = request.app.state.issuer.is_open and not ways
    people = await views.people(has) if is_open else []
    people.sort(key=lambda one: list(Role).index(Role(one["role"])))  # nurses first
    data = {
        **sheet.looks(request),
        "people": [
            {
                "id": f"{one['org']}:{one['id']}",
                "name": one["name"],
                "role": one["role"],
                "unit": one["unit"],
            }
            for one in people
        ],
        "ways": [
            {"name": way.name, "address": _start(place, next)} for place, way in enumerate(ways)
        ],
        "next": browser.inside(next),
        "problem": problem,
    }
    return sheet.html(request, "login.html", page.login_view(data, sheet.language(request)))


@router.get("/login/start")
async def start(
    request: Request,
    way: Annotated[int, Query(ge=0, le=20)] = 0,
    next: Annotated[str, Query(max_length=500)] = "/",
) -> Response:
    """To the identity provider. A link and not a form: our pages' forms lead nowhere else."""
    logins: Logins = request.app.state.logins
    ways = logins.ways()
    request.app.state.paces.must_begin(_address(request) or "")
    if way >= len(ways):
        return _onwards("/login?problem=log-in-failed")
    try:
        begun = await logins.begin(ways[way], browser.inside(next))
    except FAILED as refused:
        return _onwards(f"/login?problem={service.code_of(type(refused))}")
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
        await _failed(request)
        return _onwards(f"/login?problem={service.code_of(type(refused))}")
    response = _onwards(_first_page(done.caller, done.next))
    browser.forget(request, response, WAITING)
    browser.keep(request, response, access.COOKIE, done.session, login.SESSION_SECONDS)
    return response


@router.post("/login")
async def log_in(request: Request, has: Has) -> Response:
    access.same_site(request)
    if request.app.state.logins.ways():
        return _onwards("/login")
    form = await door.form(request)
    org, _, person = form.get("person", "").partition(":")
    found = [
        one for one in await views.people(has) if one["org"] == org and str(one["id"]) == person
    ]
    if not found:
        request.app.state.backstop.attempt(request.scope)
        await _failed(request)
        return RedirectResponse("/login?problem=unknown", 303, headers=sheet.HEADERS)
    caller = Caller(
        id=str(found[0]["id"]),
        name=found[0]["name"],
        role=Role(found[0]["role"]),
        org=org,
        units=frozenset(found[0]["units"]),
        hpr=found[0]["hpr"],
        groups=frozenset(found[0]["groups"]),
    )
    await views.logged_in(has, caller, _address(request))
    token = request.app.state.issuer.token(caller)
    response = _onwards(_first_page(caller, form.get("next", "/")))
    browser.keep(request, response, access.COOKIE, token, access.SESSION_SECONDS)
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    access.same_site(request)
    session = browser.kept(request, access.COOKIE)
    await request.app.state.logins.end(session)
    response = _onwards("/login?left=true")
    browser.forget(request, response, access.COOKIE)
    return response


@router.post("/stay", status_code=204)
async def stay(request: Request, caller: access.Clinician) -> Response:
    """Somebody is at the screen: a list that is watched is in use though nothing is asked for."""
    door.from_page(request, caller)
    return Response(status_code=204)


def _first_page(caller: Caller, asked: str) -> str:
    """Where somebody comes in; the list is of patients, whom no administrator sees."""
    wanted = browser.inside(asked)
    is_administrator = caller.role is Role.ADMINISTRATOR
    return "/connections" if is_administrator and wanted == "/" else wanted


async def _failed(request: Request) -> None:
    """One log-in more that did not succeed. Only who fails is told to wait: nobody can shut out
    those who come from the same address. TooManyRequests."""
    at = attempts.place("log-in", _address(request) or "")
    await attempts.count(request.app.state.parts.database, at, attempts.LOG_INS)


def _onwards(place: str) -> Response:
    return RedirectResponse(place, 303, headers=sheet.HEADERS)


def _start(way: int, next: str) -> str:
    return f"/login/start?{urlencode({'way': way, 'next': browser.inside(next)})}"


def _address(request: Request) -> str | None:
    return source.of(request.scope, behind_proxy=request.app.state.behind_proxy) or None
