"""Who saw what, through the running services: every answered request stands in the audit trail, the
patient and the auditor can read it, and whoever changes it is found."""

import asyncio
import json
import os
import random
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.journeys import device
from tests.journeys import hospital as toolkit
from tests.journeys.hospital import NEVER, Hospital, Patient, bearer, eventually

REQUESTS = int(os.environ.get("HJEMVAKT_TEST_REQUESTS", "400"))


def rows(hospital: Hospital, query: str, *arguments: Any) -> list[Any]:
    """As the owner of the database, to look behind the doors."""

    async def run() -> list[Any]:
        connection = await asyncpg.connect(hospital.addresses["database"])
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    return asyncio.run(run())


def around_now() -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": (now + timedelta(minutes=5)).isoformat(),
    }


def test_the_patient_reads_who_has_seen_him_on_the_list_and_in_the_record(
    hospital: Hospital, patient: Patient
) -> None:
    hospital.send_one(patient, device.low_pressure())
    hospital.alert(patient, "blood-pressure")
    hospital.readings(patient)

    path = f"/v1/patients/{patient.id}/access-log"
    answer = hospital.patients.get(path, headers=bearer(patient.token))
    assert answer.status_code == 200, answer.text
    told = [(look["role"], look["what"], look["outcome"]) for look in answer.json()["looks"]]
    assert ("nurse", "worklist", "shown") in told
    assert ("nurse", "readings", "shown") in told
    nurses = {look["name"] for look in answer.json()["looks"] if look["role"] == "nurse"}
    assert nurses
    assert None not in nurses
    # Nobody else who stood on the same list is named to him.
    others = {one["id"] for one in hospital.seeded["patients"]} - {patient.id}
    assert [other for other in others if other in answer.text] == []


def test_an_auditor_learns_whose_records_a_nurse_has_seen(
    hospital: Hospital, patient: Patient
) -> None:
    nurse = str(uuid.uuid4())
    headers = hospital.log_in(person=nurse)
    seen = [patient, hospital.patient()]
    for one in seen:
        hospital.patients.get(f"/v1/patients/{one.id}/readings", headers=headers)
        hospital.alerts.get(f"/v1/scores?patient={one.id}", headers=headers)
    stranger = hospital.log_in(person=nurse, units=[hospital.new_unit("Elsewhere", NEVER)])
    refused = hospital.patient()
    hospital.patients.get(f"/v1/patients/{refused.id}/readings", headers=stranger)

    auditor = hospital.log_in("auditor", person="auditor")
    asked = {"by": nurse, **around_now()}
    answer = hospital.patients.get("/v1/access-log/patients", params=asked, headers=auditor)
    found = {one["id"]: one["what"] for one in answer.json()["patients"]}
    assert found == {one.id: ["readings", "scores"] for one in seen}
    tried = hospital.patients.get(
        "/fhir/AuditEvent",
        params={"agent": nurse, "patient": refused.id, "outcome": "4"},
        headers=auditor,
    ).json()
    assert len(tried["entry"]) == 1
    assert tried["entry"][0]["resource"]["outcomeDesc"] == "refused"


def test_what_the_live_stream_tells_of_is_written_first(
    hospital: Hospital, patient: Patient
) -> None:
    nurse = str(uuid.uuid4())
    headers = hospital.log_in(person=nurse)
    with hospital.alerts.stream("GET", "/v1/worklist/stream", headers=headers) as stream:
        lines = stream.iter_lines()
        for line in lines:
            if line.startswith("event: heartbeat"):
                break
        hospital.send_one(patient, device.low_pressure())
        for line in lines:
            if line.startswith("data:") and patient.id in line:
                break
    found = rows(
        hospital,
        "select what from audit.event where by = $1 and patients @> array[$2::text::uuid]",
        nurse,
        patient.id,
    )
    assert "stream" in {row["what"] for row in found}


