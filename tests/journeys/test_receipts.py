"""Every message is answered, and the answer says what became of it."""

import json
import time

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from tests.journeys import device
from tests.journeys.hospital import ALWAYS, NEVER, Hospital, Patient, eventually


def test_a_reading_over_http_is_answered_with_a_receipt(
    hospital: Hospital, patient: Patient
) -> None:
    sent = device.pressure()

    receipt = hospital.send_one(patient, sent)

    assert receipt["v"] == 1
    assert receipt["id"] == sent["id"]
    assert receipt["result"] == "stored"
    assert receipt["ref"].startswith("Observation/")
    assert receipt["received"].endswith("Z")
    assert receipt["flags"] == []
    assert receipt["errors"] == []
    assert set(receipt["watch"]) >= {"now", "next"}


def test_a_device_on_mqtt_5_is_answered_on_its_response_topic(
    hospital: Hospital, patient: Patient
) -> None:
    sent = device.weight()

    with hospital.device(patient) as scale:
        correlation = scale.put(sent)
        topic, receipt = scale.answered(correlation)

    assert topic == f"{scale.own}mine/ack"
    assert (receipt["id"], receipt["result"]) == (sent["id"], "stored")


def test_a_device_on_mqtt_3_is_answered_on_its_ack_topic(
    hospital: Hospital, patient: Patient
) -> None:
    sent = device.weight()

    with hospital.device(patient, version=MQTTProtocolVersion.MQTTv311) as scale:
        scale.put(sent)
        topic, receipt = scale.answered()

    assert topic == f"{scale.own}ack"
    assert (receipt["id"], receipt["result"]) == (sent["id"], "stored")


def test_nobody_can_have_the_platform_publish_on_another_devices_topic(
    hospital: Hospital, patient: Patient
) -> None:
    other = hospital.patient()

    with hospital.device(patient) as scale:
        correlation = scale.put(device.weight(), reply_to=f"hjv/1/{hospital.org}/{other.cred}/obs")
        topic, receipt = scale.answered(correlation)

    assert topic == f"{scale.own}ack"
    assert receipt["result"] == "stored"
    assert hospital.observations(other) == []


def test_the_same_reading_again_is_a_duplicate_whatever_the_road(
    hospital: Hospital, patient: Patient
) -> None:
    sent = device.weight(82.5)
    spelled_otherwise = dict(reversed(list(sent.items()))) | {"values": {"value": "82,50"}}

    first = hospital.send_one(patient, sent)
    again = hospital.send_one(patient, spelled_otherwise)
    with hospital.device(patient) as scale:
        over_mqtt = scale.ask(sent)

    assert first["result"] == "stored"
    assert (again["result"], over_mqtt["result"]) == ("duplicate", "duplicate")
    assert {again["ref"], over_mqtt["ref"]} == {first["ref"]}
    assert len(hospital.observations(patient)) == 1


def test_a_counter_that_starts_again_hides_no_reading(hospital: Hospital, patient: Patient) -> None:
    """The same id with another content is stored, judged and told to the technical lane."""
    sent = device.pressure()
    hospital.send_one(patient, sent)

    other = {**device.low_pressure(), "id": sent["id"]}
    receipt = hospital.send_one(patient, other)

    assert receipt["result"] == "stored"
    assert receipt["flags"] == ["id-reused"]
    assert len(hospital.observations(patient, code="http://loinc.org|85354-9")) == 2
    assert hospital.alert(patient, "blood-pressure")["colour"] == "red"
    row = eventually(lambda: _technical(hospital, patient))
    assert {one["lane"] for one in row["alerts"]} == {"clinical", "technical"}


def _technical(hospital: Hospital, patient: Patient) -> dict[str, list[dict[str, str]]] | None:
    row = hospital.row(patient)
    technical = row and any(one["lane"] == "technical" for one in row["alerts"])
    return row if technical else None


