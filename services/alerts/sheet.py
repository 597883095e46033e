"""How a page is answered: headers, language and theme, and a refusal as a page."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.alerts import door, page
from services.alerts.reader import Reader

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


def frame(request: Request, by: Reader) -> dict[str, Any]:
    return {
        **looks(request),
        "me": {"id": by.id, "name": by.name, "role": by.role},
        "csrf": door.token_of(request),
    }


def looks(request: Request) -> dict[str, Any]:
    theme = request.query_params.get("theme") or request.cookies.get("theme")
    return {"theme": theme if theme in PLAIN["theme"] else None}


def language(request: Request) -> str:
    chosen = request.query_params.get("lang") or request.cookies.get("lang")
    # Not the browser's language: hospital machines are often installed in English.
    return str(chosen) if chosen in PLAIN["lang"] else "nb"


def html(request: Request, template: str, view: Any, status: int = 200) -> Response:
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
        **looks(request),
        "status": status,
        "code": code,
        "request_id": request.scope.get("state", {}).get("request_id", ""),
    }
    view = page.error_view(data, language(request), datetime.now(UTC))
    return html(request, "error.html", view, status)
