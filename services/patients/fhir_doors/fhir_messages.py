"""FHIR Communication: what a patient and his unit have written, for who may read it."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response

from services.patients import door, look, paging
from services.patients.door import Db, Keys
from services.patients.fhir_doors import communication, fhir_door, fhir_facts, search
from services.patients.fhir_doors.search import Asked
from services.patients.me import correspond
from shared import access, ledger, messages
from shared.access import CLINICAL, Role

router = door.router("FHIR", "/fhir")

Search = Annotated[Asked, Depends(fhir_door.asking("Communication"))]
PatientOrClinician = Annotated[access.Caller, Depends(access.needs(Role.PATIENT, *CLINICAL))]


@router.get("/Communication")
@router.post("/Communication/_search", openapi_extra=fhir_door.FORM_BODY)
async def communications(
    request: Request, database: Db, keys: Keys, caller: PatientOrClinician, asked: Search
) -> Response:
    """One patient's messages and the unit's, newest first. By a national number only with POST."""
    looker = door.looker(request, caller)
    patient_id = await fhir_facts.patient_asked_for(database, keys, looker, asked)
    if patient_id is None:
        return fhir_door.bundle(request, asked, [], None)
    since, until = search.span(asked.all("sent"))
    count = asked.count()
    async with look.opened(database, looker, patient_id, correspond.WHAT) as seen:
        found = await ledger.facts(
            seen.tx, seen.org, patient_id, types=[messages.TYPE], since=since, until=until,
            after=asked.place(), newest_first=asked.newest_first(), limit=count + 1,
        )  # fmt: skip
    shown = found[:count]
    rest = paging.cursor(shown[-1].at, shown[-1].id) if len(found) > count else None
    others = (pair for pair in asked.pairs if pair[0] not in ("patient", "subject"))
    about = Asked("Communication", (("patient", str(patient_id)), *others))
    return fhir_door.bundle(request, about, [communication.resource(one) for one in shown], rest)


@router.get("/Communication/{fact_id}")
async def one_communication(
    request: Request, database: Db, caller: PatientOrClinician, fact_id: UUID
) -> Response:
    """One that was withdrawn or filed elsewhere is entered-in-error, and not for a patient."""
    async with database.transaction() as tx:
        found = [
            fact
            for fact in await ledger.read(tx, caller.org, [fact_id])
            if fact.type == messages.TYPE
        ]
        standing = await ledger.in_force(tx, caller.org, [(fact.id, fact.at) for fact in found])
    if not found or (caller.role is Role.PATIENT and not standing):
        raise fhir_door.NoSuchResource
    try:
        async with look.opened(
            database, door.looker(request, caller), found[0].patient_id, correspond.WHAT
        ):
            pass
    except look.NoSuchPatient:
        raise fhir_door.NoSuchResource from None
    status: communication.Status = "completed" if standing else "entered-in-error"
    return fhir_door.answer(communication.resource(found[0], status))
