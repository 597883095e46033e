"""FHIR Media (photos) and DocumentReference (documents), read by patient or by id."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from services.patients import door, look
from services.patients import paging as places
from services.patients.door import Db, Keys
from services.patients.fhir_doors import fhir_door, fhir_facts, search
from services.patients.fhir_doors.search import Asked
from services.patients.measured import attach
from shared import access, attachments, fhir, fhir_attachments, ledger
from shared.access import CITIZENS
from shared.contracts import Fact
from shared.fhir_attachments import Name

router = door.router("FHIR", "/fhir")

MediaSearch = Annotated[Asked, Depends(fhir_door.asking("Media"))]
DocumentSearch = Annotated[Asked, Depends(fhir_door.asking("DocumentReference"))]
_DATES: dict[Name, str] = {"Media": "created", "DocumentReference": "date"}


@router.get("/Media")
@router.post("/Media/_search", openapi_extra=fhir_door.FORM_BODY)
async def media(
    request: Request,
    database: Db,
    keys: Keys,
    caller: access.ClinicianOrCitizen,
    asked: MediaSearch,
) -> Response:
    """One patient's photos, newest first. By a national number only with POST."""
    return await _search(request, database, keys, caller, asked, "Media")


@router.get("/Media/{fact_id}")
async def one_media(
    request: Request, database: Db, caller: access.ClinicianOrCitizen, fact_id: UUID
) -> Response:
    """What is told of a photo; the photo itself is behind content.url."""
    return await _one(request, database, caller, fact_id, "Media")


@router.get("/DocumentReference")
@router.post("/DocumentReference/_search", openapi_extra=fhir_door.FORM_BODY)
async def documents(
    request: Request,
    database: Db,
    keys: Keys,
    caller: access.ClinicianOrCitizen,
    asked: DocumentSearch,
) -> Response:
    """One patient's documents, newest first. By a national number only with POST."""
    return await _search(request, database, keys, caller, asked, "DocumentReference")


@router.get("/DocumentReference/{fact_id}")
async def one_document(
    request: Request, database: Db, caller: access.ClinicianOrCitizen, fact_id: UUID
) -> Response:
    return await _one(request, database, caller, fact_id, "DocumentReference")


async def _search(
    request: Request, database: Db, keys: Keys, caller: access.Caller, asked: Asked, name: Name
) -> Response:
    looker = door.looker(request, caller)
    patient_id = await fhir_facts.patient_asked_for(database, keys, looker, asked)
    if patient_id is None:
        return fhir_door.bundle(request, asked, [], None)
    since, until = search.span(asked.all(_DATES[name]))
    count = asked.count()
    async with look.opened(database, looker, patient_id, name) as seen:
        found = await ledger.facts(
            seen.tx, seen.org, patient_id, kinds=fhir_attachments.KINDS[name],
            types=[attachments.TYPE], since=since, until=until, after=asked.place(),
            newest_first=asked.newest_first(), limit=count + 1,
        )  # fmt: skip
        touched = await ledger.touched(seen.tx, seen.org, found[:count])
    shown = found[:count]
    rest = places.cursor(shown[-1].at, shown[-1].id) if len(found) > count else None
    others = (pair for pair in asked.pairs if pair[0] not in ("patient", "subject"))
    about = Asked(name, (("patient", str(patient_id)), *others))
    resources = [fhir_attachments.resource(fact, _url(request, fact)) for fact in shown]
    for fact, made in zip(shown, resources, strict=True):
        fhir.touch(made, touched.get(fact.id))
    return fhir_door.bundle(request, about, resources, rest)


async def _one(
    request: Request, database: Db, caller: access.Caller, fact_id: UUID, name: Name
) -> Response:
    async with database.transaction() as tx:
        known = await ledger.read(tx, caller.org, [fact_id])
        found = [
            fact
            for fact in known
            if fact.type == attachments.TYPE and fact.kind in fhir_attachments.KINDS[name]
        ]
        standing = await ledger.in_force(tx, caller.org, [(fact.id, fact.at) for fact in found])
        touched = await ledger.touched(tx, caller.org, found)
    # What was filed on the wrong patient is not for that patient to read.
    if not found or (caller.role in CITIZENS and not standing):
        raise fhir_door.NoSuchResource
    fact = found[0]
    try:
        async with look.opened(
            database, door.looker(request, caller), fact.patient_id, attach.WHAT
        ):
            pass
    except look.NoSuchPatient:
        raise fhir_door.NoSuchResource from None
    made = fhir_attachments.resource(fact, _url(request, fact), withdrawn=not standing)
    fhir.touch(made, touched.get(fact.id))
    return fhir_door.answer(made)


def _url(request: Request, fact: Fact) -> str:
    return f"{fhir_door.place(request)}/v1/attachments/{fact.id}"
