from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.devices import refused, status
from shared.contracts import Code, ItemError

NOW = datetime(2026, 2, 3, 6, 10, tzinfo=UTC)
MEDIA = "application/json"


def test_a_last_will_becomes_a_device_event() -> None:
    (item,) = status.decode(b'{"state":"offline","battery":"71,5","fw":"1.2","x":1}', MEDIA, NOW)

    (draft,) = item.drafts
    assert (draft.type, draft.kind, item.at) == ("device-event", "device_status", NOW)
    assert draft.body == {
        "v": 1,
        "message": item.message_id,
        "state": "offline",
        "battery": Decimal("71.5"),
        "firmware": "1.2",
    }


def test_going_offline_twice_is_two_events_and_a_repeat_at_once_is_one() -> None:
    def sent(now: datetime) -> str:
        return status.decode(b'{"state":"offline"}', MEDIA, now)[0].message_id

    assert sent(NOW) == sent(NOW)
    assert sent(NOW) != sent(NOW + timedelta(seconds=90))


def test_a_gateway_that_tells_the_time_is_believed() -> None:
    (item,) = status.decode(b'{"state":"online","at":"2026-02-03T07:00:00+01:00"}', MEDIA, NOW)

    assert item.at == datetime(2026, 2, 3, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "body", [b'{"state":"sleeping"}', b'{"battery":7}', b'{"state":["online"]}']
)
def test_an_unknown_state_is_set_aside(body: bytes) -> None:
    (item,) = status.decode(body, MEDIA, NOW)

    assert item.errors == (ItemError("state", Code.BAD_VALUE),)
    assert not item.drafts


@pytest.mark.parametrize("body", [b"", b"offline", b"[]", b'"online"'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(refused.Refused):
        status.decode(body, MEDIA, NOW)


@given(st.binary(max_size=60))
def test_no_bytes_make_the_decoder_fail(body: bytes) -> None:
    with suppress(refused.Refused):
        status.decode(body, MEDIA, NOW)
