"""The doors to a patient's care: enrolments and pauses."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request, Response
from pydantic import Field

from services.patients import door, look
from services.patients.door import Db, Id, Moment, Now, Prose, Sent, Versions, Word
from services.patients.followup import enrol, store_care
from services.patients.nouns import Enrolment, Pause, PauseKind
from shared import access
from shared.programmes import PlanItem

router = door.router("care", "/v1/patients/{patient_id}")


class NewEnrolment(Sent):
    model_config = door.example(programme="home_dialysis")

    programme: Word
    unit_id: Id | None = Field(default=None, description="absent: the patient's own unit")
    since: Moment | None = Field(
        default=None,
        alias="from",
        description="absent: from now; not in the future. Readings are judged from then, and "
        "expected from when the enrolment is recorded",
    )
    plan: list[PlanItem] | None = Field(
        default=None, max_length=50, description="absent: the programme's own plan"
    )


class Reason(Sent):
    model_config = door.example(reason="Transplantert")

    reason: Prose


class NewPause(Sent):
    model_config = door.example(
        kind="admission", until="2026-12-01T08:00:00+01:00", reason="Lagt inn på medisinsk post"
    )

    kind: PauseKind = Field(
        default="other",
        description="admission: what is measured meanwhile is judged and marked; holiday, other",
    )
    since: Moment | None = Field(default=None, alias="from", description="absent: from now")
    until: Moment
    reason: Prose


@dataclass(frozen=True, slots=True)
class Enrolments:
    enrolments: list[Enrolment]


@dataclass(frozen=True, slots=True)
class Pauses:
    pauses: list[Pause]


@router.get("/enrolments")
async def enrolments(
    request: Request, database: Db, caller: access.ClinicianOrCitizen, patient_id: UUID
) -> Enrolments:
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "enrolment") as seen:
        found = await store_care.enrolments(seen.tx, seen.org, patient_id)
    return Enrolments(found)


@router.post("/enrolments", status_code=201)
async def start(
    request: Request,
    response: Response,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewEnrolment,
) -> Enrolment:
    """Enrol the patient in a programme."""
    enrolment = await enrol.enrol(
        database,
        door.looker(request, caller),
        patient_id,
        loaded,
        new.programme,
        unit_id=new.unit_id,
        plan=new.plan,
        since=new.since or now,
        now=now,
    )
    door.created(response, f"/v1/patients/{patient_id}/enrolments/{enrolment.id}")
    return enrolment


@router.post("/enrolments/{enrolment_id}/end")
async def end(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    enrolment_id: UUID,
    why: Reason,
) -> Enrolment:
    """End the enrolment now."""
    looker = door.looker(request, caller)
    return await enrol.end(database, looker, patient_id, enrolment_id, reason=why.reason, now=now)


@router.get("/pauses")
async def pauses(
    request: Request, database: Db, caller: access.ClinicianOrCitizen, patient_id: UUID
) -> Pauses:
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "pause") as seen:
        found = await store_care.pauses(seen.tx, seen.org, patient_id)
    return Pauses(found)


@router.post("/pauses", status_code=201)
async def pause(
    request: Request,
    response: Response,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewPause,
) -> Pause:
    """Expect nothing of the patient for a time: a stay in hospital, a journey. It always has an
    end, which is told, and what he sends all the same is judged."""
    paused = await enrol.pause(
        database,
        door.looker(request, caller),
        patient_id,
        since=new.since or now,
        until=new.until,
        reason=new.reason,
        kind=new.kind,
        now=now,
    )
    door.created(response, f"/v1/patients/{patient_id}/pauses/{paused.id}")
    return paused


@router.post("/pauses/{pause_id}/end", status_code=204)
async def end_pause(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    pause_id: UUID,
) -> None:
    """End the pause now."""
    await enrol.end_pause(database, door.looker(request, caller), patient_id, pause_id, now)
