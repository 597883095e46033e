"""A patient writes and his unit answers: what each of them sees, and that nobody is forgotten."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.browser import database
from tests.journeys import device
from tests.journeys.hospital import ALWAYS, NEVER, Hospital, Patient, eventually

Headers = Mapping[str, str]


def written(text: str) -> dict[str, Any]:
    return {
        "resourceType": "Communication",
        "status": "completed",
        "identifier": [{"system": "urn:example:app", "value": str(uuid4())}],
        "sent": device.ago(0).isoformat(timespec="milliseconds"),
        "payload": [{"contentString": text}],
    }


def write(hospital: Hospital, patient: Patient, text: str) -> Any:
    """As an app does, by FHIR."""
    path, sent = "/fhir/Communication", written(text)
    return hospital.ingest.post(path, json=sent, headers=patient.bearer)


def lane(hospital: Hospital, patient: Patient, nurse: Headers | None = None) -> Any:
    answer = hospital.alerts.get("/v1/conversations", headers=nurse or hospital.nurse)
    assert answer.status_code == 200, answer.text
    rows = answer.json()["conversations"]
    return next((one for one in rows if one["patient"]["id"] == patient.id), None)


def waits(hospital: Hospital, patient: Patient, n: int = 1, nurse: Headers | None = None) -> Any:
    def found() -> Any:
        row = lane(hospital, patient, nurse)
        return row if row and row["n"] == n else None

    return eventually(found)


def read(hospital: Hospital, patient: Patient, nurse: Headers | None = None) -> Any:
    path = f"/v1/conversations/{patient.id}"
    answer = hospital.alerts.get(path, headers=nurse or hospital.nurse)
    assert answer.status_code == 200, answer.text
    return answer.json()


def move(
    hospital: Hospital,
    patient: Patient,
    move: str,
    version: int,
    *,
    nurse: Headers | None = None,
    status: int = 200,
    **more: Any,
) -> Any:
    answer = hospital.alerts.post(
        f"/v1/conversations/{patient.id}/moves",
        json={"move": move, "version": version, **more},
        headers=nurse or hospital.nurse,
    )
    assert answer.status_code == status, answer.text
    return answer.json()


def as_seen(hospital: Hospital, patient: Patient) -> list[Any]:
    """What the patient's own app is told."""
    answer = hospital.patients.get(
        f"/v1/patients/{patient.id}/messages", headers={"authorization": f"Bearer {patient.token}"}
    )
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["messages"]
    return found


def test_a_message_is_sent_received_seen_and_answered_each_at_its_own_time(
    hospital: Hospital, patient: Patient
) -> None:
    sent = write(hospital, patient, "Kateteret klør litt i dag.")
    assert sent.status_code == 201, sent.text

    row = waits(hospital, patient)
    [mine] = as_seen(hospital, patient)
    assert row["text"] == "Kateteret klør litt i dag."
    assert row["assignee"] is None
    assert row["promised_at"]
    assert mine["promised_at"] == row["promised_at"]
    assert mine["received_at"]
    assert (mine["seen_at"], mine["answered_at"]) == (None, None)

    assert read(hospital, patient)["messages"][0]["text"] == "Kateteret klør litt i dag."
    assert as_seen(hospital, patient)[0]["seen_at"] is None, "a page that was opened has not seen"

    after = move(hospital, patient, "read", row["version"])
    [mine] = as_seen(hospital, patient)
    assert mine["seen_at"]
    assert mine["answered_at"] is None
    assert lane(hospital, patient), "what is read is not answered"

    move(hospital, patient, "answer", after["version"], text="Vask som du pleier.")
    first, second = as_seen(hospital, patient)
    assert (first["from"], second["from"]) == ("patient", "unit")
    assert first["answered_at"]
    assert second["text"] == "Vask som du pleier."
    assert lane(hospital, patient) is None


