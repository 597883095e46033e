"""Somebody of whom nothing is expected: paused, no longer followed, dead. He is not asked for, his
row says why, and whatever he sends all the same is judged, or it is said that nobody does.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.journeys import device
from tests.journeys.hospital import ALWAYS, DIALYSIS, Hospital, Patient, eventually


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def paused(hospital: Hospital, patient: Patient, **body: Any) -> Any:
    path = f"/v1/patients/{patient.id}/pauses"
    return hospital.made(hospital.patients, path, body, hospital.nurse)


def row_says(hospital: Hospital, patient: Patient) -> Any:
    """Why nothing is expected of the patient, once his row says so."""
    return eventually(lambda: (hospital.row(patient) or {}).get("paused"))


@pytest.mark.parametrize(("kind", "doubts"), [("admission", ["admission"]), ("holiday", [])])
def test_a_red_reading_in_a_pause_is_judged_and_one_in_an_admission_is_marked(
    hospital: Hospital, kind: str, doubts: list[str]
) -> None:
    patient = hospital.new_patient()
    made = paused(hospital, patient, kind=kind, until=soon(86_400), reason="Avtalt i dag")
    says = row_says(hospital, patient)
    assert (says["kind"], says["reason"]) == (kind, "Avtalt i dag")
    assert datetime.fromisoformat(says["until"]) == datetime.fromisoformat(made["until"])

    receipt = hospital.send_one(patient, device.low_pressure())
    alert = hospital.alert(patient, "blood-pressure")

    assert (alert["colour"], alert["lane"], alert["doubts"]) == ("red", "clinical", doubts)
    assert "followed" not in receipt["watch"]
    assert hospital.alert_now(alert)["evidence"][0]["doubts"] == doubts


def test_a_pause_ends_by_itself_and_says_so(hospital: Hospital) -> None:
    patient = hospital.new_patient()
    paused(hospital, patient, kind="holiday", until=soon(4), reason="Kanariøyene")
    assert row_says(hospital, patient)["kind"] == "holiday"

    alert = hospital.alert(patient, "pause", within=30)

    assert (alert["lane"], alert["colour"]) == ("technical", "yellow")
    assert alert["reason"]["nb"].startswith("Feriepausen er over siden")
    assert hospital.row(patient)["paused"] is None


def test_a_pause_that_a_nurse_ends_is_over_without_a_word_more(hospital: Hospital) -> None:
    patient = hospital.new_patient()
    made = paused(hospital, patient, until=soon(86_400), reason="Uten type")
    assert made["kind"] == "other"
    assert row_says(hospital, patient)["kind"] == "other"

    path = f"/v1/patients/{patient.id}/pauses/{made['id']}/end"
    assert hospital.patients.post(path, headers=hospital.nurse).status_code == 204

    eventually(lambda: hospital.row(patient)["paused"] is None)
    assert hospital.row(patient)["alerts"] == []


def test_after_the_end_the_sender_and_the_unit_are_told_that_nobody_watches(
    hospital: Hospital,
) -> None:
    patient = hospital.new_patient()
    before = device.weight(82)
    assert "followed" not in hospital.send_one(patient, before)["watch"]
    path = f"/v1/patients/{patient.id}/enrolments"
    [enrolment] = hospital.patients.get(path, headers=hospital.nurse).json()["enrolments"]
    ended = hospital.patients.post(
        f"{path}/{enrolment['id']}/end", json={"reason": "Transplantert"}, headers=hospital.nurse
    )
    assert ended.status_code == 200, ended.text
    says = row_says(hospital, patient)
    assert (says["kind"], says["reason"], says["until"]) == ("ended", "Transplantert", None)

    receipt = hospital.send_one(patient, device.low_pressure())
    with hospital.device(patient) as phone:
        over_mqtt = phone.ask(device.weight(83))
    again = hospital.send_one(patient, before)

    nobody = {"now": False, "until": None, "next": None, "followed": False}
    assert (receipt["result"], receipt["watch"]) == ("stored", nobody)
    assert (over_mqtt["result"], over_mqtt["watch"]) == ("stored", nobody)
    assert (again["result"], again["watch"]) == ("duplicate", nobody)
    alert = hospital.alert(patient, "after-end")
    assert alert["lane"] == "technical"
    assert "oppfølgingen ble avsluttet" in alert["reason"]["nb"]
    assert [one["group"] for one in hospital.row(patient)["alerts"]] == ["after-end"]

    hospital.made(hospital.patients, path, {"programme": DIALYSIS}, hospital.nurse)
    assert "followed" not in hospital.send_one(patient, device.weight(84))["watch"]


def test_an_other_system_is_told_too(hospital: Hospital) -> None:
    new = {"name": "Test Testesen 98", "born": "1961-04-17", "unit_id": hospital.unit}
    id_ = hospital.made(hospital.patients, "/v1/patients", new, hospital.nurse)["id"]
    patient = Patient(id_, "", "")
    subject = {"reference": f"Patient/{id_}"}

    answer = hospital.ingest.post(
        "/fhir/Observation", json=device.observation(subject), headers=hospital.system
    )

    assert answer.status_code == 201, answer.text
    codes = [one["details"]["coding"][0]["code"] for one in answer.json()["issue"]]
    assert codes == ["stored", "not-followed"]
    alert = hospital.alert(patient, "after-end")
    assert alert["rule"] == "data-not-followed"


def test_death_is_on_the_row_and_in_the_receipt(hospital: Hospital) -> None:
    unit = hospital.new_unit("Død", ALWAYS)
    nurse = hospital.log_in(units=[unit])
    patient = hospital.new_patient(unit)
    changed = hospital.patients.patch(
        f"/v1/patients/{patient.id}",
        json={"deceased_at": device.ago(60).isoformat()},
        headers=nurse,
    )
    assert changed.status_code == 200, changed.text

    says = eventually(lambda: (hospital.row(patient, nurse, unit=unit) or {}).get("paused"))
    receipt = hospital.send_one(patient, device.weight())

    assert (says["kind"], says["until"]) == ("deceased", None)
    assert receipt["watch"]["followed"] is False
    assert receipt["watch"]["now"] is False
