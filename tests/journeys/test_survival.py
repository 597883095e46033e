"""What was acknowledged is there, once, and judged, whatever is killed or sent."""

import asyncio
import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from tests.journeys import device
from tests.journeys.device import Json
from tests.journeys.hospital import Hospital, Patient, eventually

BLOBS = int(os.environ.get("HJEMVAKT_BLOBS", "2000"))
SECONDS = 8.0
PACE = 0.05


def test_nothing_acknowledged_is_lost_when_services_are_killed(hospital: Hospital) -> None:
    """Ingest is killed twice and alerts once while four senders send until they are answered."""
    patients = [hospital.patient(), hospital.patient()]
    acknowledged: dict[str, dict[str, str]] = {patient.id: {} for patient in patients}
    faults: list[str] = []
    stop = threading.Event()
    senders = [
        threading.Thread(target=guarded, args=(faults, send, hospital, patient, stop, acknowledged))
        for patient, send in itertools.product(patients, (over_http, over_mqtt))
    ]
    for sender in senders:
        sender.start()

    for part in ("ingest", "alerts", "ingest"):
        time.sleep(SECONDS / 4)
        hospital.killed(part)
    time.sleep(SECONDS / 4)
    stop.set()
    for sender in senders:
        sender.join(60)

    assert faults == []
    assert not any(sender.is_alive() for sender in senders), "a sender was never answered"
    for patient in patients:
        sent = acknowledged[patient.id]
        assert len(sent) > 20
        found = stored(hospital, patient)
        assert {message: found[message] for message in sent if message in found} == sent
        assert sorted(found) == sorted(sent)
    eventually(lambda: _nothing_waits(hospital), 30)
    for patient in patients:
        facts = [UUID(ref.partition("/")[2]) for ref in acknowledged[patient.id].values()]
        judged = Counter(asyncio.run(found_of(hospital, patient)))
        assert [judged[fact] for fact in facts] == [1] * len(facts)
        assert hospital.alert(patient, "blood-pressure")["colour"] == "red"


def guarded(faults: list[str], send: Any, *arguments: Any) -> None:
    try:
        send(*arguments)
    except Exception as error:
        faults.append(f"{send.__name__}: {error!r}")


def over_http(
    hospital: Hospital, patient: Patient, stop: threading.Event, acknowledged: dict[str, Any]
) -> None:
    with httpx.Client(base_url=hospital.addresses["ingest"], trust_env=False, timeout=5) as client:
        while not stop.is_set():
            reading = device.low_pressure()
            for _ in range(200):
                try:
                    answer = client.post("/v1/observations", json=reading, headers=patient.bearer)
                    if answer.status_code == 200:
                        break
                    assert answer.status_code == 503, answer.text
                except httpx.TransportError:
                    pass
                time.sleep(0.1)
            note(answer.json()["results"][0], patient, acknowledged)
            time.sleep(PACE)


def over_mqtt(
    hospital: Hospital, patient: Patient, stop: threading.Event, acknowledged: dict[str, Any]
) -> None:
    with hospital.device(patient) as cuff:
        while not stop.is_set():
            note(cuff.ask_until_answered(device.low_pressure()), patient, acknowledged)
            time.sleep(PACE)


def note(receipt: Any, patient: Patient, acknowledged: dict[str, Any]) -> None:
    assert receipt["result"] in ("stored", "duplicate"), receipt
    acknowledged[patient.id][receipt["id"]] = receipt["ref"]


def stored(hospital: Hospital, patient: Patient) -> dict[str, str]:
    """Reference by the sender's message id. A message that is there twice is a failure."""
    found: dict[str, str] = {}
    for one in hospital.observations(patient):
        [message] = [
            each["value"] for each in one["identifier"] if each["system"] == "urn:hjv:message"
        ]
        assert message not in found, "a reading is there twice"
        found[message] = f"Observation/{one['id']}"
    return found


def _nothing_waits(hospital: Hospital) -> bool:
    return bool(asyncio.run(_asked(hospital, "select count(*) = 0 from ledger.handover")))


