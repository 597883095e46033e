"""What the verbs of a request did not write down, written at the door before the answer leaves.

Refusals, failures, what concerns no patient, and attempts by who is nobody we know. Of an answered
request one row at least has always been committed, or it is not answered.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import asyncpg
import structlog

from shared.audit import store
from shared.audit.event import NOBODY, Outcome, Who
from shared.audit.trail import Trail
from shared.database import Database, DatabaseIsAway
from shared.loop import Loop

log = structlog.get_logger()

EVERY = 5.0  # seconds between two writings of strangers' attempts
MOST = 500  # addresses and doors kept apart; a flood beyond them is one row
REFUSED = (401, 403, 404)
READS = ("GET", "HEAD")
ASKS = ("/_search", "/search", "/v1/what-if", "/v1/scores/")  # POST, and yet nothing changes
ELSEWHERE = ("other", "other")


class Backstop(Loop):
    """Writes what is missing. A part of every service."""

    def __init__(self, database: Database, address: Callable[[Any], str]) -> None:
        """`address`: from where a request comes, as shared/access/source.py says it."""
        super().__init__("backstop", database, every=EVERY)
        self.database = database
        self._address = address
        self._strangers: Counter[tuple[str, str]] = Counter()

    async def close(self) -> None:
        await super().close()
        await self._write_strangers()

    async def settled(self, scope: Mapping[str, Any], status: int, door: str = "other") -> bool:
        """False when the answer must not leave, because nothing could be written about it.
        `door`: its path template, where the framework has not found it."""
        trail: Trail | None = scope.get("state", {}).get("trail")
        if trail is None:
            if status in (401, 403):
                self.attempt(scope, door)
            return True
        outcome = outcome_of(trail, scope, status)
        if outcome is None:
            return True
        patients = patients_of(scope)
        try:
            async with self.database.transaction() as tx:
                await store.add(tx, trail.who, patients, trail.what, trail.why, outcome)
        except (DatabaseIsAway, asyncpg.PostgresError):
            log.error("The audit trail cannot be written.", door=trail.who.door)
            return status >= 400
        return True

    # --- who is nobody we know ----------------------------------------------------------------

    def attempt(self, scope: Mapping[str, Any], door: str = "other") -> None:
        """Counted, and written some seconds later: no data leaves by it, and who knocks a
        thousand times a second must not make us write as often."""
        # The template, never the path: paths carry patient ids.
        door = getattr(scope.get("route"), "path", door)
        place = (self._address(scope), f"{scope['method']} {door}")
        if place not in self._strangers and len(self._strangers) >= MOST:
            place = ELSEWHERE
        self._strangers[place] += 1

    async def turn(self) -> None:
        await self._write_strangers()

    async def _write_strangers(self) -> None:
        strangers, self._strangers = self._strangers, Counter()
        if not strangers:
            return
        try:
            async with self.database.transaction() as tx:
                for (address, door), times in strangers.items():
                    who = Who(NOBODY, NOBODY, NOBODY, address=address, door=door)
                    await store.add(tx, who, (), "log-in", "none", "refused", times=times)
        except (DatabaseIsAway, asyncpg.PostgresError):
            with contextlib.suppress(RuntimeError):
                for place, times in strangers.items():
                    self._strangers[place if len(self._strangers) < MOST else ELSEWHERE] += times


def outcome_of(trail: Trail, scope: Mapping[str, Any], status: int) -> Outcome | None:
    """Pure: what is missing in the trail of an answer; None when it is whole."""
    if status in REFUSED:
        return None if "refused" in trail.written else "refused"
    if status >= 400:
        return "failed"
    if trail.written or trail.sends:
        return None
    asks = scope["path"].endswith(ASKS[:2]) or scope["path"].startswith(ASKS[2:])
    return "shown" if scope["method"] in READS or asks else "changed"


def patients_of(scope: Mapping[str, Any]) -> Sequence[UUID]:
    """Pure: about whom the request was, as far as its address says."""
    named = [scope.get("path_params", {}).get("patient_id", "")]
    with contextlib.suppress(ValueError):
        asked = parse_qs(scope.get("query_string", b"").decode("ascii"), max_num_fields=50)
        named += [one.removeprefix("Patient/") for one in asked.get("patient", [])[:1]]
    found = []
    for one in named:
        with contextlib.suppress(ValueError):
            found.append(one if isinstance(one, UUID) else UUID(one))
    return sorted(set(found), key=lambda one: one.int)
