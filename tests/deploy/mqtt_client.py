"""A small MQTT client for the tests: connects, remembers what it was told."""

import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion


class Client:
    """Connects at once, without coming back by itself; `code` is the broker's first answer."""

    def __init__(
        self,
        port: int,
        user: str,
        secret: str,
        *,
        client_id: str = "any",
        version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.code: str | None = None
        self.is_connected = False
        self.received: list[mqtt.MQTTMessage] = []
        self.answers: dict[int, str] = {}
        self._done = threading.Event()
        self._paho = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=version,
            reconnect_on_failure=False,
        )
        if user:
            self._paho.username_pw_set(user, secret)
        if tls is not None:
            self._paho.tls_set_context(tls)
        self._paho.on_connect = self._connected
        self._paho.on_disconnect = self._disconnected
        self._paho.on_message = lambda _client, _data, message: self.received.append(message)
        self._paho.on_publish = self._published
        self._paho.connect("127.0.0.1" if tls is None else "localhost", port)
        self._paho.loop_start()
        eventually(lambda: self.code is not None)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()

    def subscribe(self, topic: str) -> None:
        self._paho.subscribe(topic, 1)
        time.sleep(0.1)

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> str:
        """The broker's answer, such as `Success` or `Not authorized`.

        `No matching subscribers` is a success too: nobody listened.
        """
        number = self._paho.publish(topic, payload, 1, retain).mid
        eventually(lambda: number in self.answers)
        return self.answers[number]

    def topics(self) -> list[str]:
        return [message.topic for message in self.received]

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        self.code, self.is_connected = str(reason), not reason.is_failure

    def _disconnected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        self.code, self.is_connected = self.code or "Cut", False

    def _published(self, _client: Any, _data: Any, number: int, reason: Any, _more: Any) -> None:
        self.answers[number] = str(reason)


def eventually(holds: Callable[[], bool], patience: float = 5) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
