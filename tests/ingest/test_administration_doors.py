"""ADT at the doors: kept and handed to the record; who may send it, and what waits."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import httpx

from shared import identity
from tests.ingest.conftest import KEY, ORG, Holder

HL7 = {"content-type": "application/hl7-v2"}
FNR = "13116900216"
OTHER = "41814065640"
KNOWN = f"{FNR}^^^&2.16.578.1.12.4.1.4.1&ISO"


def adt(
    event: str, pid: str = KNOWN, *more: str, control: str = "", processing: str = "P"
) -> bytes:
    stamp = (datetime.now(UTC) - timedelta(minutes=9)).strftime("%Y%m%d%H%M%S+0000")
    control = uuid4().hex
    return "\r".join(
        (
            rf"MSH|^~\&|PAS|Clinic|||{stamp}||ADT^{event}|{control}|P|2.5",
            f"EVN||{stamp}",
            f"PID|||{pid}||Testesen^Test||19500101|M",
            *more,
            "PV1||I|4EAST||||||||||||||||V-1",
            "",
        )
    ).encode()


async def identified(owner: asyncpg.Connection, patient: Holder, number: str) -> None:
    hashed = identity.hashed(bytes.fromhex(KEY), identity.FNR, number)
    await owner.execute(
        "insert into patients.identifier values ($1, $2, $3, $4, $5)",
        ORG, hashed, identity.FNR, b"", patient.patient_id,
    )  # fmt: skip


def told(answer: httpx.Response) -> tuple[int, str, str]:
    msa = next(each for each in answer.text.split("\r") if each[:3] == "MSA").split("|")
    return answer.status_code, msa[1], msa[3] if len(msa) > 3 else ""


async def test_an_admission_is_kept_once_and_noted_for_the_record(
    http: httpx.AsyncClient, system: Holder, holder: Holder, owner: asyncpg.Connection
) -> None:
    await identified(owner, holder, FNR)
    body = adt("A01")

    first = await http.post("/hl7v2", content=body, headers=system.headers | HL7)
    again = await http.post("/hl7v2", content=body, headers=system.headers | HL7)

    assert told(first) == (200, "AA", "1 stored"), first.text
    assert told(again) == (200, "AA", "1 duplicate")
    rows = await owner.fetch("select patient_id, event, state, cred from patients.administration")
    assert [tuple(row) for row in rows] == [(holder.patient_id, "admitted", "waiting", system.cred)]
    body_kept = await owner.fetchval("select body::text from ledger.reading")
    assert FNR not in body_kept


async def test_a_stranger_waits_in_quarantine_and_is_named_as_an_error(
    http: httpx.AsyncClient, system: Holder, owner: asyncpg.Connection
) -> None:
    answer = await http.post("/hl7v2", content=adt("A01"), headers=system.headers | HL7)

    assert told(answer) == (202, "AE", "1 quarantined")
    assert "unknown-subject" in answer.text
    assert FNR not in answer.text
    assert await owner.fetchval("select count(*) from patients.administration") == 0
    assert await owner.fetchval("select code from ledger.quarantine") == "unknown-subject"


async def test_a_device_cannot_say_who_is_in_hospital(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    answer = await http.post("/hl7v2", content=adt("A03"), headers=holder.headers | HL7)

    assert told(answer)[:2] == (422, "AR")
    assert "sender-not-taken" in answer.text
    assert await owner.fetchval("select count(*) from ledger.receipt") == 0


async def test_an_event_that_is_not_taken_is_refused_with_its_reason(
    http: httpx.AsyncClient, system: Holder
) -> None:
    answer = await http.post("/hl7v2", content=adt("A05"), headers=system.headers | HL7)
    assert told(answer)[:2] == (422, "AR")
    assert "message-not-taken" in answer.text


async def test_a_merge_keeps_the_other_number_as_its_hash_only(
    http: httpx.AsyncClient, system: Holder, holder: Holder, owner: asyncpg.Connection
) -> None:
    await identified(owner, holder, FNR)
    other = f"MRG|{OTHER}^^^&2.16.578.1.12.4.1.4.1&ISO"

    answer = await http.post(
        "/hl7v2", content=adt("A40", KNOWN, other), headers=system.headers | HL7
    )
    nothing = await http.post("/hl7v2", content=adt("A40"), headers=system.headers | HL7)

    assert told(answer) == (200, "AA", "1 stored")
    assert told(nothing) == (202, "AE", "1 quarantined")
    body = await owner.fetchval("select body::text from ledger.reading")
    assert OTHER not in body
    assert identity.hashed(bytes.fromhex(KEY), identity.FNR, OTHER).hex() in body
