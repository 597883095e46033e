"""What nurses do with an alert, with each other and with a green morning, on a running system."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.journeys import device
from tests.journeys.hospital import ALWAYS, Hospital, Patient, eventually, weight_now

OSLO = ZoneInfo("Europe/Oslo")


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_an_alert_is_handed_over_given_back_and_taken(hospital: Hospital, patient: Patient) -> None:
    lung = hospital.new_unit("Lunge", ALWAYS)
    theirs = hospital.log_in(person="per", units=[lung])
    hospital.send_one(patient, device.low_pressure())
    alert = hospital.alert(patient, "blood-pressure")
    since = hospital.alert_now(alert)["waiting_since"]
    assert hospital.row(patient, theirs, unit=lung) is None
    assert hospital.move(alert, "note", theirs, note="x").status_code == 403

    offered = hospital.move(alert, "hand-over", unit=lung, note="Vurderes hos dere?")
    assert offered.status_code == 200, offered.text
    seen = hospital.row(patient, theirs, unit=lung)
    assert seen["colour"] == "red"
    [shown] = [one for one in seen["alerts"] if one["id"] == alert["id"]]
    assert shown["handed"]["answer"] is None
    assert hospital.move(offered.json(), "accept").status_code == 403  # one's own offer

    back = hospital.move(offered.json(), "decline", theirs, note="Ikke vår")
    assert back.status_code == 200, back.text
    assert back.json()["notified_at"] > offered.json()["notified_at"]
    assert hospital.row(patient, theirs, unit=lung) is None
    stale = hospital.move(offered.json(), "hand-over", unit=lung, note="x")
    assert stale.json()["code"] == "alert-has-moved"

    again = hospital.move(back.json(), "hand-over", unit=lung, note="Avtalt på telefon")
    taken = hospital.move(again.json(), "accept", theirs).json()
    assert (taken["unit"]["id"], taken["assignee_name"]) == (lung, "Test per")
    assert taken["waiting_since"] == since, "handing over begins no new wait"
    mine = hospital.row(patient)
    assert alert["id"] not in [one["id"] for one in mine["alerts"]]
    assert alert["id"] in [one["id"] for one in mine["elsewhere"]]


def test_a_snoozed_red_is_said_twice_and_comes_back_by_itself(
    hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    alert = hospital.alert(patient, "blood-pressure")
    until = soon(2)

    once = hospital.move(alert, "snooze", until=until, note="Måler igjen")
    long = hospital.move(alert, "snooze", until=soon(13 * 3600), note="x", confirm=True)
    put_off = hospital.move(alert, "snooze", until=soon(2), note="Måler igjen", confirm=True)

    assert (once.status_code, once.json()["code"]) == (422, "confirmation-missing")
    assert (long.status_code, long.json()["code"]) == (422, "until-is-unusable")
    assert put_off.json()["state"] == "acknowledged"
    back = hospital.alert(patient, "blood-pressure", within=60)
    told = hospital.alert_now(back)
    assert told["snoozed_until"] is None
    assert told["notified_at"] > put_off.json()["notified_at"]
    assert told["history"][-1]["move"] == "snooze-ended"


def test_an_acknowledgement_says_until_when_it_holds_by_severity(
    hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    red = hospital.move(hospital.alert(patient, "blood-pressure"), "acknowledge").json()
    yellow = hospital.move(hospital.alert(patient, "news2"), "acknowledge").json()

    for alert, hours, then in ((red, 12, "ack-expired"), (yellow, 72, "expire")):
        left = datetime.fromisoformat(alert["ends"]["at"]) - datetime.now(UTC)
        assert timedelta(hours=hours, minutes=-1) < left <= timedelta(hours=hours)
        assert alert["ends"]["move"] == then


def test_a_green_morning_is_looked_at_with_one_key_and_taken_back(hospital: Hospital) -> None:
    unit = hospital.new_unit("Grønn", ALWAYS)
    nurse = hospital.log_in(person="kari", units=[unit])
    calm, turned = (hospital.new_patient(unit) for _ in range(2))
    for one in (calm, turned):
        hospital.send_one(one, device.weight())
    eventually(
        lambda: hospital.row(calm, nurse, unit=unit) and hospital.row(turned, nurse, unit=unit)
    )
    as_of = next(hospital.worklist(nurse, unit=unit))["as_of"]
    hospital.send_one(turned, device.low_pressure())
    eventually(lambda: hospital.row(turned, nurse, unit=unit)["colour"] == "red")

    body = {"patients": [{"id": one.id, "unit": unit} for one in (calm, turned)], "as_of": as_of}
    looked = hospital.alerts.post("/v1/worklist/greens", json=body, headers=nurse).json()

    assert (looked["taken"], looked["not_taken"]) == (
        [calm.id], [{"id": turned.id, "reason": "not-green"}]
    )  # fmt: skip
    assert hospital.row(calm, nurse, unit=unit)["reviewed"]["by"]["name"] == "Test kari"
    undo = hospital.alerts.post(
        "/v1/worklist/greens/undo", json={"patients": [calm.id]}, headers=nurse
    )
    assert undo.json() == {"undone": [calm.id]}
    assert hospital.row(calm, nurse, unit=unit)["reviewed"] is None


def test_a_note_comes_back_when_it_was_asked_to(hospital: Hospital, patient: Patient) -> None:
    hospital.send_one(patient, device.low_pressure())
    alert = hospital.alert(patient, "blood-pressure")
    noted = hospital.move(alert, "note", note="Ring om prøvesvar", remind_at=soon(3)).json()
    hospital.move(noted, "close", note="Ringt", outcome="useful").raise_for_status()
    assert _task(hospital, patient) is None

    task = eventually(lambda: _task(hospital, patient), within=20)

    assert task["text"] == "Ring om prøvesvar"
    done = {"move": "done", "version": task["version"]}
    path = f"/v1/tasks/{task['id']}/moves"
    assert hospital.alerts.post(path, json=done, headers=hospital.nurse).status_code == 200
    assert _task(hospital, patient) is None


def _task(hospital: Hospital, patient: Patient) -> Any:
    tasks = next(hospital.worklist())["tasks"]
    return next((one for one in tasks if one["patient"]["id"] == patient.id), None)


def test_xdrip_a_missed_reading_is_an_alert_from_end_to_end_and_a_late_one_is_closed_by_rule(
    hospital: Hospital,
) -> None:
    """The alarm that never once worked for years, and nobody noticed: seen through every part."""
    patient = hospital.new_patient(plan=[weight_now()])
    alert = hospital.alert(patient, "missing", within=63)

    hospital.send_one(patient, device.weight())

    last = eventually(lambda: _handled(hospital, alert))
    assert last["case"] == "weight-came-late"
    now = hospital.alert_now(alert)
    assert (now["state"], last["outcome"]) in (("closed", "handled-by-rule"), ("open", None))
    assert (now["sample"] is not None) == (now["state"] == "open")
    burden = hospital.alerts.get("/v1/burden", headers=hospital.nurse).json()
    assert burden["handled_by_rule"] + burden["sampled"] >= 1


def _handled(hospital: Hospital, alert: Any) -> Any:
    last = hospital.alert_now(alert)["history"][-1]
    return last if last["move"] in ("handled-by-rule", "sampled") else None
