"""Verb: a nurse opens a record that is shut or not hers, for an hour, in front of everybody.

The law: a reason from the list and one in her own words, the access log first, and what a patient
has shut for one person by name is not opened by anything.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts import reader, store, store_views
from services.alerts.care import store_shields
from services.alerts.judging.patient import PLATFORM
from services.alerts.reader import NoSuchPatient, Reader
from services.alerts.stream import Notifier
from shared.access import Blocked, emergency
from shared.database import Database

SHORTEST = 5
LONGEST = 2000


class ReasonMissing(Exception):
    """Say why the record must be opened, by the list and in your own words"""


@dataclass(frozen=True, slots=True)
class Shut:
    """Who it is about, as far as the reader may know: a name only where her unit treats him."""

    names: asyncpg.Record | None
    now: datetime


async def about(database: Database, by: Reader, patient_id: UUID) -> Shut:
    """NoSuchPatient. That she was refused has been written down already."""
    async with database.transaction() as tx:
        known, units = await store_views.patient_units(tx, by.org, patient_id)
        if not known and not units:
            raise NoSuchPatient
        names = await store_views.names(tx, by.org, [patient_id]) if units & by.units else {}
        return Shut(names.get(patient_id), await store.now(tx))


async def open_(
    database: Database, notifier: Notifier, by: Reader, patient_id: UUID, reason: str, text: str
) -> datetime:
    """Until when. ReasonMissing, NoSuchPatient, Blocked."""
    if reason not in emergency.REASONS or not SHORTEST <= len(text.strip()) <= LONGEST:
        raise ReasonMissing
    async with database.transaction() as tx:
        known, units = await store_views.patient_units(tx, by.org, patient_id)
        if patient_id == PLATFORM or not known:
            raise NoSuchPatient
        standing = await store_shields.standing(
            tx, by.org, patient_id, by.id, treats=bool(units & by.units)
        )

        async def note(outcome: emergency.Ended, why: str) -> None:
            await reader.note(tx, by, [patient_id], emergency.WHAT, outcome, why=why)

        opened = emergency.asked(
            patient_id, by=by.id, role=by.role, reason=reason, text=text, at=await store.now(tx)
        )
        await emergency.open_(tx, by.org, opened, note, blocked=standing.blocked)
    if standing.blocked:
        raise Blocked
    notifier.tell(by.org, {unit: {patient_id} for unit in units})
    return opened.until
