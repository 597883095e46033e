"""The doors to locks and blocks, and to emergency access."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import Field

from services.patients import door, look
from services.patients.door import Db, Id, Limit, Now, Prose, Sent
from services.patients.nouns import Emergency, Shield
from services.patients.privacy import shield, store_shields
from shared import access
from shared.access import CLINICAL, Role, emergency

router = door.router("locks and emergency access", "/v1")

PatientOrAdministrator = Annotated[
    access.Caller, Depends(access.needs(Role.PATIENT, Role.ADMINISTRATOR))
]
ClinicianOrAuditor = Annotated[access.Caller, Depends(access.needs(*CLINICAL, Role.AUDITOR))]


class NewShield(Sent):
    """A block against one member of staff; without `staff` a lock of the whole record."""

    model_config = door.example(staff="0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e")

    staff: Id | None = None


class Why(Sent):
    model_config = door.example(
        reason="acute-illness", text="Innlagt i natt, ser på målingene hjemmefra"
    )

    reason: emergency.Reason
    text: Annotated[Prose, Field(min_length=5)]


@dataclass(frozen=True, slots=True)
class Shields:
    shields: list[Shield]


@dataclass(frozen=True, slots=True)
class Emergencies:
    emergencies: list[Emergency]


@router.get("/patients/{patient_id}/shields")
async def shields(
    request: Request, database: Db, caller: PatientOrAdministrator, patient_id: UUID
) -> Shields:
    """The lock and the blocks in force."""
    async with look.opened(database, door.looker(request, caller), patient_id, "shields") as seen:
        found = await store_shields.shields(seen.tx, seen.org, patient_id)
    return Shields(found)


@router.post("/patients/{patient_id}/shields", status_code=201)
async def shut(
    request: Request,
    response: Response,
    database: Db,
    now: Now,
    caller: PatientOrAdministrator,
    patient_id: UUID,
    new: NewShield,
) -> Shield:
    """Lock the record, or block one member of staff from it. At once."""
    looker = door.looker(request, caller)
    made = await shield.shut(database, looker, patient_id, new.staff, now)
    door.created(response, f"/v1/patients/{patient_id}/shields/{made.id}")
    return made


@router.post("/patients/{patient_id}/shields/{shield_id}/end", status_code=204)
async def end(
    request: Request,
    database: Db,
    now: Now,
    caller: PatientOrAdministrator,
    patient_id: UUID,
    shield_id: UUID,
) -> None:
    await shield.end(database, door.looker(request, caller), patient_id, shield_id, now)


@router.post("/patients/{patient_id}/emergency-access", status_code=201)
async def open_in_emergency(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    why: Why,
) -> Emergency:
    """Open a patient's record for yourself, although no treating relation is there or it is locked.
    It shuts after an hour; the unit, the auditor and the patient see that you did."""
    looker = door.looker(request, caller)
    return await shield.open_in_emergency(database, looker, patient_id, why.reason, why.text, now)


@router.get("/emergency-access")
async def opened_lately(
    request: Request, database: Db, caller: ClinicianOrAuditor, limit: Limit = door.PAGE
) -> Emergencies:
    """Which records were opened in an emergency, newest first: of the caller's units, or for the
    auditor all."""
    return Emergencies(await shield.opened_lately(database, door.looker(request, caller), limit))
