"""The doors to links: two patients of the record who are one person."""

from dataclasses import dataclass
from uuid import UUID

from fastapi import Request, Response

from services.patients import door, look
from services.patients.door import Db, Id, Now, Prose, Sent
from services.patients.followup import linking, store_administration
from services.patients.nouns import Link
from shared import access

router = door.router("patients", "/v1/patients/{patient_id}/links")


class NewLink(Sent):
    """The other patient is the same person; this one is kept."""

    model_config = door.example(
        other_id="0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e", reason="Fikk nytt fødselsnummer"
    )

    other_id: Id
    reason: Prose


class Why(Sent):
    model_config = door.example(reason="To forskjellige personer med samme navn")

    reason: Prose


@dataclass(frozen=True, slots=True)
class Links:
    links: list[Link]
    same_person: list[UUID]


@router.get("")
async def links(
    request: Request, database: Db, caller: access.ClinicianOrAdministrator, patient_id: UUID
) -> Links:
    """The links this patient is part of, the undone ones too, and all who are the same person."""
    async with look.opened(database, door.looker(request, caller), patient_id, "link") as seen:
        found = await store_administration.links(seen.tx, seen.org, [patient_id])
        same = await store_administration.same_person(seen.tx, seen.org, patient_id)
    return Links(found, same)


@router.post("", status_code=201)
async def link(
    request: Request,
    response: Response,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewLink,
) -> Link:
    """Say that another patient is the same person. Nothing moves; it can be undone."""
    looker = door.looker(request, caller)
    made = await linking.link(database, looker, patient_id, new.other_id, new.reason, now)
    door.created(response, f"/v1/patients/{patient_id}/links/{made.id}")
    return made


@router.post("/{link_id}/undo")
async def undo(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    link_id: UUID,
    why: Why,
) -> Link:
    """They are two persons after all: both are again as they were."""
    looker = door.looker(request, caller)
    return await linking.unlink(database, looker, patient_id, link_id, why.reason, now)
