"""How long a set-up page that nobody touches stays logged in, staying, and logging out."""

from fastapi import APIRouter, Request, Response

from services.patients import door
from services.patients.setup import frame
from shared import access
from shared.access import Guard, browser, entrance
from shared.access.login import Logins

router = APIRouter(prefix="/setup", include_in_schema=False)


@router.get("/session")
async def session(request: Request, caller: access.AnyStaff) -> Response:
    """In `left` how many seconds the session has if nobody does anything. Asked by the page's
    script, which is no use of it."""
    guard: Guard = request.app.state.guard
    left = await guard.left(caller, of_staff=True)
    return door.json({"left": None if left is None else int(left)})


@router.post("/stay", status_code=204)
async def stay(request: Request, caller: access.AnyStaff) -> Response:
    """Somebody is at the screen, though he asks for nothing."""
    browser.from_page(request, caller)
    return Response(status_code=204)


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """To the log-in page. A script is told in `to` where to go: by the identity provider, where the
    session is to end there too. A form of ours may lead nowhere else. CrossSite."""
    access.same_site(request)
    logins: Logins = request.app.state.logins
    page = f"{request.app.state.worklist_at or request.app.state.public_url or ''}/login"
    session = browser.kept(request, access.COOKIE)
    there = await logins.end(session, entrance.address(request), page)
    home = frame.log_in_at(request, "left=true")
    by_script = request.headers.get("accept") == "application/json"
    response = door.json({"to": there or home}) if by_script else frame.onwards(home)
    browser.forget(request, response, access.COOKIE)
    return response
