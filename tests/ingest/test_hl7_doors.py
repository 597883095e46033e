"""The HL7 v2 doors, HTTP and MLLP: acknowledged after the commit, with what became of it."""

import asyncio
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
    pid = f"PID|||model:Scale/serial:{serial}^^^EXA^U" if serial else "PID|||4711^^^Clinic^MR"
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
        assert "4711" not in answer.text
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
    listener = mllp.Listener("127.0.0.1:0", None, app.state.door)
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
    listener = mllp.Listener("127.0.0.1:0", f"{ORG}/{holder.cred}", app.state.door)
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