def test_what_is_sent_twice_waits_once(hospital: Hospital, patient: Patient) -> None:
    sent = written("Hei")
    for status in (201, 200, 200):
        answer = hospital.ingest.post("/fhir/Communication", json=sent, headers=patient.bearer)
        assert answer.status_code == status, answer.text

    assert waits(hospital, patient)["n"] == 1
    assert len(as_seen(hospital, patient)) == 1


def test_an_answer_from_an_old_screen_is_refused_and_shows_what_has_come(
    hospital: Hospital, patient: Patient
) -> None:
    write(hospital, patient, "Første")
    old = waits(hospital, patient)
    write(hospital, patient, "Andre")
    waits(hospital, patient, 2)

    refused = move(
        hospital, patient, "answer", old["version"], status=409, text="Svar på det første"
    )

    assert refused["code"] == "conversation-has-moved"
    assert [one["text"] for one in refused["conversation"]["messages"]] == ["Første", "Andre"]
    assert waits(hospital, patient, 2)
    now = refused["conversation"]["version"]
    move(hospital, patient, "answer", now, text="Svar på begge")
    assert [bool(one["answered_at"]) for one in as_seen(hospital, patient)[:2]] == [True, True]


def test_an_answer_whose_receipt_was_lost_is_sent_again_and_counts_once(
    hospital: Hospital, patient: Patient
) -> None:
    write(hospital, patient, "Hei")
    row, id_ = waits(hospital, patient), str(uuid4())

    move(hospital, patient, "answer", row["version"], id=id_, text="Hei på deg")
    again = move(hospital, patient, "answer", row["version"], id=id_, text="Hei på deg")

    assert [one["from"] for one in again["messages"]] == ["patient", "unit"]


def test_taking_it_says_who_has_it_and_closing_it_without_an_answer_says_why(
    hospital: Hospital, patient: Patient
) -> None:
    write(hospital, patient, "Takk for hjelpen!")
    row = waits(hospital, patient)
    me = next(one for one in hospital.seeded["staff"] if one["role"] == "nurse")

    taken = move(hospital, patient, "assign", row["version"], assignee=me["id"])
    assert lane(hospital, patient)["assignee"]["name"] == me["name"]
    assert as_seen(hospital, patient)[0]["seen_at"]
    refused = move(hospital, patient, "close", taken["version"], status=422)
    assert refused["code"] == "text-missing"

    move(hospital, patient, "close", taken["version"], note="Et takk trenger ikke svar")
    [mine] = as_seen(hospital, patient)
    assert (mine["outcome"], mine["answered_at"]) == ("closed", None)
    assert lane(hospital, patient) is None
    assert read(hospital, patient)["history"][-1]["note"] == "Et takk trenger ikke svar"


def test_another_unit_is_offered_a_conversation_and_takes_it(hospital: Hospital) -> None:
    patient = hospital.new_patient()
    other = hospital.new_unit("Ernæring", ALWAYS)
    theirs = hospital.log_in(units=[other], person="ernæring")
    write(hospital, patient, "Hva kan jeg spise?")
    row = waits(hospital, patient)
    path = f"/v1/conversations/{patient.id}"
    assert hospital.alerts.get(path, headers=theirs).status_code == 403

    offered = move(hospital, patient, "hand-over", row["version"], unit=other, note="Kostspørsmål")
    assert "accept" in lane(hospital, patient, theirs)["moves"]
    move(hospital, patient, "accept", offered["version"], nurse=theirs)

    assert lane(hospital, patient) is None
    mine = lane(hospital, patient, theirs)
    assert mine["unit"]["id"] == other
    move(hospital, patient, "answer", mine["version"], nurse=theirs, text="Det meste.")
    assert hospital.alerts.get(path, headers=theirs).status_code == 403


