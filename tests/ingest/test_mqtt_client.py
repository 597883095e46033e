"""What our client reads and writes itself is what paho would have read and written."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from services.ingest import mqtt_client
from services.ingest.mqtt_client import Client, Plain

ACCEPTED = b"\x20\x03\x00\x00\x00"
TOPIC = "hjv/1/hospital/c-abc/obs"


@dataclass
class Connection:
    """A client, the broker's end of its socket, and what the client has told."""

    client: Client
    broker: socket.socket
    plain: list[Plain] = field(default_factory=list)
    others: list[paho.MQTTMessage] = field(default_factory=list)
    lost: list[Any] = field(default_factory=list)

    async def says(self, data: bytes, piece: int = 1 << 20) -> None:
        loop = asyncio.get_running_loop()
        for start in range(0, len(data), piece):
            await loop.sock_sendall(self.broker, data[start : start + piece])
            await asyncio.sleep(0.002)

    async def hears(self, size: int) -> bytes:
        loop, heard = asyncio.get_running_loop(), b""
        while len(heard) < size:
            heard += await asyncio.wait_for(loop.sock_recv(self.broker, size - len(heard)), 5)
        return heard

    async def until(self, reached: Callable[[], object]) -> None:
        for _ in range(500):
            if reached():
                return
            await asyncio.sleep(0.01)
        raise TimeoutError


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    loop = asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", 0))
    client = Client(
        CallbackAPIVersion.VERSION2, client_id="ours", protocol=paho.MQTTv5, manual_ack=True
    )

    def opened(_client: paho.Client, _data: Any, sock: Any) -> None:
        loop.call_soon_threadsafe(lambda: loop.add_reader(sock.fileno(), client.loop_read))

    def closed(_client: paho.Client, _data: Any, sock: Any) -> None:
        loop.remove_reader(sock.fileno())

    client.on_socket_open, client.on_socket_close = opened, closed
    await asyncio.to_thread(client.connect, "127.0.0.1", listening.getsockname()[1])
    broker, _ = listening.accept()
    broker.setblocking(False)
    made = Connection(client, broker)
    client.on_plain = made.plain.append
    client.on_message = lambda _c, _d, sent: made.others.append(sent)
    client.on_disconnect = lambda _c, _d, _flags, reason, _p: made.lost.append(reason)
    await loop.sock_recv(broker, 1000)  # CONNECT
    await made.says(ACCEPTED)
    await made.until(client.is_connected)
    yield made
    client.disconnect()
    broker.close()
    listening.close()


def publish(body: bytes, mid: int, *, first: int = 0x32, properties: bytes = b"\0") -> bytes:
    head = len(TOPIC).to_bytes(2) + TOPIC.encode() + mid.to_bytes(2) + properties
    return bytes([first]) + mqtt_client._length(len(head + body)) + head + body


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
async def test_messages_come_whole_in_whatever_pieces(connection: Connection, piece: int) -> None:
    asked = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    asked.ResponseTopic = "hjv/1/hospital/c-abc/ack"
    bodies = [b"{}", b"x" * 200, b""]
    packets = [publish(body, mid) for mid, body in enumerate(bodies, start=1)]
    packets.append(publish(b"asks", 4, properties=asked.pack()))  # type: ignore[no-untyped-call]
    packets.append(publish(b"retained, repeated", 5, first=0x3B))

    await connection.says(b"".join(packets), piece)
    await connection.until(lambda: len(connection.plain) == 4 and connection.others)

    assert [one.payload for one in connection.plain] == [*bodies, b"retained, repeated"]
    assert [(one.topic, one.mid) for one in connection.plain[:2]] == [(TOPIC, 1), (TOPIC, 2)]
    assert [one.retain for one in connection.plain] == [False, False, False, True]
    (other,) = connection.others
    assert (other.payload, other.mid) == (b"asks", 4)
    assert not connection.lost


async def test_a_receipt_goes_before_the_acknowledgement_of_what_it_answers(
    connection: Connection,
) -> None:
    connection.client.send_receipt("hjv/1/hospital/c-abc/ack", b'{"v":1}')
    connection.client.ack(7, 1)

    first = await connection.hears(2)
    rest = await connection.hears(first[1])

    assert first[0] == 0x32
    assert b"hjv/1/hospital/c-abc/ack" in rest
    assert b"application/json" in rest
    assert rest.endswith(b'{"v":1}')
    assert await connection.hears(4) == b"\x40\x02\x00\x07"


async def test_the_brokers_acknowledgement_of_a_receipt_is_all_there_is_to_it(
    connection: Connection,
) -> None:
    connection.client.send_receipt("hjv/1/hospital/c-abc/ack", b"{}")
    (mid,) = connection.client._receipts

    await connection.says(b"\x40\x03" + mid.to_bytes(2) + b"\x10")
    await connection.says(publish(b"next", 2))
    await connection.until(lambda: connection.plain)

    assert not connection.client._receipts


@pytest.mark.parametrize("spoilt", [b"\x30\xff\xff\xff\xff\x01", b"\x32\x03\x00\xff\x01", b""])
async def test_what_is_no_mqtt_ends_the_connection(connection: Connection, spoilt: bytes) -> None:
    if spoilt:
        await connection.says(spoilt)
    else:
        connection.broker.shutdown(socket.SHUT_WR)

    await connection.until(lambda: connection.lost)

    assert connection.client.socket() is None


@given(st.integers(0, 268_435_455))
def test_a_length_is_read_as_it_is_written(size: int) -> None:
    written = b"\x30" + mqtt_client._length(size)

    found = mqtt_client._packet(written + b"x" * min(size, 300), 0)

    assert found == ((len(written), len(written) + size) if size <= 300 else None)
