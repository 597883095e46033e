"""From a reading at home to a nurse's move, and what she must never miss."""

import json
import sys
import threading
import time
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.journeys import device
from tests.journeys.hospital import ALWAYS, Hospital, Patient, eventually, weight_now

OSLO = ZoneInfo("Europe/Oslo")


def test_a_low_blood_pressure_is_on_the_worklist_within_a_second(
    hospital: Hospital, patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    hospital.send_one(patient, device.pressure())
    with hospital.device(patient) as cuff:
        began = time.monotonic()
        cuff.ask(device.low_pressure())
        receipted = time.monotonic() - began
        row = eventually(lambda: _red(hospital, patient))
        shown = time.monotonic() - began
    with capsys.disabled():
        sys.stdout.write(f"\nreceipt {receipted * 1000:.0f} ms, red {shown * 1000:.0f} ms\n")

    assert shown < 1
    assert row["reason"]
    assert row["unit"]["id"] == hospital.unit
    assert row["programme"]
    assert row["waiting_since"]
    assert {"kind", "field", "value", "ucum", "at"} <= set(row["values"][0])
    [alert] = [one for one in row["alerts"] if one["group"] == "blood-pressure"]
    assert (alert["lane"], alert["state"], alert["colour"]) == ("clinical", "open", "red")


def _red(hospital: Hospital, patient: Patient) -> Any:
    row = hospital.row(patient)
    return row if row and row["colour"] == "red" else None


def test_an_alert_is_acknowledged_closed_and_opened_by_a_late_reading(
    hospital: Hospital, patient: Patient
) -> None:
    kept_back = device.low_pressure()
    hospital.send_one(patient, device.low_pressure())
    alert = hospital.alert(patient, "blood-pressure")

    acknowledged = hospital.move(alert, "acknowledge")
    assert acknowledged.status_code == 200
    assert acknowledged.json()["state"] == "acknowledged"

    late_for_it = hospital.move(alert, "acknowledge", hospital.log_in(person="second"))
    assert late_for_it.status_code == 409
    problem = late_for_it.json()
    assert problem["code"] == "alert-has-moved"
    assert problem["alert"]["id"] == alert["id"]
    assert problem["alert"]["state"] == "acknowledged"
    assert problem["alert"]["version"] > alert["version"]

    closed = hospital.move(
        acknowledged.json(), "close", note="Ringt. Har det bra.", outcome="useful"
    )
    assert closed.status_code == 200, closed.text
    assert closed.json()["state"] == "closed"
    eventually(lambda: hospital.row(patient)["colour"] != "red")

    # Measured before anybody looked, arrived when all was closed: no close has seen it.
    hospital.send_one(patient, kept_back)
    again = hospital.alert(patient, "blood-pressure")
    assert again["colour"] == "red"
    assert hospital.row(patient)["colour"] == "red"


def test_a_move_without_sense_is_refused(hospital: Hospital, patient: Patient) -> None:
    hospital.send_one(patient, device.low_pressure())
    alert = hospital.alert(patient, "blood-pressure")

    unknown = hospital.move(alert, "forget")
    reopened = hospital.move(alert, "reopen")
    missing = hospital.move({**alert, "id": "00000000-0000-4000-8000-000000000000"}, "note")

    assert unknown.status_code == 422
    assert reopened.status_code in (409, 422)
    assert missing.status_code == 404
    assert hospital.alert_now(alert)["version"] == alert["version"]


def test_a_worse_reading_takes_the_acknowledgement_away(
    hospital: Hospital, patient: Patient
) -> None:
    answers = device.answers(patient.id, abdominal_pain="mild")
    _answer_form(hospital, patient, answers)
    yellow = hospital.alert(patient, "abdomen")
    assert yellow["colour"] == "yellow"
    assert hospital.move(yellow, "acknowledge").status_code == 200

    _answer_form(hospital, patient, device.answers(patient.id, abdominal_pain="strong"))

    red = hospital.alert(patient, "abdomen")
    assert (red["id"], red["colour"], red["state"]) == (yellow["id"], "red", "open")


def test_cloudy_effluent_is_red_at_once(hospital: Hospital, patient: Patient) -> None:
    _answer_form(hospital, patient, device.answers(patient.id, effluent="cloudy"))

    alert = hospital.alert(patient, "effluent")

    assert (alert["colour"], alert["lane"]) == ("red", "clinical")
    whole = hospital.alert_now(alert)
    assert whole["rule"] == "pd-1-red"
    assert "Uklar" in json.dumps(whole, ensure_ascii=False)


def _answer_form(hospital: Hospital, patient: Patient, answers: dict[str, Any]) -> None:
    answer = hospital.ingest.post(
        "/fhir/QuestionnaireResponse",
        json=answers,
        headers=patient.bearer | {"content-type": "application/fhir+json"},
    )
    assert answer.status_code == 201, answer.text


def test_silence_is_noticed_and_stays_in_the_technical_lane(hospital: Hospital) -> None:
    patient = hospital.new_patient(plan=[weight_now()])

    alert = hospital.alert(patient, "missing", within=20)

    assert alert["lane"] == "technical"
    row = hospital.row(patient)
    assert row["technical"] is True
    assert row["colour"] != "red"


def test_a_reading_that_came_is_not_missed(hospital: Hospital) -> None:
    patient = hospital.new_patient()
    hospital.send_one(patient, device.weight())

    row = eventually(lambda: hospital.row(patient))

    assert (row["colour"], row["technical"], row["alerts"]) == ("green", False, [])


def test_no_filter_hides_how_many_are_red(hospital: Hospital, patient: Patient) -> None:
    hospital.send_one(patient, device.low_pressure())
    hospital.alert(patient, "blood-pressure")

    whole = next(hospital.worklist())
    green = next(hospital.worklist(colour="green"))

    assert set(whole["counts"]) >= {"red", "yellow", "green", "technical", "quarantined"}
    assert whole["hidden"]["red"] == 0
    assert green["hidden"]["red"] > 0
    assert {row["colour"] for row in green["rows"]} <= {"green"}
    colours = [row["colour"] for page in hospital.worklist() for row in page["rows"]]
    assert colours == sorted(colours, key=["red", "yellow", "green"].index)
    assert whole["lag_seconds"] < 5
    assert set(whole["watching"]) >= {"now", "next"}
    assert whole["as_of"].endswith("Z")


def test_the_list_says_who_is_watching(hospital: Hospital) -> None:
    unit = hospital.new_unit("Day and night", ALWAYS)
    nurse = hospital.log_in(units=[unit])
    patient = hospital.new_patient(unit)
    hospital.send_one(patient, device.weight())
    eventually(lambda: hospital.row(patient, nurse, unit=unit))

    page = next(hospital.worklist(nurse, unit=unit))

    assert page["watching"]["now"] is True
    assert [row["patient"]["id"] for row in page["rows"]] == [patient.id]


def test_the_live_stream_tells_that_the_list_has_changed(
    hospital: Hospital, patient: Patient
) -> None:
    heard: list[str] = []
    listening = threading.Event()

    def listen() -> None:
        with (
            httpx.Client(base_url=hospital.addresses["alerts"], trust_env=False) as client,
            client.stream(
                "GET",
                "/v1/worklist/stream",
                params={"unit": hospital.unit},
                headers=hospital.nurse,
                timeout=15,
            ) as stream,
        ):
            assert stream.status_code == 200
            assert stream.headers["content-type"].startswith("text/event-stream")
            listening.set()
            for line in stream.iter_lines():
                heard.append(line)
                if line.startswith("event:") and "changed" in line:
                    return

    ear = threading.Thread(target=listen, daemon=True)
    ear.start()
    assert listening.wait(10)
    time.sleep(0.3)

    hospital.send_one(patient, device.low_pressure())
    ear.join(10)

    assert any(line.startswith("event:") and "changed" in line for line in heard), heard
    assert patient.number not in "\n".join(heard)


def test_anybody_on_the_staff_may_work_out_a_news2(hospital: Hospital) -> None:
    ill = {
        "respiratory_rate": 25,
        "spo2": 91,
        "supplemental_oxygen": True,
        "systolic_bp": 90,
        "pulse": 131,
        "consciousness": "A",
        "temperature": 38.0,
    }

    whole = hospital.alerts.post("/v1/scores/news2", json=ill, headers=hospital.nurse).json()
    part = hospital.alerts.post("/v1/scores/news2", json={"spo2": 96}, headers=hospital.nurse)
    impossible = hospital.alerts.post(
        "/v1/scores/news2", json={"pulse": 900}, headers=hospital.nurse
    )

    assert (whole["total"], whole["complete"], whole["band"]) == (14, True, "high")
    told = part.json()
    assert (told["total"], told["complete"], told["lower_bound"]) == (None, False, 0)
    assert len(told["missing"]) == 6
    assert impossible.status_code == 422
    assert hospital.alerts.post("/v1/scores/news2", json=ill).status_code == 401
