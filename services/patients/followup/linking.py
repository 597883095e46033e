"""Verbs: two patients are one person, and that they are not after all. Nothing is moved."""

from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from services.patients import look, store
from services.patients.followup import store_administration
from services.patients.look import Looker
from services.patients.nouns import Link
from shared import ledger
from shared.database import Database


class SamePatient(Exception):
    """A patient cannot be linked with himself"""


class AlreadyLinked(Exception):
    """These patients are linked already, or the other one is linked to somebody else"""


class UnknownOther(Exception):
    """The body names a patient who is not here"""


class NoSuchLink(Exception):
    """The patient has no such link in force"""


async def link(
    database: Database, looker: Looker, kept_id: UUID, other_id: UUID, reason: str, now: datetime
) -> Link:
    if kept_id == other_id:
        raise SamePatient
    async with look.opened(database, looker, kept_id, "link", changes=True) as seen:
        if await store.patient(seen.tx, seen.org, other_id) is None:
            raise UnknownOther
        await look.why_hers(seen.tx, looker.caller, other_id)
        await look.logged(seen.tx, looker, [other_id], "link", "changed")
        made = Link(uuid4(), kept_id, other_id, reason, now, seen.by)
        if not await linked(seen.tx, seen.org, made):
            raise AlreadyLinked
    return made


async def linked(tx: asyncpg.Connection, org: str, new: Link) -> bool:
    """Both rows are locked first, so that two merges at once never make a ring."""
    both = [new.kept_id, new.other_id]
    await store_administration.lock_both(tx, org, both)
    if new.other_id in await store_administration.same_person(tx, org, new.kept_id):
        return False
    if not await store_administration.link(tx, org, new):
        return False
    await _decided(tx, org, "linked", new, new.by, new.at)
    return True


async def unlink(
    database: Database, looker: Looker, patient_id: UUID, link_id: UUID, why: str, now: datetime
) -> Link:
    async with look.opened(database, looker, patient_id, "link", changes=True) as seen:
        undone = await store_administration.unlink(
            seen.tx, seen.org, link_id, patient_id, seen.by, why, now
        )
        if undone is None:
            raise NoSuchLink
        await look.logged(seen.tx, looker, [undone.kept_id, undone.other_id], "link", "changed")
        await _decided(seen.tx, seen.org, "unlinked", undone, seen.by, now)
    return undone


async def _decided(
    tx: asyncpg.Connection, org: str, type: str, of: Link, by: str, at: datetime
) -> None:
    """Told of both, so that both are judged and shown anew."""
    for patient_id, other in ((of.kept_id, of.other_id), (of.other_id, of.kept_id)):
        body = {"link_id": str(of.id), "with": str(other), "kept": str(of.kept_id)}
        await ledger.decide(tx, org, patient_id, type, body, by=by, at=at)
