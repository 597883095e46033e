"""Answers to a form: what it offers is judged, half a form too; the rest waits for a person."""

from typing import Any

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient

FHIR = {"content-type": "application/fhir+json"}
PATH = "/fhir/QuestionnaireResponse"


def test_an_answer_the_form_does_not_offer_waits_for_a_person(
    hospital: Hospital, patient: Patient
) -> None:
    sent = device.answers(patient.id, effluent="purple", worried=False)

    held = hospital.ingest.post(PATH, json=sent, headers=patient.bearer | FHIR)

    assert held.status_code == 202
    [issue] = held.json()["issue"]
    assert issue["details"]["coding"][0]["code"] == "unknown-code"
    assert issue["expression"] == ["item.effluent"]
    assert found(hospital, patient) == []
    assert [item["code"] for item in hospital.quarantined(patient.cred)] == ["unknown-code"]


def test_a_red_answer_in_half_a_form_alerts(hospital: Hospital, patient: Patient) -> None:
    sent = device.answers(patient.id, chest_pain=True) | {"status": "in-progress"}
    headers = patient.bearer | FHIR

    begun = hospital.ingest.put(f"{PATH}/form-1", json=sent | {"id": "form-1"}, headers=headers)

    assert begun.status_code == 201
    alert = hospital.alert(patient, "symptoms")
    assert alert["colour"] == "red"
    [stored] = found(hospital, patient)
    assert stored["status"] == "in-progress"

    more = device.answers(patient.id, chest_pain=True, effluent="clear")
    whole = sent | {"status": "completed", "item": more["item"], "authored": more["authored"]}
    done = hospital.ingest.put(f"{PATH}/form-1", json=whole | {"id": "form-1"}, headers=headers)

    assert (done.status_code, done.json()["issue"][0]["details"]["coding"][0]["code"]) == (
        200,
        "corrected",
    )
    [stored] = found(hospital, patient)
    assert stored["status"] in ("completed", "amended")
    assert {item["linkId"] for item in stored["item"]} == {"chest-pain", "effluent"}


def found(hospital: Hospital, patient: Patient) -> list[Any]:
    answer = hospital.patients.get(PATH, params={"patient": patient.id}, headers=hospital.nurse)
    assert answer.status_code == 200
    return [entry["resource"] for entry in answer.json().get("entry", ())]
