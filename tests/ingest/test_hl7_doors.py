"""The HL7 v2 doors, HTTP and MLLP: acknowledged after the commit, with what became of it."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.ingest import mllp
from tests.ingest.conftest import ORG, Holder, locked_out

HL7 = {"content-type": "application/hl7-v2"}


def weight(serial: str = "", value: str = "82.4", secret: str = "", order: str = "") -> bytes:
    at = (datetime.now(UTC) - timedelta(minutes=9)).strftime("%Y%m%d%H%M%S+0000")
    pid = f"PID|||model:Scale/serial:{serial}^^^EXA^U" if serial else "PID|||K4711^^^Clinic^MR"
    return "\r".join(
        (
            rf"MSH|^~\&|Engine|Clinic|||{at}|{secret}|ORU^R01|M-{uuid4().hex[:8]}|P|2.6",
            pid,
            f"OBR|1||{order or uuid4().hex}|WEIGHT|||{at}",
            f"OBX|1|NM|188736^MDC_MASS_BODY_ACTUAL^MDC|1.0.1|{value}|kg|||||F",
            "",
        )
    ).encode()


def told(answer: bytes) -> list[list[str]]:
    return [line.split("|") for line in answer.decode().split("\r") if line]


async def test_a_result_is_acknowledged_when_it_is_stored_and_named_when_it_is_known(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    body = weight("EX-1", order="R-77")

    first = await http.post("/hl7v2", content=body, headers=holder.headers | HL7)
    again = await http.post("/hl7v2", content=body, headers=holder.headers | HL7)

    assert first.status_code == 200
    assert first.headers["content-type"] == "application/hl7-v2"
    msa = told(first.content)[1]
    assert msa[:2] == ["MSA", "AA"]
    assert msa[2].startswith("M-")
    assert msa[3] == "1 stored"
    assert told(again.content)[1][3] == "1 duplicate"
    assert await owner.fetchval("select count(*) from ledger.reading") == 1


async def test_what_nobody_can_file_waits_and_is_acknowledged_as_an_error(
    http: httpx.AsyncClient, system: Holder, owner: asyncpg.Connection
) -> None:
    for body, code in ((weight(), "unknown-subject"), (weight(value="900"), "implausible")):
        answer = await http.post("/hl7v2", content=body, headers=system.headers | HL7)

        assert answer.status_code == 202
        _, msa, err = told(answer.content)
        assert msa[1] == "AE"
        assert (err[0], err[4], err[5]) == ("ERR", "E", code)
        assert "K4711" not in answer.text
    assert await owner.fetchval("select count(*) from ledger.quarantine") == 2


async def test_an_unreadable_message_is_kept_and_a_message_of_another_kind_is_refused(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    nothing = await http.post("/hl7v2", content=b"PID|1", headers=holder.headers | HL7)
    assert (nothing.status_code, told(nothing.content)[1][1]) == (202, "AE")
    assert await owner.fetchval("select count(*) from ledger.quarantine") == 1

    other = weight("EX-1").replace(b"ORU^R01", b"ADT^A01")
    answer = await http.post("/hl7v2", content=other, headers=holder.headers | HL7)
    assert (answer.status_code, told(answer.content)[1][1]) == (422, "AR")


async def test_nothing_is_acknowledged_that_cannot_be_committed(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    async with locked_out(owner):
        answer = await http.post("/hl7v2", content=weight("EX-1"), headers=holder.headers | HL7)

    assert (answer.status_code, told(answer.content)[1][1]) == (503, "AR")
    assert answer.headers["retry-after"]


async def test_the_commit_answer_is_given_where_it_is_asked_for(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    body = weight("EX-1").replace(b"|P|2.6", b"|P|2.6|||AL|NE")
    answer = await http.post("/hl7v2", content=body, headers=holder.headers | HL7)
    assert told(answer.content)[1][1] == "CA"


async def test_strangers_and_other_media_are_refused(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    stranger = await http.post("/hl7v2", content=weight("EX-1"), headers=HL7)
    assert stranger.status_code == 401
    wrong = {"content-type": "application/xml"}
    answer = await http.post("/hl7v2", content=b"<x/>", headers=holder.headers | wrong)
    assert answer.status_code == 415


class Engine:
    """An interface engine with one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, body: bytes) -> list[list[str]]:
        self.writer.write(mllp.START + body + mllp.END)
        return await self.answer()

    async def answer(self) -> list[list[str]]:
        frame = await asyncio.wait_for(self.reader.readuntil(mllp.END), 10)
        return told(frame.strip(b"\x0b\x1c\r"))


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    listener = mllp.Listener("127.0.0.1:0", None, app.state.door, app.state.uploads)
    await listener.open()
    assert listener._server is not None
    yield listener._server.sockets[0].getsockname()[1]
    await listener.close()


@pytest.fixture
async def engine(port: int) -> AsyncIterator[Engine]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield Engine(reader, writer)
    writer.close()