def test_every_answered_request_stands_in_the_trail(hospital: Hospital) -> None:
    """A mixture of people, doors and refusals; each answer's request id is looked up."""
    chance = random.Random(4)
    people = [one["id"] for one in hospital.seeded["patients"][:20]] + [str(uuid.uuid4())]
    callers = [
        hospital.nurse,
        hospital.administrator,
        hospital.log_in("auditor", person="auditor"),
        hospital.log_in(units=[str(uuid.uuid4())], person="elsewhere"),
        hospital.log_in(org="another-hospital", units=[str(uuid.uuid4())]),
        bearer(hospital.seeded["patients"][0]["token"]),
    ]
    doors = [
        (hospital.patients, path)
        for path in (
            "/v1/units", "/v1/staff", "/v1/patients", "/v1/devices", "/v1/quarantine",
            "/v1/programmes", "/v1/patients/{patient}", "/v1/patients/{patient}/readings",
            "/v1/patients/{patient}/limits", "/v1/patients/{patient}/bindings",
            "/v1/patients/{patient}/access-log", "/v1/patients/{patient}/readings?limit=nonsense",
            "/fhir/Patient/{patient}", "/fhir/Observation?patient={patient}",
            "/fhir/AuditEvent?patient={patient}", "/v1/patients/{patient}/attachments",
        )
    ] + [
        (hospital.alerts, path)
        for path in (
            "/v1/worklist", "/v1/alerts", "/v1/alerts?patient={patient}",
            "/v1/scores?patient={patient}", "/v1/tasks", "/v1/deliveries", "/",
            "/patients/{patient}", "/v1/alerts/{patient}", "/v1/burden?unit={unit}",
        )
    ]  # fmt: skip
    sent: dict[str, tuple[int, str]] = {}
    for _ in range(REQUESTS):
        client, path = chance.choice(doors)
        address = path.format(patient=chance.choice(people), unit=hospital.unit)
        answer: httpx.Response = client.get(address, headers=chance.choice(callers))
        assert answer.status_code < 500, (address, answer.text)
        sent[answer.headers["x-request-id"]] = (answer.status_code, address)

    found: dict[str, set[str]] = {}
    for row in rows(
        hospital,
        "select request_id, outcome from audit.event where request_id = any($1)",
        list(sent),
    ):
        found.setdefault(row["request_id"], set()).add(row["outcome"])
    assert {sent[one] for one in sent.keys() - found.keys()} == set()
    wrong = [
        (status, address, found[one])
        for one, (status, address) in sent.items()
        if (status < 400) != bool(found[one] & {"shown", "changed"})
    ]
    assert wrong == []
    assert {status for status, _ in sent.values()} >= {200, 403, 404, 422}


def test_a_stranger_is_written_down_without_an_organisation(hospital: Hospital) -> None:
    for client in (hospital.ingest, hospital.patients, hospital.alerts):
        path = "/v1/observations" if client is hospital.ingest else "/v1/staff"
        asked = client.post if client is hospital.ingest else client.get
        assert asked(path, headers=bearer("x" * 40)).status_code in (401, 404)

    def written() -> bool:
        query = "select door from audit.event where org = '' and outcome = 'refused'"
        return {row["door"] for row in rows(hospital, query)} >= {
            "POST /v1/observations", "GET /v1/staff",
        }  # fmt: skip

    assert eventually(written, 15)


def run(hospital: Hospital, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*toolkit.COMMAND, "audit", *arguments, "--data-dir", str(hospital.directory)],
        capture_output=True, text=True, timeout=60, env=toolkit.environment(), check=False,
    )  # fmt: skip


@pytest.fixture
def old(hospital: Hospital) -> str:
    """Acts of some days ago, sealed. Their organisation has nothing else."""
    org = f"old-{uuid.uuid4().hex[:8]}"
    rows(hospital, "insert into ledger.organisation (org) values ($1)", org)
    rows(
        hospital,
        "insert into audit.event (org, at, by, role, units, patients, what, why, outcome)"
        " select $1, now() - n * interval '1 day', 'anne', 'nurse', '{}',"
        " array[gen_random_uuid()], 'patient', 'treatment', 'shown' from generate_series(2, 6) n",
        org,
    )
    assert run(hospital, "seal").returncode == 0
    return org


def test_the_owner_who_changes_a_row_is_found_out(
    hospital: Hospital, old: str, tmp_path: Path
) -> None:
    kept = run(hospital, "anchor")
    assert len([line for line in kept.stdout.splitlines() if json.loads(line)["org"] == old]) == 5
    anchors = tmp_path / "anchors.jsonl"
    anchors.write_text(kept.stdout)
    whole = run(hospital, "verify", "--anchors", str(anchors))
    assert whole.returncode == 0, whole.stdout + whole.stderr

    (victim,) = rows(
        hospital,
        "update audit.event set by = 'somebody else' where org = $1"
        " and at = (select min(at) from audit.event where org = $1) returning id",
        old,
    )
    found = run(hospital, "verify")
    assert found.returncode == 1
    assert [line for line in found.stdout.splitlines() if old in line] == [
        line for line in found.stdout.splitlines() if str(victim["id"]) in line
    ]
    assert "has been changed" in found.stdout

    # He makes the whole chain anew: only what was kept outside tells.
    rows(hospital, "delete from audit.day where org = $1", old)
    assert run(hospital, "seal").returncode == 0
    assert old not in run(hospital, "verify").stdout
    assert old in run(hospital, "verify", "--anchors", str(anchors)).stdout
    rows(hospital, "delete from audit.day where org = $1", old)
    rows(hospital, "delete from audit.event where org = $1", old)
