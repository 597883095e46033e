"""A hospital's interface engine and an implant portal send HL7 v2; the nurse sees what they say."""

import base64
import socket
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, eventually

START, END = b"\x0b", b"\x1c\r"


def message(secret: str, pid: str, at: datetime, *results: str) -> bytes:
    stamp = at.strftime("%Y%m%d%H%M%S%z")
    return "\r".join(
        (
            rf"MSH|^~\&|Engine|Clinic|||{stamp}|{secret}|ORU^R01^ORU_R01|{uuid4().hex}|P|2.6",
            f"PID|||{pid}",
            f"OBR|1||{uuid4().hex}|RESULTS|||{stamp}",
            *results,
            "",
        )
    ).encode()


def exchanged(hospital: Hospital, *bodies: bytes) -> list[list[str]]:
    """The MSA of each message's acknowledgement."""
    address = urlsplit(hospital.addresses["mllp"])
    assert address.hostname
    assert address.port
    answers = []
    with socket.create_connection((address.hostname, address.port), timeout=20) as line:
        for body in bodies:
            line.sendall(START + body + END)
            received = b""
            while not received.endswith(END):
                received += line.recv(65_536)
            text = received.strip(START + END).decode()
            answers.append(next(each for each in text.split("\r") if each[:3] == "MSA").split("|"))
    return answers


def test_a_low_pressure_from_an_engine_is_red_for_the_numbered_patient(hospital: Hospital) -> None:
    patient = hospital.patient()
    pid = f"{patient.number}^^^&{patient.system.removeprefix('urn:oid:')}&ISO"
    results = (
        "OBX|1|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.0.1.1|72|mm[Hg]|||||F",
        "OBX|2|NM|150022^MDC_PRESS_BLD_NONINV_DIA^MDC|1.0.1.2|45|mm[Hg]|||||F",
    )
    body = message(hospital.seeded["system"]["secret"], pid, device.ago(0), *results)

    first, again = exchanged(hospital, body, body)

    assert (first[1], first[3]) == ("AA", "1 stored")
    assert (again[1], again[3]) == ("AA", "1 duplicate")
    row: Any = eventually(
        lambda: (found := hospital.row(patient)) and found["colour"] == "red" and found
    )
    assert {(one["field"], int(one["value"])) for one in row["values"]} >= {("systolic", 72)}


def test_an_implants_battery_reaches_the_patient_who_has_it(hospital: Hospital) -> None:
    new = {"name": "Test Testesen Implantat", "born": "1950-02-03", "unit_id": hospital.unit}
    nurse = hospital.nurse
    patient_id = hospital.made(hospital.patients, "/v1/patients", new, nurse)["id"]
    path = f"/v1/patients/{patient_id}"
    since = device.ago(86_400).isoformat(timespec="seconds")
    enrolment = {"programme": "pacemaker_icd", "from": since}
    hospital.made(hospital.patients, f"{path}/enrolments", enrolment, nurse)
    cred, secret = hospital.new_credential()
    serial = f"EX{uuid4().hex[:8]}"
    bound = {"cred": cred, "slot": serial, "from": since}
    hospital.made(hospital.patients, f"{path}/bindings", bound, nurse)
    status = "OBX|1|CWE|721280^MDC_IDC_MSMT_BATTERY_STATUS^MDC_IDC||754115^RRT^MDC||||||F"

    [known] = exchanged(
        hospital,
        message(secret, f"model:Example/serial:{serial}^^^EXA^U", device.ago(0), status),
    )
    [stranger] = exchanged(
        hospital, message(secret, "model:Example/serial:OTHER^^^EXA^U", device.ago(0), status)
    )

    assert (known[1], known[3]) == ("AA", "1 stored")
    assert (stranger[1], stranger[3]) == ("AE", "1 quarantined")
    patient = Patient(patient_id, cred, secret)
    alert = eventually(
        lambda: next(iter((hospital.row(patient) or {"alerts": ()})["alerts"]), None)
    )
    assert alert["colour"] == "yellow"
    assert [one["code"] for one in hospital.quarantined(cred)] == ["unbound"]


def test_a_report_in_a_message_is_a_document_that_the_nurse_can_open(hospital: Hospital) -> None:
    patient = hospital.patient()
    pid = f"{patient.number}^^^&{patient.system.removeprefix('urn:oid:')}&ISO"
    file = b"%PDF-1.4\n" + uuid4().hex.encode() * 60_000 + b"\n%%EOF\n"
    text = base64.b64encode(file).decode()
    of = "18750-0^Report of the device clinic^LN"
    result = f"OBX|1|ED|{of}||EX^application^pdf^Base64^{text}||||||F"
    body = message(hospital.seeded["system"]["secret"], pid, device.ago(0), result)

    [answer] = exchanged(hospital, body)

    assert (answer[1], answer[3]) == ("AA", "1 stored")
    search = {"patient": patient.id}
    found = hospital.patients.get("/fhir/DocumentReference", params=search, headers=hospital.nurse)
    [entry] = found.json()["entry"]
    assert entry["resource"]["description"] == "Report of the device clinic"
    url = entry["resource"]["content"][0]["attachment"]["url"]
    assert hospital.patients.get(url, headers=hospital.nurse).content == file
    listed = hospital.patients.get(
        f"/v1/patients/{patient.id}/attachments", headers=hospital.nurse
    ).json()
    assert [one["kind"] for one in listed["attachments"]] == ["document"]
