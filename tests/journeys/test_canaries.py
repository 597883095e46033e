"""What is private stands in no log, metric, error or address: canaries sent through every door."""

import json
import re
import uuid
from typing import Any

import httpx
import pytest

from tests.journeys import device
from tests.journeys.hospital import Hospital, bearer, eventually

NAME = "Kanarifugl Gulfjærsen"
NUMBER = "49680699185"  # a synthetic D-number
SYSTEM = "urn:oid:2.16.578.1.12.4.1.4.2"
VALUE = "97.53219"
PHONE = "+4799887766"
NOTE = "kanarinotat-kvitter"
SECRET = "kanari-hemmelighet-0123456789abcdef"
CANARIES = (NAME, "Gulfjærsen", NUMBER, VALUE, PHONE, PHONE.removeprefix("+47"), NOTE, SECRET)


def found_in(text: str) -> list[str]:
    escaped = [json.dumps(one)[1:-1] for one in CANARIES]
    return [one for one in (*CANARIES, *escaped) if one in text]


@pytest.fixture(scope="module")
def answers(hospital: Hospital) -> list[httpx.Response]:
    """Every way in with canaries, right and wrong; what was answered."""
    got: list[httpx.Response] = []

    def ask(client: httpx.Client, method: str, path: str, who: Any, **more: Any) -> httpx.Response:
        headers = {**who, **more.pop("headers", {})}
        answer = client.request(method, path, headers=headers, **more)
        got.append(answer)
        return answer

    nurse, admin = hospital.nurse, hospital.administrator
    record, intake, alerts = hospital.patients, hospital.ingest, hospital.alerts
    person = {
        "name": NAME, "born": "1961-04-17", "unit_id": hospital.unit,
        "identifiers": [{"system": SYSTEM, "value": NUMBER}],
    }  # fmt: skip
    made = ask(record, "POST", "/v1/patients", nurse, json=person)
    assert made.status_code in (201, 409), made.text
    patient = made.json().get("id", str(uuid.uuid4()))
    for body in (
        {**person, "name": 17, "born": NOTE},
        {**person, "identifiers": [{"system": SYSTEM, "value": NUMBER + "1"}]},
        {**person, "identifiers": [{"system": "urn:x", "value": NUMBER}]},
        {"identifier": {"system": SYSTEM, "value": NUMBER, "extra": NOTE}},
    ):
        ask(record, "POST", "/v1/patients", nurse, json=body)
        ask(record, "POST", "/v1/patients/search", nurse, json=body)
    found = ask(
        record, "POST", "/v1/patients/search", nurse,
        json={"identifier": {"system": SYSTEM, "value": NUMBER}},
    )  # fmt: skip
    assert found.json()["patients"]
    ask(record, "GET", "/v1/patients", nurse, params={"q": NUMBER})
    ask(record, "GET", "/v1/patients", nurse, params={"q": NAME, "limit": NOTE})
    ask(record, "GET", "/fhir/Patient", nurse, params={"identifier": f"{SYSTEM}|{NUMBER}"})
    ask(record, "GET", "/fhir/Patient", nurse, params={"name": NAME})
    ask(record, "GET", "/fhir/Patient", nurse, params={NOTE: VALUE})
    searched = {"patient.identifier": f"{SYSTEM}|{NUMBER}"}
    ask(record, "POST", "/fhir/Observation/_search", nurse, data=searched)

    # Readings: good ones, and ones that are quarantined or refused.
    cred, secret = hospital.new_credential()
    hospital.bind(patient, cred) if made.status_code == 201 else None
    item = {**device.low_pressure(), "note": NOTE, "message": str(uuid.uuid4())}
    for body in (
        item,
        {**item, "id": uuid.uuid4().hex, "values": {"systolic": float(VALUE), "diastolic": 60}},
        {**item, "id": uuid.uuid4().hex, "kind": NOTE},
        {**item, "id": uuid.uuid4().hex, "at": NUMBER},
        {**item, "id": uuid.uuid4().hex, "values": {NAME: VALUE}},
        NAME,
        [[[NUMBER]]],
    ):
        ask(intake, "POST", "/v1/observations", bearer(secret), json=body)
    ask(intake, "POST", "/v1/observations", bearer(secret), content=b'{"a":' + NOTE.encode())
    ask(intake, "POST", "/v1/observations", bearer(SECRET), json=item)
    ask(intake, "POST", "/fhir/Observation", hospital.system, json={
        "resourceType": "Observation", "status": NOTE, "valueQuantity": {"value": VALUE},
        "subject": {"identifier": {"system": SYSTEM, "value": NUMBER}},
    }, headers={"content-type": "application/fhir+json"})  # fmt: skip
    oru = (
        f"MSH|^~\\&|A|B|C|D|20260101||ORU^R01|{NOTE[:8]}|P|2.5\r"
        f"PID|||{NUMBER}||{NAME}\rOBX|1|NM|{NOTE}||{VALUE}"
    )
    ask(
        intake, "POST", "/hl7v2", hospital.system,
        content=oru.encode(), headers={"content-type": "application/hl7-v2"},
    )  # fmt: skip

    # Phoned in, alerts, ladders with a telephone, secrets in headers and addresses.
    reading = {"kind": "body_weight", "at": "2026-01-01T10:00:00Z", "values": {"value": VALUE}}
    ask(record, "POST", f"/v1/patients/{patient}/readings", nurse, json={**reading, "note": NOTE})
    ask(record, "POST", f"/v1/patients/{patient}/readings", nurse, json={
        **reading, "values": {"value": float(VALUE)}, "note": NOTE,
    })  # fmt: skip
    ladder = {"ladder": {"channels": {"vakt": {"medium": "sms", "to": PHONE}}}, "reason": NOTE}
    ask(record, "PUT", f"/v1/units/{hospital.unit}/ladder", admin, json=ladder)
    ask(alerts, "POST", "/v1/scores/news2", nurse, json={"spo2": VALUE, NAME: 1})
    ask(alerts, "GET", "/v1/worklist", nurse, params={"unit": NOTE, "cursor": NAME})
    ask(alerts, "POST", f"/v1/alerts/{uuid.uuid4()}/moves", nurse, json={"move": NAME})
    ask(alerts, "GET", f"/patients/{NUMBER}", nurse)
    ask(record, "GET", f"/v1/patients/{NUMBER}", nurse)
    for client in (record, intake, alerts):
        ask(client, "GET", f"/{NOTE}/{NUMBER}", nurse)
        ask(client, "GET", "/v1/units", {"authorization": f"Bearer {SECRET}"})
        ask(client, "GET", "/v1/units", {"authorization": f"Basic {SECRET}", "x-note": NOTE})
        ask(client, "POST", "/login", {}, data={"person": NAME, "next": f"//{NOTE}"})
    return got


