"""paho with a shorter way for the packets of which there are thousands.

A plain PUBLISH that comes in, the receipt and the acknowledgement that go out are read and written
here, many to one read or write. Everything else about the connection stays paho's.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

READ = 64 * 1024
PUBACK = 0x40
PUBLISH_1 = 0x32  # at QoS 1; it may be a repetition or retained
REPEATED_OR_RETAINED = 0x09

_properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
_properties.ContentType = "application/json"
_JSON: bytes = _properties.pack()  # type: ignore[no-untyped-call]


class Plain(NamedTuple):
    """A message as paho has it, with none of the properties of version 5."""

    topic: str
    payload: bytes
    mid: int
    retain: bool
    qos: int = 1
    properties: None = None


Sent = paho.MQTTMessage | Plain


class Client(paho.Client):
    """Driven by the asyncio loop. `on_plain` is told of plain messages, `on_message` of others."""

    on_plain: Callable[[Plain], None]

    def connect(self, *place: Any, **how: Any) -> MQTTErrorCode:
        self._begun = b""  # a packet whose end has not come
        self._left: bytes | None = b""  # what paho is to read; None: the stream has ended
        self._out: list[bytes] = []
        self._receipts: set[int] = set()  # written, and not yet acknowledged
        return super().connect(*place, **how)

    # --- in -----------------------------------------------------------------------------------

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        try:
            data = super()._sock_recv(READ)
        except BlockingIOError:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            data = b""
        if not data:
            self._left = None
            return super().loop_read()
        data, at = self._begun + data, 0
        try:
            while self.socket() is not None and (found := _packet(data, at)) is not None:
                begin, end = found
                if not self._is_taken(data[at], data[begin:end]):
                    self._left = data[at:end]
                    super().loop_read()
                at = end
        finally:
            self._begun = data[at:]
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _sock_recv(self, bufsize: int) -> bytes:
        """What paho reads: the packets that are left to it."""
        if self._left is None:
            return b""
        read, self._left = self._left[:bufsize], self._left[bufsize:]
        if not read:
            raise BlockingIOError
        return read

    def _is_taken(self, first: int, packet: bytes) -> bool:
        if first == PUBACK:
            return self._is_of_a_receipt(int.from_bytes(packet[:2]))
        if first & ~REPEATED_OR_RETAINED != PUBLISH_1:
            return False
        after_topic = 2 + int.from_bytes(packet[:2])
        if packet[after_topic + 2 : after_topic + 3] != b"\0":  # the length of its properties
            return False
        try:
            topic = packet[2:after_topic].decode()
        except UnicodeDecodeError:
            return False
        mid = int.from_bytes(packet[after_topic : after_topic + 2])
        self.on_plain(Plain(topic, packet[after_topic + 3 :], mid, bool(first & 1)))
        return True

    def _is_of_a_receipt(self, mid: int) -> bool:
        known = mid in self._receipts
        self._receipts.discard(mid)
        return known

    # --- out ----------------------------------------------------------------------------------

    def ack(self, mid: int, qos: int) -> MQTTErrorCode:
        if qos != 1:
            return super().ack(mid, qos)
        self._write(b"\x40\x02" + mid.to_bytes(2))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def send_receipt(self, topic: str, body: bytes) -> None:
        """Publish at QoS 1. It need not be kept until it is acknowledged: it goes before the
        acknowledgement of what it answers, and without that the broker sends the message again."""
        if not self.is_connected():
            self.publish(topic, body, qos=1, properties=_properties)
            return
        mid = self._mid_generate()
        self._receipts.add(mid)
        name = topic.encode()
        head = struct.pack("!H", len(name)) + name + struct.pack("!H", mid) + _JSON
        self._write(b"\x32" + _length(len(head) + len(body)) + head + body)

    def _write(self, packet: bytes) -> None:
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(packet)

    def _flush(self) -> None:
        if self._out:
            packets, self._out = b"".join(self._out), []
            self._packet_queue(PUBACK, packets, 0, 0)


def _packet(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the packet's content begins and ends, if all of it is there."""
    length = 0
    for place, byte in enumerate(data[at + 1 : at + 5]):
        length |= (byte & 127) << 7 * place
        if byte < 128:
            begin = at + 2 + place
            return (begin, begin + length) if begin + length <= len(data) else None
    # Longer than any length is: paho shall say so.
    return (len(data), len(data)) if len(data) >= at + 5 else None


def _length(size: int) -> bytes:
    """Seven bits to a byte, the lowest first."""
    made = bytearray()
    while size > 127:
        made.append(size & 127 | 128)
        size >>= 7
    made.append(size)
    return bytes(made)
