"""The FHIR read door: what is stored comes out as valid R4, to those who may see it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fhir.resources.R4B import get_fhir_model_class

from services.patients.fhir_doors import search
from shared import exact
from shared.contracts import Draft
from tests.patients.conftest import FNR, NOW, Ward

NUMBER = "13116900216"
LOINC = "http://loinc.org"
BODIES: dict[str, dict[str, Any]] = {
    "blood_pressure": {"systolic": 142, "diastolic": 88, "pulse": 71},
    "body_weight": {"value": 82.4},
    "spo2": {"value": 96},
    "body_temp": {"value": {"value": 99.5, "unit": "[degF]"}},
    "consciousness": {"value": "A"},
}


def valid(resource: Any) -> Any:
    """The resource, if the R4B models take it; they are an oracle, not part of the service."""
    model = get_fhir_model_class(resource["resourceType"])
    model.model_validate_json(exact.dumps(resource))
    return resource


def resources(bundle: Any) -> list[Any]:
    return [entry["resource"] for entry in valid(bundle).get("entry", ())]


def link(bundle: Any, relation: str) -> str | None:
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


async def follow(ward: Ward, path: str, **params: Any) -> list[list[Any]]:
    """Every page, by the server's own next links."""
    bundle = await ward.nurse.get(path, **params)
    pages = [resources(bundle)]
    while (onwards := link(bundle, "next")) is not None:
        bundle = await ward.nurse.get(onwards)
        pages.append(resources(bundle))
    return pages


@pytest.fixture
async def measured(ward: Ward) -> Ward:
    identifier = {"system": FNR, "value": NUMBER}
    await ward.nurse.post(f"{ward.path}/identifiers", identifier, 204)
    for hours, (kind, values) in enumerate(BODIES.items(), 1):
        at = (NOW - timedelta(days=hours)).isoformat()
        body = {"kind": kind, "at": at, "values": values}
        await ward.nurse.post(f"{ward.path}/readings", body)
    return ward


async def test_the_capability_statement_says_what_the_searches_know(measured: Ward) -> None:
    statement = valid(await measured.nurse.get("/fhir/metadata"))

    told = {
        one["type"]: {parameter["name"] for parameter in one["searchParam"]}
        for one in statement["rest"][0]["resource"]
    }
    assert told == {name: set(known) for name, known in search.PARAMETERS.items()}


async def test_a_patient_is_read_and_found(measured: Ward) -> None:
    nurse = measured.nurse
    patient = valid(await nurse.get(f"/fhir/Patient/{measured.patient}"))
    assert patient["birthDate"] == "1969-11-13"
    assert patient["identifier"] == [{"system": FNR, "value": NUMBER}]

    for found in (
        await nurse.get("/fhir/Patient", _id=measured.patient),
        await nurse.get("/fhir/Patient", name="testesen"),
        await form(measured, "Patient", identifier=f"{FNR}|{NUMBER}"),
    ):
        assert [one["id"] for one in resources(found)] == [measured.patient]
    assert resources(await nurse.get("/fhir/Patient", _id="nobody")) == []
    assert resources(await form(measured, "Patient", identifier=f"{FNR}|1")) == []


async def form(ward: Ward, resource: str, status: int = 200, **data: str) -> Any:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return await ward.nurse.ask(
        "POST", f"/fhir/{resource}/_search", status, data=data, headers=headers
    )


async def test_readings_are_valid_observations_newest_first(measured: Ward) -> None:
    found = resources(await measured.nurse.get("/fhir/Observation", patient=measured.patient))

    assert len(found) == len(BODIES) + 1  # the cuff's pulse
    moments = [datetime.fromisoformat(one["effectiveDateTime"]) for one in found]
    assert moments == sorted(moments, reverse=True)
    oldest_first = await measured.nurse.get(
        "/fhir/Observation", subject=f"Patient/{measured.patient}", _sort="date"
    )
    assert resources(oldest_first)[0]["id"] == found[-1]["id"]
    for one in found:
        same = valid(await measured.nurse.get(f"/fhir/Observation/{one['id']}"))
        assert same == one
        assert one["subject"] == {"reference": f"Patient/{measured.patient}"}


NARROWED: list[tuple[dict[str, str], list[str]]] = [
    ({"code": f"{LOINC}|29463-7"}, ["Body weight"]),
    ({"code": "29463-7"}, ["Body weight"]),
    ({"code": "urn:oid:2.16.840.1.113883.6.1|29463-7"}, ["Body weight"]),
    ({"code": f"{LOINC}|29463-7,{LOINC}|85354-9"}, ["Blood pressure", "Body weight"]),
    ({"code": "8867-4"}, ["Heart rate"]),
    ({"code": "http://snomed.info/sct|8867-4"}, []),
    ({"code": f"{LOINC}|8480-6"}, []),
    ({"code": "made-up"}, []),
    ({"category": "survey"}, ["Consciousness (ACVPU)"]),
    ({"category": "survey", "code": "29463-7"}, []),
    ({"date": "lt2000"}, []),
]


