"""A reading told over the telephone: entered, put right, withdrawn, and always on file."""

from typing import Any

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, eventually


def enter(hospital: Hospital, patient: Patient, systolic: int) -> Any:
    reading = {
        "kind": "blood_pressure",
        "at": device.ago(1).isoformat(timespec="seconds"),
        "values": {"systolic": systolic, "diastolic": 48},
        "note": "Ringt inn",
    }
    return hospital.patients.post(
        f"/v1/patients/{patient.id}/readings", json=reading, headers=hospital.nurse
    )


def test_a_phoned_in_reading_is_judged_like_any_other(hospital: Hospital, patient: Patient) -> None:
    entered = enter(hospital, patient, 82)

    assert entered.status_code == 201
    assert entered.json()["values"]["systolic"] == 82
    assert entered.json()["source"] != patient.cred
    assert hospital.alert(patient, "blood-pressure")["colour"] == "red"


def test_a_misheard_reading_is_corrected_and_the_alert_waits_for_a_person(
    hospital: Hospital, patient: Patient
) -> None:
    entered = enter(hospital, patient, 82).json()
    raised = hospital.alert(patient, "blood-pressure")

    corrected = hospital.patients.post(
        f"/v1/patients/{patient.id}/readings/{entered['id']}/correct",
        json={"values": {"systolic": 128, "diastolic": 78}, "reason": "Hørte feil"},
        headers=hospital.nurse,
    )

    assert corrected.status_code == 201, corrected.text
    [standing] = hospital.readings(patient)
    assert standing["values"]["systolic"] == 128
    changed = eventually(lambda: _moved_on(hospital, raised))
    assert changed["state"] == "open"
    old = hospital.patients.post(
        f"/v1/patients/{patient.id}/readings/{entered['id']}/void",
        json={"reason": "To ganger"},
        headers=hospital.nurse,
    )
    assert old.status_code == 409


def _moved_on(hospital: Hospital, raised: Any) -> Any:
    now = hospital.alert_now(raised)
    return now if now["version"] > raised["version"] else None


def test_a_withdrawn_reading_is_gone_from_the_chart_and_not_from_the_history(
    hospital: Hospital, patient: Patient
) -> None:
    entered = enter(hospital, patient, 82).json()
    raised = hospital.alert(patient, "blood-pressure")

    gone = hospital.patients.post(
        f"/v1/patients/{patient.id}/readings/{entered['id']}/void",
        json={"reason": "Feil pasient"},
        headers=hospital.nurse,
    )

    assert gone.status_code == 204
    assert hospital.readings(patient) == []
    eventually(lambda: _moved_on(hospital, raised))
    assert hospital.alert_now(raised)["state"] == "open"


def test_a_limit_of_the_patients_own_is_used_from_then_on(
    hospital: Hospital, patient: Patient
) -> None:
    limit = {
        "programme": "home_dialysis",
        "name": "systolic_red_low",
        "value": 75,
        "reason": "Lavt trykk er vanlig for pasienten",
    }
    hospital.made(hospital.patients, f"/v1/patients/{patient.id}/limits", limit, hospital.nurse)

    hospital.send_one(patient, device.low_pressure())

    row = eventually(lambda: _with_values(hospital, patient))
    assert row["colour"] != "red", row["alerts"]


def _with_values(hospital: Hospital, patient: Patient) -> Any:
    row = hospital.row(patient)
    return row if row and row["values"] else None


def test_who_has_looked_is_written_down(hospital: Hospital, patient: Patient) -> None:
    hospital.readings(patient)

    log = hospital.patients.get(
        f"/v1/patients/{patient.id}/access-log", headers=hospital.log_in("auditor", units=[])
    )

    assert log.status_code == 200
    assert any(one["what"] == "readings" for one in log.json()["looks"])
