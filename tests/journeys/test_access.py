"""Who may not: nobody in particular, somebody else's nurse, another device."""

import base64
import json
import uuid
from typing import Any

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from shared import access
from tests.journeys import device
from tests.journeys.hospital import NEVER, Hospital, Patient, bearer, eventually

NOBODY = str(uuid.UUID(int=1))

DOORS = [
    ("ingest", "POST", "/v1/observations"),
    ("ingest", "POST", "/v1/attachments"),
    ("ingest", "POST", "/fhir"),
    ("ingest", "POST", "/fhir/Observation"),
    ("ingest", "POST", "/fhir/QuestionnaireResponse"),
    ("patients", "GET", "/v1/units"),
    ("patients", "GET", "/v1/staff"),
    ("patients", "GET", "/v1/patients"),
    ("patients", "POST", "/v1/patients"),
    ("patients", "GET", "/v1/patients/{patient}"),
    ("patients", "GET", "/v1/patients/{patient}/readings"),
    ("patients", "GET", "/v1/patients/{patient}/attachments"),
    ("patients", "GET", "/v1/attachments/{patient}"),
    ("patients", "GET", "/v1/attachments/{patient}/thumbnail"),
    ("patients", "POST", "/v1/patients/{patient}/attachments"),
    ("patients", "GET", "/fhir/Media?patient={patient}"),
    ("patients", "GET", "/v1/patients/{patient}/bindings"),
    ("patients", "POST", "/v1/patients/{patient}/limits"),
    ("patients", "GET", "/v1/patients/{patient}/access-log"),
    ("patients", "GET", "/v1/credentials"),
    ("patients", "POST", "/v1/credentials"),
    ("patients", "GET", "/v1/quarantine"),
    ("patients", "GET", "/fhir/Observation?patient={patient}"),
    ("patients", "GET", "/fhir/Patient/{patient}"),
    ("alerts", "GET", "/v1/worklist?unit={unit}"),
    ("alerts", "GET", "/v1/worklist/stream?unit={unit}"),
    ("alerts", "GET", "/v1/alerts?patient={patient}"),
    ("alerts", "POST", "/v1/alerts/{patient}/moves"),
    ("alerts", "GET", "/v1/scores?patient={patient}"),
    ("alerts", "POST", "/v1/scores/news2"),
    ("alerts", "POST", "/v1/what-if"),
    ("alerts", "GET", "/v1/why-not?patient={patient}&fact={patient}"),
    ("alerts", "GET", "/v1/burden?unit={unit}"),
]


@pytest.fixture(scope="module")
def someone(hospital: Hospital) -> Patient:
    """With a reading, so that there is something to be kept from others."""
    patient = hospital.patient()
    hospital.send_one(patient, device.low_pressure())
    return patient


def ask(
    hospital: Hospital, door: tuple[str, str, str], someone: Patient, headers: dict[str, str]
) -> int:
    service, method, path = door
    client = getattr(hospital, service)
    url = path.format(patient=someone.id, unit=hospital.unit)
    body: Any = {} if method == "POST" else None
    with client.stream(method, url, json=body, headers=headers) as answer:
        return int(answer.status_code)


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_without_a_valid_token_every_door_is_shut(
    hospital: Hospital, someone: Patient, door: tuple[str, str, str]
) -> None:
    for headers in (
        {},
        bearer("x" * 40),
        {"authorization": "Basic " + base64.b64encode(b"a:b").decode()},
        bearer(unsigned(hospital)),
        bearer(signed_by_another(hospital)),
    ):
        assert ask(hospital, door, someone, headers) == 401


def unsigned(hospital: Hospital) -> str:
    """A token whose header says that it needs no signature."""
    parts = [
        {"alg": "none", "typ": "at+jwt"},
        {"iss": access.ISSUER, "aud": "hjemvakt", "sub": "x", "role": "nurse", "org": hospital.org},
    ]
    return ".".join(
        [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in parts]
        + [""]
    )


def signed_by_another(hospital: Hospital) -> str:
    key = hospital.directory / "another.jwk"
    key.write_text(access.DevelopmentIssuer.new_key())
    caller = access.Caller("x", "X", access.Role.NURSE, hospital.org)
    return access.DevelopmentIssuer(key, "test").token(caller)