async def test_code_category_and_date_narrow_the_search(measured: Ward) -> None:
    for asked, kinds in NARROWED:
        bundle = await measured.nurse.get("/fhir/Observation", patient=measured.patient, **asked)
        found = [one["code"]["text"].split()[0] for one in resources(bundle)]
        assert found == [text.split()[0] for text in kinds], asked


async def test_the_newest_of_a_kind_is_one_question(measured: Ward) -> None:
    for value in (80, 81, 83):
        at = (NOW - timedelta(minutes=value)).isoformat()
        body = {"kind": "body_weight", "at": at, "values": {"value": value}}
        await measured.nurse.post(f"{measured.path}/readings", body)
    bundle = await measured.nurse.get(
        "/fhir/Observation", patient=measured.patient, code="29463-7", _count=1
    )
    assert resources(bundle)[0]["valueQuantity"]["value"] == 80


async def test_pages_follow_the_next_link_without_gap_or_repeat(measured: Ward) -> None:
    for path, params in (
        ("/fhir/Observation", {"patient": measured.patient}),
        ("/fhir/Observation", {"patient": measured.patient, "_sort": "date"}),
        ("/fhir/Observation", {"patient": measured.patient, "category": "vital-signs"}),
    ):
        pages = await follow(measured, path, _count=2, **params)
        ids = [one["id"] for page in pages for one in page]
        assert all(len(page) <= 2 for page in pages)
        whole = resources(await measured.nurse.get(path, **params))
        assert ids == [one["id"] for one in whole]


async def test_patients_and_devices_page_too(measured: Ward) -> None:
    for n in range(4):
        await measured.record.patient(measured.nurse, measured.unit, name=f"Test {n}")
        body = {"manufacturer": "A", "model": "B", "serial": str(n), "unit_id": measured.unit}
        await measured.nurse.post("/v1/devices", body)
    for path, number in (("/fhir/Patient", 5), ("/fhir/Device", 4)):
        ids = [one["id"] for page in await follow(measured, path, _count=2) for one in page]
        assert len(ids) == len(set(ids)) == number


async def test_a_national_number_is_searched_in_a_body_and_never_shown_in_a_link(
    measured: Ward,
) -> None:
    token = f"{FNR}|{NUMBER}"
    found = await form(measured, "Observation", **{"patient.identifier": token, "_count": "2"})
    assert len(resources(found)) == 2
    for one in found["link"]:
        assert NUMBER not in one["url"]
        assert parse_qs(urlsplit(one["url"]).query)["patient"] == [measured.patient]
    onwards = await measured.nurse.get(link(found, "next") or "")
    assert len(resources(onwards)) == 2

    own = {"system": "urn:hospital:number", "value": "K-77"}
    await measured.nurse.post(f"{measured.path}/identifiers", own, 204)
    by_own = {"patient.identifier": "urn:hospital:number|K-77", "_count": "2"}
    assert len(resources(await measured.nurse.get("/fhir/Observation", **by_own))) == 2

    refused = await measured.nurse.get("/fhir/Observation", 400, **{"patient.identifier": token})
    assert refused["resourceType"] == "OperationOutcome"
    assert NUMBER not in str(refused)
    unknown = await form(measured, "Observation", **{"patient.identifier": f"{FNR}|1"})
    assert resources(unknown) == []
    other = {"patient.identifier": token, "patient": "5b0f5a3e-7d1c-4c43-9f53-0f7f3c3a9b11"}
    assert resources(await form(measured, "Observation", **other)) == []


UNANSWERABLE = [
    {"value-quantity": "gt5"},
    {"_include": "Observation:subject"},
    {"date": "yesterday"},
    {"date": "ne2026"},
    {"_count": "0"},
    {"_count": "many"},
    {"_sort": "code"},
    {"_format": "xml"},
    {"code": "a\u0000b"},
]


async def test_a_search_we_cannot_answer_is_refused_as_fhir_says_it(measured: Ward) -> None:
    for asked in UNANSWERABLE:
        outcome = await measured.nurse.get(
            "/fhir/Observation", 400, patient=measured.patient, **asked
        )
        assert valid(outcome)["resourceType"] == "OperationOutcome", asked


async def test_a_search_names_its_patient(measured: Ward) -> None:
    await measured.nurse.get("/fhir/Observation", 400)
    await measured.nurse.get("/fhir/Observation", 404, patient="nobody")
    lenient = await measured.nurse.ask(
        "GET",
        "/fhir/Observation",
        params={"patient": measured.patient, "_elements": "id"},
        headers={"prefer": "handling=lenient"},
    )
    assert len(resources(lenient)) == 6
    patient = await measured.record.person(patient=measured.patient)
    assert len(resources(await patient.get("/fhir/Observation"))) == 6


