"""The FHIR R4 read door: what it can do, and the forms of the programmes."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request, Response

from services.patients import door, fhir_door, search
from services.patients.door import Now
from services.patients.search import Asked
from shared import access, fhir, fhir_record
from shared.programmes import Programme

router = door.router("FHIR", "/fhir")

FormSearch = Annotated[Asked, Depends(fhir_door.asking("Questionnaire"))]


@router.get("/metadata")
async def metadata(request: Request, now: Now) -> Response:
    """What this door can do: exactly the parameters that the searches know."""
    resources = [
        {
            "type": resource,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [
                {"name": name, "type": type, "documentation": meaning}
                for name, (type, meaning) in parameters.items()
            ],
        }
        for resource, parameters in search.PARAMETERS.items()
    ]
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": fhir.instant(now),
        "kind": "instance",
        "software": {"name": "Hjemvakt", "version": request.app.version},
        "implementation": {"description": "Hjemvakt, read access to the record"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Search with GET, or POST _search, where alone a national "
                "number may stand. Unknown parameters are refused unless the request prefers "
                "handling=lenient. Sorted by -date unless _sort says date; _count up to 200.",
                "security": {"description": "A bearer token of staff or of the patient."},
                "resource": resources,
            }
        ],
    }
    return fhir_door.answer(statement)


@router.get("/Questionnaire")
@router.post("/Questionnaire/_search", openapi_extra=fhir_door.FORM_BODY)
async def questionnaires(
    request: Request, _caller: access.ClinicianOrPatient, asked: FormSearch
) -> Response:
    """The forms of the clinical programmes."""
    wanted = {asked.one("_id"), _name(asked.one("url"))} - {None}
    forms = _forms(request)
    shown = [form for name, form in forms.items() if not wanted or wanted == {name}]
    return fhir_door.bundle(request, asked, shown, None)


@router.get("/Questionnaire/{name}")
async def questionnaire(
    request: Request, _caller: access.ClinicianOrPatient, name: str
) -> Response:
    form = _forms(request).get(name)
    if form is None:
        raise fhir_door.NoSuchResource
    return fhir_door.answer(form)


def _forms(request: Request) -> dict[str, fhir.Resource]:
    programmes: Mapping[str, Programme] = request.app.state.programmes
    forms: dict[str, fhir.Resource] = {}
    for programme in programmes.values():
        for form in programme.questionnaires:
            name = fhir.questionnaire_name(form["url"])[0]
            forms[name] = fhir_record.questionnaire(form, name)
    return forms


def _name(url: str | None) -> str | None:
    return fhir.questionnaire_name(url)[0] if url else None
