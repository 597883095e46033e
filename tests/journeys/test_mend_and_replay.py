"""What was set aside for one reason is mended and read again in one go, each exactly once, and the
end is what it had been if it had been right the first time.
"""

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import asyncpg

from tests.journeys import device
from tests.journeys.hospital import Hospital, Patient, bearer, eventually

MANY = int(os.environ.get("HJEMVAKT_MENDED", "600"))
SYSTEM = "urn:example:hospital"
AT_ONCE = 200
# Slow: a machine that does nothing else reads some five hundred a second again.
WITHIN = 60 + MANY / 20


def test_readings_of_somebody_who_was_not_registered_are_filed_once_he_is(
    hospital: Hospital,
) -> None:
    since = device.ago(MANY * 60 + 30 * 86_400).isoformat(timespec="seconds")
    right, late = (hospital.new_patient(enrolled=since) for _ in range(2))
    cred, secret = hospital.new_credential(kind="system")
    numbers = {right.id: uuid4().hex, late.id: uuid4().hex}
    register(hospital, right, numbers[right.id])
    moments = [device.ago(n * 60).isoformat(timespec="seconds") for n in range(MANY)]
    sent = {
        one.id: [
            device.observation(
                {"identifier": {"system": SYSTEM, "value": numbers[one.id]}},
                # The newest is kilos above those of the days before.
                63.5 if not n else 60 + n % 40 / 100,
                effectiveDateTime=at,
            )
            for n, at in enumerate(moments)
        ]
        for one in (right, late)
    }
    assert send(hospital, secret, sent[right.id]) == {"201": MANY}
    assert send(hospital, secret, sent[late.id]) == {"202": MANY}
    assert len(hospital.quarantined(cred)) == MANY
    assert hospital.observations(late) == []

    register(hospital, late, numbers[late.id])
    which = {"code": "unknown-subject", "cred": cred}
    began = time.monotonic()
    asked = hospital.patients.post("/v1/quarantine/replay", json=which, headers=hospital.nurse)
    assert (asked.status_code, asked.json()["replaying"]) == (202, MANY)
    asked_in = time.monotonic() - began
    hospital.killed("ingest")  # in the middle of it
    # The sender has waited long enough, and sends all of it again meanwhile.
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(send, hospital, secret, sent[late.id])
        eventually(lambda: not waiting(hospital, cred), within=WITHIN)
        took = time.monotonic() - began
        # Known again, or still set aside when it came; never stored a second time.
        assert again.result(timeout=WITHIN).keys() <= {"200", "202"}

    sys.stderr.write(f"{MANY} asked for in {asked_in:.1f} s, filed in {took:.1f} s\n")
    assert len(hospital.quarantined(cred, "released")) == MANY
    assert measured(hospital, late) == measured(hospital, right)
    of_late, of_right = (asyncio.run(ledger_of(hospital, one)) for one in (late, right))
    assert of_late == of_right == {"facts": MANY, "current": MANY, "receipts": MANY}
    eventually(lambda: shown(hospital, late) == shown(hospital, right) != [], within=WITHIN)
    path = f"/v1/quarantine/runs/{asked.json()['run']}"
    run = hospital.patients.get(path, headers=hospital.nurse).json()
    told = run["number"], run["replaying"], run["released"], run["waiting"]
    assert told == (MANY, 0, MANY, 0)
    once_more = hospital.patients.post("/v1/quarantine/replay", json=which, headers=hospital.nurse)
    assert once_more.json() == {"replaying": 0, "run": None}
    assert send(hospital, secret, sent[late.id]) == {"200": MANY}


def register(hospital: Hospital, patient: Patient, number: str) -> None:
    answer = hospital.patients.post(
        f"/v1/patients/{patient.id}/identifiers",
        json={"system": SYSTEM, "value": number},
        headers=hospital.nurse,
    )
    assert answer.status_code in (200, 201, 204), answer.text


def send(hospital: Hospital, secret: str, observations: list[Any]) -> dict[str, int]:
    """In batches; how many entries were answered with each status."""
    told: dict[str, int] = {}
    for start in range(0, len(observations), AT_ONCE):
        body = device.bundle("batch", *observations[start : start + AT_ONCE])
        answer = hospital.ingest.post("/fhir", json=body, headers=bearer(secret))
        assert answer.status_code == 200, answer.text
        for entry in answer.json()["entry"]:
            status = entry["response"]["status"][:3]
            told[status] = told.get(status, 0) + 1
    return told


def waiting(hospital: Hospital, cred: str) -> bool:
    asked = {"cred": cred, "state": "waiting", "limit": 1}
    answer = hospital.patients.get("/v1/quarantine", params=asked, headers=hospital.nurse)
    assert answer.status_code == 200, answer.text
    time.sleep(0.2)
    return bool(answer.json()["items"])


def measured(hospital: Hospital, patient: Patient) -> list[Any]:
    """What a reader is told of each reading, but for the names that tell one from another, and
    the mark of one that was filed more than an hour after it was measured."""
    return sorted(
        (one["effectiveDateTime"], one["valueQuantity"]["value"], one["status"])
        for one in hospital.observations(patient)
    )


def shown(hospital: Hospital, patient: Patient) -> list[Any]:
    """What is on the patient's row: the alerts, by rule group and colour."""
    row = hospital.row(patient)
    alerts = row["alerts"] if row else ()
    return sorted((one["group"], one["colour"], one["state"]) for one in alerts)


async def ledger_of(hospital: Hospital, patient: Patient) -> dict[str, int]:
    connection = await asyncpg.connect(hospital.addresses["database"])
    try:
        return dict(await connection.fetchrow(LEDGER, hospital.org, patient.id) or {})
    finally:
        await connection.close()


LEDGER = """
select (select count(*) from ledger.reading where org = $1 and patient_id = $2::uuid) as facts,
       (select count(*) from ledger.current where org = $1 and patient_id = $2::uuid) as current,
       (select count(*) from ledger.receipt where org = $1 and patient_id = $2::uuid) as receipts
"""
