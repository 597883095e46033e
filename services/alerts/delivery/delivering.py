"""Loop: sends what waits in the outbox. Any number of replicas: a message is one sender's while its
lease lasts, and another's after it, with the same id.

Whether it is still to be said is decided while its row is held, just before it is sent.
"""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter

from services.alerts import store
from services.alerts.delivery import outcome as outcomes
from services.alerts.delivery import store_climbs, store_outbox, telephone
from services.alerts.delivery.message import TO_PATIENTS, Message
from services.alerts.delivery.outcome import Outcome, Result, Turn
from services.alerts.delivery.post import Post
from services.alerts.delivery.push import Device
from services.alerts.delivery.ways import Ways
from services.alerts.rounds import Rounds
from services.alerts.rows import store_rows
from shared.database import Database, DatabaseIsAway
from shared.ladders import PATIENT, PUSH

log = structlog.get_logger()

SENT = Counter("hjemvakt_notifications_total", "Attempts to notify", ["kind", "medium", "result"])

TICK = 0.5
AT_ONCE = 20
# A sender that takes longer is dead or hung: its message is then another's.
LEASE = timedelta(seconds=30)
CUT_OFF = 15.0
FRESH = 15.0
BEAT = 10.0


class Delivery(Rounds):
    """Part of the service. `post` is its only way out."""

    def __init__(self, database: Database, post: Post) -> None:
        super().__init__("delivery", database, every=TICK, fresh=FRESH)
        self._post = post
        self._sending: set[asyncio.Task[None]] = set()
        self._beat: dict[str, float] = {}

    async def open(self) -> None:
        await self._post.open()
        await super().open()

    async def close(self) -> None:
        await super().close()
        if self._sending:
            await asyncio.wait(self._sending, timeout=2)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._post.close()

    async def round(self, org: str) -> int:
        """Begin to send what waits. How many messages."""
        free = AT_ONCE - len(self._sending)
        if free <= 0:
            return 0
        taken: list[asyncpg.Record] = []
        async with self._database.connection() as connection:
            waits = await store_outbox.wants_to_be_sent(connection, org)
        if waits:
            async with self._database.transaction() as tx:
                taken = await take(tx, org, free)
        for row in taken:
            task = asyncio.create_task(self._send(org, row))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if time.monotonic() - self._beat.get(org, -BEAT) >= BEAT:
            self._beat[org] = time.monotonic()
            async with self._database.connection() as connection:
                await store_rows.beat(connection, org, "delivery", {})
        return len(taken)

    async def sent(self) -> None:
        """When all that was begun has come to something."""
        while self._sending:
            await asyncio.wait(set(self._sending))

    async def _send(self, org: str, row: asyncpg.Record) -> None:
        route = row["routes"][row["place"]]
        message = _message(row, self._post.ways.public_url)
        gone: list[bytes] = []
        try:
            async with asyncio.timeout(CUT_OFF):
                if route["medium"] == PUSH:
                    devices = [Device(*one) for one in row["devices"] or ()]
                    came_to, gone = await self._post.push(devices, message)
                else:
                    came_to = await self._by_channel(row, route, message)
        except TimeoutError:
            came_to = Outcome(Result.FAILED, "timeout")
        SENT.labels(row["kind"], route["medium"], str(came_to.result)).inc()
        try:
            async with self._database.transaction() as tx:
                if gone:
                    await store_outbox.forget_pushes(tx, org, row["patient_id"], gone)
                await settle(tx, org, row, came_to)
        except (DatabaseIsAway, asyncpg.PostgresError, OSError) as error:
            # Its lease runs out, and it is sent again with the same id.
            fault = type(error).__name__
            log.warning("A delivery could not be noted.", delivery=str(row["id"]), fault=fault)

    async def _by_channel(
        self, row: asyncpg.Record, route: dict[str, str], message: Message
    ) -> Outcome:
        to = _number(row, self._post.ways) if route["to"] == PATIENT else route["to"]
        if to is None:
            return Outcome(Result.REFUSED, "no-number")
        return await self._post.send(route["medium"], to, message)


async def take(tx: asyncpg.Connection, org: str, limit: int) -> list[asyncpg.Record]:
    """Messages that are ours to send now. What nobody needs to hear any more is let go."""
    taken = await store_outbox.take_notifications(tx, org, limit, LEASE)
    wanted = []
    for row in taken:
        if row["still"] and row["routes"]:
            wanted.append(row)
            continue
        await store_outbox.settle_notification(
            tx,
            org,
            row["id"],
            attempt=row["attempts"],
            state="superseded" if row["routes"] else "undeliverable",
            place=row["place"],
            next_at=None,
            tried=None,
        )
    return wanted


async def settle(
    tx: asyncpg.Connection, org: str, row: asyncpg.Record, came_to: Outcome
) -> Turn | None:
    """Note what came of an attempt. A step that reaches nobody gives its turn to the next."""
    now = await store.now(tx)
    route = row["routes"][row["place"]]
    tried = {
        "channel": route["name"],
        "medium": route["medium"],
        "place": row["place"],
        "at": now.isoformat(),
        "result": str(came_to.result),
        "why": came_to.why,
    }
    turn = _turn(row, came_to, now)
    noted = await store_outbox.settle_notification(
        tx,
        org,
        row["id"],
        attempt=row["attempts"],
        state=turn.state,
        place=turn.place,
        next_at=turn.next_at,
        tried=tried,
    )
    if not noted:
        return None
    if turn.state == "undeliverable":
        log.error("A message reaches nobody.", delivery=str(row["id"]), why=came_to.why)
        if row["kind"] == "alert":
            await store_climbs.hurry(tx, org, row["alerts"], row["unit_id"], row["step"])
    return turn


def _turn(row: asyncpg.Record, came_to: Outcome, now: datetime) -> Turn:
    tries = row["tries"][row["body"].get("tries_before", 0) :]
    refused = {one["place"] for one in tries if one["result"] == Result.REFUSED}
    failures = sum(one["result"] == Result.FAILED for one in tries)
    if came_to.result is Result.REFUSED:
        refused.add(row["place"])
    return outcomes.turn(
        came_to,
        place=row["place"],
        routes=len(row["routes"]),
        refused=refused,
        failures=failures + (came_to.result is Result.FAILED),
        made_at=row["made_at"],
        now=now,
    )


def _number(row: asyncpg.Record, ways: Ways) -> str | None:
    """The patient's own, opened when it is used and kept nowhere: not in the outbox either. None
    when he has taken it back meanwhile, or it cannot be opened."""
    return telephone.opened(ways.identity_keys, row["patient_id"], row["phone"])


def _message(row: asyncpg.Record, public_url: str | None) -> Message:
    unit_id: UUID = row["unit_id"]
    about: dict[str, Any] = row["body"]
    query = urlencode({"unit": str(unit_id)})
    link = f"{public_url.rstrip('/')}/?{query}" if public_url else None
    rank = row["gravest"] if row["gravest"] is not None else row["rank"]
    return Message(
        id=row["id"],
        kind=row["kind"],
        language=row["language"],
        unit_id=unit_id,
        unit=row["unit"],
        rank=rank,
        count=max(1, row["still"]),
        step=row["step"] or 1,
        sensitive=row["sensitive"],
        link=None if row["kind"] in TO_PATIENTS else link,
        credentials=tuple(about.get("credentials", ())),
    )
