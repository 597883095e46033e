"""The hot route over a real socket: answered below ASGI as it is answered through it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from deploy.local import ports
from services.ingest.wire import Wire
from tests.ingest.conftest import Holder, locked_out, weight

PATH = "/v1/observations"


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    chosen = ports.free_port()
    config = uvicorn.Config(
        app, port=chosen, http=Wire, lifespan="off", proxy_headers=False, log_level="error"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    for _ in range(500):
        if server.started:
            break
        await asyncio.sleep(0.01)
    yield chosen
    server.should_exit = True
    await serving


@pytest.fixture
async def wired(port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client


async def remembered(client: httpx.AsyncClient, holder: Holder) -> None:
    await client.post(PATH, headers=holder.headers, json=weight())


async def test_a_reading_is_stored_and_answered_with_the_headers_of_every_answer(
    wired: httpx.AsyncClient, http: httpx.AsyncClient, holder: Holder
) -> None:
    await remembered(wired, holder)
    item = weight()

    first = await wired.post(PATH, headers=holder.headers, json=item)
    again = await http.post(PATH, headers=holder.headers, json=item)

    assert [first.status_code, first.json()["results"][0]["result"]] == [200, "stored"]
    assert again.json()["results"][0]["result"] == "duplicate"
    assert set(again.headers) <= set(first.headers)
    assert "date" in first.headers


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"authorization": "Bearer nobody-has-this-secret"}, json.dumps(weight())),
    ({}, "{"),
    ({}, "[]"),
    ({}, "7"),
    ({}, json.dumps([weight()] * 501)),
    ({"content-type": "text/plain"}, json.dumps(weight())),
    ({"content-encoding": "gzip"}, json.dumps(weight())),
    ({}, " " * 300_000),
]


async def test_what_is_refused_is_refused_as_through_asgi(
    wired: httpx.AsyncClient, http: httpx.AsyncClient, holder: Holder
) -> None:
    await remembered(wired, holder)
    for headers, body in REFUSED:
        sent: dict[str, Any] = {"headers": holder.headers | headers, "content": body}

        over_the_wire = await wired.post(PATH, **sent)
        through_asgi = await http.post(PATH, **sent)

        about = headers, body[:20]
        assert over_the_wire.status_code == through_asgi.status_code, about
        assert over_the_wire.content == through_asgi.content, about


async def test_a_body_of_any_size_and_in_any_pieces_is_taken(
    wired: httpx.AsyncClient, holder: Holder
) -> None:
    await remembered(wired, holder)

    async def pieces() -> AsyncIterator[bytes]:
        body = json.dumps([weight() for _ in range(3)]).encode()
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    large = [weight(note="x" * 900) for _ in range(100)]
    chunked = await wired.post(PATH, headers=holder.headers, content=pieces())
    whole = await wired.post(PATH, headers=holder.headers, json=large)

    assert len(chunked.json()["results"]) == 3
    assert {each["result"] for each in whole.json()["results"]} == {"stored"}


async def test_requests_sent_ahead_are_answered_in_their_order(
    wired: httpx.AsyncClient, port: int, holder: Holder
) -> None:
    await remembered(wired, holder)
    items = [weight() for _ in range(5)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = b"".join(request(holder, item) for item in items) + request(
        holder, weight(), "Connection: close\r\n"
    )
    # In pieces, so that a head may come before its body.
    for start in range(0, len(sent), 333):
        writer.write(sent[start : start + 333])
        await asyncio.sleep(0.001)

    answered = (await asyncio.wait_for(reader.read(), 10)).decode()

    assert answered.count('"result":"stored"') == 6
    places = [answered.index(item["id"]) for item in items]
    assert places == sorted(places)
    assert "connection: close" in answered
    writer.close()


async def test_a_head_sent_again_is_answered_like_the_first(
    wired: httpx.AsyncClient, port: int, holder: Holder, owner: asyncpg.Connection
) -> None:
    """One connection for all, as a gateway keeps it: whole, together, in pieces, faulty."""
    await remembered(wired, holder)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def answered(*pieces: bytes) -> str:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return (head + await reader.readexactly(size)).decode()

    for _ in range(3):
        item = weight()
        stored = await answered(request(holder, item))
        assert '"result":"stored"' in stored
        assert item["id"] in stored
    known = request(holder, weight())
    assert '"result":"stored"' in await answered(known[:-20], known[-20:])
    two = [weight(), weight()]
    first = await answered(b"".join(request(holder, item) for item in two))
    assert two[0]["id"] in first
    assert two[1]["id"] in await answered()
    spoilt = request(holder, weight())
    assert "400 Bad Request" in await answered(spoilt[:-1] + b"!")
    assert '"result":"stored"' in await answered(request(holder, weight()))
    longer = {**weight(), "note": "after supper"}
    assert '"result":"stored"' in await answered(request(holder, longer))
    assert "405" in await answered(b"GET /v1/observations HTTP/1.1\r\nHost: ingest\r\n\r\n")
    assert '"result":"stored"' in await answered(request(holder, weight()))
    writer.close()


async def test_a_known_head_does_not_outlive_the_credential(
    wired: httpx.AsyncClient, app: FastAPI, holder: Holder, owner: asyncpg.Connection
) -> None:
    await remembered(wired, holder)
    assert (await wired.post(PATH, headers=holder.headers, json=weight())).status_code == 200
    await owner.execute("update patients.credential set revoked_at = clock_timestamp()")
    app.state.door.senders._known.clear()
    assert (await wired.post(PATH, headers=holder.headers, json=weight())).status_code == 401


async def test_who_asks_before_sending_is_told_to_go_on(
    wired: httpx.AsyncClient, port: int, holder: Holder
) -> None:
    await remembered(wired, holder)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head, _, body = request(holder, weight(), "Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    writer.write(head + b"\r\n\r\n")
    assert b"100 Continue" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    writer.write(body)
    assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    writer.close()


async def test_what_cannot_be_committed_is_to_be_sent_again(
    wired: httpx.AsyncClient, owner: asyncpg.Connection, holder: Holder
) -> None:
    await remembered(wired, holder)
    async with locked_out(owner):
        answer = await wired.post(PATH, headers=holder.headers, json=weight())

    assert [answer.status_code, answer.headers["retry-after"]] == [503, "2"]


async def test_a_sender_who_hangs_up_loses_his_answer_and_not_his_reading(
    wired: httpx.AsyncClient, port: int, holder: Holder, owner: asyncpg.Connection
) -> None:
    await remembered(wired, holder)
    item = weight()
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(holder, item))
    await writer.drain()
    writer.close()

    for _ in range(250):
        if await owner.fetchval(
            "select true from ledger.reading where message_id = $1", item["id"]
        ):
            break
        await asyncio.sleep(0.02)
    answer = await wired.post(PATH, headers=holder.headers, json=item)
    assert answer.json()["results"][0]["result"] == "duplicate"


def request(holder: Holder, item: dict[str, Any], more: str = "") -> bytes:
    body = json.dumps(item)
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: ingest\r\nAuthorization: Bearer {holder.secret}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}"
    ).encode()
