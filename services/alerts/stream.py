"""The live stream's two ends: a commit tells the other processes at most ten times a second, and
each process tells the browsers that are connected to it.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from shared import exact
from shared.database import Database
from shared.loop import Loop

CHANNEL = "worklist"
PAUSE = 0.1
EVERY = 2.0  # what could not be told is tried again
# A notification holds 8000 bytes; more patients than this, and a page reads the whole list again.
NAMED = 100
WAITING = 1000
# Lost in a crash, the page asks anew; so it does not wait for the disk.
TELL = "select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)"


class Notifier(Loop):
    """Gathers what changed and sends it on, trailing: a notify in each commit would make commits
    wait for each other in the whole database."""

    def __init__(self, database: Database) -> None:
        super().__init__("live stream", database, every=EVERY, pause=PAUSE)
        self._changed: dict[tuple[str, UUID], set[UUID]] = defaultdict(set)
        self._told: dict[str, set[UUID]] = defaultdict(set)

    def tell(
        self, org: str, units: Mapping[UUID, Iterable[UUID]], told: Iterable[UUID] = ()
    ) -> None:
        """After the commit: these patients' rows changed, these alerts want to be heard."""
        for unit, patients in units.items():
            self._changed[org, unit].update(patients)
        self._told[org].update(told)
        if units:
            self.wake()

    async def turn(self) -> None:
        if not self._changed:
            return
        changed, self._changed = self._changed, defaultdict(set)
        told, self._told = self._told, defaultdict(set)
        try:
            async with self._database.connection() as connection:
                for (org, unit), patients in changed.items():
                    named = sorted(str(one) for one in patients) if len(patients) <= NAMED else None
                    heard = sorted(str(one) for one in told.get(org, ()))[:NAMED]
                    body = {"org": org, "unit": str(unit), "patients": named, "told": heard}
                    await connection.execute(TELL, CHANNEL, exact.dumps(body).decode())
        except Exception:
            # Told with the next ones: a page that hears nothing would look as if nothing happened.
            for place, patients in changed.items():
                self._changed[place] |= patients
            for org, alerts in told.items():
                self._told[org] |= alerts
            raise


@dataclass(frozen=True, slots=True)
class Change:
    """Rows of a unit changed. `patients` None: too many to name."""

    org: str
    unit: UUID
    patients: tuple[str, ...] | None
    told: tuple[str, ...]


@dataclass(eq=False, slots=True)
class Listener:
    org: str
    units: frozenset[UUID]
    queue: asyncio.Queue[Change] = field(default_factory=lambda: asyncio.Queue(WAITING))


class Hub:
    """Hears of changes once per process and hands them to the browsers' streams."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._database.listen(CHANNEL, self._heard))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def ready(self) -> str | None:
        return None

    @contextlib.asynccontextmanager
    async def listening(self, org: str, units: frozenset[UUID]) -> AsyncIterator[Listener]:
        listener = Listener(org, units)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def _heard(self, payload: str) -> None:
        if not payload:
            for listener in self._listeners:  # the connection was made again: anything may be new
                for unit in listener.units:
                    _put(listener, Change(listener.org, unit, None, ()))
            return
        body = exact.decode(payload.encode())
        patients = None if body["patients"] is None else tuple(body["patients"])
        change = Change(body["org"], UUID(body["unit"]), patients, tuple(body["told"]))
        for listener in self._listeners:
            if listener.org == change.org and change.unit in listener.units:
                _put(listener, change)


def _put(listener: Listener, change: Change) -> None:
    # A browser that reads too slowly loses details, never the fact that something changed.
    if listener.queue.full():
        while not listener.queue.empty():
            listener.queue.get_nowait()
        change = Change(change.org, change.unit, None, change.told)
    listener.queue.put_nowait(change)
