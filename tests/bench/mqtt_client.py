"""MQTT 3.1.1 as far as a load needs it, at a tenth of a client library's cost.

QoS 1 both ways; packets of up to 16 383 bytes come in; nothing is sent again and nothing survives
a lost connection. Packets that came together are answered together.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
KEEPALIVE = 600


class Refused(Exception):
    """The broker refuses the connection or the subscription."""


class Client(asyncio.Protocol):
    """One connection. `received(data, begin, end)` is told where in data a payload stands."""

    def __init__(self, received: Callable[[bytes, int, int], None] | None = None) -> None:
        self.acknowledged = 0
        self.settled: Callable[[], None] | None = None
        "Called when everything that came together has been told."
        self._received = received
        self._rest = b""
        self._out: list[bytes] = []
        self._transport: asyncio.WriteTransport
        self._answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def open(
        self, url: str, name: str, user: tuple[str, str], *, is_kept: bool = False
    ) -> None:
        """`is_kept`: the broker keeps the session, and what comes for it meanwhile."""
        address = urlsplit(url)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, address.hostname or "", address.port or 1883)
        await self._ask(connect(name, user, is_kept))

    async def subscribe(self, topic: str) -> None:
        await self._ask(subscribe(topic))

    def put(self, packet: bytes) -> None:
        """Into the next write."""
        self._out.append(packet)

    def flush(self) -> None:
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def close(self) -> None:
        self._transport.close()

    async def _ask(self, packet: bytes) -> None:
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(packet)
        answer = await asyncio.wait_for(self._answered, 30)
        if answer[-1] & 0x80 or (answer[0] >> 4 == CONNACK and answer[-1]):
            raise Refused

    # --- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is no subclass of it

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answered.done():
            self._answered.set_exception(ConnectionError("The broker hung up."))

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while size - at >= 4:
            length, begin = data[at + 1], at + 2
            if length > 127:
                length, begin = length & 127 | data[at + 2] << 7, at + 3
            end = begin + length
            if end > size:
                break
            kind = data[at] >> 4
            if kind == PUBACK:
                self.acknowledged += 1
            elif kind == PUBLISH:
                payload = begin + 4 + (data[begin] << 8 | data[begin + 1])
                self._out.append(b"\x40\x02" + data[payload - 2 : payload])
                if self._received is not None:
                    self._received(data, payload, end)
            elif not self._answered.done():
                self._answered.set_result(data[at:end])
            at = end
        self._rest = data[at:]
        if self.settled is not None:
            self.settled()
        self.flush()


# --- packets ------------------------------------------------------------------------------------


def connect(name: str, user: tuple[str, str], is_kept: bool) -> bytes:
    """Without a will."""
    head = text("MQTT") + struct.pack("!BBH", 4, 0xC0 if is_kept else 0xC2, KEEPALIVE)
    return packet(0x10, head + text(name) + b"".join(map(text, user)))


def subscribe(topic: str) -> bytes:
    return packet(0x82, b"\x00\x01" + text(topic) + b"\x01")


def publish(topic: str, body: bytes, size: int) -> bytes:
    """A template: `body` is one of `size` bytes when filled in; the packet's id goes before."""
    head = text(topic)
    return b"\x32" + length(len(head) + 2 + size) + head.replace(b"%", b"%%") + b"%b" + body


def packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + length(len(body)) + body


def length(size: int) -> bytes:
    """The remaining length: seven bits to a byte, the lowest first."""
    made = []
    while size > 127:
        made.append(size & 127 | 128)
        size >>= 7
    return bytes([*made, size])


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("!H", len(encoded)) + encoded


PACKET_IDS = [struct.pack("!H", number) for number in range(65_536)]
