"""FHIR AuditEvent for auditors: who has seen and done what, by patient, person and date."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Request, Response

from services.patients import door, look, paging
from services.patients.door import Db
from services.patients.fhir_doors import audit_event, fhir_door, search
from services.patients.fhir_doors.search import Asked, NotSearchable
from services.patients.privacy import tracing
from shared import access
from shared.access import Role
from shared.audit.store import Wanted

router = door.router("FHIR", "/fhir")

Auditor = Annotated[access.Caller, Depends(access.needs(Role.AUDITOR))]
AuditSearch = Annotated[Asked, Depends(fhir_door.asking("AuditEvent"))]


@router.get("/AuditEvent")
@router.post("/AuditEvent/_search", openapi_extra=fhir_door.FORM_BODY)
async def events(request: Request, database: Db, caller: Auditor, asked: AuditSearch) -> Response:
    """Newest first. With patient each event names only that patient of a list."""
    if not asked.newest_first():
        raise NotSearchable("_sort is -date only.")
    patient = _patient(asked)
    since, until = search.span(asked.all("date"))
    agent = asked.one("agent")
    found = await tracing.acts(
        database,
        door.looker(request, caller),
        Wanted(
            by=agent.rpartition("/")[2] if agent else None,
            patient=patient,
            since=since,
            until=until,
            outcome=_outcome(asked.one("outcome")),
        ),
        after=asked.place(),
        limit=asked.count(),
    )
    resources = [audit_event.resource(one, patient) for one in found.events]
    rest = paging.cursor(*found.next) if found.next else None
    return fhir_door.bundle(request, asked, resources, rest)


@router.get("/AuditEvent/{event_id}")
async def event(
    request: Request,
    database: Db,
    caller: Auditor,
    event_id: Annotated[str, Path(pattern=r"^[0-9a-f-]{1,64}$")],
) -> Response:
    place = audit_event.place_of(event_id)
    found = place and await tracing.act(database, door.looker(request, caller), place)
    if not found:
        raise fhir_door.NoSuchResource
    return fhir_door.answer(audit_event.resource(found))


def _patient(asked: Asked) -> UUID | None:
    try:
        return asked.patient_id()
    except LookupError:
        raise look.NoSuchPatient from None


def _outcome(code: str | None) -> str | None:
    match code:
        case None:
            return None
        case "4":
            return "refused"
        case "8":
            return "failed"
        case _:
            raise NotSearchable("outcome is 4 or 8.")
