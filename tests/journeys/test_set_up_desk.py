"""The set-up desk, asked without a browser: who may, what is written down, and ten thousand."""

import os
import re
import sys
import time
from uuid import uuid4

from tests.journeys import device
from tests.journeys.hospital import NEVER, Hospital, Patient, bearer

SYSTEM = "urn:example:replay"
MANY = int(os.environ.get("HJEMVAKT_TEST_REPLAYED", "600"))
AT_ONCE = 200


def quarantined(hospital: Hospital, secret: str, subject: device.Json, many: int) -> None:
    for start in range(0, many, AT_ONCE):
        sent = [
            device.observation(
                subject, 60, effectiveDateTime=device.ago((start + n) * 30).isoformat()
            )
            for n in range(min(AT_ONCE, many - start))
        ]
        body = device.bundle("batch", *sent)
        answer = hospital.ingest.post("/fhir", json=body, headers=bearer(secret))
        assert answer.status_code == 200, answer.text


def test_all_of_a_reason_are_read_once_however_many_and_however_often_one_presses(
    hospital: Hospital,
) -> None:
    patient = hospital.new_patient()
    cred, secret = hospital.new_credential(kind="system")
    identifier = {"system": SYSTEM, "value": uuid4().hex}
    quarantined(hospital, secret, {"identifier": identifier}, MANY)
    path = f"/v1/patients/{patient.id}/identifiers"
    added = hospital.patients.post(path, json=identifier, headers=hospital.nurse)
    assert added.status_code in (200, 201, 204), added.text

    form = {"code": "unknown-subject", "cred": cred}
    began = time.monotonic()
    asked = hospital.patients.post("/setup/quarantine/replay", data=form, headers=hospital.nurse)
    said = time.monotonic() - began
    assert asked.status_code == 303, asked.text
    progress = asked.headers["location"]
    again = hospital.patients.post("/setup/quarantine/replay", data=form, headers=hospital.nurse)
    nothing = hospital.patients.get(again.headers["location"], headers=hospital.nurse).text
    assert "data-waits" not in nothing

    seen, deadline = set(), time.monotonic() + 300
    while "data-waits" in (page := hospital.patients.get(progress, headers=hospital.nurse).text):
        assert time.monotonic() < deadline
        seen |= set(re.findall(r'<progress max="\d+" value="(\d+)"', page))
        time.sleep(0.2)
    took = time.monotonic() - began
    sys.stderr.write(f"{MANY} asked in {said:.1f} s, read in {took:.1f} s, {len(seen)} steps\n")
    assert f"{MANY} har funnet pasienten sin" in page
    assert len(hospital.observations(patient)) == MANY


def test_an_item_of_another_unit_is_not_there(hospital: Hospital, patient: Patient) -> None:
    hospital.send_one(patient, device.weight(4711.25))
    [item] = hospital.quarantined(patient.cred)
    elsewhere = hospital.log_in("nurse", units=[hospital.new_unit("Annet sted", NEVER)])
    place = f"/setup/quarantine/{item['id']}"
    assert hospital.patients.get(place, headers=elsewhere).status_code == 404
    form = {"reason": "prøve"}
    refused = hospital.patients.post(f"{place}/reject", data=form, headers=elsewhere)
    assert refused.status_code == 404
    assert item["id"] not in hospital.patients.get("/setup/quarantine", headers=elsewhere).text
    assert (
        hospital.patients.get(f"/setup/devices/{patient.cred}", headers=elsewhere).status_code
        == 404
    )
    assert len(hospital.quarantined(patient.cred)) == 1


def test_roles_get_the_pages_that_are_theirs(hospital: Hospital, patient: Patient) -> None:
    hospital.send_one(patient, device.weight(4711.25))
    [item] = hospital.quarantined(patient.cred)
    one = f"/setup/quarantine/{item['id']}"
    wanted = {
        "/setup": (200, 200, 200), "/setup/quarantine": (200, 200, 403), one: (200, 200, 403),
        "/setup/devices": (200, 200, 403), f"/setup/devices/{patient.cred}": (200, 200, 403),
        "/setup/units": (200, 200, 200), "/setup/staff": (200, 200, 200),
        "/setup/staff/new": (403, 200, 403), "/setup/enrol": (200, 403, 403),
    }  # fmt: skip
    roles = (hospital.nurse, hospital.administrator, hospital.staff("auditor"))
    for place, expected in wanted.items():
        found = tuple(hospital.patients.get(place, headers=who).status_code for who in roles)
        assert found == expected, place
    for act in ("replay", "reject", "release", "bind", "find"):
        answer = hospital.patients.post(f"{one}/{act}", data={}, headers=hospital.administrator)
        assert answer.status_code == 403, act
    assert len(hospital.quarantined(patient.cred)) == 1


def test_who_looked_at_the_desk_stands_in_the_patients_log(
    hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.weight(4711.25))
    [item] = hospital.quarantined(patient.cred)
    auditor = hospital.staff("auditor")
    path = f"/v1/patients/{patient.id}/access-log"

    def looks() -> list[tuple[str, str]]:
        told = hospital.patients.get(path, headers=auditor).json()["looks"]
        return [(one["what"], one["outcome"]) for one in told]

    before = looks().count(("quarantine", "shown"))
    hospital.patients.get(f"/setup/quarantine?cred={patient.cred}", headers=hospital.nurse)
    hospital.patients.get(f"/setup/quarantine/{item['id']}", headers=hospital.nurse)
    hospital.patients.get(f"/setup/devices/{patient.cred}", headers=hospital.nurse)
    assert looks().count(("quarantine", "shown")) == before + 2
    assert ("bindings", "shown") in looks()
    form = {"reason": "Målt på en kaffekopp"}
    done = hospital.patients.post(
        f"/setup/quarantine/{item['id']}/reject", data=form, headers=hospital.nurse
    )
    assert done.status_code == 303
    assert ("quarantine", "changed") in looks()
    again = hospital.patients.post(
        f"/setup/quarantine/{item['id']}/reject", data=form, headers=hospital.nurse
    )
    assert again.status_code == 409
    assert "Noen andre har allerede behandlet" in again.text
