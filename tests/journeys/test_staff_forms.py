"""A form that staff fill in, and the therapist's list of a web programme with how far each is."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, eventually

WEB = "web_programme"
OSLO = ZoneInfo("Europe/Oslo")


@pytest.fixture
def follower(hospital: Hospital) -> Patient:
    """In a web programme since yesterday, so that the first module is open."""
    yesterday = datetime.now(OSLO).date() - timedelta(days=1)
    since = datetime.combine(yesterday, time(), OSLO).isoformat()
    return hospital.new_patient(programme=WEB, since=since, enrolled=since)


def fill_in(hospital: Hospital, patient: Patient, name: str, answers: Any, **more: Any) -> Any:
    form = {
        "questionnaire": name,
        "at": device.ago(1).isoformat(timespec="seconds"),
        "answers": answers,
        **more,
    }
    path = f"/v1/patients/{patient.id}/readings"
    return hospital.patients.post(path, json=form, headers=hospital.nurse)


def test_the_therapists_list_says_how_far_each_patient_is(
    hospital: Hospital, follower: Patient
) -> None:
    row = eventually(lambda: _with_progress(hospital, follower))
    assert (row["progress"][0]["done"], row["progress"][0]["of"]) == (0, 8)
    assert row["progress"][0]["awaits"]["id"] == "module-1"

    done = fill_in(hospital, follower, "web-module-1", {"progress": "done"})

    assert done.status_code == 201, done.text
    row = eventually(lambda: _with_progress(hospital, follower, done=1))
    # A nurse outside the programme's group sees the patient, and nothing of the programme.
    assert hospital.row(follower, hospital.log_in())["progress"] == []
    [value] = [one for one in row["values"] if one["kind"] == "progress"]
    assert (value["field"], value["value"], value["of"]) == (WEB, 1, 8)


def _with_progress(hospital: Hospital, patient: Patient, done: int = 0) -> Any:
    therapist = hospital.log_in(person="therapist", groups=(WEB,))
    row = hospital.row(patient, therapist, programme=WEB)
    if row is None or not row["progress"] or row["progress"][0]["done"] != done:
        return None
    return row


def test_the_contact_of_the_week_is_told_by_the_therapist(
    hospital: Hospital, follower: Patient
) -> None:
    answer = fill_in(hospital, follower, "web-contact", {"way": "phone"}, note="Ringt")

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["type"] == "answers"
    assert told["source"].startswith("staff:")
    [kept] = [one for one in hospital.readings(follower) if one["type"] == "answers"]
    assert kept["id"] == told["id"]


@pytest.mark.parametrize(
    ("name", "answers", "path", "code"),
    [
        ("web-module-1", {"progress": "nearly"}, "answers.progress", "unknown-code"),
        ("web-module-1", {"nonsense": True}, "answers.nonsense", "unknown-field"),
        ("web-module-1", {"progress": ["done", "hard"]}, "answers.progress", "bad-value"),
        ("web-module-99", {"progress": "done"}, "questionnaire", "unknown-kind"),
    ],
)
def test_staff_too_can_answer_only_what_the_form_offers(
    hospital: Hospital, patient: Patient, name: str, answers: Any, path: str, code: str
) -> None:
    answer = fill_in(hospital, patient, name, answers)

    assert (answer.status_code, answer.json()["code"]) == (422, "answers-are-not-usable")
    assert {"path": path, "code": code} in answer.json()["errors"]
    assert hospital.readings(patient) == []


def test_it_is_either_a_reading_or_a_form(hospital: Hospital, patient: Patient) -> None:
    both = fill_in(hospital, patient, "web-module-1", {"progress": "done"}, kind="body_weight")
    assert (both.status_code, both.json()["code"]) == (422, "invalid-request")


def test_a_red_answer_told_over_the_telephone_is_judged_at_once(
    hospital: Hospital, patient: Patient
) -> None:
    told = fill_in(hospital, patient, "home-dialysis-daily", {"effluent": ["cloudy"]})
    assert told.status_code == 201, told.text
    eventually(lambda: (hospital.row(patient) or {}).get("colour") == "red")
