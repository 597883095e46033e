"""The verb of intake: batch, append, answer.

Everything that queued while the last commit ran goes into the next batch; there is no timer. A
receipt exists only after its commit.
"""

import asyncio
import time
from collections import Counter as Count
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter, Gauge, Histogram

from services.ingest import receipts, store
from services.ingest.senders import Credential
from services.ingest.traffic import Traffic
from shared import identity, ledger, watching
from shared.contracts import Item, Receipt, Result, Watch
from shared.database import Database, DatabaseIsAway, Line

log = structlog.get_logger()

BATCH = 500
BATCH_BYTES = 4 * 1024 * 1024
LANES = 2
MOST_WAITING = 20_000
WAKE_SECONDS = 0.01
WATCH_SECONDS = 5.0

ITEMS = Counter("hjemvakt_items_total", "Items by result", ["result", "code"])
BATCHES = Histogram("hjemvakt_batch_items", "Items per commit", buckets=(1, 5, 20, 50, 100, 500))
COMMIT = Histogram("hjemvakt_commit_seconds", "Time of one append")
WAITING = Gauge("hjemvakt_items_waiting", "Items queued for a commit")


class CannotCommit(Exception):
    """The readings cannot be stored just now; keep them and send them again"""


Answered = Callable[[list[Receipt] | CannotCommit], None]


_NOBODY = (0.0, Watch(now=False))


@dataclass(slots=True)
class _Waiting:
    credential: Credential
    items: Sequence[Item]
    answered: Answered
    size: int  # bytes


