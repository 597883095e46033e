"""The doors to what patients ask to have corrected or erased."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import Field

from services.patients import door
from services.patients.door import Db, Id, Now, Prose, Sent
from services.patients.nouns import Claim
from services.patients.privacy import claiming
from shared import access
from shared.access import CLINICAL, Role

router = door.router("claims", "/v1/patients/{patient_id}/claims")

PatientOrClinician = Annotated[access.Caller, Depends(access.needs(*CLINICAL, Role.PATIENT))]
Physician = Annotated[access.Caller, Depends(access.needs(Role.PHYSICIAN))]
Ground = Literal[
    "wrong-and-burdensome", "not-needed", "wrong-patient", "corrected", "withdrawn",
    "needed-for-care", "duty-to-document", "archive", "legal-claim",
]  # fmt: skip


class NewClaim(Sent):
    model_config = door.example(
        kind="erase",
        facts=["5f2d8c5e-2f4a-4a51-9b1c-0d7a1c1f0a11"],
        text="Målingen er ikke min.",
    )

    kind: Literal["correct", "erase"]
    facts: list[Id] = Field(min_length=1, max_length=500, description="ids of what it is about")
    text: Prose


class Decision(Sent):
    model_config = door.example(
        granted=True, ground="wrong-patient", reason="Vekten ble brukt av en annen i huset."
    )

    granted: bool
    ground: Ground
    reason: Prose


@dataclass(frozen=True, slots=True)
class Claims:
    claims: list[Claim]


@router.get("")
async def claims(
    request: Request, database: Db, caller: PatientOrClinician, patient_id: UUID
) -> Claims:
    looker = door.looker(request, caller)
    return Claims(await claiming.of_patient(database, looker, patient_id))


@router.post("", status_code=201)
async def make(
    request: Request,
    response: Response,
    database: Db,
    now: Now,
    caller: PatientOrClinician,
    patient_id: UUID,
    new: NewClaim,
) -> Claim:
    """By the patient, or by staff for him."""
    looker = door.looker(request, caller)
    made = await claiming.make(database, looker, patient_id, new.kind, new.facts, new.text, now)
    door.created(response, f"/v1/patients/{patient_id}/claims")
    return made


@router.post("/{claim_id}/decide")
async def decide(
    request: Request,
    database: Db,
    now: Now,
    caller: Physician,
    patient_id: UUID,
    claim_id: UUID,
    decision: Decision,
) -> Claim:
    """Grant or refuse, on a ground that the law knows."""
    return await claiming.decide(
        database,
        door.looker(request, caller),
        patient_id,
        claim_id,
        granted=decision.granted,
        ground=decision.ground,
        reason=decision.reason,
        now=now,
    )


@router.post("/{claim_id}/confirm")
async def confirm(
    request: Request,
    database: Db,
    now: Now,
    caller: Physician,
    patient_id: UUID,
    claim_id: UUID,
) -> Claim:
    """By another physician than who granted it: it is withdrawn and blanked, for good."""
    looker = door.looker(request, caller)
    return await claiming.confirm(database, looker, patient_id, claim_id, now)
