"""What other systems are sent: readings in batches, a document at the close, and that alerts
change; again until they have taken it, and on a list when they never do.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.local import broker
from tests import sinks
from tests.journeys import device, system
from tests.journeys.hospital import Hospital, Patient, eventually
from tests.sinks import Post, WebSink

SECRET = "en-hemmelighet-til-proving"
ORGANISATION = "983974880"


@dataclass
class Connected:
    hospital: Hospital
    web: WebSink

    def connect(self, kind: str, path: str, **more: Any) -> str:
        body = {"kind": kind, "name": path, "url": f"{self.web.url}/{path}", **more}
        made = self.hospital.made(
            self.hospital.alerts, "/v1/connections", body, self.hospital.administrator
        )
        return str(made["id"])

    def posts(self, path: str, status: int | None = None) -> list[Post]:
        return self.web.at(f"/{path}", status)

    def deliveries(self, connection: str, *states: str) -> list[Any]:
        asked: dict[str, Any] = {"connection": connection, "state": list(states)}
        answer = self.hospital.alerts.get(
            "/v1/connections/deliveries", params=asked, headers=self.hospital.administrator
        )
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["deliveries"]
        return found

    def end(self, connection: str) -> None:
        self.hospital.alerts.post(
            f"/v1/connections/{connection}/end", headers=self.hospital.administrator
        )


@pytest.fixture(scope="module")
def connected() -> Iterator[Connected]:
    if broker.find_mosquitto() is None:
        pytest.skip("Mosquitto is not installed")
    with sinks.web() as web, system.started(HJEMVAKT_WEBHOOK_SECRET=SECRET) as hospital:
        hospital.seed(12)
        yield Connected(hospital, web)


def signed_by_us(post: Post) -> bool:
    at, _, given = post.headers["hjemvakt-signature"].partition(",v1=")
    told = f"{at.removeprefix('t=')}.".encode() + post.body
    return hmac.new(SECRET.encode(), told, hashlib.sha256).hexdigest() == given


def test_an_alert_is_told_until_it_is_taken_with_one_id_and_nothing_of_the_patient(
    connected: Connected,
) -> None:
    hospital, patient = connected.hospital, connected.hospital.patient()
    connected.web.statuses["/hook"] = 503
    connection = connected.connect("webhook", "hook")

    hospital.send_one(patient, device.low_pressure())
    refused = eventually(lambda: connected.posts("hook", 503))[0]
    assert eventually(lambda: connected.deliveries(connection, "failed"))[0]["why"] == "http-503"
    del connected.web.statuses["/hook"]

    def again() -> list[Post]:
        posts = connected.posts("hook", 200)
        return [one for one in posts if one.delivery == refused.delivery]

    taken = eventually(again, within=30)[0]
    assert signed_by_us(taken)
    assert taken.json["alert"]["id"] == refused.json["alert"]["id"]
    for secret in (patient.id, patient.number, "Testesen"):
        assert secret not in taken.body.decode()
    eventually(lambda: connected.deliveries(connection, "delivered"))
    connected.end(connection)


def test_the_journal_gets_a_document_when_an_alert_is_closed(connected: Connected) -> None:
    hospital, patient = connected.hospital, connected.hospital.patient()
    connection = connected.connect("dho", "journal", receiver=ORGANISATION)
    hospital.send_one(patient, device.low_pressure())
    alert: Any = eventually(
        lambda: next(iter((hospital.row(patient) or {"alerts": ()})["alerts"]), None)
    )
    for move, more in (("acknowledge", {}), ("close", {"note": "Ringt", "outcome": "useful"})):
        moved = hospital.move(hospital.alert_now(alert), move, **more)
        assert moved.status_code == 200, moved.text

    post = eventually(lambda: connected.posts("journal", 200), within=20)[0]
    document = post.json
    assert post.headers["servicecodes"] == "dho"
    assert signed_by_us(post)
    assert document["type"] == "document"
    kinds = [entry["resource"]["resourceType"] for entry in document["entry"]]
    assert kinds[:2] == ["Composition", "DetectedIssue"]
    assert "Observation" in kinds[2:]
    issue = document["entry"][1]["resource"]
    events = [one["action"]["coding"][0]["code"] for one in issue["mitigation"]]
    assert events == ["opened", "accepted", "closed"]
    assert issue["code"]["coding"][0]["code"] == "measurement"
    identifier = issue["patient"]["identifier"]
    assert (identifier["system"], identifier["value"]) == (patient.system, patient.number)
    assert document["identifier"]["value"] == f"urn:uuid:{post.delivery}"
    connected.end(connection)


def batch_response(post: Post, faults: dict[str, str]) -> bytes:
    """As PMD answers: every fullUrl echoed, each with its own status."""
    if not post.path.startswith("/pmd"):
        return b""
    entries = [
        {
            "fullUrl": each["fullUrl"],
            "response": {"status": faults.get(_code(each["resource"]), "201 Created")},
        }
        for each in post.json["entry"]
    ]
    return json.dumps(
        {"resourceType": "Bundle", "type": "batch-response", "entry": entries}
    ).encode()


def _code(resource: Any) -> str:
    return str(resource["code"]["coding"][0]["code"])


def news2(patient: Patient) -> list[Any]:
    at = device.ago(60)
    readings = {
        "resp_rate": {"value": 18}, "body_temp": {"value": 37.2}, "heart_rate": {"value": 71},
        "blood_pressure": {"systolic": 128, "diastolic": 78}, "consciousness": {"value": "A"},
    }  # fmt: skip
    items = [device.item(kind, values, at=at) for kind, values in readings.items()]
    oxygen = device.item("spo2", {"value": 97}, at=at, context={"on_oxygen": False})
    return [*items, oxygen]


def test_readings_reach_the_national_store_with_a_score_and_one_refused_is_on_the_list(
    connected: Connected,
) -> None:
    hospital, patient = connected.hospital, connected.hospital.patient()
    weight = "29463-7"
    connected.web.answer = lambda post: batch_response(post, {weight: "422 Unprocessable Entity"})
    connection = connected.connect("pmd", "pmd", receiver=ORGANISATION)

    hospital.send(patient, *news2(patient), device.weight(71.5))

    eventually(lambda: len(connected.deliveries(connection, "delivered")) >= 6, within=30)
    [refused] = eventually(lambda: connected.deliveries(connection, "undeliverable"))
    assert refused["why"] == "http-422"
    entries = [each for post in connected.posts("pmd") for each in post.json["entry"]]
    for each in entries:
        assert each["fullUrl"].startswith("urn:uuid:")
        assert each["request"]["method"] == "PUT"
        subject = each["resource"]["subject"]["identifier"]
        assert (subject["system"], subject["value"]) == (patient.system, patient.number)
        assert patient.id not in json.dumps(each)
    codes = {_code(each["resource"]) for each in entries}
    assert weight in codes
    [pressure] = [each["resource"] for each in entries if _code(each["resource"]) == "85354-9"]
    # A pressure has no range of its own: each of its values has the patient's.
    assert "referenceRange" not in pressure
    ranges = {
        _code(each): [{side: of["value"] for side, of in one.items()}
                      for one in each.get("referenceRange", ())]
        for each in pressure["component"]
    }  # fmt: skip
    assert ranges["8480-6"] == [{"low": 90, "high": 180}]
    scores = [each["resource"] for each in entries if _code(each["resource"]) == "1104051000000101"]
    assert scores
    assert len(scores[-1]["component"]) == 7
    assert scores[-1]["valueQuantity"]["value"] == 0

    again = hospital.alerts.post(
        "/v1/connections/deliveries/retry", json={"ids": [refused["id"]]},
        headers=hospital.administrator,
    )  # fmt: skip
    assert (again.status_code, again.json()) == (202, {"again": 1})
    connected.web.answer = lambda post: batch_response(post, {})
    eventually(lambda: len(connected.deliveries(connection, "delivered")) >= 7, within=30)
    told = hospital.alerts.get("/v1/connections", headers=hospital.administrator).json()
    [mine] = [one for one in told["connections"] if one["id"] == connection]
    assert mine["undeliverable"] == 0
    assert mine["delivered"] >= 7
    connected.end(connection)


def test_alerts_are_read_as_fhir(connected: Connected) -> None:
    hospital, patient = connected.hospital, connected.hospital.patient()
    hospital.send_one(patient, device.low_pressure())
    eventually(lambda: (row := hospital.row(patient)) and row["alerts"])

    def read(kind: str, **asked: str) -> list[Any]:
        params = {"patient": f"Patient/{patient.id}", **asked}
        answer = hospital.alerts.get(f"/fhir/{kind}", params=params, headers=hospital.nurse)
        assert answer.status_code == 200, answer.text
        return [each["resource"] for each in answer.json().get("entry", ())]

    issue = read("DetectedIssue", status="preliminary")[0]
    assert issue["patient"] == {"reference": f"Patient/{patient.id}"}
    one = hospital.alerts.get(f"/fhir/DetectedIssue/{issue['id']}", headers=hospital.nurse)
    assert one.json()["id"] == issue["id"]
    assert read("Flag")[0]["status"] == "active"
    task = {"patient": patient.id, "text": "Ring pasienten"}
    hospital.made(hospital.alerts, "/v1/tasks", task, hospital.nurse)
    assert read("Task")[0]["description"] == "Ring pasienten"
    stranger = hospital.log_in(units=[], person="stranger")
    path = f"/fhir/DetectedIssue?patient={patient.id}"
    assert hospital.alerts.get(path, headers=stranger).status_code == 403
