"""Edge: follows the ledger. One loop per organisation takes the hand-over and judges; any number
of replicas may run it.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter, Gauge

from services.alerts import store
from services.alerts.judging import reporting, triage
from services.alerts.judging.memory import Memory
from services.alerts.judging.triage import Judged, Programmes
from services.alerts.rows import store_rows
from services.alerts.stream import Notifier
from shared import ledger
from shared.database import Database, DatabaseIsAway
from shared.loop import AWAY

log = structlog.get_logger()

JUDGED = Counter("hjemvakt_judged_total", "Hand-over rows judged")
FAILED = Counter("hjemvakt_takes_failed_total", "Takes that were rolled back")
LAG = Gauge("hjemvakt_evaluation_lag_seconds", "Age of the oldest fact not yet judged", ["org"])

LIMIT = 2000  # rows
REST_OF_THEM = 10_000  # rows that wait behind these, of the patients who are judged
FIRST, MOST = 20, 100  # patients
# A take may not hold its patients for long; the database ends a transaction that idles 10 s.
LONG, SHORT = 2.0, 0.5
POLL = 1.0
SOON = 0.1
# How long to rest after a round, by the time it took, and seconds at most: under load intake needs
# the processor, and to judge a patient on many readings at once costs little more than on one. A
# reading that comes alone does not wait.
REST, LONGEST_REST = 2.0, 0.4
ALONE = 5  # rows
IMPATIENT = 10
# SQLSTATE classes that say nothing about the rows: connection, deadlock, room, locks, shutdown.
PASSING = ("08", "40", "53", "55", "57")
ORGANISATIONS = 5.0
PORTAL = "portal:"  # the heartbeat of a system that speaks for patients
FRESH = 10.0  # a follower that has not finished a round for so long is not ready


@dataclass(slots=True)
class Follower:
    """Where one organisation's loop stands. For a second `floor` skips rows that lie on, and `left`
    their patients: among the few of a take, those who rest would leave no room for the others."""

    org: str
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    limit: int = LIMIT
    most: int = FIRST
    floor: int = 0
    left: set[UUID] = field(default_factory=set)
    from_the_start_at: float = 0.0
    rounded_at: float = 0.0
    beat_at: float = 0.0
    held: bool = False
    patience: int = 0
    received_at: datetime | None = None
    rests_until: float = 0.0
    portals: set[str] = field(default_factory=set)
    known: set[UUID] = field(default_factory=set)


class Consumer:
    """Part of the service: opens, closes, and knows whether it follows."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        programmes: Programmes,
        memory: Memory,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._programmes = programmes
        self._memory = memory
        self._followers: dict[str, Follower] = {}
        self._looked_at = -1e9  # when the organisations were last read
        self._new = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self._tasks = [
            asyncio.create_task(self._database.listen(ledger.CHANNEL, self._heard)),
            asyncio.create_task(self._follow_all()),
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ready(self) -> str | None:
        now = time.monotonic()
        late = [one.org for one in self._followers.values() if now - one.rounded_at > FRESH]
        if now - self._looked_at > 2 * ORGANISATIONS + FRESH or late:
            return "The hand-over is not being followed."
        return None

    def _heard(self, org: str) -> None:
        if org and org not in self._followers:
            self._new.set()
        for follower in self._followers.values():
            if not org or follower.org == org:
                follower.woken.set()

    async def _follow_all(self) -> None:
        while True:
            with contextlib.suppress(*AWAY):
                async with self._database.connection() as connection:
                    for org in await ledger.organisations(connection):
                        if org not in self._followers:
                            self._followers[org] = Follower(org, rounded_at=time.monotonic())
                            self._tasks.append(asyncio.create_task(self._follow(org)))
                self._looked_at = time.monotonic()
            self._new.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._new.wait(), ORGANISATIONS)

    async def _follow(self, org: str) -> None:
        follower = self._followers[org]
        while True:
            try:
                await self.drain(follower)
                follower.rounded_at = time.monotonic()
            except (DatabaseIsAway, asyncpg.PostgresError, OSError) as error:
                log.warning("The hand-over could not be followed.", org=org, fault=str(type(error)))
                await asyncio.sleep(POLL)
            except Exception as error:
                # The type only: a message may repeat a value.
                log.error("The follower failed and goes on.", org=org, fault=type(error).__name__)
                await asyncio.sleep(POLL)
            # Rows of a patient whom another replica holds are free in a moment; those of one
            # who rests or is held for long are not asked for all the time.
            soon = follower.held and follower.patience < IMPATIENT
            if soon:
                follower.floor = 0
                follower.left.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SOON if soon else POLL):  # wait_for makes a task
                    await follower.woken.wait()
            if (rest := follower.rests_until - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            follower.woken.clear()

    async def drain(self, follower: Follower) -> int:
        """Take until nothing is left that can be taken. How many rows were judged."""
        total, began = 0, time.monotonic()
        while True:
            now = time.monotonic()
            if now - follower.from_the_start_at >= POLL:
                # A lower seq may have been committed since: skipping is only for dead rows.
                follower.floor, follower.from_the_start_at = 0, now
                follower.left.clear()
            judged = await self.take(follower)
            total += judged.done
            if await self._make_states(follower, judged.left - follower.known):
                continue  # patients never met before: now they can be locked
            follower.left |= judged.left - judged.ids
            if follower.left:
                follower.floor = max(follower.floor, judged.last_seq)
            follower.patience = 0 if judged.done else follower.patience + 1
            if not judged.more:
                follower.held = bool(follower.left)
                break
            follower.rounded_at = time.monotonic()
            await self._beat(follower)  # a long catching up is work too
        if total > ALONE:
            ended = time.monotonic()
            follower.rests_until = ended + min((ended - began) * REST, LONGEST_REST)
        await self._beat(follower)
        return total

    async def take(self, follower: Follower) -> Judged:
        org = follower.org
        began = time.monotonic()
        try:
            async with self._database.transaction() as tx:
                judged = await triage.take(
                    tx,
                    org,
                    self._programmes,
                    self._memory,
                    floor=follower.floor,
                    limit=follower.limit,
                    most=follower.most,
                    # Not while a row that cannot be judged is looked for by halving.
                    rest=REST_OF_THEM if follower.limit == LIMIT else 0,
                    passing=follower.left,
                )
        except (DatabaseIsAway, OSError, asyncpg.InterfaceError):
            # Perhaps because the take was so long that the database gave up waiting for it.
            follower.most = max(1, follower.most // 2)
            raise
        except Exception as error:
            return await self._rolled_back(follower, error)
        for patient in judged.patients.values():
            self._memory.keep(org, patient)
        for patient_id, fault in judged.failed.items():
            await reporting.could_not_be_judged(
                self._database, self._notifier, org, patient_id, fault, self._programmes
            )
        follower.received_at = judged.received_at or follower.received_at
        follower.portals |= judged.portals
        JUDGED.inc(judged.done)
        seconds = time.monotonic() - began
        if seconds > LONG:
            follower.most = max(1, follower.most // 2)
        elif seconds < SHORT:
            follower.most = min(MOST, follower.most * 2)
        follower.limit = min(LIMIT, follower.limit * 2)
        self._notifier.tell(org, judged.units, judged.told)
        return judged

    async def _make_states(self, follower: Follower, new: set[UUID]) -> bool:
        """State rows of patients met for the first time, in a short transaction that is committed
        before the take that judges them. Whether there were any."""
        if not new:
            return False
        async with self._database.transaction() as tx:
            await store.make_states(tx, follower.org, sorted(new, key=lambda one: one.int))
        follower.known.update(new)
        return True

    async def _rolled_back(self, follower: Follower, error: Exception) -> Judged:
        """A take that failed is made again with half the rows, down to one: then its patient is
        the reason, rests, and holds up nobody else."""
        FAILED.inc()
        sqlstate = getattr(error, "sqlstate", None) or ""
        log.error(
            "A take was rolled back.",
            org=follower.org,
            rows=follower.limit,
            fault=type(error).__name__,
            sqlstate=sqlstate,
        )
        if follower.limit > 1 or sqlstate.startswith(PASSING):
            follower.limit = max(1, follower.limit // 2)
            await asyncio.sleep(0.05)
            return Judged(more=True, last_seq=follower.floor)
        async with self._database.transaction() as tx:
            rows = await ledger.take(tx, follower.org, ledger.ALERTS, floor=follower.floor, limit=1)
        for row in rows:
            await reporting.could_not_be_judged(
                self._database,
                self._notifier,
                follower.org,
                row.patient_id,
                type(error).__name__,
                self._programmes,
            )
        last = max((row.seq for row in rows), default=follower.floor)
        follower.limit = 2
        return Judged(more=bool(rows), last_seq=last, left={row.patient_id for row in rows})

    async def _beat(self, follower: Follower) -> None:
        """Once a second, after real work."""
        if time.monotonic() - follower.beat_at < POLL:
            return
        follower.beat_at = time.monotonic()
        async with self._database.connection() as connection:
            oldest = await ledger.oldest_waiting(connection, follower.org, ledger.ALERTS)
            body = {"received_at": follower.received_at} if follower.received_at else {}
            await store_rows.beat(connection, follower.org, "consumer", body)
            for portal in follower.portals:
                await store_rows.beat(connection, follower.org, f"{PORTAL}{portal}", {})
            follower.portals.clear()
            now = await store.now(connection)
        LAG.labels(follower.org).set((now - oldest).total_seconds() if oldest else 0)
