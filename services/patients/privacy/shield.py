"""Verbs: a patient shuts the record, for all or for one person; staff open it in an emergency."""

from datetime import datetime
from uuid import UUID, uuid4

from services.patients import look, store
from services.patients.look import Looker, NoSuchPatient
from services.patients.nouns import Emergency, Shield
from services.patients.privacy import store_shields
from shared.access import CLINICAL, Blocked, emergency
from shared.database import Database


class AlreadyShut(Exception):
    """The record is already shut in this way"""


class NoSuchShield(Exception):
    """There is no such lock or block in force"""


class UnknownStaff(Exception):
    """The body names somebody who does not work here"""


async def shut(
    database: Database, looker: Looker, patient_id: UUID, staff: UUID | None, now: datetime
) -> Shield:
    """A block against one person, or a lock of the whole record."""
    shield = Shield(uuid4(), str(staff) if staff else None, now)
    async with look.opened(database, looker, patient_id, "shields", changes=True) as seen:
        if staff is not None and await store.one_staff(seen.tx, seen.org, staff) is None:
            raise UnknownStaff
        if not await store_shields.add_shield(seen.tx, seen.org, patient_id, shield, seen.by):
            raise AlreadyShut
    return shield


async def end(
    database: Database, looker: Looker, patient_id: UUID, shield_id: UUID, now: datetime
) -> None:
    async with look.opened(database, looker, patient_id, "shields", changes=True) as seen:
        if not await store_shields.end_shield(
            seen.tx, seen.org, patient_id, shield_id, now, seen.by
        ):
            raise NoSuchShield


async def open_in_emergency(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    reason: emergency.Reason,
    text: str,
    now: datetime,
) -> Emergency:
    """For an hour, for this person. A patient's block is not opened by anything. Blocked."""
    caller = looker.caller
    opened = emergency.asked(
        patient_id, by=caller.id, role=caller.role.value, reason=reason, text=text, at=now
    )
    async with database.transaction() as tx:
        if await store.patient(tx, caller.org, patient_id) is None:
            raise NoSuchPatient
        standing = await store_shields.standing(tx, caller.org, patient_id, caller.id, caller.units)

        async def note(outcome: emergency.Ended, why: str) -> None:
            await look.logged(tx, looker, [patient_id], emergency.WHAT, outcome, why=why)

        await emergency.open_(tx, caller.org, opened, note, blocked=standing.blocked)
    if standing.blocked:
        raise Blocked
    return Emergency(
        opened.id, patient_id, caller.id, caller.name, opened.role, reason, opened.text, now,
        opened.until,
    )  # fmt: skip


async def opened_lately(database: Database, looker: Looker, limit: int) -> list[Emergency]:
    """The notice to unit and auditor. That it was read is written down for each patient."""
    caller = looker.caller
    units = caller.units if caller.role in CLINICAL else None
    async with database.transaction() as tx:
        found = await store_shields.emergencies(tx, caller.org, unit_ids=units, limit=limit)
        await look.logged(
            tx, looker, list({one.patient_id for one in found}), "emergency-access-list"
        )
    return found
