"""Verbs: look at what is on its way, send it again, and try the ladder before it is needed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from services.alerts import reader, store
from services.alerts.delivery import escalating, store_climbs, store_outbox
from services.alerts.delivery.message import RED
from services.alerts.reader import NotYourUnit, Reader
from shared import ladders
from shared.database import Database
from shared.ladders import Ladder, Target

STATES = ("waiting", "sending", "delivered", "failed", "undeliverable", "superseded")


class NoSuchDelivery(Exception):
    """There is no such delivery"""


class AlreadyOnItsWay(Exception):
    """The message was delivered, or is being sent just now"""


class NoLadder(Exception):
    """The unit has no ladder: nobody would be told"""


class NoSuchStep(Exception):
    """The ladder has no such step"""


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[asyncpg.Record]
    more: bool


async def deliveries(
    database: Database,
    by: Reader,
    *,
    unit: UUID | None,
    states: list[str],
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Page:
    """NotYourUnit."""
    units = _allowed(by)
    if unit is not None:
        if units is not None and unit not in units:
            raise NotYourUnit
        units = [unit]
    async with database.connection() as connection:
        found = await store_outbox.notifications(
            connection, by.org, units=units, states=states or STATES, before=before, limit=limit + 1
        )
    return Page(found[:limit], len(found) > limit)


async def retry(database: Database, by: Reader, id_: UUID) -> asyncpg.Record:
    """From the first channel again. NoSuchDelivery, NotYourUnit, AlreadyOnItsWay."""
    async with database.transaction() as tx:
        found = await store_outbox.notification(tx, by.org, id_)
        if found is None:
            raise NoSuchDelivery
        units = _allowed(by)
        if units is not None and found["unit_id"] not in units:
            raise NotYourUnit
        if await store_outbox.retry_notification(tx, by.org, id_) not in (
            "failed",
            "undeliverable",
            "superseded",
        ):
            raise AlreadyOnItsWay
        again = await store_outbox.notification(tx, by.org, id_)
        await reader.note(tx, by, (), "notifications", "changed", why="administration")
    assert again is not None
    return again


async def try_ladder(
    database: Database, by: Reader, unit: UUID, step: int | None
) -> list[asyncpg.Record]:
    """A test message by every channel: of those whom a red would reach now, or of one step.
    NoLadder, NoSuchStep."""
    async with database.transaction() as tx:
        stored = (await store_climbs.ladders(tx, by.org, [unit])).get(unit)
        if stored is None:
            raise NoLadder
        ladder = Ladder.of(stored)
        now = await store.now(tx)
        made = []
        for number, target in _targets(ladder, step, now):
            for name in target.channels:
                id_ = uuid4()
                await store_outbox.add_notification(
                    tx,
                    by.org,
                    id_=id_,
                    kind="test",
                    key=f"test|{id_}",
                    unit_id=unit,
                    rank=RED,
                    language=ladder.language,
                    routes=escalating.routes(ladder, [name]),
                    now=now,
                    spacing=timedelta(0),
                    step=number,
                    who=target.who,
                    body={"by": by.id},
                )
                made.append(await store_outbox.notification(tx, by.org, id_))
        await reader.note(tx, by, (), "notifications", "changed", why="administration")
    return [one for one in made if one is not None]


def _targets(ladder: Ladder, step: int | None, now: datetime) -> list[tuple[int, Target]]:
    """Of a step that is named: everybody, on duty or not."""
    end = len(ladder.steps) + 1
    last = Target(who=ladder.last.who, channels=ladder.last.channels)
    if step is None:
        rung = ladders.reach(ladder, 0, now, "red", "red")
        return [(rung.number, one) for one in rung.targets] if rung else []
    if not 1 <= step <= end:
        raise NoSuchStep
    return [(step, one) for one in ((last,) if step == end else ladder.steps[step - 1].targets)]


def _allowed(by: Reader) -> list[UUID] | None:
    """An administrator's are all units of the organisation."""
    return None if by.role == "administrator" else sorted(by.units, key=lambda one: one.int)
