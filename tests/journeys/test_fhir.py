"""FHIR in and out: what another system sends, it finds again."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient

FHIR = {"content-type": "application/fhir+json"}
WEIGHT = "http://loinc.org|29463-7"
PRESSURE = "http://loinc.org|85354-9"


def post(hospital: Hospital, path: str, body: Any, headers: dict[str, str]) -> Any:
    return hospital.ingest.post(path, json=body, headers=headers | FHIR)


def test_a_batch_answers_every_entry_in_its_place(hospital: Hospital, patient: Patient) -> None:
    good, nobody, timeless = (
        device.observation(patient.subject),
        device.observation({"identifier": {"system": patient.system, "value": "00000000000"}}),
        device.observation(patient.subject, effectiveDateTime="2026-02-03T07:12:00"),
    )
    sent = device.bundle("batch", good, nobody, {"resourceType": "Immunization"}, timeless)

    answer = post(hospital, "/fhir", sent, hospital.system)

    assert answer.status_code == 200
    told = answer.json()
    assert (told["resourceType"], told["type"]) == ("Bundle", "batch-response")
    entries = told["entry"]
    assert [one["fullUrl"] for one in entries] == [one["fullUrl"] for one in sent["entry"]]
    assert [one["response"]["status"][:3] for one in entries] == ["201", "202", "422", "202"]
    for one in entries[1:]:
        outcome = one["response"]["outcome"]
        assert outcome["resourceType"] == "OperationOutcome"
        assert "00000000000" not in str(outcome)
    assert "unknown-subject" in str(entries[1])
    assert "bad-time" in str(entries[3])


def test_a_transaction_with_one_bad_entry_stores_nothing(
    hospital: Hospital, patient: Patient
) -> None:
    good = device.observation(patient.subject)
    bad = device.observation(patient.subject, valueQuantity={"value": 9000, "code": "kg"})
    nobodys = device.observation(
        {"identifier": {"system": "urn:example", "value": str(uuid.uuid4())}}
    )

    for spoilt in (bad, nobodys):
        sent = device.bundle("transaction", good, spoilt)
        answer = post(hospital, "/fhir", sent, hospital.system)
        assert answer.status_code == 422
        assert answer.json()["resourceType"] == "OperationOutcome"

    assert hospital.observations(patient) == []
    answer = post(hospital, "/fhir", device.bundle("transaction", good), hospital.system)
    assert [one["response"]["status"][:3] for one in answer.json()["entry"]] == ["201"]


def test_a_single_resource_is_created_known_set_aside_or_unusable(
    hospital: Hospital, patient: Patient
) -> None:
    sent = device.observation(patient.subject)

    created = post(hospital, "/fhir/Observation", sent, hospital.system)
    known = post(hospital, "/fhir/Observation", sent, hospital.system)
    impossible = device.observation(patient.subject, kilos=9000)
    aside = post(hospital, "/fhir/Observation", impossible, hospital.system)
    unusable = post(hospital, "/fhir/Observation", {"resourceType": "Patient"}, hospital.system)

    statuses = [one.status_code for one in (created, known, aside, unusable)]
    assert statuses == [201, 200, 202, 422]
    assert aside.json()["resourceType"] == unusable.json()["resourceType"] == "OperationOutcome"
    assert created.headers["location"] == known.headers["location"]


def test_a_device_speaks_for_its_own_patient_only(hospital: Hospital, patient: Patient) -> None:
    other = hospital.patient()

    own = post(
        hospital,
        "/fhir/Observation",
        device.observation({"reference": f"Patient/{patient.id}"}),
        patient.bearer,
    )
    foreign = post(hospital, "/fhir/Observation", device.observation(other.subject), patient.bearer)

    assert (own.status_code, foreign.status_code) == (201, 202)
    assert "subject-mismatch" in foreign.text
    assert len(hospital.observations(patient)) == 1
    assert hospital.observations(other) == []


def test_fhir_over_mqtt_is_answered_with_json_receipts(
    hospital: Hospital, patient: Patient
) -> None:
    sent = device.bundle(
        "batch", *(device.observation({"reference": f"Patient/{patient.id}"}) for _ in range(3))
    )

    with hospital.device(patient) as app:
        receipts = app.ask(sent, channel="fhir")

    assert [receipt["result"] for receipt in receipts] == ["stored"] * 3


def test_what_was_sent_is_found_by_patient_code_and_date(
    hospital: Hospital, patient: Patient
) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    sent = [device.weight(80 + place, at=began + timedelta(minutes=place)) for place in range(5)]
    hospital.send(patient, *sent, device.pressure(at=began + timedelta(minutes=2)))

    newest_first = hospital.observations(patient, code=WEIGHT)
    assert [one["valueQuantity"]["value"] for one in newest_first] == [84, 83, 82, 81, 80]
    assert newest_first[0]["valueQuantity"]["code"] == "kg"
    assert newest_first[0]["subject"]["reference"] == f"Patient/{patient.id}"
    assert sent[4]["id"] in {one["value"] for one in newest_first[0]["identifier"]}

    oldest_first = hospital.observations(patient, code=WEIGHT, _sort="date")
    assert oldest_first == newest_first[::-1]

    since = (began + timedelta(minutes=3)).isoformat().replace("+00:00", "Z")
    assert len(hospital.observations(patient, code=WEIGHT, date=f"ge{since}")) == 2
    assert len(hospital.observations(patient)) == 6

    one_by_one = hospital.observations(patient, _count="1")
    assert one_by_one == hospital.observations(patient)

    [pressure] = hospital.observations(patient, code=PRESSURE)
    assert {part["valueQuantity"]["value"] for part in pressure["component"]} == {128, 78}
    again = hospital.patients.get(f"/fhir/Observation/{pressure['id']}", headers=hospital.nurse)
    assert again.json() == pressure


def test_a_patient_is_found_by_number_without_the_number_in_an_address(
    hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.weight())
    number = f"{patient.system}|{patient.number}"

    found = hospital.patients.post(
        "/fhir/Observation/_search",
        data={"patient.identifier": number, "code": WEIGHT},
        headers=hospital.nurse,
    )

    assert found.status_code == 200
    assert len(found.json()["entry"]) == 1
    assert patient.number not in str(found.json()["link"])


def test_answers_come_back_as_they_were_given(hospital: Hospital, patient: Patient) -> None:
    sent = device.answers(patient.id, effluent="clear", worried=False)

    created = post(hospital, "/fhir/QuestionnaireResponse", sent, patient.bearer)

    assert created.status_code == 201
    found = hospital.patients.get(
        "/fhir/QuestionnaireResponse", params={"patient": patient.id}, headers=hospital.nurse
    )
    [entry] = found.json()["entry"]
    given = {item["linkId"]: item["answer"] for item in entry["resource"]["item"]}
    assert given["worried"] == [{"valueBoolean": False}]
    assert "clear" in str(given["effluent"])


def test_the_capability_statement_is_there_for_everybody(hospital: Hospital) -> None:
    answer = hospital.patients.get("/fhir/metadata")

    assert answer.status_code == 200
    assert answer.json()["resourceType"] == "CapabilityStatement"
