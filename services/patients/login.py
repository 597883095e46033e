"""The patient's log-in and log-out: by ID-porten, or in test mode without it by choosing a name."""

from typing import Annotated
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.patients import store
from services.patients.door import Db
from services.patients.me import sheet
from services.patients.page import words
from shared import access, audit
from shared.access import Caller, Role, browser, entrance
from shared.access.entrance import Entrance
from shared.access.login import Logins

HOME = "/me"
FORM = 4096

router = APIRouter(prefix="/me", include_in_schema=False)


def _way_out(request: Request, there: str) -> Response:
    """A page between: a form of ours may lead nowhere else, and so none of its redirects."""
    lang = sheet.language(request)
    title = words.words(lang)["login"]["left"]
    view = {"there": there}
    return sheet.html(request, "leaving.html", view, lang, title=title, is_mine=False)


# The browser that began is the one that comes back.
ENTRANCE = Entrance(
    "/me/login", HOME, "hjemvakt-me-login", sheet.HEADERS, access.COOKIE_OF_PATIENTS,
    leaves=_way_out,
)  # fmt: skip


@router.get("/login")
async def login_page(
    request: Request,
    next: Annotated[str, Query(max_length=300)] = HOME,
    problem: Annotated[str | None, Query(max_length=64, pattern="^[a-z-]+$")] = None,
    left: bool = False,
    state: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Says where one is going before it leads there: an old bookmark must not surprise."""
    logins: Logins = request.app.state.logins
    ways = logins.ways()
    lang = sheet.language(request)
    t = words.words(lang)
    view = {
        "ways": [
            {"name": way.name, "address": ENTRANCE.way_in(place, next)}
            for place, way in enumerate(ways)
        ],
        "by_id": request.app.state.issuer.is_open and not ways,
        "next": ENTRANCE.inside(next),
        "problem": t["error"].get(problem, t["error"]["unknown"]) if problem else "",
        # With `state`: back from having logged out at the identity provider.
        "left": left or state is not None,
    }
    return sheet.html(request, "login.html", view, lang, title=t["login"]["title"], is_mine=False)


@router.get("/login/start")
async def start(
    request: Request,
    way: Annotated[int, Query(ge=0, le=20)] = 0,
    next: Annotated[str, Query(max_length=300)] = HOME,
) -> Response:
    return await ENTRANCE.start(request, way, next)


@router.get("/login/callback")
async def finish(request: Request) -> Response:
    return await ENTRANCE.finish(request)


@router.post("/login")
async def log_in(request: Request, database: Db) -> Response:
    """Test mode without an identity provider: whoever knows a patient's id is that patient."""
    access.same_site(request)
    if request.app.state.logins.ways() or not request.app.state.issuer.is_open:
        return ENTRANCE.onwards("/me/login")
    form = await _form(request)
    try:
        patient_id = UUID(form.get("patient", "").strip())
    except ValueError:
        return await ENTRANCE.failed(request, "not-registered-here")
    async with database.transaction() as tx:
        row = await store.anybody(tx, patient_id=patient_id)
        if row is not None:
            who = audit.Who(
                row["org"], str(patient_id), Role.PATIENT.value, address=entrance.address(request)
            )
            await audit.note(tx, who, (), "log-in", "changed", why="own", about="development")
    if row is None:
        return await ENTRANCE.failed(request, "not-registered-here")
    caller = Caller(str(patient_id), row["name"], Role.PATIENT, row["org"], patient_id=patient_id)
    token = request.app.state.issuer.token(caller)
    response = ENTRANCE.onwards(ENTRANCE.inside(form.get("next", HOME)))
    cookie = request.app.state.cookie
    browser.keep(request, response, cookie, token, access.SESSION_SECONDS)
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    return await ENTRANCE.leave(request)


@router.post("/back-channel/log-out")
async def told(request: Request) -> Response:
    """The identity provider says who is logged out there."""
    return await ENTRANCE.told(request)


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
