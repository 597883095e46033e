"""Log-in by the identity provider as a browser meets it, on the pages of staff and of patients:
there and back, what failed counted, and out again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from shared import service
from shared.access import attempts, browser, login, logout, source
from shared.access.caller import (
    Caller,
    IssuerDoesNotAnswer,
    LevelIsTooLow,
    NotRegisteredHere,
    ScopeIsMissing,
)
from shared.access.door import COOKIE, same_site
from shared.access.guard import Guard
from shared.access.login import Logins

FAILED: tuple[type[Exception], ...] = (
    login.LogInFailed,
    NotRegisteredHere,
    LevelIsTooLow,
    ScopeIsMissing,
    IssuerDoesNotAnswer,
)


@dataclass(frozen=True, slots=True)
class Entrance:
    """`page` is the log-in page and `home` what all places behind it begin with. `waiting` names
    the cookie by which the browser that began is known when it comes back; `headers` go with each
    answer."""

    page: str
    home: str
    waiting: str
    headers: Mapping[str, str]
    cookie: str = COOKIE
    lands: Callable[[Caller, str], str] | None = None  # where somebody comes in, if he may choose
    leaves: Callable[[Request, str], Response] | None = None  # the page that leads out, to there

    async def start(self, request: Request, way: int, next: str) -> Response:
        """To the identity provider. A link and not a form: our pages' forms lead nowhere else.
        TooManyRequests."""
        logins: Logins = request.app.state.logins
        ways = logins.ways()
        request.app.state.paces.must_begin(address(request) or "")
        if way >= len(ways):
            return self.back("log-in-failed")
        try:
            begun = await logins.begin(ways[way], self.inside(next))
        except FAILED as refused:
            return self.back(service.code_of(type(refused)))
        response = self.onwards(begun.address)
        browser.keep(request, response, self.waiting, begun.browser, login.LOGIN_SECONDS)
        return response

    async def finish(self, request: Request) -> Response:
        """Back from the identity provider. TooManyRequests."""
        logins: Logins = request.app.state.logins
        began = browser.kept(request, self.waiting)
        given = {name: value for name, value in request.query_params.items() if len(value) < 4000}
        try:
            done = await logins.finish(began, given, address(request))
        except FAILED as refused:
            return await self.failed(request, service.code_of(type(refused)))
        place = self.lands(done.caller, done.next) if self.lands else done.next
        response = self.onwards(self.inside(place))
        browser.forget(request, response, self.waiting)
        browser.keep(request, response, self.cookie, done.session, login.SESSION_SECONDS)
        return response

    async def leave(self, request: Request) -> Response:
        """Log out. CrossSite."""
        same_site(request)
        logins: Logins = request.app.state.logins
        there = await logins.end(browser.kept(request, self.cookie), address(request))
        if there is not None and self.leaves is not None:
            response = self.leaves(request, there)
        else:
            response = self.onwards(f"{self.page}?left=true")
        browser.forget(request, response, self.cookie)
        return response

    async def told(self, request: Request) -> Response:
        """The identity provider says that somebody is logged out. LogOutIsNotValid,
        TooManyRequests, IssuerDoesNotAnswer."""
        guard: Guard = request.app.state.guard
        sent = await browser.form(request)
        try:
            await logout.told(guard, sent.get("logout_token", ""), address(request))
        except logout.LogOutIsNotValid:
            request.app.state.backstop.attempt(request.scope)
            failures: source.Failures = request.app.state.failures
            failures.note(address(request) or "")
            raise
        return Response(headers={**self.headers, "Cache-Control": "no-store"})

    async def failed(self, request: Request, problem: str) -> Response:
        """One log-in more that did not succeed: it stands in the audit trail, and only who fails
        is told to wait, so that nobody can shut out those who come from the same address.
        TooManyRequests."""
        request.app.state.backstop.attempt(request.scope)
        guard: Guard = request.app.state.guard
        at = attempts.place("log-in", address(request) or "")
        await attempts.count(guard.database, at, attempts.LOG_INS)
        return self.back(problem)

    def back(self, problem: str) -> Response:
        return self.onwards(f"{self.page}?problem={problem}")

    def onwards(self, place: str) -> Response:
        return RedirectResponse(place, 303, headers=dict(self.headers))

    def way_in(self, way: int, next: str) -> str:
        return f"{self.page}/start?{urlencode({'way': way, 'next': self.inside(next)})}"

    def inside(self, place: str) -> str:
        """One of the pages behind this entrance, whatever was asked for."""
        found = browser.inside(place, self.home)
        return found if found.startswith((f"{self.home.rstrip('/')}/", f"{self.home}?")) else (
            self.home
        )  # fmt: skip


def address(request: Request) -> str | None:
    """From where the request comes, as the audit trail has it."""
    return source.of(request.scope, behind_proxy=request.app.state.behind_proxy) or None
