"""Verbs: what becomes of an item in quarantine. Only a person rejects."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg

from services.patients import look
from services.patients.look import Looker
from services.patients.measured.reasons import may_be_filed
from shared import ledger
from shared.access import CLINICAL, Caller
from shared.contracts import Code
from shared.database import Database
from shared.ledger import Quarantined, in_bulk


class NoSuchItem(Exception):
    """There is no such item in quarantine"""


class NotRejected(Exception):
    """This item is not rejected, or no longer"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the item is now. `replaying`: it is being read again, look in a moment."""

    id: UUID
    state: Literal["released", "replaying", "rejected", "waiting"]
    fact_id: UUID | None = None
    patient_id: UUID | None = None


async def file_by_hand(
    database: Database, looker: Looker, item_id: UUID, patient_id: UUID
) -> Outcome:
    """A person says whose it is."""
    async with look.opened(database, looker, patient_id, "quarantine", changes=True) as seen:
        item = await item_of(seen.tx, looker.caller, item_id)
        if not may_be_filed(item.code, item.drafts):
            raise ledger.CannotBeReleased
        answer = await ledger.release(seen.tx, seen.org, item_id, patient_id=patient_id, by=seen.by)
    return Outcome(item_id, "released", answer.fact_id, answer.patient_id)


async def replay(database: Database, looker: Looker, item_id: UUID) -> Outcome:
    """Try again: to whoever held the device when it was measured, or by reading the bytes anew.

    A doubt about the holder is settled by the person who asks, and what was filed before only lacks
    a holder. Anything else goes the ordinary
    way again, which asks every question again.
    """
    async with database.transaction() as tx:
        item = await item_of(tx, looker.caller, item_id)
        if item.code is Code.WHOSE or _was_filed(item):
            answer = await ledger.release(tx, looker.org, item_id, patient_id=None, by=looker.by)
            outcome = Outcome(item_id, "released", answer.fact_id, answer.patient_id)
        else:
            await ledger.ask_replay(tx, looker.org, item_id, by=looker.by)
            outcome = Outcome(item_id, "replaying", None, item.patient_id)
        if outcome.patient_id is not None:
            await look.logged(tx, looker, [outcome.patient_id], "quarantine", "changed")
    return outcome


async def reject(database: Database, looker: Looker, item_id: UUID, reason: str) -> Outcome:
    """It is nobody's, or no reading. Kept with the reason, shown no more."""
    async with database.transaction() as tx:
        item = await item_of(tx, looker.caller, item_id)
        await ledger.reject(tx, looker.org, item_id, by=looker.by, reason=reason)
        if item.patient_id is not None:
            await look.logged(tx, looker, [item.patient_id], "quarantine", "changed")
    return Outcome(item_id, "rejected")


async def reopen(database: Database, looker: Looker, item_id: UUID) -> Outcome:
    """It was rejected, and waits again. Who had rejected it, when and why, stays with it."""
    async with database.transaction() as tx:
        item = await item_of(tx, looker.caller, item_id)
        if not await in_bulk.reopen(tx, looker.org, [item_id], by=looker.by):
            raise NotRejected
        if item.patient_id is not None:
            await look.logged(tx, looker, [item.patient_id], "quarantine", "changed")
    return Outcome(item_id, "waiting")


async def may_open(tx: asyncpg.Connection, caller: Caller, item: Quarantined) -> bool:
    """Whether its values are for this caller: a clinician of its unit, and of its patient."""
    if caller.role not in CLINICAL:
        return False
    if item.unit_id is not None and item.unit_id not in caller.units:
        return False
    return item.patient_id is None or await look.is_hers(tx, caller, item.patient_id)


def _was_filed(item: Quarantined) -> bool:
    """It was somebody's until a binding changed. It was read well, and read anew it would take the
    ids of its first filing, under which it can be stored no second time."""
    return any("origin" in draft for draft in item.drafts or ())


async def item_of(tx: asyncpg.Connection, caller: Caller, item_id: UUID) -> Quarantined:
    """The item, if the caller may act on it; whatever its state."""
    found = await ledger.quarantined(tx, caller.org, item=item_id, state=None, limit=1)
    if not found or not await may_open(tx, caller, found[0]):
        raise NoSuchItem
    return found[0]