async def test_over_mllp_the_secret_in_the_header_says_whose_it_is(
    engine: Engine, holder: Holder, owner: asyncpg.Connection
) -> None:
    stored = await engine.send(weight("EX-1", secret=holder.secret))
    assert stored[1][1] == "AA"
    assert await owner.fetchval("select count(*) from ledger.reading") == 1
    kept = await owner.fetchval("select count(*) from ledger.receipt where position($1 in raw) > 0",
                                holder.secret.encode())  # fmt: skip
    assert kept == 0

    for secret in ("", "x" * 43):
        assert (await engine.send(weight("EX-1", secret=secret)))[1][1] == "AR"


async def test_messages_sent_without_waiting_are_answered_in_their_order(
    engine: Engine, holder: Holder
) -> None:
    sent = [weight("EX-1", secret=holder.secret) for _ in range(20)]
    engine.writer.write(b"".join(mllp.START + body + mllp.END for body in sent))

    answers = [await engine.answer() for _ in sent]

    ids = [body.split(b"|")[9].decode() for body in sent]
    assert [answer[1][2] for answer in answers] == ids


async def test_a_listener_may_speak_for_one_credential(
    app: FastAPI, holder: Holder, owner: asyncpg.Connection
) -> None:
    listener = mllp.Listener(
        "127.0.0.1:0", f"{ORG}/{holder.cred}", app.state.door, app.state.uploads
    )
    await listener.open()
    assert listener._server is not None
    port = listener._server.sockets[0].getsockname()[1]
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert (await Engine(reader, writer).send(weight("EX-1")))[1][1] == "AA"
        writer.close()
    finally:
        await listener.close()


async def test_what_is_no_frame_ends_the_connection_and_nothing_else(
    port: int, holder: Holder
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert (await Engine(reader, writer).send(weight("EX-1", secret=holder.secret)))[1][1] == "AA"
    writer.close()


PDF = b"%PDF-1.4\n" + b"0 0 0 rg\n" * 330_000 + b"\n%%EOF\n"  # 3 MB


def report(file: bytes, status: str = "F", order: str = "R-PDF") -> bytes:
    text = base64.b64encode(file).decode()
    wrapped = "\r\n".join(text[place : place + 76] for place in range(0, len(text), 76))
    of = "18750-0^Cardiac electrophysiology report^LN"
    return weight("EX-1", order=order) + (
        f"OBX|2|ED|{of}|1.0.9|EX^application^pdf^Base64^{wrapped}||||||{status}\r".encode()
    )


async def test_a_report_of_several_megabytes_is_a_document_beside_its_results(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    body = report(PDF)
    assert len(body) > 4_000_000

    first = await http.post("/hl7v2", content=body, headers=holder.headers | HL7)
    again = await http.post("/hl7v2", content=body, headers=holder.headers | HL7)

    assert told(first.content)[1][3] == "2 stored"
    assert told(again.content)[1][3] == "2 duplicate"
    row = await owner.fetchrow("select body from ledger.reading where type = 'attachment'")
    assert row is not None
    body_kept = json.loads(row["body"])
    assert body_kept["file"]["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert body_kept["note"] == "Cardiac electrophysiology report"
    assert body_kept["entered"] == "device"
    assert await owner.fetchval("select max(length(raw)) from ledger.receipt") < 2000
    assert await owner.fetchval("select original from ledger.attachment") == PDF


async def test_a_corrected_report_stands_and_a_withdrawn_one_is_gone(
    http: httpx.AsyncClient, holder: Holder, owner: asyncpg.Connection
) -> None:
    for file, status in ((PDF[-5000:], "F"), (b"%PDF-1.4\nnew\n%%EOF", "C")):
        file = file if file.startswith(b"%PDF") else b"%PDF-1.4\n" + file
        await http.post("/hl7v2", content=report(file, status), headers=holder.headers | HL7)
        standing = "select body from ledger.current where type = 'attachment'"
        [row] = await owner.fetch(standing)
        assert json.loads(row["body"])["file"]["sha256"] == hashlib.sha256(file).hexdigest()

    gone = report(b"%PDF-1.4\nnew\n%%EOF", "D")
    await http.post("/hl7v2", content=gone, headers=holder.headers | HL7)
    assert await owner.fetch("select from ledger.current where type = 'attachment'") == []


async def test_a_report_alone_is_filed_and_one_that_is_no_file_waits_with_its_message(
    http: httpx.AsyncClient, holder: Holder
) -> None:
    lines = report(PDF[:100] + b"%%EOF").split(b"\r")
    alone = b"\r".join([*lines[:3], *lines[4:]])
    kept = await http.post("/hl7v2", content=alone, headers=holder.headers | HL7)
    assert (told(kept.content)[1][1], told(kept.content)[1][3]) == ("AA", "1 stored")

    lines = report(b"neither one nor the other").split(b"\r")
    broken = b"\r".join([*lines[:3], *lines[4:]])
    answer = await http.post("/hl7v2", content=broken, headers=holder.headers | HL7)
    assert (told(answer.content)[1][1], told(answer.content)[1][3]) == ("AE", "1 quarantined")
