"""The doors to a patient's care: enrolments, limits, SpO2 scale, pauses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import Field

from services.patients import door, enrol, look, store_care
from services.patients.door import Db, Figure, Id, Moment, Now, Prose, Sent, Word
from services.patients.nouns import Enrolment, Number, Pause, PersonalLimit, Scale
from shared import access
from shared.programmes import PlanItem, Programme

router = door.router("care", "/v1/patients/{patient_id}")


def _programmes(request: Request) -> Mapping[str, Programme]:
    programmes: Mapping[str, Programme] = request.app.state.programmes
    return programmes


Programmes = Annotated[Mapping[str, Programme], Depends(_programmes)]


class NewEnrolment(Sent):
    model_config = door.example(programme="home_dialysis")

    programme: Word
    unit_id: Id | None = Field(default=None, description="absent: the patient's own unit")
    since: Moment | None = Field(
        default=None, alias="from", description="absent: from now; not in the future"
    )
    plan: list[PlanItem] | None = Field(
        default=None, max_length=50, description="absent: the programme's own plan"
    )


class Reason(Sent):
    model_config = door.example(reason="Transplantert")

    reason: Prose


class NewLimit(Sent):
    model_config = door.example(
        programme="home_dialysis",
        name="target_weight",
        value=72.5,
        reason="Ny tørrvekt etter kontroll",
    )

    programme: Word
    name: Word
    value: Figure | None = Field(description="null: back to the programme's own number")
    reason: Prose
    since: Moment | None = Field(default=None, alias="from", description="absent: from now")


class NewScale(Sent):
    model_config = door.example(scale=2, reason="Kjent hyperkapnisk respirasjonssvikt")

    scale: Literal[1, 2]
    reason: Prose
    since: Moment | None = Field(default=None, alias="from", description="absent: from now")


class NewPause(Sent):
    model_config = door.example(until="2026-12-01T08:00:00+01:00", reason="Innlagt")

    since: Moment | None = Field(default=None, alias="from", description="absent: from now")
    until: Moment
    reason: Prose


@dataclass(frozen=True, slots=True)
class Enrolments:
    enrolments: list[Enrolment]


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """A limit that may be set: the programme's number, and the patient's own if there is one."""

    programme: str
    name: str
    nb: str
    en: str
    ucum: str
    min: Number
    max: Number
    default: Number | None
    value: Number | None
    own: PersonalLimit | None


@dataclass(frozen=True, slots=True)
class Limits:
    limits: list[LimitInForce]
    history: list[PersonalLimit]


@dataclass(frozen=True, slots=True)
class Scales:
    """The scale in force (1 unless decided otherwise) and every decision about it."""

    scale: Literal[1, 2]
    history: list[Scale]


@dataclass(frozen=True, slots=True)
class Pauses:
    pauses: list[Pause]


@router.get("/enrolments")
async def enrolments(
    request: Request, database: Db, caller: access.ClinicianOrPatient, patient_id: UUID
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
    programmes: Programmes,
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
        programmes.get(new.programme),
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


@router.get("/limits")
async def limits(
    request: Request,
    database: Db,
    programmes: Programmes,
    now: Now,
    caller: access.ClinicianOrPatient,
    patient_id: UUID,
) -> Limits:
    """What may be set in the patient's programmes, what is in force, and every decision."""
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "limits") as seen:
        enrolled = await store_care.enrolments(seen.tx, seen.org, patient_id)
        history = await store_care.limits(seen.tx, seen.org, patient_id)
    own = {(one.programme, one.name): one for one in history if one.since <= now}
    followed = [
        programmes[one.programme]
        for one in enrolled
        if one.ended_at is None and one.programme in programmes
    ]
    return Limits([row for one in followed for row in _limits_of(one, own)], history)


@router.post("/limits", status_code=201)
async def set_limit(
    request: Request,
    response: Response,
    database: Db,
    programmes: Programmes,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewLimit,
) -> PersonalLimit:
    """Set one limit for this patient, within the programme's bounds."""
    own = await enrol.set_limit(
        database,
        door.looker(request, caller),
        patient_id,
        programmes,
        programme=new.programme,
        name=new.name,
        value=new.value,
        reason=new.reason,
        since=new.since or now,
    )
    door.created(response, f"/v1/patients/{patient_id}/limits")
    return own


@router.get("/spo2-scale")
async def scale(
    request: Request, database: Db, now: Now, caller: access.ClinicianOrPatient, patient_id: UUID
) -> Scales:
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "spo2-scale") as seen:
        history = await store_care.scales(seen.tx, seen.org, patient_id)
    begun = [one for one in history if one.since <= now]
    return Scales(begun[-1].scale if begun else 1, history)


@router.post("/spo2-scale", status_code=201)
async def decide_scale(
    request: Request,
    response: Response,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewScale,
) -> Scale:
    """Decide which SpO2 scale NEWS2 reads for this patient. What a device says never does."""
    decided = await enrol.decide_scale(
        database,
        door.looker(request, caller),
        patient_id,
        scale=new.scale,
        reason=new.reason,
        since=new.since or now,
    )
    door.created(response, f"/v1/patients/{patient_id}/spo2-scale")
    return decided


@router.get("/pauses")
async def pauses(
    request: Request, database: Db, caller: access.ClinicianOrPatient, patient_id: UUID
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
    """Expect nothing of the patient for a time: a stay in hospital, a journey."""
    paused = await enrol.pause(
        database,
        door.looker(request, caller),
        patient_id,
        since=new.since or now,
        until=new.until,
        reason=new.reason,
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


def _limits_of(
    programme: Programme, own: Mapping[tuple[str, str], PersonalLimit]
) -> list[LimitInForce]:
    rows = []
    for limit in programme.limits:
        mine = own.get((programme.slug, limit.name))
        value = mine.value if mine and mine.value is not None else limit.default
        rows.append(
            LimitInForce(
                programme.slug, limit.name, limit.names.nb, limit.names.en, limit.ucum,
                limit.min, limit.max, limit.default, value, mine,
            )
        )  # fmt: skip
    return rows