async def test_a_corrected_reading_says_so_and_a_withdrawn_one_too(measured: Ward) -> None:
    nurse = measured.nurse
    about = {"patient": measured.patient, "code": "29463-7"}
    weight = resources(await nurse.get("/fhir/Observation", **about))[0]
    path = f"{measured.path}/readings/{weight['id']}"
    body = {"values": {"value": 81}, "reason": "Lest feil"}
    corrected = await nurse.post(f"{path}/correct", body)

    now = resources(await nurse.get("/fhir/Observation", **about))
    assert [(one["id"], one["status"]) for one in now] == [(corrected["id"], "corrected")]
    old = valid(await nurse.get(f"/fhir/Observation/{weight['id']}"))
    assert old["status"] == "entered-in-error"
    patient = await measured.record.person(patient=measured.patient)
    await patient.get(f"/fhir/Observation/{weight['id']}", 404)


async def test_answers_come_as_questionnaire_responses(measured: Ward) -> None:
    cred = await measured.record.credential(measured.nurse, measured.unit)
    since = (NOW - timedelta(days=1)).isoformat()
    await measured.nurse.post(f"{measured.path}/bindings", {"cred": cred, "from": since})
    body = {
        "v": 1,
        "questionnaire": "home-dialysis-daily",
        "version": "1.0",
        "answers": {"chest-pain": [False]},
    }
    await measured.record.send(cred, draft=Draft("answers", "questionnaire", body))

    for asked in ({}, {"questionnaire": "home-dialysis-daily"}):
        bundle = await measured.nurse.get(
            "/fhir/QuestionnaireResponse", patient=measured.patient, **asked
        )
        assert len(resources(bundle)) == 1
    one = resources(bundle)[0]
    assert one["item"] == [{"linkId": "chest-pain", "answer": [{"valueBoolean": False}]}]
    valid(await measured.nurse.get(f"/fhir/QuestionnaireResponse/{one['id']}"))
    form_name = one["questionnaire"].partition("|")[0].rpartition("/")[2]
    valid(await measured.nurse.get(f"/fhir/Questionnaire/{form_name}"))
    none = await measured.nurse.get(
        "/fhir/QuestionnaireResponse", patient=measured.patient, questionnaire="another"
    )
    assert resources(none) == []
    shown = await measured.nurse.get(f"{measured.path}/readings", type="answers")
    assert shown["readings"][0]["answers"] == {"chest-pain": [False]}


async def test_the_programmes_forms_are_questionnaires(measured: Ward) -> None:
    forms = resources(await measured.nurse.get("/fhir/Questionnaire"))
    assert "home-dialysis-daily" in [form["id"] for form in forms]
    one = await measured.nurse.get("/fhir/Questionnaire", url=forms[0]["url"])
    assert [form["id"] for form in resources(one)] == [forms[0]["id"]]


async def test_a_patients_devices_are_found(measured: Ward) -> None:
    body = {"manufacturer": "A&D", "model": "UC", "serial": "5", "unit_id": measured.unit}
    device = await measured.nurse.post("/v1/devices", body)
    cred = await measured.record.credential(measured.nurse, measured.unit)
    binding = {"cred": cred, "device_id": device["id"]}
    await measured.nurse.post(f"{measured.path}/bindings", binding)

    for asked in ({"patient": measured.patient}, {"identifier": "5"}):
        bundle = await measured.nurse.get("/fhir/Device", **asked)
        assert [one["id"] for one in resources(bundle)] == [device["id"]]
    valid(await measured.nurse.get(f"/fhir/Device/{device['id']}"))


async def test_a_code_we_do_not_know_is_found_by_its_own_name(measured: Ward) -> None:
    cred = await measured.record.credential(measured.nurse, measured.unit)
    since = (NOW - timedelta(days=1)).isoformat()
    await measured.nurse.post(f"{measured.path}/bindings", {"cred": cred, "from": since})
    for code in codes():
        foreign = {
            "category": ["laboratory"],
            "code": [{"system": LOINC, "code": code}],
            "text": "Cholesterol",
            "value": "5.1",
            "unit": "mmol/L",
        }
        body = {"v": 1, "values": {}, "foreign": foreign}
        await measured.record.send(cred, draft=Draft("reading", "foreign", body))

    about = {"patient": measured.patient, "_count": 1}
    pages = await follow(measured, "/fhir/Observation", code=f"{LOINC}|2093-3", **about)
    assert [len(page) for page in pages if page] == [1, 1]
    labs = await follow(measured, "/fhir/Observation", category="laboratory", **about)
    assert sum(len(page) for page in labs) == 4


def codes() -> Iterator[str]:
    yield from ("2093-3", "2085-9", "2093-3", "2085-9")
