"""How a home's readings leave it: over MQTT 5 or HTTP, kept and sent again until their receipts.

A gateway connects, sends, waits for the receipts and goes to sleep again. The broker's own
acknowledgement promises nothing; only a receipt ends the sending.
"""

import json
import queue
import threading
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from shared import exact

RECEIPT_SECONDS = 8.0
CONNECT_SECONDS = 5.0
PAUSE_SECONDS = 1.0
# What a gateway does not get through now it keeps, and tries again on its next visit.
TRIES = 30

Say = Callable[[str], None]


class NoReceipt(Exception):
    """No receipt came: the readings are kept and must be sent again"""


class Gateway:
    """Sends for any home, one visit after the other; `stop` ends waiting."""

    def __init__(self, org: str, mqtt: str, ingest: str, stop: threading.Event) -> None:
        address = urlsplit(mqtt)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 1883
        self._org = org
        self._stop = stop
        self._http = httpx.Client(base_url=ingest, trust_env=False, timeout=20)

    def close(self) -> None:
        self._http.close()

    def send(self, cred: str, secret: str, by: str, channel: str, body: Any) -> list[str]:
        """What the receipts say, in order. Raises NoReceipt when none came in many tries."""
        sent = exact.dumps(body)
        for _ in range(TRIES):
            try:
                if by == "http":
                    return self._by_http(secret, channel, sent)
                return self._by_mqtt(cred, secret, channel, sent)
            except (OSError, httpx.TransportError, NoReceipt):
                if self._stop.wait(PAUSE_SECONDS):
                    break
        raise NoReceipt

    def _by_http(self, secret: str, channel: str, body: bytes) -> list[str]:
        fhir = channel == "fhir"
        path = "/fhir/QuestionnaireResponse" if fhir else "/v1/observations"
        headers = {
            "authorization": f"Bearer {secret}",
            "content-type": "application/fhir+json" if fhir else "application/json",
        }
        answer = self._http.post(path, content=body, headers=headers)
        if answer.status_code == 503:
            raise NoReceipt
        if not fhir and answer.status_code == 200:
            return [receipt["result"] for receipt in answer.json()["results"]]
        if fhir and answer.status_code in (200, 201, 202):
            return [{201: "stored", 202: "quarantined"}.get(answer.status_code, "duplicate")]
        return [f"refused with status {answer.status_code}"]

    def _by_mqtt(self, cred: str, secret: str, channel: str, body: bytes) -> list[str]:
        with _Visit(self._host, self._port, self._org, cred, secret) as visit:
            receipt = visit.ask(channel, body)
        answers = receipt if isinstance(receipt, list) else [receipt]
        return [answer["result"] for answer in answers]


class _Visit:
    """One connection of one credential, from log-in to receipt."""

    def __init__(self, host: str, port: int, org: str, cred: str, secret: str) -> None:
        self._own = f"hjv/1/{org}/{cred}/"
        self._inbox: queue.Queue[tuple[str, bytes | None, bytes]] = queue.Queue()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=cred,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.username_pw_set(cred, secret)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._inbox.put(("subscribed", None, b""))
        self._client.on_message = self._received
        self._client.connect_timeout = CONNECT_SECONDS
        self._client.connect(host, port)

    def __enter__(self) -> "_Visit":
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def ask(self, channel: str, body: bytes) -> Any:
        """Publish with a response topic of our own, and wait for the receipts to this message."""
        self._expect("connected", CONNECT_SECONDS)
        reply_to = f"{self._own}gateway/ack"
        self._client.subscribe(reply_to, qos=1)
        self._expect("subscribed", CONNECT_SECONDS)
        correlation = uuid.uuid4().bytes
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = reply_to
        properties.CorrelationData = correlation
        properties.ContentType = f"application/{'fhir+json' if channel == 'fhir' else 'json'}"
        self._client.publish(
            self._own + channel, body, qos=1, retain=channel == "status", properties=properties
        )
        while True:
            answered, receipt = self._expect("receipt", RECEIPT_SECONDS)
            if answered == correlation:
                return json.loads(receipt)

    def _expect(self, what: str, patience: float) -> tuple[bytes | None, bytes]:
        try:
            happened, correlation, payload = self._inbox.get(timeout=patience)
        except queue.Empty:
            raise NoReceipt from None
        if happened != what:
            raise NoReceipt
        return correlation, payload

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        self._inbox.put(("refused" if reason.is_failure else "connected", None, b""))

    def _received(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        self._inbox.put(("receipt", correlation, bytes(message.payload)))
