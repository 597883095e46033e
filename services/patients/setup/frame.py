"""How a set-up page is answered: headers, language and theme, and a refusal as a page."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.patients import page
from services.patients.me import sheet
from services.patients.page import desk, words
from shared.access import Caller, browser

HEADERS = {**sheet.HEADERS, "Cache-Control": "no-store"}


def html(
    request: Request,
    caller: Caller | None,
    template: str,
    view: dict[str, Any],
    *,
    title: str,
    tab: str = "",
    status: int = 200,
) -> Response:
    around = desk.around(
        language(request),
        sheet.theme(request),
        title=title,
        tab=tab,
        csrf=browser.token_of(request) if caller else "",
        me={"name": caller.name, "role": caller.role.value} if caller else None,
        worklist=request.app.state.worklist_at,
    )
    filled = page.render(f"setup/{template}", {**around, **view})
    return sheet.chosen(request, HTMLResponse(filled, status, headers=HEADERS))


def language(request: Request) -> str:
    # Not the browser's language: hospital machines are often installed in English.
    return "en" if sheet.language(request) == "en" else "nb"


def said(request: Request) -> words.Words:
    """The words of the set-up pages."""
    found: words.Words = words.words(language(request))["setup"]
    return found


def onwards(place: str) -> Response:
    return RedirectResponse(place, 303, headers=HEADERS)


def log_in_at(request: Request, query: str) -> str:
    """Staff log in where the worklist is."""
    return f"{request.app.state.worklist_at}/login?{query}"


async def form(request: Request, caller: Caller, most: int = 40) -> dict[str, str]:
    """What was typed on one of our own pages. CrossSite, FormIsUnreadable, FormIsTooLarge."""
    sent = await browser.form(request, most)
    browser.from_page(request, caller, sent.pop("csrf", None))
    return sent


def problem_page(request: Request, status: int, code: str) -> Response:
    """A refusal as a page; an expired session leads to the log-in."""
    if status == 401 and request.method == "GET":
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return onwards(log_in_at(request, urlencode({"next": asked})))
    s = said(request)
    view = {
        "text": s["problem"].get(code, s["problem"]["unknown"]),
        "status": status,
        "request_id": request.scope.get("state", {}).get("request_id", ""),
        "clock": f"{datetime.now(UTC):%H:%M:%S} UTC",
    }
    return html(request, None, "error.html", view, title=s["problem"]["title"], status=status)
