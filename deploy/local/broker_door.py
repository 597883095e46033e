"""Whether the broker lets somebody in: its files follow the record within a moment."""

import threading
import time
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE = 30.0
EACH = 3.0


class BrokerRefuses(ConnectionError):
    """The broker does not let a new credential in."""


def wait(mqtt: str, cred: str, secret: str, patience: float = PATIENCE) -> None:
    """Return when the credential can connect. Raises BrokerRefuses."""
    deadline = time.monotonic() + patience
    while not lets_in(mqtt, cred, cred, secret):
        if time.monotonic() > deadline:
            raise BrokerRefuses("The broker does not let the new credentials in.")
        time.sleep(0.2)


def lets_in(mqtt: str, client_id: str, user: str, secret: str) -> bool:
    """Come and go once, with a session that begins anew. Takes at most `EACH` seconds."""
    address = urlsplit(mqtt)
    answered = threading.Event()
    accepted: list[bool] = []

    def connected(_client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        accepted.append(not reason.is_failure)
        answered.set()

    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=paho.MQTTv5,
        reconnect_on_failure=False,
    )
    client.username_pw_set(user, secret)
    client.on_connect = connected
    client.connect_timeout = EACH
    try:
        client.connect(address.hostname or "127.0.0.1", address.port or 1883, clean_start=True)
        client.loop_start()
        answered.wait(EACH)
        client.disconnect()
        client.loop_stop()
    except OSError:
        return False
    return accepted == [True]