def test_one_bad_reading_among_a_hundred_spoils_no_other(
    hospital: Hospital, patient: Patient
) -> None:
    sent = [device.weight(80 + place / 100) for place in range(100)]
    sent[41]["values"] = {"value": 8240.75}

    over_http = hospital.send(patient, *sent)
    with hospital.device(patient) as scale:
        over_mqtt = scale.ask(sent)

    wanted = [one["id"] for one in sent]
    assert [receipt["id"] for receipt in over_http] == wanted
    assert [receipt["id"] for receipt in over_mqtt] == wanted
    assert [receipt["result"] for receipt in over_http].count("stored") == 99
    assert [receipt["result"] for receipt in over_mqtt].count("duplicate") == 99
    for receipts in (over_http, over_mqtt):
        assert receipts[41]["result"] == "quarantined"
        assert receipts[41]["errors"] == [{"path": "values.value", "code": "implausible"}]
        assert "8240.75" not in json.dumps(receipts)
    assert len(hospital.observations(patient)) == 99


@pytest.mark.parametrize(
    ("changed", "path", "code"),
    [
        ({"v": 2}, "v", "unknown-version"),
        ({"id": "short"}, "id", "bad-id"),
        ({"kind": "mood"}, "kind", "unknown-kind"),
        ({"at": "2026-02-03T07:12:00"}, "at", "bad-time"),
        ({"at": 1770099120}, "at", "bad-time"),
        ({"values": {"value": 82, "mood": 3}}, "values.mood", "unknown-field"),
        ({"values": {"value": {"value": 82, "unit": "mmol/L"}}}, "values.value", "unknown-ucum"),
        ({"values": {"value": "heavy"}}, "values.value", "bad-value"),
        ({"values": {}}, "values", "missing-value"),
        ({"note": "\x00"}, "", "not-storable"),
    ],
)
def test_what_cannot_be_filed_waits_in_quarantine_with_its_reason(
    hospital: Hospital, shared_patient: Patient, changed: dict[str, object], path: str, code: str
) -> None:
    [receipt] = hospital.send(shared_patient, {**device.weight(), **changed})

    assert receipt["result"] == "quarantined"
    assert {"path": path, "code": code} in receipt["errors"]
    waiting = hospital.quarantined(shared_patient.cred)
    assert receipt["id"] in {one["message_id"] for one in waiting}


@pytest.fixture(scope="module")
def shared_patient(hospital: Hospital) -> Patient:
    return hospital.patient()


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b'{"v":1,"v":1}', {}, 400),
        (b'{"v":NaN}', {}, 400),
        (b"[" * 100 + b"]" * 100, {}, 400),
        (b'"words"', {}, 422),
        (b" " * (256 * 1024 + 1), {}, 413),
        (b"{}", {"content-type": "text/csv"}, 415),
        (b"{}", {"content-encoding": "gzip"}, 415),
    ],
)
def test_a_body_that_is_no_message_is_refused_with_a_problem(
    hospital: Hospital,
    shared_patient: Patient,
    body: bytes,
    headers: dict[str, str],
    status: int,
) -> None:
    answer = hospital.ingest.post(
        "/v1/observations",
        content=body,
        headers={"content-type": "application/json", **shared_patient.bearer, **headers},
    )

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["code"]


def test_the_receipt_says_whether_anybody_is_watching(hospital: Hospital) -> None:
    day_and_night = hospital.new_patient(hospital.new_unit("Watched", ALWAYS))
    never = hospital.new_patient(hospital.new_unit("Unwatched", NEVER))

    watched = hospital.send_one(day_and_night, device.weight())["watch"]
    unwatched = hospital.send_one(never, device.weight())["watch"]

    assert watched["now"] is True
    assert (unwatched["now"], unwatched["next"]) == (False, None)


def test_a_withdrawn_reading_counts_no_more(hospital: Hospital, patient: Patient) -> None:
    sent = device.weight()
    hospital.send_one(patient, sent)
    withdrawn = {key: sent[key] for key in ("v", "kind", "at")}

    receipt = hospital.send_one(
        patient, {**withdrawn, "id": f"void-{time.time_ns()}", "void": True, "replaces": sent["id"]}
    )

    assert receipt["result"] == "voided"
    assert hospital.observations(patient) == []


def test_a_corrected_reading_takes_the_place_of_the_first(
    hospital: Hospital, patient: Patient
) -> None:
    sent = device.weight(28.4)
    hospital.send_one(patient, sent)

    receipt = hospital.send_one(
        patient, {**device.weight(82.4), "at": sent["at"], "replaces": sent["id"]}
    )

    assert receipt["result"] == "corrected"
    [standing] = hospital.observations(patient)
    assert standing["valueQuantity"]["value"] == 82.4
