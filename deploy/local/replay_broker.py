"""Replays what was caught at a broker: each message once more, below the gateways' prefix."""

import queue
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from services.ingest.devices import gateway_table
from services.ingest.gateway_door import Gateways
from services.ingest.senders import Credential
from shared import exact
from shared.ledger import Sender

PATIENCE = 20.0

Captured = Sequence[tuple[str, bytes]]


class NoBroker(ConnectionError):
    """The broker does not let the replaying credential in."""


def slots(captured: Captured) -> set[str]:
    """Whose measurements these are: the slots that the built-in table finds."""
    return {item.slot or "" for item in _expected(captured)}


def publish(url: str, org: str, cred: str, secret: str, captured: Captured) -> list[Any]:
    """The receipts of what was published. Raises NoBroker."""
    wanted = len(_expected(captured))
    happened: queue.Queue[Any] = queue.Queue()
    client = _client(url, cred, secret, happened)
    try:
        client.subscribe(f"hjv/1/{org}/{cred}/ack", qos=1)
        if happened.get(timeout=PATIENCE) != "subscribed":
            raise NoBroker(NoBroker.__doc__)
        for topic, payload in captured:
            client.publish(f"gw/{org}/{cred}/{topic}", payload, qos=1)
        receipts: list[Any] = []
        until = time.monotonic() + PATIENCE
        while len(receipts) < wanted and time.monotonic() < until:
            try:
                told = happened.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                break
            receipts += told if isinstance(told, list) else [told]
        return receipts
    finally:
        client.disconnect()
        client.loop_stop()


def _expected(captured: Captured) -> list[Any]:
    gateways = Gateways(gateway_table.load(), lambda _org, _cred, _told: None)
    sender, now = Credential("", Sender(""), None), datetime.now(UTC)
    return [
        item for topic, payload in captured for item in gateways.decode(sender, topic, payload, now)
    ]


def _client(url: str, cred: str, secret: str, happened: "queue.Queue[Any]") -> paho.Client:
    """The broker learns of a new credential a second after it was issued."""
    parts = urlsplit(url)
    for _ in range(20):
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=cred, protocol=paho.MQTTv5)
        client.username_pw_set(cred, secret)
        client.on_connect = lambda _c, _d, _f, reason, _p: happened.put(not reason.is_failure)
        client.on_subscribe = lambda *_: happened.put("subscribed")
        client.on_message = lambda _c, _d, sent: happened.put(exact.loads(bytes(sent.payload)))
        try:
            client.connect(parts.hostname or "127.0.0.1", parts.port or 1883)
        except OSError as error:
            raise NoBroker(NoBroker.__doc__) from error
        client.loop_start()
        if happened.get(timeout=PATIENCE) is True:
            return client
        client.loop_stop()
        time.sleep(0.5)
    raise NoBroker(NoBroker.__doc__)
