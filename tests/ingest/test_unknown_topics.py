"""Topics of a gateway that nothing knows: nothing is lost, and the rest is not buried."""

from datetime import UTC, datetime, timedelta

import pytest

from services.ingest import gateway_door
from services.ingest.devices import gateway_table, refused
from services.ingest.gateway_door import Gateways
from services.ingest.senders import Credential
from shared.contracts import Code, Item
from shared.ledger import Sender

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
OWN = Credential("test", Sender("c-own"), None)
OTHER = Credential("test", Sender("c-other"), None)


def door() -> Gateways:
    return Gateways(gateway_table.load(), lambda _org, _cred, _told: None)


def sent(gateways: Gateways, payload: str, topic: str = "myscale/weight", **when: float) -> Item:
    [item] = gateways.decode(OWN, topic, payload.encode(), NOW + timedelta(**when))
    assert [error.code for error in item.errors] == [Code.UNKNOWN_KIND]
    return item


def test_each_reading_of_an_unknown_topic_waits() -> None:
    gateways = door()
    items = [sent(gateways, value) for value in ("80.1", "81.2", "99.9")]
    items.append(sent(gateways, "80.1", hours=1))

    assert len({item.message_id for item in items}) == 4
    assert len({item.content for item in items}) == 4
    assert b"99.9" in items[2].raw


def test_what_comes_again_at_once_is_known() -> None:
    gateways = door()
    first, again = sent(gateways, "80.1"), sent(gateways, "80.1", seconds=20)
    assert (first.message_id, first.content) == (again.message_id, again.content)


def test_a_sensor_that_nobody_knows_does_not_fill_the_quarantine() -> None:
    gateways = door()
    for minute in range(gateway_door.MOST_OF_A_TOPIC):
        sent(gateways, str(minute), "neighbour/kitchen", minutes=minute)
    with pytest.raises(refused.TooManyUnknown):
        sent(gateways, "20.9", "neighbour/kitchen")

    sent(gateways, "80.1")  # another topic of the same gateway
    assert gateways.decode(OTHER, "neighbour/kitchen", b"20.9", NOW)
    sent(gateways, "20.9", "neighbour/kitchen", days=1)


def test_a_thousand_topics_do_not_fill_it_either() -> None:
    gateways = door()
    for place in range(gateway_door.MOST_OF_A_GATEWAY):
        sent(gateways, "1", f"neighbour/{place}")
    with pytest.raises(refused.TooManyUnknown):
        sent(gateways, "1", "neighbour/last")
