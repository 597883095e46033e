"""Log-in and log-out: by the identity provider, or in test mode without one by choosing a name."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.alerts import door, page, sheet, views
from services.alerts.door import Has
from shared import access
from shared.access import Caller, Role, browser, entrance
from shared.access.entrance import Entrance
from shared.access.login import Logins

router = APIRouter(include_in_schema=False)


@router.get("/login")
async def login_page(
    request: Request,
    has: Has,
    next: Annotated[str, Query(max_length=500)] = "/",
    problem: Annotated[str | None, Query(max_length=64, pattern="^[a-z-]+$")] = None,
    left: bool = False,
    state: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Where staff log in. With one identity provider straight to it, unless there is something to
    say first. In test mode without any, whoever reaches this page may be any of the staff."""
    logins: Logins = request.app.state.logins
    ways = logins.ways()
    left = left or state is not None  # back from having logged out at the identity provider
    if len(ways) == 1 and problem is None and not left:
        return ENTRANCE.onwards(ENTRANCE.way_in(0, next))
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
            {"name": way.name, "address": ENTRANCE.way_in(place, next)}
            for place, way in enumerate(ways)
        ],
        "next": ENTRANCE.inside(next),
        "problem": problem,
        "left": left,
    }
    return sheet.html(request, "login.html", page.login_view(data, sheet.language(request)))


@router.get("/login/start")
async def start(
    request: Request,
    way: Annotated[int, Query(ge=0, le=20)] = 0,
    next: Annotated[str, Query(max_length=500)] = "/",
) -> Response:
    return await ENTRANCE.start(request, way, next)


@router.get("/login/callback")
async def finish(request: Request) -> Response:
    return await ENTRANCE.finish(request)


@router.post("/login")
async def log_in(request: Request, has: Has) -> Response:
    access.same_site(request)
    if request.app.state.logins.ways():
        return ENTRANCE.onwards("/login")
    form = await door.form(request)
    org, _, person = form.get("person", "").partition(":")
    found = [
        one for one in await views.people(has) if one["org"] == org and str(one["id"]) == person
    ]
    if not found:
        return await ENTRANCE.failed(request, "unknown")
    caller = Caller(
        id=str(found[0]["id"]),
        name=found[0]["name"],
        role=Role(found[0]["role"]),
        org=org,
        units=frozenset(found[0]["units"]),
        hpr=found[0]["hpr"],
        groups=frozenset(found[0]["groups"]),
    )
    await views.logged_in(has, caller, entrance.address(request))
    token = request.app.state.issuer.token(caller)
    response = ENTRANCE.onwards(_first_page(caller, form.get("next", "/")))
    browser.keep(request, response, access.COOKIE, token, access.SESSION_SECONDS)
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    return await ENTRANCE.leave(request)


@router.post("/back-channel/log-out")
async def told(request: Request) -> Response:
    """The identity provider says who is logged out there."""
    return await ENTRANCE.told(request)


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


def _way_out(request: Request, there: str) -> Response:
    """A page between: a form of ours may lead nowhere else, and so none of its redirects."""
    view = page.leaving_view(sheet.looks(request), sheet.language(request), there)
    return sheet.html(request, "leaving.html", view)


# The browser that began is the one that comes back.
ENTRANCE = Entrance(
    "/login", "/", "hjemvakt-login", sheet.HEADERS, lands=_first_page, leaves=_way_out
)
