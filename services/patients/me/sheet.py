"""How a page of the patient's is answered: headers, language and theme, and a refusal as a page."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from services.patients import page
from services.patients.page import words
from shared.access import browser

YEAR = 365 * 24 * 3600
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
PLAIN = {"lang": words.LANGUAGES, "theme": ("light", "dark", "auto")}


def language(request: Request, own: str = "nb") -> str:
    """As chosen on this phone, else as the record says of the patient, else Norwegian."""
    chosen = request.query_params.get("lang") or request.cookies.get("lang") or own
    return chosen if chosen in PLAIN["lang"] else "nb"


def theme(request: Request) -> str | None:
    chosen = request.query_params.get("theme") or request.cookies.get("theme")
    return chosen if chosen in PLAIN["theme"] else None


def html(
    request: Request,
    template: str,
    view: dict[str, Any],
    lang: str,
    *,
    title: str,
    tab: str = "",
    status: int = 200,
    is_mine: bool = True,
) -> Response:
    """`is_mine` false: a page that is the same for everybody, and holds no token."""
    csrf = browser.token_of(request) if is_mine else ""
    around = page.around(lang, theme(request), title=title, tab=tab, csrf=csrf)
    response = HTMLResponse(page.render(template, {**around, **view}), status, headers=HEADERS)
    return chosen(request, response)


def chosen(request: Request, response: Response) -> Response:
    """Keeps the language and theme that were just chosen on this machine."""
    for name, known in PLAIN.items():
        value = request.query_params.get(name)
        if value in known:
            secure = request.app.state.secure_cookie
            response.set_cookie(
                name, value, max_age=YEAR, samesite="lax", httponly=True, secure=secure
            )
    return response


def problem_page(request: Request, status: int, code: str) -> Response:
    """A refusal as a page; an expired session leads to the log-in."""
    if status == 401:
        return RedirectResponse(
            f"/me/login?{urlencode({'next': request.url.path})}", 303, headers=HEADERS
        )
    lang = language(request)
    t = words.words(lang)["error"]
    view = {
        "text": t.get(code, t["unknown"]),
        "request_id": request.scope.get("state", {}).get("request_id", ""),
        "clock": f"{datetime.now(UTC):%H:%M:%S} UTC",
    }
    return html(request, "error.html", view, lang, title=t["title"], status=status, is_mine=False)