def test_no_error_says_again_what_was_sent(answers: list[httpx.Response]) -> None:
    refusals = [answer for answer in answers if answer.status_code >= 400]
    assert len({answer.status_code for answer in refusals}) >= 4
    faults = [
        (answer.request.method, answer.request.url.path, found_in(answer.text))
        for answer in refusals
        if found_in(answer.text)
    ]
    assert faults == []
    assert [answer for answer in answers if answer.status_code >= 500] == []


def test_no_receipt_says_again_what_was_sent(answers: list[httpx.Response]) -> None:
    receipts = [one for one in answers if one.request.url.path == "/v1/observations"]
    assert receipts
    assert [found_in(one.text) for one in receipts if found_in(one.text)] == []


def test_no_address_that_is_handed_out_names_anybody(answers: list[httpx.Response]) -> None:
    for answer in answers:
        handed = [answer.headers.get("location", ""), answer.headers.get("link", "")]
        if answer.status_code < 300 and "fhir" in answer.headers.get("content-type", ""):
            handed += [link["url"] for link in answer.json().get("link", ())]
        if answer.request.url.query and b"name=" in answer.request.url.query:
            continue  # `self` says again what the address had asked for by name
        assert [found_in(one) for one in handed if found_in(one)] == []


def test_no_log_of_any_part_holds_a_canary(
    hospital: Hospital, answers: list[httpx.Response]
) -> None:
    assert answers
    logs = sorted((hospital.directory / "logs").glob("*"))
    assert {"ingest.log", "patients.log", "alerts.log"} <= {log.name for log in logs}
    more = [path for path in hospital.directory.rglob("*.log") if path not in logs]
    for log in (*logs, *more):
        assert found_in(log.read_text(errors="replace")) == [], log.name
    # They are not empty, or this would show nothing.
    assert any("A body was refused" in log.read_text() for log in logs)


def test_no_metric_holds_a_canary_or_an_id(
    hospital: Hospital, answers: list[httpx.Response]
) -> None:
    for client in (hospital.ingest, hospital.patients, hospital.alerts):
        text = client.get("/metrics").text
        assert found_in(text) == []
        assert re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-", text) == []


def test_the_audit_trail_names_nobody_but_by_id(
    hospital: Hospital, answers: list[httpx.Response]
) -> None:
    from tests.journeys.test_audit import rows

    def settled() -> bool:
        return bool(rows(hospital, "select from audit.event where org = '' limit 1"))

    eventually(settled, 15)
    for row in rows(hospital, "select e::text as row from audit.event e"):
        assert found_in(row["row"]) == []
