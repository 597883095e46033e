"""What the pages of every service do with a browser: cookies, the request token, the way back."""

import hashlib
import hmac

from fastapi import Request, Response

from shared.access.caller import Caller, CrossSite
from shared.access.door import cookie_name, cookie_of


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
