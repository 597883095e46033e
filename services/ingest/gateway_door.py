"""What comes below gw/{org}/{cred}/ from gateways that people own: the table, and what it collects.

Bare values of one device are kept together in memory until the device says they are complete. They
come with QoS 0, which promises nothing: after a restart, a device's next night is the next one.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from datetime import date, datetime

from services.ingest.devices import discovery, gateway_table, gateways, refused
from services.ingest.devices.discovery import Suggestion
from services.ingest.devices.gateway_table import Gateway
from services.ingest.senders import Credential
from shared.contracts import Code, Item

MOST_DEVICES = 5_000
MOST_VALUES = 64
MOST_BYTES = 1_024
MOST_OF_A_TOPIC = 24  # a day, of what nothing knows
MOST_OF_A_GATEWAY = 240


Heard = Callable[[str, str, Sequence[Suggestion]], None]


class Waiting:
    """How much of what nothing knows was set aside today. A neighbour's sensor that speaks every
    minute must not bury what else waits for a person; what is beyond is counted as refused.

    In memory, because it is asked before anything is written: the database would be asked for each
    message of a neighbour. Replicas do not add up, for each hears every gateway and lets the same
    ones through, which are stored once. After a restart it is counted anew."""

    def __init__(self) -> None:
        self._day: date | None = None
        self._of_topic: Counter[tuple[tuple[str, str], str]] = Counter()
        self._of_gateway: Counter[tuple[str, str]] = Counter()

    def add(self, gateway: tuple[str, str], topic: str, now: datetime) -> None:
        """Raises TooManyUnknown."""
        if self._day != now.date():
            self._day = now.date()
            self._of_topic.clear()
            self._of_gateway.clear()
        if (
            self._of_topic[gateway, topic] >= MOST_OF_A_TOPIC
            or self._of_gateway[gateway] >= MOST_OF_A_GATEWAY
        ):
            raise refused.TooManyUnknown
        self._of_topic[gateway, topic] += 1
        self._of_gateway[gateway] += 1


class Gateways:
    """Turns a gateway's messages into items, and tells `heard` what devices announce."""

    def __init__(self, table: Sequence[Gateway], heard: Heard) -> None:
        self.table = table
        self._heard = heard
        self._collects = [row for row in table if row.collect is not None]
        self._waiting = Waiting()
        self._kept: OrderedDict[tuple[str, str, str, str], dict[str, str]] = OrderedDict()

    def decode(
        self, credential: Credential, topic: str, payload: bytes, now: datetime
    ) -> list[Item]:
        """The items of one message; empty when there is nothing in it, or not yet.
        TooManyUnknown: a topic that nothing knows, and enough of it waits already."""
        org, cred = credential.org, credential.sender.cred
        for row in self._collects:
            complete = self._collect(row, org, cred, topic, payload)
            if complete is not None:
                return gateways.collected(self.table, topic, complete, now)
        if discovery.is_one(self.table, topic):
            told = discovery.read(self.table, payload, f"gw/{org}/{cred}/")
            self._heard(org, cred, told)
            return []
        items = gateways.decode((*credential.topics, *self.table), topic, payload, now)
        if any(error.code is Code.UNKNOWN_KIND for item in items for error in item.errors):
            self._waiting.add((org, cred), topic, now)
        return items

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
