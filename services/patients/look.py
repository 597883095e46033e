"""Looking at a patient: who may, and the line in the access log that says so.

The line is written in the transaction that reads, and that commits before an answer is given: if
the look cannot be logged, nothing is shown.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg

from services.patients import store
from services.patients.nouns import Patient
from services.patients.privacy import store_shields
from shared import audit
from shared.access import CITIZENS, CLINICAL, Blocked, Caller, Locked, NotRelated, Role, table
from shared.access.table import Reach
from shared.database import Database

Outcome = Literal["shown", "changed", "refused"]

# Why somebody may look, by role; a clinician's reason is that the patient is her unit's.
WHY = {
    Role.NURSE: "treatment",
    Role.PHYSICIAN: "treatment",
    Role.ADMINISTRATOR: "administration",
    Role.AUDITOR: "audit",
    Role.PATIENT: "own",
    Role.RELATIVE: "on-behalf-of",
    Role.SYSTEM: "integration",
}


class NoSuchPatient(Exception):
    """There is no such patient here"""


class AnotherUnit(Exception):
    """The patient belongs to another unit"""


REFUSALS = (AnotherUnit, Locked, Blocked)


@dataclass(frozen=True, slots=True)
class Looker:
    """Who looks, and in which request."""

    caller: Caller
    request_id: str

    @property
    def org(self) -> str:
        return self.caller.org

    @property
    def by(self) -> str:
        return self.caller.id


@dataclass(frozen=True, slots=True)
class Opened:
    """A patient that may be seen, and the transaction in which that was written down."""

    tx: asyncpg.Connection
    org: str
    by: str
    patient: Patient


@contextlib.asynccontextmanager
async def opened(
    database: Database, looker: Looker, patient_id: UUID, what: str, *, changes: bool = False
) -> AsyncIterator[Opened]:
    """A transaction that reads or changes one patient. NoSuchPatient, AnotherUnit.

    What a patient or another organisation may not see does not exist for them; a colleague of
    another unit is told that it is not hers, and the attempt is logged.
    """
    caller = looker.caller
    if caller.role in CITIZENS and caller.patient_id != patient_id:
        raise NoSuchPatient
    async with database.transaction() as tx:
        patient = await store.patient(tx, caller.org, patient_id)
        if patient is None:
            raise NoSuchPatient
        try:
            why = await why_hers(tx, caller, patient_id)
        except REFUSALS as error:
            refusal: Exception = error
        else:
            outcome: Outcome = "changed" if changes else "shown"
            await logged(tx, looker, [patient_id], what, outcome, why=why)
            yield Opened(tx, caller.org, caller.id, patient)
            return
        await logged(tx, looker, [patient_id], what, "refused")
    raise refusal


async def why_hers(tx: asyncpg.Connection, caller: Caller, patient_id: UUID) -> str:
    """Why this caller may see the patient: a clinician by unit or enrolment, or in an emergency.
    AnotherUnit, Locked, Blocked."""
    if caller.role not in CLINICAL:
        return WHY[caller.role]
    standing = await store_shields.standing(tx, caller.org, patient_id, caller.id, caller.units)
    try:
        return table.why(Reach.UNIT, standing, emergency_counts=caller.in_emergency)
    except NotRelated:
        raise AnotherUnit from None


async def is_hers(tx: asyncpg.Connection, caller: Caller, patient_id: UUID) -> bool:
    try:
        await why_hers(tx, caller, patient_id)
    except REFUSALS:
        return False
    return True


async def logged(
    tx: asyncpg.Connection,
    looker: Looker,
    patient_ids: Sequence[UUID],
    what: str,
    outcome: Outcome = "shown",
    *,
    why: str | None = None,
) -> None:
    """One row, with every patient of a list. LookCannotBeLogged."""
    caller = looker.caller
    who = audit.Who(
        caller.org, caller.id, caller.role.value, caller.hpr, request_id=looker.request_id
    )
    await audit.note(tx, who, patient_ids, what, outcome, why=why or WHY[caller.role])
