"""What a route asks for: the caller, in the roles it lets in. Only here is a request read."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request

from shared import audit
from shared.access import source, table
from shared.access.caller import (
    CLINICAL,
    Caller,
    CrossSite,
    HprIsMissing,
    NobodysProxy,
    NonceIsMissing,
    NotAllowed,
    NotAuthenticated,
    NotGiven,
    Role,
    ScopeIsMissing,
)
from shared.access.guard import Guard, Shown
from shared.database import confine

COOKIE = "hjemvakt"
# Another name than staff's: behind the front door both pages have one host, and cookies know no
# port, so that whoever works here and is a patient too keeps two log-ins apart.
COOKIE_OF_PATIENTS = "hjemvakt-me"
SET_UP = "/setup"
ON_BEHALF = "hjemvakt-on-behalf-of"


async def caller_of(request: Request) -> Caller:
    """The logged-in person, by token or by the page's cookie; a citizen who asks on behalf of a
    patient as his relative. From where too many have failed, the next that fails must wait."""
    pace: source.Failures = request.app.state.failures
    try:
        caller = await _logged_in(request)
    except NonceIsMissing:
        raise  # asked to say it once more, which is no guess
    except NotAuthenticated:
        pace.note(source.of(request.scope, behind_proxy=request.app.state.behind_proxy))
        raise
    wanted = request.headers.getlist(ON_BEHALF)
    if not wanted:
        return caller
    guard: Guard = request.app.state.guard
    return await guard.on_behalf(caller, _patient(wanted))


def _patient(named: list[str]) -> UUID:
    try:
        [one] = named
        return UUID(one)
    except ValueError:
        raise NobodysProxy from None


async def _logged_in(request: Request) -> Caller:
    """A cookie is sent by the browser on its own, so an unsafe request by cookie must show that
    one of our own pages made it."""
    guard: Guard = request.app.state.guard
    given = request.headers.getlist("authorization")
    if given:
        return await guard.by_token(shown(request, given))
    cookie = request.cookies.get(cookie_of(request))
    if not cookie:
        raise NotAuthenticated
    if request.method not in {"GET", "HEAD"} and not _is_same_site(request):
        raise CrossSite
    return await guard.by_cookie(cookie, is_use=_is_use(request), of_staff=_is_set_up(request))


def _is_use(request: Request) -> bool:
    """Whether a person did this. What a page's script reads by itself is a fetch."""
    return request.method != "GET" or request.headers.get("sec-fetch-mode", "") in ("", "navigate")


def shown(request: Request, given: list[str]) -> Shown:
    """NotAuthenticated when two answers are given to the question who asks."""
    if len(given) != 1:
        raise NotAuthenticated
    scheme, _, token = given[0].partition(" ")
    return Shown(
        scheme, token.strip(), request.headers.getlist("dpop"), request.method, address(request)
    )


def address(request: Request) -> str:
    """Where the request came in, as its sender sees it. Never by the Host header when the
    installation says its address."""
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    public: str | None = request.app.state.public_url
    return f"{public or f'{request.url.scheme}://{request.url.netloc}'}{path.decode('ascii')}"


def same_site(request: Request) -> None:
    """Log-in and log-out come from our own pages, though nobody is logged in. CrossSite."""
    if not _is_same_site(request):
        raise CrossSite


def _is_same_site(request: Request) -> bool:
    fetched_from = request.headers.get("sec-fetch-site")
    if fetched_from is not None:
        return fetched_from == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def cookie_name(*, secure: bool, name: str = COOKIE) -> str:
    return f"__Host-{name}" if secure else name


def cookie_of(request: Request) -> str:
    """The name of this service's session cookie."""
    state = request.app.state
    name = COOKIE if _is_set_up(request) else state.cookie
    return cookie_name(secure=state.secure_cookie, name=name)


def _is_set_up(request: Request) -> bool:
    """Staff's pages in a service whose other pages are patients'."""
    # Not `request.url`, which is made with the Host header.
    path: str = request.scope["path"]
    return path == SET_UP or path.startswith(f"{SET_UP}/")


def needs(*roles: Role) -> Callable[[Request], Coroutine[Any, Any, Caller]]:
    """A dependency that lets these roles pass and nobody else."""

    async def check(request: Request) -> Caller:
        caller = await caller_of(request)
        # The signature says who may ask, for whoever reads the code; the table decides. A route
        # that does not stand in it is nobody's.
        place = f"{request.method} {request.scope['route'].path}"
        act = table.by_route().get(place)
        _say_who(request, caller, act, place)
        if act is None or caller.role not in act.reach or caller.role not in roles:
            raise NotAllowed
        # A development token has no register behind it; an identity provider has.
        if act.hpr and caller.hpr is None and caller.issuer and caller.role in CLINICAL:
            raise HprIsMissing
        if caller.role is Role.SYSTEM and act.scope not in caller.scopes:
            raise ScopeIsMissing
        if act.reach[caller.role] is table.Reach.GIVEN and act.on not in caller.may:
            raise NotGiven
        if act.per_minute is not None:
            paces: source.Paces = request.app.state.paces
            paces.must_wait(act, caller)
        reach = act.reach[caller.role]
        caller = replace(caller, reach=reach, in_emergency=act.emergency)
        confine(caller.org)
        request.state.caller = caller
        return caller

    return check


def _say_who(request: Request, caller: Caller, act: table.Act | None, place: str) -> None:
    """To the audit trail, before anything is refused or shown."""
    state = request.scope.setdefault("state", {})
    where = source.of(request.scope, behind_proxy=request.app.state.behind_proxy)
    who = audit.Who(
        org=caller.org,
        by=caller.id,
        role=caller.role.value,
        hpr=caller.hpr,
        units=tuple(sorted(caller.units, key=lambda unit: unit.int)),
        on_behalf=caller.patient_id if caller.role is Role.RELATIVE else None,
        address=where or None,
        door=place,
        request_id=state.get("request_id"),
    )
    what = act.on if act else "unknown"
    reach = act.reach.get(caller.role) if act else None
    state["trail"] = audit.begin(who, what, table.REASON[reach] if reach else "none")


Clinician = Annotated[Caller, Depends(needs(*CLINICAL))]
Administrator = Annotated[Caller, Depends(needs(Role.ADMINISTRATOR))]
AnyStaff = Annotated[
    Caller, Depends(needs(Role.NURSE, Role.PHYSICIAN, Role.ADMINISTRATOR, Role.AUDITOR))
]
ClinicianOrAdministrator = Annotated[Caller, Depends(needs(*CLINICAL, Role.ADMINISTRATOR))]
# A system reads what clinicians and the patient read, where its token is given for that; a relative
# what the patient has given him.
ClinicianOrPatient = Annotated[Caller, Depends(needs(*CLINICAL, Role.PATIENT, Role.SYSTEM))]
ClinicianOrCitizen = Annotated[
    Caller, Depends(needs(*CLINICAL, Role.PATIENT, Role.RELATIVE, Role.SYSTEM))
]
