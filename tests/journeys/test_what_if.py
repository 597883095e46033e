"""A clinician asks before she changes a limit, and afterwards what the alerts were good for."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.journeys import device
from tests.journeys.hospital import ALWAYS, DIALYSIS, Hospital, Patient, eventually

LONG_AGO = device.ago(20 * 86_400).isoformat(timespec="seconds")
DAY = 86_400


@pytest.fixture(scope="module")
def unit(hospital: Hospital) -> str:
    """A unit of its own, so that nobody else's alerts are counted."""
    return hospital.new_unit("What if", ALWAYS)


def ask(hospital: Hospital, nurse: Mapping[str, str], **body: Any) -> Any:
    answer = hospital.alerts.post(
        "/v1/what-if", json={"programme": DIALYSIS, **body}, headers=nurse
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def alert_of(hospital: Hospital, nurse: Mapping[str, str], unit: str, patient: Patient) -> Any:
    row = hospital.row(patient, nurse, unit=unit)
    return next((one for one in (row or {"alerts": ()})["alerts"] if one["colour"] == "red"), None)


def test_a_lower_limit_is_tried_a_silence_explained_and_the_burden_counted(
    hospital: Hospital, unit: str
) -> None:
    nurse = hospital.log_in(units=[unit])
    patients = [hospital.new_patient(unit, since=LONG_AGO, enrolled=LONG_AGO) for _ in range(2)]
    receipts = [
        hospital.send_one(patient, device.pressure(high, at=device.ago(days * DAY)))
        for patient in patients
        for days, high in ((5, 150), (4, 172), (3, 150), (2, 130))
    ]
    assert {one["result"] for one in receipts} == {"stored"}
    eventually(
        lambda: len([r for p in hospital.worklist(nurse, unit=unit) for r in p["rows"]]) == 2
    )

    tried = ask(hospital, nurse, days=7, limits={"systolic_red_high": 170})

    assert (tried["patients"], tried["readings"]) == (2, 8)
    assert (tried["before"]["per_day"]["red"], tried["counts"]["new"]) == (0, 2)
    assert {one["patient"]["id"] for one in tried["new"]} == {one.id for one in patients}
    assert {one["reason"] for one in tried["new"]} == {"Systolisk 172 (grense 170)"}

    fact = receipts[1]["ref"].removeprefix("Observation/")
    why = hospital.alerts.get(
        "/v1/why-not", params={"patient": patients[0].id, "fact": fact}, headers=nurse
    ).json()
    reasons = {one["rule"]: one for one in why["rules"]}
    assert reasons["hd-5-red-high"]["why"] == "not-beyond"
    assert reasons["hd-5-yellow-high"]["why"] == "not-yet-persistent"
    assert "172/78" in reasons["hd-5-red-high"]["reason"]

    for patient, outcome in zip(patients, ("useful", "not-useful"), strict=True):
        hospital.send_one(patient, device.low_pressure())
        alert = eventually(lambda patient=patient: alert_of(hospital, nurse, unit, patient))
        closed = hospital.move(alert, "close", nurse, note="Ringt.", outcome=outcome)
        assert closed.status_code == 200, closed.text

    cost = hospital.alerts.get("/v1/burden", params={"unit": unit}, headers=nurse).json()
    assert cost["patients"] == 2
    assert (cost["closed"], cost["rated"], cost["useful_share"]) == (2, 2, 0.5)
    assert cost["median_seconds_to_acknowledge"] is not None
    assert {one["rule"] for one in cost["rules"]} >= {"hd-5-red-low"}
    auditor = hospital.log_in("auditor", units=[unit])
    path = f"/v1/patients/{patients[0].id}/access-log"
    logged = hospital.patients.get(path, headers=auditor)
    assert logged.status_code == 200, logged.text
    assert '"what-if"' in logged.text
    assert '"why-not"' in logged.text
