"""A device as its maker would write it: MQTT 5 or 3.1.1, and the messages of the contract."""

import json
import queue
import ssl
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE = 20.0

Json = dict[str, Any]


class Device:
    """One connection. A receipt is found by correlation data (5), or in order (3.1.1)."""

    def __init__(
        self,
        address: tuple[str, int],
        org: str,
        cred: str,
        secret: str,
        *,
        version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        attempts: int = 20,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """With `tls` it shows a certificate and no secret."""
        self.own = f"hjv/1/{org}/{cred}/"
        self.version = version
        self.answers: dict[int, str] = {}
        self._receipts: dict[bytes, Any] = {}
        self._inbox: queue.Queue[tuple[str, bytes | None, Any]] = queue.Queue()
        self._happened: queue.Queue[str] = queue.Queue()
        self._login = (cred, secret)
        self._tls = tls
        self._cut = 0
        self._client = self._connected(address, attempts)

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, address: tuple[str, int], attempts: int) -> paho.Client:
        """The broker may learn of a new credential a second after it was issued."""
        for _ in range(attempts):
            client = self._new_client()
            client.connect(*address)
            client.loop_start()
            if self._wait() == "connected":
                for topic in ("ack", "mine/ack"):
                    client.subscribe(self.own + topic, qos=1)
                    assert self._wait() == "subscribed"
                self._cut = 0
                return client
            client.disconnect()
            client.loop_stop()
            time.sleep(0.3)
        raise PermissionError("the broker does not let this credential in")

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=self._login[0], protocol=self.version
        )
        if self._tls is None:
            client.username_pw_set(*self._login)
        else:
            client.tls_set_context(self._tls)
        client.max_inflight_messages_set(200)
        client.on_connect = lambda _c, _d, _f, reason, _p: self._happened.put(
            "refused" if reason.is_failure else "connected"
        )
        client.on_subscribe = lambda *_: self._happened.put("subscribed")
        client.on_publish = self._published
        client.on_disconnect = self._was_cut
        client.on_message = self._received
        return client

    @property
    def is_connected(self) -> bool:
        """Whether the session stands; the client itself would connect again."""
        return self._cut == 0

    def _wait(self) -> str:
        return self._happened.get(timeout=PATIENCE)

    def put(
        self,
        body: bytes | Any,
        *,
        channel: str = "obs",
        topic: str | None = None,
        reply_to: str | None = None,
    ) -> bytes:
        """Publish; returns the correlation data by which `receipt` finds the answer."""
        correlation = uuid.uuid4().bytes
        properties = None
        if self.version is MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ResponseTopic = reply_to or f"{self.own}mine/ack"
            properties.CorrelationData = correlation
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = self._client.publish(
            topic or self.own + channel, payload, qos=1, properties=properties
        )
        self._last = sent.mid
        return correlation

    def receipt(self, correlation: bytes | None = None, patience: float = PATIENCE) -> Any:
        """The answer to one message; without correlation (3.1.1) the next answer."""
        return self.answered(correlation, patience)[1]

    def answered(
        self, correlation: bytes | None = None, patience: float = PATIENCE
    ) -> tuple[str, Any]:
        """Topic and body of an answer. Raises TimeoutError."""
        deadline = time.monotonic() + patience
        while correlation is None or correlation not in self._receipts:
            try:
                left = max(0.01, deadline - time.monotonic())
                topic, got, body = self._inbox.get(timeout=left)
            except queue.Empty:
                raise TimeoutError("no receipt came") from None
            if correlation is None:
                return topic, body
            if got is not None:
                self._receipts[got] = (topic, body)
        answer: tuple[str, Any] = self._receipts.pop(correlation)
        return answer

    def ask(self, body: Any, *, channel: str = "obs") -> Any:
        """Send, and wait for the receipt."""
        correlation = self.put(body, channel=channel)
        return self.receipt(correlation if self.version is MQTTProtocolVersion.MQTTv5 else None)

    def ask_until_answered(self, body: Any, *, patience: float = 60) -> Any:
        """As a device that keeps its reading: sends again until somebody answers."""
        deadline = time.monotonic() + patience
        while True:
            correlation = self.put(body)
            try:
                return self.receipt(correlation, 5)
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise

    def puback(self, topic: str, body: Any) -> str:
        """What the broker said of a message on this topic."""
        self.put(body, topic=topic)
        deadline = time.monotonic() + PATIENCE
        while self._last not in self.answers:
            assert time.monotonic() < deadline, "the broker did not answer"
            time.sleep(0.02)
        return self.answers[self._last]

    def _was_cut(self, *_: Any) -> None:
        self._cut += 1

    def _published(self, _client: Any, _data: Any, number: int, reason: Any, _more: Any) -> None:
        self.answers[number] = str(reason)

    def _received(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        self._inbox.put((message.topic, correlation, json.loads(message.payload)))


# --- messages ---------------------------------------------------------------------------------


def item(kind: str, values: Json, *, at: datetime | None = None, **more: Any) -> Json:
    moment = at or datetime.now(UTC)
    return {
        "v": 1,
        "id": str(uuid.uuid4()),
        "kind": kind,
        "at": moment.isoformat(timespec="milliseconds"),
        "values": values,
        "device": {"manufacturer": "Example", "model": "One", "clock": "synced"},
        **more,
    }


def weight(kilos: float = 82.4, **more: Any) -> Json:
    return item("body_weight", {"value": kilos}, **more)


def pressure(systolic: int = 128, diastolic: int = 78, **more: Any) -> Json:
    return item("blood_pressure", {"systolic": systolic, "diastolic": diastolic}, **more)


def low_pressure(**more: Any) -> Json:
    return pressure(82, 48, **more)


def observation(subject: Json, kilos: float = 82.4, **more: Any) -> Json:
    """A body weight as FHIR."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": "urn:example:app", "value": str(uuid.uuid4())}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": subject,
        "effectiveDateTime": ago(1).isoformat(timespec="seconds"),
        "valueQuantity": {"value": kilos, "system": "http://unitsofmeasure.org", "code": "kg"},
        **more,
    }


def answers(patient_id: str, **given: bool | str) -> Json:
    """The daily form; underscores stand for hyphens."""
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "identifier": {"system": "urn:example:app", "value": str(uuid.uuid4())},
        "questionnaire": "https://hjemvakt.example/fhir/Questionnaire/home-dialysis-daily",
        "subject": {"reference": f"Patient/{patient_id}"},
        "authored": ago(1).isoformat(timespec="seconds"),
        "item": [
            {
                "linkId": link.replace("_", "-"),
                "answer": [
                    {"valueBoolean": one}
                    if isinstance(one, bool)
                    else {"valueCoding": {"code": one}}
                ],
            }
            for link, one in given.items()
        ],
    }


def bundle(kind: str, *resources: Json) -> Json:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {
                "fullUrl": f"urn:uuid:{uuid.uuid4()}",
                "request": {"method": "POST", "url": resource["resourceType"]},
                "resource": resource,
            }
            for resource in resources
        ],
    }


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
