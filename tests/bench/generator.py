"""Load from a process of its own: `python -m tests.bench.generator http|mqtt|subscribe …`.

Prints one JSON line. HTTP is spoken by hand over keep-alive connections, because a client library
would be the slower side of the measurement.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import uvloop


def reading(number: str, red: bool = False) -> dict[str, Any]:
    """About 230 bytes, as a home scale or (red) a cuff sends it."""
    cuff = {"kind": "blood_pressure", "values": {"systolic": 70, "diastolic": 40}}
    scale = {"kind": "body_weight", "values": {"value": {"value": 82.4, "unit": "kg"}}}
    return {
        "v": 1,
        "id": f"bench-{number}",
        "at": datetime.now(UTC).isoformat(timespec="microseconds"),
        **(cuff if red else scale),
        "device": {"manufacturer": "Bench", "model": "Scale", "serial": "1", "clock": "synced"},
    }


class Client(asyncio.Protocol):
    """One keep-alive connection: a request, its whole answer, the next request."""

    def __init__(self) -> None:
        self.transport: Any = None
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 : head.find(b"\r\n", at) if b"\r\n" in head[at:] else None])
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head[9:12]), rest[:length]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError())

    async def post(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(head + str(len(body)).encode() + b"\r\n\r\n" + body)
        return await self._answer


async def http(
    url: str, secrets: list[str], connections: int, seconds: float, size: int, mark: str
) -> dict[str, Any]:
    """POST readings (`size` to a body; 0: an empty object, for the no-op floor)."""
    parts = urlsplit(url)
    stop = time.perf_counter() + seconds
    taken: list[float] = []
    results = {"acknowledged": 0, "other": 0}

    async def run(number: int) -> None:
        secret = secrets[number % len(secrets)]
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n"
            "Content-Length: "
        ).encode()
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(Client, parts.hostname, parts.port)
        count = 0
        while time.perf_counter() < stop:
            made = [reading(f"{mark}-{number}-{count}-{place}") for place in range(max(size, 1))]
            body = json.dumps(made if size > 1 else made[0]).encode()
            began = time.perf_counter()
            status, answer = await client.post(head, body)
            taken.append(time.perf_counter() - began)
            good = status in (200, 201) and (
                size == 0 or answer.count(b'"result":"stored"') == max(size, 1) or size < 0
            )
            results["acknowledged" if good else "other"] += max(size, 1)
            count += 1
        client.transport.close()

    began = time.perf_counter()
    await asyncio.gather(*(run(number) for number in range(connections)))
    return summary(results, taken, time.perf_counter() - began)


async def naive(url: str, connections: int, seconds: float, mark: str) -> dict[str, Any]:
    """The same load in the shape the naive application takes (its answers are 201)."""
    return await http(url, ["none"], connections, seconds, 0, mark)


def mqtt(
    url: str,
    users: list[tuple[str, str]],
    org: str,
    count: int,
    rate: float,
    mark: str,
    red: bool = False,
) -> dict[str, Any]:
    """Publish `count` readings at QoS 1, as fast as possible or `rate` a second."""
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    parts = urlsplit(url)
    clients = []
    acknowledged: set[str] = set()
    sent_at: dict[str, float] = {}
    latencies: list[float] = []

    def on_message(_client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        now = time.perf_counter()
        receipt = json.loads(message.payload)
        if receipt["result"] in ("stored", "duplicate"):
            acknowledged.add(receipt["id"])
            latencies.append(now - sent_at.get(receipt["id"], now))

    for cred, secret in users:
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        client.username_pw_set(cred, secret)
        client.max_inflight_messages_set(200)
        client.on_message = on_message
        client.connect(parts.hostname or "127.0.0.1", parts.port or 1883)
        client.subscribe(f"hjv/1/{org}/{cred}/ack", 1)
        client.loop_start()
        clients.append((client, cred))
    time.sleep(0.5)
    began = time.perf_counter()
    for number in range(count):
        client, cred = clients[number % len(clients)]
        made = reading(f"{mark}-{number}", red)
        sent_at[made["id"]] = time.perf_counter()
        client.publish(f"hjv/1/{org}/{cred}/obs", json.dumps(made), qos=1)
        if rate:
            time.sleep(max(0.0, began + number / rate - time.perf_counter()))
        elif number % 64 == 0:
            while number - len(acknowledged) > 4_000:
                time.sleep(0.001)
    deadline = time.perf_counter() + 30
    while len(acknowledged) < count and time.perf_counter() < deadline:
        time.sleep(0.002)
    seconds = time.perf_counter() - began
    for client, _ in clients:
        client.loop_stop()
        client.disconnect()
    results = {"acknowledged": len(acknowledged), "other": count - len(acknowledged)}
    return summary(results, latencies, seconds)


def fan_through(url: str, topic: str, count: int) -> dict[str, Any]:
    """The broker's floor: the same publisher and one subscriber that does nothing."""
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    parts = urlsplit(url)
    seen = 0

    def on_message(_client: paho.Client, _data: Any, _message: paho.MQTTMessage) -> None:
        nonlocal seen
        seen += 1

    def connected(callback: Callable[..., None] | None) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.max_inflight_messages_set(200)
        if callback is not None:
            client.on_message = callback
        client.connect(parts.hostname or "127.0.0.1", parts.port or 1883)
        client.loop_start()
        return client

    subscriber = connected(on_message)
    subscriber.subscribe(topic, 1)
    publisher = connected(None)
    time.sleep(0.5)
    began = time.perf_counter()
    for number in range(count):
        publisher.publish(topic, json.dumps(reading(f"floor-{number}")), qos=1)
        if number % 64 == 0:
            while number - seen > 4_000:
                time.sleep(0.001)
    deadline = time.perf_counter() + 30
    while seen < count and time.perf_counter() < deadline:
        time.sleep(0.002)
    seconds = time.perf_counter() - began
    for client in (subscriber, publisher):
        client.loop_stop()
        client.disconnect()
    return summary({"acknowledged": seen, "other": count - seen}, [], seconds)


def summary(results: dict[str, int], taken: list[float], seconds: float) -> dict[str, Any]:
    ordered = sorted(taken)
    cut = [ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.9, 0.99)] if taken else []
    return {
        **results,
        "seconds": seconds,
        "rate": results["acknowledged"] / seconds,
        "ms": dict(zip(("p50", "p90", "p99"), cut, strict=False)),
        "samples": len(taken),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["http", "naive", "mqtt", "fan-through"])
    parser.add_argument("plan", help="JSON with the arguments of that function")
    chosen = parser.parse_args()
    plan = json.loads(chosen.plan)
    match chosen.what:
        case "http":
            done = uvloop.run(http(**plan))
        case "naive":
            done = uvloop.run(naive(**plan))
        case "mqtt":
            done = mqtt(**plan)
        case _:
            done = fan_through(**plan)
    sys.stdout.write(json.dumps(done) + "\n")


if __name__ == "__main__":
    main()
