"""The generator's own clients: what they send is well formed, and nothing that comes is missed."""

import asyncio
import contextlib
import json

from services.ingest.devices import json_v1
from tests.bench import http_client, http_load, mqtt_client, readings
from tests.bench.load import Plan

AT = 1_790_000_000.25


def test_a_reading_of_the_load_is_one_that_the_platform_takes() -> None:
    moment = readings.Clock().text(AT)
    for body in (readings.scale("m0", "81.5"), readings.cuff("m0")):
        (item,) = json_v1.decode(body % (42, moment), "application/json", 1)
        assert item.errors == ()
        assert item.message_id == "bench-m0-0000042"
        assert item.at is not None
        assert item.at.timestamp() == AT
        assert item.clock == "synced"


async def hang_up(writer: asyncio.StreamWriter, hung_up: asyncio.Event) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    hung_up.set()


async def test_a_broker_that_answers_in_crumbs_is_understood() -> None:
    """A small broker: acknowledges, and sends each message back twice, a byte at a time."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while first := await reader.read(1):
            size = shift = 0
            while (byte := (await reader.readexactly(1))[0]) & 128:
                size, shift = size | (byte & 127) << shift, shift + 7
            body = await reader.readexactly(size | byte << shift)
            if first[0] >> 4 == mqtt_client.PUBLISH:
                topic = 2 + int.from_bytes(body[:2])
                back = mqtt_client.packet(first[0], body)
                answer = b"\x40\x02" + body[topic : topic + 2] + back + back
            else:
                answer = {0x10: b"\x20\x02\0\0", 0x82: b"\x90\x03\0\x01\x01", 0x40: b""}[first[0]]
                acknowledged.append(first[0])
            for place in range(len(answer)):
                writer.write(answer[place : place + 1])
                await writer.drain()
                await asyncio.sleep(0)
        await hang_up(writer, hung_up)

    hung_up = asyncio.Event()
    acknowledged: list[int] = []
    received: list[bytes] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = mqtt_client.Client(lambda data, begin, end: received.append(data[begin:end]))
        await client.open(f"mqtt://127.0.0.1:{port}", "c-1", ("c-1", "secret"))
        await client.subscribe("hjv/1/org/c-1/ack")
        body = readings.scale("m0", "81.5") + b" " * 100
        size = len(readings.filled(body))
        template = mqtt_client.publish("hjv/1/org/c-1/obs", body, size)
        for number in (1, 2):
            client.put(template % (mqtt_client.PACKET_IDS[number], number, b"x" * 27))
        client.flush()
        async with asyncio.timeout(10):
            while len(received) < 4 or acknowledged.count(0x40) < 4:
                await asyncio.sleep(0.01)
        client.close()
        await hung_up.wait()
    assert client.acknowledged == 2
    assert [json.loads(each)["id"][-1] for each in received] == ["1", "1", "2", "2"]


async def test_http_answers_are_counted_whole_and_the_next_request_waits_for_them() -> None:
    served: list[list[str]] = []
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(http_client.END):
            body = json.loads(await reader.readexactly(http_client.content_length(head)))
            served.append([each["id"] for each in body])
            answer = b",".join(b'{"result":"stored"}' for _ in body)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer))
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(answer)
            if len(served) == 3:
                break
        await hang_up(writer, hung_up)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/observations"
        users = [("c-1", "s" * 20, "81.5"), ("c-2", "s" * 20, "64.0")]
        done = await http_load.post(Plan("http", url, users, "b0", count=3, size=2))
        await hung_up.wait()
    assert (done.sent, done.acknowledged, len(done.seconds)) == (6, 6, 3)
    assert [each for ids in served for each in ids] == [f"bench-b0-{n:07}" for n in range(6)]
