"""From where a request comes, and how many may come from there or from one person."""

import time
from collections.abc import Iterable
from typing import Any

from starlette.types import Scope

from shared.access.caller import Caller, Role, TooManyRequests
from shared.access.table import Act
from shared.pace import Pace

# A system fetches for many people.
SYSTEMS = 20
LOG_INS = 300  # begun in a minute from one address: a hospital's change of shift


def of(scope: Scope, *, behind_proxy: bool) -> str:
    """The address of who sent the request. Behind our own front door it is what that wrote down
    last; whatever stands before it the sender may have written himself."""
    if behind_proxy:
        written = [value for name, value in _headers(scope) if name == b"x-forwarded-for"]
        if written:
            return written[-1].decode("latin-1").rpartition(",")[2].strip()[:64]
    client = scope.get("client")
    return str(client[0]) if client else ""


def _headers(scope: Scope) -> Iterable[tuple[bytes, bytes]]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return headers


class Failures:
    """Log-ins that failed, by where they came from. Who has a good token is never held up: an
    outsider must not be able to shut out those beside him."""

    def __init__(self, per_minute: int) -> None:
        self._pace = Pace(per_minute)

    def note(self, where: str) -> None:
        """One more. TooManyRequests."""
        if wait := self._pace.wait(where, time.monotonic()):
            raise TooManyRequests(wait)

    def must_wait(self, where: str) -> None:
        """Before anything is looked up for somebody who is not known. TooManyRequests."""
        if wait := self._pace.missing(where, time.monotonic()):
            raise TooManyRequests(wait)


class Paces:
    """How often one person does one act, where the table says how often is enough."""

    def __init__(self) -> None:
        self._of: dict[Any, Pace] = {}
        self._log_ins = Pace(LOG_INS)

    def must_begin(self, where: str) -> None:
        """A log-in begun: each is a request of ours to the identity provider. TooManyRequests."""
        if wait := self._log_ins.wait(where, time.monotonic()):
            raise TooManyRequests(wait)

    def must_wait(self, act: Act, caller: Caller) -> None:
        """TooManyRequests."""
        assert act.per_minute is not None
        number = act.per_minute * (SYSTEMS if caller.role is Role.SYSTEM else 1)
        pace = self._of.setdefault((act.on, act.do, number), Pace(number))
        if wait := pace.wait((caller.org, caller.id), time.monotonic()):
            raise TooManyRequests(wait)
