"""The FHIR R4 read door: what it can do, and the forms of the programmes."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request, Response

from services.patients import door
from services.patients.door import Now
from services.patients.fhir_doors import fhir_door, search
from services.patients.fhir_doors.search import Asked
from shared import access, fhir, fhir_record, instruments
from shared.instruments.forms import Form
from shared.programmes import Programme

LICENCE = f"{fhir.BASE}/StructureDefinition/instrument-licence"

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
    request: Request, _caller: access.ClinicianOrCitizen, asked: FormSearch
) -> Response:
    """The forms of the clinical programmes, and the instruments: those whose wording is here, and
    the others as drafts without a word, each with the state of its licence."""
    wanted = {asked.one("_id"), _name(asked.one("url"))} - {None}
    forms = _forms(request)
    shown = [form if wanted else _head(form) for name, form in forms.items()
             if not wanted or wanted == {name}]  # fmt: skip
    return fhir_door.bundle(request, asked, shown, None)


@router.get("/Questionnaire/{name}")
async def questionnaire(
    request: Request, _caller: access.ClinicianOrCitizen, name: str
) -> Response:
    form = _forms(request).get(name)
    if form is None:
        raise fhir_door.NoSuchResource
    return fhir_door.answer(form)


def forms_of(
    programmes: Mapping[str, Programme], completed: Mapping[str, Form]
) -> dict[str, fhir.Resource]:
    """By name: every instrument's form, and those of the programmes."""
    forms: dict[str, fhir.Resource] = {}
    for slug, form in completed.items():
        made = fhir_record.questionnaire(form, slug)
        forms[slug] = made | {"extension": [*made.get("extension", ()), _licence(slug, made)]}
    for programme in programmes.values():
        for form in programme.questionnaires:
            name = fhir.questionnaire_name(form["url"])[0]
            forms[name] = fhir_record.questionnaire(form, name)
    return forms


def _head(form: fhir.Resource) -> fhir.Resource:
    """In a list of all: of one without its wording only what it is and what its licence says."""
    if form["status"] == "active":
        return form
    subset = {"system": f"{fhir.TERMINOLOGY}v3-ObservationValue", "code": "SUBSETTED"}
    return {**{key: form[key] for key in form if key != "item"}, "meta": {"tag": [subset]}}


def _licence(slug: str, form: fhir.Resource) -> fhir.Resource:
    """Whether the wording may lie here, on what ground, and whether it does."""
    record = instruments.load(slug).licence
    said: dict[str, dict[str, str]] = {
        "may-ship": {"valueCode": record.may_ship},
        "wording": {"valueCode": "here" if form["status"] == "active" else "missing"},
        "licence": {"valueString": record.licence},
        "licence-url": {"valueUri": record.licence_url},
        "ground": {"valueString": record.ground},
        "checked-on": {"valueString": record.licence_checked_on},
    }
    told = [{"url": url, **value} for url, value in said.items() if all(value.values())]
    return {"url": LICENCE, "extension": told}


def _forms(request: Request) -> Mapping[str, fhir.Resource]:
    forms: Mapping[str, fhir.Resource] = request.app.state.forms
    return forms


def _name(url: str | None) -> str | None:
    return fhir.questionnaire_name(url)[0] if url else None
