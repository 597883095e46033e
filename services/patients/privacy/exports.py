"""The door to a patient's whole record, for himself and for those who treat him."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse

from services.patients import door
from services.patients.door import Db, Keys, Now
from services.patients.fhir_doors import fhir_door
from services.patients.privacy import exporting
from shared import access
from shared.access import CLINICAL, Role

# A system reads what it needs by scope; nobody's whole record.
Holder = Annotated[access.Caller, Depends(access.needs(*CLINICAL, Role.PATIENT))]

router = door.router("export", "/v1/patients/{patient_id}/export")


@router.get(
    "",
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"application/fhir+json": {}, "application/zip": {}},
            "description": "The record, as it is read",
        }
    },
)
async def export(
    request: Request,
    database: Db,
    keys: Keys,
    now: Now,
    caller: Holder,
    patient_id: UUID,
    form: Annotated[
        Literal["fhir", "csv"],
        Query(alias="format", description="a FHIR Bundle, or a zip of CSV tables and files"),
    ] = "fhir",
) -> StreamingResponse:
    """The whole record: person, readings, answers, photos, documents, decisions; for the patient
    himself also who has seen it. What was withdrawn or filed on the wrong patient is not in it."""
    looker = door.looker(request, caller)
    state = request.app.state
    taken = await exporting.take(database, looker, keys, state.programmes, patient_id, now)
    name = f"hjemvakt-{now.date().isoformat()}"
    if form == "csv":
        return StreamingResponse(
            exporting.archive(taken),
            media_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}.zip"'},
        )
    address = fhir_door.place(request)
    return StreamingResponse(
        exporting.bundle(taken, state.forms, address),
        media_type="application/fhir+json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"'},
    )
