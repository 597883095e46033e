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


def test_a_wider_limit_of_the_patients_own_is_used_once_a_second_nurse_has_confirmed_it(
    hospital: Hospital, patient: Patient
) -> None:
    limit = {
        "programme": "home_dialysis",
        "name": "systolic_red_low",
        "value": 75,
        "reason": "Lavt trykk er vanlig for pasienten",
    }
    path = f"/v1/patients/{patient.id}/limits"
    proposed = hospital.patients.post(path, json=limit, headers=hospital.nurse)
    assert proposed.status_code == 202, proposed.text
    confirm = f"{path}/{proposed.json()['id']}/confirm"

    # One nurse alone cannot make a red rule speak less.
    hospital.send_one(patient, device.low_pressure())
    raised = hospital.alert(patient, "blood-pressure")
    assert raised["colour"] == "red"
    same = hospital.patients.post(confirm, headers=hospital.nurse)
    assert (same.status_code, same.json()["code"]) == (409, "needs-another-person")
    assert _limit(hospital, path)["value"] == 90
    waiting = hospital.patients.get(
        f"/v1/units/{hospital.unit}/proposals", headers=hospital.log_in(person="second")
    ).json()["waiting"]
    assert proposed.json()["id"] in [one["proposal"]["id"] for one in waiting]

    second = hospital.patients.post(confirm, headers=hospital.log_in(person="second"))
    assert second.status_code == 200, second.text
    assert _limit(hospital, path)["value"] == 75
    acknowledged = hospital.move(hospital.alert_now(raised), "acknowledge")
    closed = hospital.move(acknowledged.json(), "close", note="Vanlig", outcome="not-useful")
    assert closed.status_code == 200, closed.text

    before = hospital.row(patient)["values"]
    hospital.send_one(patient, device.pressure(79, 48))
    row = eventually(lambda: _with_other_values(hospital, patient, before))
    assert row["colour"] != "red", row["alerts"]
    hospital.send_one(patient, device.pressure(74, 48))
    assert hospital.alert(patient, "blood-pressure")["colour"] == "red"


def _limit(hospital: Hospital, path: str) -> Any:
    shown = hospital.patients.get(path, headers=hospital.nurse).json()
    return next(one for one in shown["limits"] if one["name"] == "systolic_red_low")


def _with_other_values(hospital: Hospital, patient: Patient, before: Any) -> Any:
    row = hospital.row(patient)
    return row if row["values"] != before else None


def test_who_has_looked_is_written_down(hospital: Hospital, patient: Patient) -> None:
    hospital.readings(patient)

    log = hospital.patients.get(
        f"/v1/patients/{patient.id}/access-log", headers=hospital.log_in("auditor", units=[])
    )

    assert log.status_code == 200
    assert any(one["what"] == "readings" for one in log.json()["looks"])