@pytest.mark.parametrize(
    "door",
    [one for one in DOORS if one[1] == "GET" and "{patient}" in one[2]],
    ids=" ".join,
)
def test_a_patient_is_not_shown_to_strangers(
    hospital: Hospital, someone: Patient, door: tuple[str, str, str]
) -> None:
    elsewhere = hospital.new_unit("Elsewhere", NEVER)
    strangers = {
        "another organisation's nurse": hospital.log_in(org="elsewhere"),
        "another unit's nurse": hospital.log_in(units=[elsewhere]),
        "another patient": hospital.log_in("patient", patient=NOBODY, units=[]),
        "a device": someone.bearer,
    }

    answers = {who: ask(hospital, door, someone, headers) for who, headers in strangers.items()}

    assert {who: status for who, status in answers.items() if status not in (401, 403, 404)} == {}


def test_the_worklist_of_another_unit_is_not_hers(hospital: Hospital, someone: Patient) -> None:
    stranger = hospital.log_in(units=[hospital.new_unit("Far away", NEVER)])

    answer = hospital.alerts.get("/v1/worklist", params={"unit": hospital.unit}, headers=stranger)

    assert answer.status_code in (403, 404) or answer.json()["rows"] == []
    assert someone.id not in answer.text


def test_an_alert_is_moved_only_by_those_who_may(hospital: Hospital, someone: Patient) -> None:
    alert = hospital.alert(someone, "blood-pressure")
    may_not = [
        hospital.log_in("auditor", units=[]),
        hospital.log_in("patient", patient=someone.id, units=[]),
        hospital.log_in(org="elsewhere"),
        hospital.log_in(units=[]),
    ]

    statuses = {hospital.move(alert, "acknowledge", who).status_code for who in may_not}

    assert statuses <= {403, 404}
    assert hospital.alert_now(alert)["state"] == "open"


def test_no_error_repeats_what_was_sent(hospital: Hospital, someone: Patient) -> None:
    secret_value = "31415926"
    sent: list[Any] = [
        hospital.ingest.post(
            "/v1/observations", content=f'{{"v":{secret_value}'.encode(), headers=someone.bearer
        ),
        hospital.patients.post(
            f"/v1/patients/{someone.id}/readings",
            json={"kind": secret_value, "at": secret_value, "values": {secret_value: secret_value}},
            headers=hospital.nurse,
        ),
        hospital.alerts.post(
            "/v1/scores/news2", json={"pulse": int(secret_value)}, headers=hospital.nurse
        ),
    ]

    for answer in sent:
        assert 400 <= answer.status_code < 500
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert secret_value not in answer.text


def test_a_device_publishes_under_its_own_name_only(hospital: Hospital, patient: Patient) -> None:
    other = hospital.patient()

    with hospital.device(patient) as scale:
        said = scale.puback(f"hjv/1/{hospital.org}/{other.cred}/obs", device.weight())

    assert said == "Not authorized"
    assert hospital.observations(other) == []
    assert hospital.observations(patient) == []


@pytest.mark.parametrize(
    "version", [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311], ids=["5", "3.1.1"]
)
def test_the_broker_wants_the_right_secret(
    hospital: Hospital, patient: Patient, version: MQTTProtocolVersion
) -> None:
    forger = Patient(patient.id, patient.cred, "x" * 32)

    with pytest.raises(PermissionError):
        hospital.device(forger, version=version, attempts=2)


def test_a_new_secret_ends_the_old_one(hospital: Hospital, patient: Patient) -> None:
    rotated = hospital.patients.post(
        f"/v1/credentials/{patient.cred}/rotate", headers=hospital.administrator
    )
    assert rotated.status_code == 200
    renewed = Patient(patient.id, patient.cred, rotated.json()["secret"])

    assert hospital.send_one(renewed, device.weight())["result"] == "stored"
    eventually(lambda: _refused(hospital, patient))
    with hospital.device(renewed) as scale:
        assert scale.ask(device.weight())["result"] == "stored"


def _refused(hospital: Hospital, patient: Patient) -> bool:
    answer = hospital.ingest.post("/v1/observations", json=device.weight(), headers=patient.bearer)
    return answer.status_code == 401
