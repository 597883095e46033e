"""Verbs: say whom a unit's alerts are told to. A week with an hour without anybody is refused."""

from datetime import datetime
from uuid import UUID

from services.patients.hospital import organise, store_ladders
from services.patients.hospital.organise import NoSuchUnit
from services.patients.nouns import KeptLadder
from shared import ladders
from shared.access import Caller
from shared.database import Database
from shared.ladders import Ladder
from shared.settings import Mode


class FromIsInThePast(Exception):
    """A ladder counts from now on or from later; it cannot count back in time"""


async def appoint(
    database: Database,
    caller: Caller,
    mode: Mode,
    unit_id: UUID,
    *,
    ladder: Ladder | None,
    reason: str,
    valid_from: datetime | None,
    now: datetime,
) -> list[KeptLadder]:
    """LadderIsUnusable, HourIsUncovered, NoSuchUnit, FromIsInThePast. None: nobody is told."""
    if ladder is not None:
        ladders.check(ladder, plain_http=mode == "test")
    if valid_from is not None and valid_from < now:
        raise FromIsInThePast
    async with database.transaction() as tx:
        if not await store_ladders.lock_unit(tx, caller.org, unit_id):
            raise NoSuchUnit
        await store_ladders.add(
            tx,
            caller.org,
            unit_id,
            body=ladder.stored() if ladder is not None else None,
            reason=reason,
            valid_from=valid_from or now,
            by=caller.id,
        )
        await organise.noted(tx, caller, "ladders", unit_id)
        return await store_ladders.ladders(tx, caller.org, unit_id)


async def kept(database: Database, org: str, unit_id: UUID) -> list[KeptLadder]:
    """Every ladder the unit has had, newest first. NoSuchUnit."""
    async with database.transaction() as tx:
        if not await store_ladders.lock_unit(tx, org, unit_id):
            raise NoSuchUnit
        return await store_ladders.ladders(tx, org, unit_id)


def in_force(kept_ones: list[KeptLadder], now: datetime) -> KeptLadder | None:
    return next((one for one in kept_ones if one.valid_from <= now), None)