def test_a_message_past_its_promise_is_an_alarm_that_the_answer_ends(hospital: Hospital) -> None:
    patient = hospital.new_patient()
    write(hospital, patient, "Er det noen der?")
    row = waits(hospital, patient)
    database.run(
        hospital,
        "update alerts.message set promised_at = clock_timestamp() - interval '1 minute' "
        f"where patient_id = '{patient.id}'",
    )

    alarm = hospital.alert(patient, "message-unanswered")
    assert (alarm["lane"], alarm["colour"]) == ("technical", "yellow")

    move(hospital, patient, "answer", row["version"], text="Ja")
    eventually(lambda: hospital.alert_now(alarm)["state"] == "closed")


def test_what_is_promised_counts_only_hours_in_which_somebody_watches(hospital: Hospital) -> None:
    nobody = hospital.new_patient(hospital.new_unit("Ingen", NEVER))
    hours = {**ALWAYS, "answers_within": "PT3H"}
    somebody = hospital.new_patient(hospital.new_unit("Alltid", hours))
    nurses = {one.id: hospital.log_in(units=[_unit(hospital, one)]) for one in (nobody, somebody)}
    for one in (nobody, somebody):
        assert write(hospital, one, "Hei").status_code == 201

    assert waits(hospital, nobody, nurse=nurses[nobody.id])["promised_at"] is None
    row = waits(hospital, somebody, nurse=nurses[somebody.id])
    wait = datetime.fromisoformat(row["promised_at"]) - datetime.fromisoformat(row["waiting_since"])
    assert wait == timedelta(hours=3)


def _unit(hospital: Hospital, patient: Patient) -> str:
    answer = hospital.patients.get(f"/v1/patients/{patient.id}", headers=hospital.administrator)
    return str(answer.json()["unit_id"])


def test_messages_do_not_delay_a_red_and_are_judged_by_no_rule(hospital: Hospital) -> None:
    chatty, ill = hospital.new_patient(), hospital.new_patient()
    for n in range(60):
        write(hospital, chatty, f"Brystsmerter, blodtrykk 240/140 ({n})")
    began = time.monotonic()
    hospital.send_one(ill, device.low_pressure())

    hospital.alert(ill, "blood-pressure", within=5)
    assert time.monotonic() - began < 5
    waits(hospital, chatty, 60)
    row = hospital.row(chatty)
    assert [one for one in row["alerts"] if one["lane"] == "clinical"] == []


def test_who_reads_what_is_in_the_patients_own_log_and_in_his_export(
    hospital: Hospital, patient: Patient
) -> None:
    write(hospital, patient, "Dette er mitt")
    row = waits(hospital, patient)
    move(hospital, patient, "answer", row["version"], text="Og dette er vårt")
    mine = {"authorization": f"Bearer {patient.token}"}

    log = hospital.patients.get(f"/v1/patients/{patient.id}/access-log", headers=mine).text
    assert '"messages"' in log

    taken = hospital.patients.get(f"/v1/patients/{patient.id}/export", headers=mine).json()
    texts = [
        part["contentString"]
        for entry in taken["entry"]
        if entry["resource"]["resourceType"] == "Communication"
        for part in entry["resource"]["payload"]
    ]
    assert texts == ["Dette er mitt", "Og dette er vårt"]
    found = hospital.patients.get(
        "/fhir/Communication", params={"patient": patient.id}, headers=hospital.nurse
    )
    assert found.status_code == 200, found.text
    assert len(found.json()["entry"]) == 2
    one = found.json()["entry"][0]["resource"]
    single = hospital.patients.get(f"/fhir/Communication/{one['id']}", headers=mine)
    assert single.json() == one


@pytest.mark.parametrize("role", ["administrator", "auditor"])
def test_who_does_not_treat_reads_no_message(hospital: Hospital, role: str) -> None:
    patient = hospital.new_patient()
    write(hospital, patient, "Bare for dem som behandler meg")
    headers = hospital.staff(role) if role == "administrator" else hospital.log_in(role)

    assert hospital.alerts.get("/v1/conversations", headers=headers).status_code == 403
    answer = hospital.patients.get(f"/v1/patients/{patient.id}/messages", headers=headers)
    assert answer.status_code == 403