class Intake:
    """Takes items of any credential and answers each after the commit that holds it."""

    def __init__(
        self,
        database: Database,
        keys: identity.Keys,
        traffic: Traffic,
        lanes: int = LANES,
    ) -> None:
        self._database = database
        self.hashes = keys.hashes
        self.traffic = traffic
        self.hashed = partial(identity.hashed, keys.first)
        self._free = [database.line() for _ in range(lanes)]
        self._queues: dict[str, deque[_Waiting]] = {}
        self._waiting = 0
        self._lanes: set[asyncio.Task[None]] = set()
        self._woken: dict[str, float] = {}
        self._waking: dict[str, asyncio.Task[None]] = {}
        self._watches: dict[UUID | None, tuple[float, Watch]] = {}
        self._hours: dict[UUID, Mapping[str, Any] | None] = {}
        self._elsewhere: dict[str, tuple[float, Mapping[UUID, Sequence[UUID]]]] = {}

    async def open(self) -> None:
        WAITING.set_function(lambda: self._waiting)

    async def close(self) -> None:
        """Let what is queued be committed, for as long as a shutdown may take."""
        if self._lanes:
            await asyncio.wait(self._lanes, timeout=5)
        if self._waking:
            await asyncio.wait(list(self._waking.values()), timeout=1)
        for line in self._free:
            line.drop()

    async def ready(self) -> str | None:
        return None if await self._database.is_reachable() else "The database cannot be reached."

    async def accept(self, credential: Credential, items: Sequence[Item]) -> list[Receipt]:
        """Store the items and answer them in their order. Raises CannotCommit."""
        future: asyncio.Future[list[Receipt]] = asyncio.get_running_loop().create_future()

        def answered(outcome: list[Receipt] | CannotCommit) -> None:
            if future.done():  # the client has gone; what is stored stays stored
                return
            if isinstance(outcome, CannotCommit):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.put(credential, items, answered)
        return await future

    def put(self, credential: Credential, items: Sequence[Item], answered: Answered) -> None:
        """The same without waiting: `answered` is called once, after the commit or its failure."""
        if self._waiting + len(items) > MOST_WAITING:
            answered(CannotCommit())
            return
        queue = self._queues.setdefault(credential.org, deque())
        size = sum([len(item.raw) for item in items])
        queue.append(_Waiting(credential, items, answered, size))
        self._waiting += len(items)
        if self._free:
            lane = asyncio.create_task(self._run(self._free.pop()))
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    async def accept_transaction(
        self, credential: Credential, items: Sequence[Item]
    ) -> list[Receipt]:
        """All of the items or none. Raises ledger.NotIndivisible, CannotCommit."""
        entries = [ledger.Entry(credential.sender, item) for item in items]
        try:
            async with self._database.connection() as connection:
                answers = await ledger.append(
                    connection, credential.org, entries, hashed=self.hashed, indivisible=True
                )
        except (DatabaseIsAway, asyncpg.PostgresError) as error:
            _report(error, credential.org)
            raise CannotCommit from error
        self._wake(credential.org)
        _count(answers)
        self.traffic.answered(credential, items, answers)
        told = await self._as_now(credential.org, answers)
        followed = await self._followed_elsewhere(credential.org)
        units = {answer.unit_id or credential.unit_id for answer in told}
        watches = await self._watching(credential.org, units | _following(told, followed))
        return receipts.made(items, told, watches, credential.unit_id, followed)

    async def _run(self, line: Line) -> None:
        try:
            while self._queues:
                org, queue = next(iter(self._queues.items()))
                batch = self._next(queue)
                # To the end of the line, so that one busy organisation does not hold up the others.
                del self._queues[org]
                if queue:
                    self._queues[org] = queue
                await self._commit(line, org, batch)
        finally:
            # Now, not when the task is seen to be done: what is put in between would lie there.
            self._free.append(line)

    def _next(self, queue: deque[_Waiting]) -> list[_Waiting]:
        batch: list[_Waiting] = []
        count = size = 0
        while queue and (
            not batch
            or (count + len(queue[0].items) <= BATCH and size + queue[0].size <= BATCH_BYTES)
        ):
            waiting = queue.popleft()
            batch.append(waiting)
            count += len(waiting.items)
            size += waiting.size
        self._waiting -= count
        return batch

    async def _commit(self, line: Line, org: str, batch: list[_Waiting]) -> None:
        entries = [
            ledger.Entry(waiting.credential.sender, item)
            for waiting in batch
            for item in waiting.items
        ]
        BATCHES.observe(len(entries))
        began = time.perf_counter()
        waking = self._may_wake(org)
        try:
            answers = await ledger.append_whatever_comes(
                line, org, entries, hashed=self.hashed, waking=waking
            )
            COMMIT.observe(time.perf_counter() - began)
            if not waking:
                self._wake(org)
            await self._answer(org, batch, answers)
        except Exception as error:
            # Whatever it was, nobody is left waiting and the lane goes on. Whether the commit took
            # place may be unknown: the sender sends again, and what was stored is then a duplicate.
            _report(error, org)
            if waking:
                self._wake(org)  # of what others have committed it was to tell as well
            for waiting in batch:
                waiting.answered(CannotCommit())

    async def _answer(
        self, org: str, batch: Sequence[_Waiting], answers: Sequence[ledger.Answer]
    ) -> None:
        _count(answers)
        answers = await self._as_now(org, answers)
        units = {answer.unit_id for answer in answers}
        units.update(waiting.credential.unit_id for waiting in batch)
        followed = await self._followed_elsewhere(org)
        watches = await self._watching(org, units | _following(answers, followed))
        position = 0
        made = []  # all of them before the first is told: nobody is answered twice
        for waiting in batch:
            end = position + len(waiting.items)
            theirs = answers[position:end]
            self.traffic.answered(waiting.credential, waiting.items, theirs)
            own = waiting.credential.unit_id
            made.append(receipts.made(waiting.items, theirs, watches, own, followed))
            position = end
        for waiting, told in zip(batch, made, strict=True):
            waiting.answered(told)

    async def _as_now(self, org: str, answers: Sequence[ledger.Answer]) -> Sequence[ledger.Answer]:
        """The append says of what it files whether anybody follows the patient; of what it has
        already it says what it knows. Asked together, and only when something was sent again."""
        again = {one.patient_id for one in answers if one.result is Result.DUPLICATE}
        again.discard(None)
        if not again:
            return answers
        try:
            async with self._database.connection() as connection:
                left = await store.not_followed(connection, org, [one for one in again if one])
        except (DatabaseIsAway, asyncpg.PostgresError):
            return answers
        return [
            replace(one, unit_id=None)
            if one.patient_id in left and one.result is Result.DUPLICATE
            else one
            for one in answers
        ]

    async def watch(self, credential: Credential) -> Watch:
        """Who watches the unit that a sender belongs to."""
        watches = await self._watching(credential.org, {credential.unit_id})
        return watches[credential.unit_id]

    async def _watching(
        self, org: str, units: Iterable[UUID | None]
    ) -> Mapping[UUID | None, Watch]:
        """Who watches each unit, looked up every few seconds; without a unit nobody watches."""
        now = time.monotonic()
        known = {unit_id: self._watches.get(unit_id, _NOBODY) for unit_id in units}
        old = [unit_id for unit_id, (until, _) in known.items() if unit_id and until <= now]
        if old:
            known.update(await self._look_up(org, old))
        return {unit_id: watch for unit_id, (_, watch) in known.items()}

    async def _look_up(self, org: str, units: list[UUID]) -> dict[UUID | None, tuple[float, Watch]]:
        until = time.monotonic() + WATCH_SECONDS
        try:
            async with self._database.connection() as connection:
                hours = await store.watching_hours(connection, org, units)
            self._hours.update({unit_id: hours.get(unit_id) for unit_id in units})
        except (DatabaseIsAway, asyncpg.PostgresError):
            # The commit stands; the hours as last known are better than no receipt. The hours, not
            # who watched by them when they were read: that may be long ago.
            until = 0.0
        now = datetime.now(UTC)
        found: dict[UUID | None, tuple[float, Watch]] = {
            unit_id: (until, watching.watching(self._hours.get(unit_id), now)) for unit_id in units
        }
        self._watches.update(found)
        return found

    async def _followed_elsewhere(self, org: str) -> Mapping[UUID, Sequence[UUID]]:
        """The units that follow a patient, where that is not his own alone; as old as the hours."""
        until, known = self._elsewhere.get(org, (0.0, {}))
        now = time.monotonic()
        if until > now:
            return known
        try:
            async with self._database.connection() as connection:
                known = await store.followed_elsewhere(connection, org)
            self._elsewhere[org] = (now + WATCH_SECONDS, known)
        except (DatabaseIsAway, asyncpg.PostgresError):
            pass  # as last known is better than no receipt
        return known

    def _may_wake(self, org: str) -> bool:
        """Whether a commit may itself wake the consumers, which spares one of its own: only if
        nobody was woken in the last 10 ms."""
        now = time.monotonic()
        if now < self._woken.get(org, 0.0) + WAKE_SECONDS:
            return False
        self._woken[org] = now
        return True

    def _wake(self, org: str) -> None:
        """Wake the consumers, at most once per 10 ms and always after the last commit."""
        if org in self._waking:
            return
        task = asyncio.create_task(self._wake_soon(org))
        self._waking[org] = task

    async def _wake_soon(self, org: str) -> None:
        before = self._woken.get(org, 0.0)
        wait = before + WAKE_SECONDS - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        # From here on a commit asks for a wake-up of its own: this one may be too early for it.
        self._waking.pop(org, None)
        if org in self._queues or self._woken.get(org, 0.0) != before:
            return  # a commit is about to wake them, or has been told to meanwhile
        self._woken[org] = time.monotonic()
        try:
            async with self._database.connection() as connection:
                await ledger.wake_alone(connection, org)
        except (DatabaseIsAway, asyncpg.PostgresError, asyncpg.InterfaceError):
            log.info("A wake-up was not sent; the consumers also poll.", org=org)


def _following(
    answers: Iterable[ledger.Answer], followed: Mapping[UUID, Sequence[UUID]]
) -> set[UUID | None]:
    return {unit for one in answers if one.patient_id for unit in followed.get(one.patient_id, ())}


def _count(answers: Iterable[ledger.Answer]) -> None:
    count = Count(
        (answer.result.value, answer.errors[0].code.value if answer.errors else "")
        for answer in answers
    )
    for labels, number in count.items():
        ITEMS.labels(*labels).inc(number)


def _report(error: BaseException, org: str) -> None:
    foreseen = isinstance(error, DatabaseIsAway | asyncpg.PostgresError | OSError)
    say = log.warning if foreseen else log.error
    say("A batch could not be committed.", org=org, fault=type(error).__name__)
