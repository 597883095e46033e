"""A subscriber as one would write it with paho: takes each message at QoS 1 and does nothing.
Its session is that of the other floor: a second one would have the broker keep every message twice.

`python -m tests.bench.paho_subscriber mqtt://user:password@host:port TOPIC COUNT` prints a line
when it is subscribed, then how many have come, now and then and at the end.
"""

import sys
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def main(url: str, topic: str, count: int) -> None:
    address, come = urlsplit(url), 0

    def take(*_: Any) -> None:
        nonlocal come
        come += 1
        if come % 1000 == 0 or come == count:
            print(come, flush=True)

    def connected(*_: Any) -> None:
        client.subscribe(topic, qos=1)

    def subscribed(*_: Any) -> None:
        print(0, flush=True)

    client = paho.Client(CallbackAPIVersion.VERSION2, "floor", clean_session=False)
    client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
    client.on_connect = connected
    client.on_subscribe = subscribed
    client.on_message = take
    client.connect(address.hostname or "", address.port or 1883)
    while come < count:
        client.loop()
    client.loop()  # the last acknowledgement
    client.disconnect()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
