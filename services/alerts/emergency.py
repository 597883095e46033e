"""Verb: a nurse opens a record that is shut or not hers, for an hour, in front of everybody.

The law: a reason from the list and one in her own words, the access log first, and what a patient
has shut for one person by name is not opened by anything.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.alerts import reader, store, store_shields, store_views
from services.alerts.patient import PLATFORM
from services.alerts.reader import NoSuchPatient, Reader
from services.alerts.stream import Notifier
from shared.access import Blocked
from shared.database import Database

LASTS = timedelta(minutes=60)
REASONS = ("acute-illness", "call-from-patient", "on-behalf-of-unit", "patient-consents")
SHORTEST = 5
LONGEST = 2000
WHAT = "emergency-access"


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
    if reason not in REASONS or not SHORTEST <= len(text.strip()) <= LONGEST:
        raise ReasonMissing
    async with database.transaction() as tx:
        known, units = await store_views.patient_units(tx, by.org, patient_id)
        if patient_id == PLATFORM or not known:
            raise NoSuchPatient
        standing = await store_shields.standing(
            tx, by.org, patient_id, by.id, treats=bool(units & by.units)
        )
        why = f"emergency:{reason}"
        if standing.blocked:
            await reader.note(tx, by, [patient_id], WHAT, "refused", why=why)
        else:
            await reader.note(tx, by, [patient_id], WHAT, "changed", why=why)
        now = await store.now(tx)
        if not standing.blocked:
            await store_shields.open_in_emergency(
                tx,
                by.org,
                patient_id,
                staff_id=by.id,
                role=by.role,
                reason=reason,
                text=text.strip(),
                at=now,
                until=now + LASTS,
            )
    if standing.blocked:
        raise Blocked
    notifier.tell(by.org, {unit: {patient_id} for unit in units})
    return now + LASTS
