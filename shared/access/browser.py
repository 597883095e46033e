"""What the pages of every service do with a browser: cookies, the request token, the way back."""

import hashlib
import hmac
from urllib.parse import parse_qs

from fastapi import Request, Response

from shared.access.caller import Caller, CrossSite
from shared.access.door import cookie_name, cookie_of

FORM = 64 * 1024
FIELDS = 40


class FormIsUnreadable(Exception):
    """The form cannot be read"""


class FormIsTooLarge(Exception):
    """The form is larger than any form here"""


async def form(request: Request, most: int = FIELDS) -> dict[str, str]:
    """A page's form, each field once, and at most so many of them."""
    if int(request.headers.get("content-length") or 0) > FORM:
        raise FormIsTooLarge
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM:
            raise FormIsTooLarge
    try:
        fields = parse_qs(
            body.decode(), keep_blank_values=True, max_num_fields=most, errors="strict"
        )
    except ValueError as error:
        raise FormIsUnreadable from error
    if any(len(values) > 1 or "\x00" in values[0] for values in fields.values()):
        raise FormIsUnreadable
    return {name: values[0] for name, values in fields.items()}


def token_of(request: Request) -> str:
    """What a page must show in an unsafe request: bound to the session that made the page."""
    cookie = request.cookies.get(cookie_of(request), "")
    return hmac.new(cookie.encode(), b"hjemvakt-page", hashlib.sha256).hexdigest()


def from_page(request: Request, caller: Caller, shown: str | None = None) -> None:
    """A request by cookie must come from a page of this session. CrossSite."""
    if not caller.by_cookie:
        return
    given = shown or request.headers.get("x-csrf-token", "")
    if not hmac.compare_digest(given.encode(), token_of(request).encode()):
        raise CrossSite


def kept(request: Request, cookie: str) -> str:
    """A cookie that `keep` has set, or nothing."""
    return request.cookies.get(_name(request, cookie), "")


def keep(request: Request, response: Response, cookie: str, value: str, seconds: int) -> None:
    response.set_cookie(
        _name(request, cookie),
        value,
        max_age=seconds,
        httponly=True,
        samesite="lax",
        secure=request.app.state.secure_cookie,
    )


def forget(request: Request, response: Response, cookie: str) -> None:
    secure = request.app.state.secure_cookie
    response.delete_cookie(_name(request, cookie), httponly=True, samesite="lax", secure=secure)


def inside(place: str, otherwise: str = "/") -> str:
    """A place on this site, whatever was asked for."""
    is_ours = place.startswith("/") and not place.startswith(("//", "/\\"))
    return place if is_ours and place.isprintable() else otherwise


def _name(request: Request, cookie: str) -> str:
    return cookie_name(secure=request.app.state.secure_cookie, name=cookie)
