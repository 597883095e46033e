"""A decoder that fails leaves nothing nowhere: the body waits, and what is behind it goes on."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.ingest import mllp
from services.ingest.devices import hl7_observed
from tests.ingest.conftest import ORG, Holder
from tests.ingest.given import answers
from tests.ingest.test_administration_doors import KNOWN, adt
from tests.ingest.test_hl7_doors import HL7, weight

HELD = "select code, state from ledger.quarantine"
RAW = "select raw from ledger.receipt where result = 'quarantined'"
FHIR = {"content-type": "application/fhir+json"}


class Broken:
    """Looked up in: what a decoder asks about and did not think of."""

    def __bool__(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("told with what was sent")

    def __call__(self, *_: Any) -> Any:
        raise RuntimeError("told with what was sent")


def own_answers() -> dict[str, Any]:
    return {
        "v": 1, "id": f"answers-{uuid4()}", "kind": "questionnaire", "at": "2026-11-20T07:15:00Z",
        "questionnaire": "home-dialysis-daily", "answers": {"breathless": ["no"]},
    }  # fmt: skip


async def test_over_http_the_body_waits_and_the_receipt_says_so(
    http: httpx.AsyncClient, app: FastAPI, holder: Holder, owner: asyncpg.Connection
) -> None:
    app.state.door.forms = app.state.forms = Broken()
    sent = own_answers()

    own = await http.post("/v1/observations", json=sent, headers=holder.headers)
    fhir = await http.post(
        "/fhir/QuestionnaireResponse", json=answers(holder.patient_id),
        headers=holder.headers | FHIR,
    )  # fmt: skip

    assert (own.status_code, fhir.status_code) == (200, 202)
    assert own.json()["results"][0]["result"] == "quarantined"
    assert [tuple(row) for row in await owner.fetch(HELD)] == [("unreadable", "waiting")] * 2
    assert sent["id"].encode() in b"".join([row["raw"] for row in await owner.fetch(RAW)])


async def test_over_mllp_the_message_behind_it_is_answered(
    app: FastAPI, system: Holder, owner: asyncpg.Connection
) -> None:
    listener = mllp.Listener(
        "127.0.0.1:0", f"{ORG}/{system.cred}", app.state.door, app.state.uploads
    )
    await listener.open()
    assert listener._server is not None
    port = listener._server.sockets[0].getsockname()[1]
    app.state.door.intake.hashes = Broken()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sent = (adt("A40", KNOWN, "MRG|41814065640^^^&2.16.578.1.12.4.1.4.1&ISO"), weight())
        writer.write(b"".join(mllp.START + body + mllp.END for body in sent))
        got = [await asyncio.wait_for(reader.readuntil(mllp.END), 20) for _ in sent]
        writer.close()
    finally:
        await listener.close()

    assert [b"MSA|AE|" in answer for answer in got] == [True, True]
    codes = sorted(row["code"] for row in await owner.fetch(HELD))
    assert codes == ["unknown-subject", "unreadable"]


@pytest.mark.parametrize("code", ["15²0021", "١٥٠٠٢١", "1" * 5000])
async def test_a_digit_that_is_no_number_names_no_measurement(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection, code: str
) -> None:
    body = weight("EX-1").decode().replace("188736", code).encode()

    answer = await http.post("/hl7v2", content=body, headers=holder.headers | HL7)

    assert answer.status_code in (200, 202)
    assert hl7_observed.NUMBERS.get(code) is None
    assert await owner.fetchval("select count(*) from ledger.receipt") > 0