async def _asked(hospital: Hospital, question: str) -> Any:
    connection = await asyncpg.connect(hospital.addresses["database"])
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def found_of(hospital: Hospital, patient: Patient) -> list[UUID]:
    """The facts that findings of the low pressure rule name."""
    connection = await asyncpg.connect(hospital.addresses["database"])
    try:
        rows = await connection.fetch(
            """
            select unnest(facts) fact from alerts.finding
            where patient_id = $1 and rule = 'hd-5-red-low'
            """,
            UUID(patient.id),
        )
        return [row["fact"] for row in rows]
    finally:
        await connection.close()


def test_whatever_bytes_are_sent_each_message_is_accounted_for(
    hospital: Hospital, patient: Patient
) -> None:
    """HJEMVAKT_BLOBS says how many (2 000), half over HTTP and half over MQTT."""
    sent = list(itertools.islice(blobs(random.Random(20260203)), BLOBS))
    refused_before = refused(hospital)
    told: Counter[str] = Counter()
    set_aside: set[str] = set()

    for blob in sent[::2]:
        answer = hospital.ingest.post(
            "/v1/observations",
            content=blob,
            headers=patient.bearer | {"content-type": "application/json"},
        )
        if answer.status_code == 200:
            for receipt in answer.json()["results"]:
                count(receipt, told, set_aside)
        else:
            assert answer.status_code in (400, 413, 422), (answer.status_code, blob[:80])
            assert answer.json()["code"]
            told["refused"] += 1

    with hospital.device(patient) as gateway:
        waiting = [gateway.put(blob) for blob in sent[1::2]]
        for correlation in waiting:
            answered = gateway.receipt(correlation, 30)
            for receipt in answered if isinstance(answered, list) else [answered]:
                count(receipt, told, set_aside)

    assert refused(hospital) - refused_before == told["refused"]
    assert set(told) <= {"refused", "stored", "duplicate", "corrected", "voided", "quarantined"}
    kept = {one["message_id"] for one in hospital.quarantined(patient.cred)}
    assert set_aside <= kept
    for service in ("ingest", "patients", "alerts"):
        assert getattr(hospital, service).get("/readyz").status_code == 200
    assert hospital.send_one(patient, device.low_pressure())["result"] == "stored"
    assert hospital.alert(patient, "blood-pressure")["colour"] == "red"


def count(receipt: Json, told: Counter[str], set_aside: set[str]) -> None:
    told[receipt["result"]] += 1
    if receipt["result"] == "quarantined":
        set_aside.add(receipt["id"])


def refused(hospital: Hospital) -> int:
    metrics = hospital.ingest.get("/metrics").text.splitlines()
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in metrics
        if line.startswith("hjemvakt_refused_total{")
    )


def blobs(dice: random.Random) -> Iterator[bytes]:
    """Noise, broken messages, and messages that are almost right."""
    while True:
        good = httpx.Request("POST", "http://x", json=device.pressure()).content
        match dice.randrange(8):
            case 0:
                yield dice.randbytes(dice.randrange(1, 400))
            case 1:
                yield good[: dice.randrange(1, len(good))]
            case 2:
                place = dice.randrange(len(good))
                yield good[:place] + dice.randbytes(dice.randrange(1, 4)) + good[place + 1 :]
            case 3:
                place = dice.randrange(len(good))
                yield good[:place] + good[place + dice.randrange(1, 30) :]
            case 4:
                yield good.decode().encode(dice.choice(["utf-16", "utf-32", "cp037"]))
            case 5:
                depth = dice.randrange(1, 200)
                yield b"[" * depth + b'{"v":1}' + b"]" * depth
            case 6:
                yield dice.choice(ODD)
            case _:
                value = dice.choice(
                    [b"1e400", b"-0", b"9" * 70, b'"\\ud800"', b"null", b'"\\u0000"']
                )
                yield good.replace(b"128", value)


ODD = [
    b"null",
    b"0",
    b'""',
    b"{}",
    b"[[]]",
    b"[{}]",
    b'{"v":1}',
    b'{"v":1,"v":1}',
    b'{"v":1e0,"id":"aaaaaaaaa","kind":"body_weight"}',
    b'{"v":1,"id":"' + b"x" * 5000 + b'"}',
    b"\xef\xbb\xbf{}",
    b"\x00",
    b" " * 1000,
]
