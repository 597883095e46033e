"""What comes below gw/{org}/{cred}/ from gateways that people own: the table, and what it collects.

Bare values of one device are kept together in memory until the device says they are complete. They
come with QoS 0, which promises nothing: after a restart, a device's next night is the next one.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime

from services.ingest.devices import discovery, gateway_table, gateways
from services.ingest.devices.discovery import Suggestion
from services.ingest.devices.gateway_table import Gateway
from services.ingest.senders import Credential
from shared.contracts import Item

MOST_DEVICES = 5_000
MOST_VALUES = 64
MOST_BYTES = 1_024


Heard = Callable[[str, str, Sequence[Suggestion]], None]


class Gateways:
    """Turns a gateway's messages into items, and tells `heard` what devices announce."""

    def __init__(self, table: Sequence[Gateway], heard: Heard) -> None:
        self.table = table
        self._heard = heard
        self._collects = [row for row in table if row.collect is not None]
        self._kept: OrderedDict[tuple[str, str, str, str], dict[str, str]] = OrderedDict()

    def decode(
        self, credential: Credential, topic: str, payload: bytes, now: datetime
    ) -> list[Item]:
        """The items of one message; empty when there is nothing in it, or not yet."""
        org, cred = credential.org, credential.sender.cred
        for row in self._collects:
            complete = self._collect(row, org, cred, topic, payload)
            if complete is not None:
                return gateways.collected(self.table, topic, complete, now)
        if discovery.is_one(self.table, topic):
            told = discovery.read(self.table, payload, f"gw/{org}/{cred}/")
            self._heard(org, cred, told)
            return []
        return gateways.decode((*credential.topics, *self.table), topic, payload, now)

    def _collect(
        self, row: Gateway, org: str, cred: str, topic: str, payload: bytes
    ) -> dict[str, str] | None:
        """All values of a device, once it says that they are complete."""
        words = row.matches(topic)
        if words is None or row.collect is None or row.until is None:
            return None
        text = payload[:MOST_BYTES].decode("utf-8", "replace").strip()
        key = (org, cred, row.name, words[row.collect])
        if gateway_table.matched(row.until.topic, topic) and text == row.until.payload:
            return self._kept.pop(key, None)
        kept = self._kept.setdefault(key, {})
        self._kept.move_to_end(key)
        if len(kept) < MOST_VALUES:
            kept[topic.rsplit("/", 1)[-1]] = text
        if len(self._kept) > MOST_DEVICES:
            self._kept.popitem(last=False)
        return None
