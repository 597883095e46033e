"""Where a receipt may go: never where it would be taken for somebody's reading. And a message that
a fault of ours keeps from being read."""

from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from services.ingest import mqtt_message
from shared.contracts import Code

OWN = "hjv/1/hospital/c-abc/"
NOW = datetime(2026, 11, 23, 6, 12, tzinfo=UTC)


def reader(forms: Any) -> mqtt_message.Reader:
    return mqtt_message.Reader(forms, lambda _system, _value: [])


def message(
    topic: str,
    reply_to: str | None = None,
    correlation: bytes | None = None,
    body: bytes = b"{}",
) -> MQTTMessage:
    made = MQTTMessage(1, topic.encode())
    made.payload = body
    made.properties = Properties(PacketTypes.PUBLISH)
    if reply_to is not None:
        made.properties.ResponseTopic = reply_to
    if correlation is not None:
        made.properties.CorrelationData = correlation
    return made


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        (None, f"{OWN}ack"),
        (f"{OWN}ack", f"{OWN}ack"),
        (f"{OWN}phone-2/ack", f"{OWN}phone-2/ack"),
        ("hjv/1/hospital/c-other/ack", f"{OWN}ack"),
        ("hjv/1/hospital/c-other/obs", f"{OWN}ack"),
        (f"{OWN}obs", f"{OWN}ack"),
        (f"{OWN}../c-other/obs", f"{OWN}ack"),
        ("hjv/1/hospital/c-abcd/ack", f"{OWN}ack"),
        ("anything", f"{OWN}ack"),
    ],
)
def test_a_response_topic_is_answered_only_below_the_senders_own_ack(
    wanted: str | None, goes_to: str
) -> None:
    parsed = mqtt_message.parse(message(f"{OWN}obs", wanted), 1)

    assert parsed is not None
    assert parsed.reply_to == goes_to


def test_correlation_data_comes_back_unchanged_up_to_64_bytes() -> None:
    short = mqtt_message.parse(message(f"{OWN}obs", None, b"\x00\xff" * 32), 1)
    long = mqtt_message.parse(message(f"{OWN}obs", None, b"x" * 65), 1)

    assert short is not None
    assert short.correlation == b"\x00\xff" * 32
    assert long is not None
    assert long.correlation is None


@pytest.mark.parametrize(
    "topic",
    [
        "hjv/1/hospital/c-abc",
        "hjv/1/hospital/c-abc/ack",
        "hjv/2/hospital/c-abc/obs",
        "gw/a/b",
    ],
)
def test_other_topics_are_not_ours(topic: str) -> None:
    assert mqtt_message.parse(message(topic), 1) is None


class Broken:
    """Forms that cannot be asked, as a fault of ours would have it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise LookupError(name)


def test_a_fault_of_a_decoder_sets_the_message_aside_and_holds_up_nothing() -> None:
    answers = b'{"resourceType":"QuestionnaireResponse","status":"completed","item":[]}'
    parsed = mqtt_message.parse(message(f"{OWN}fhir", None, body=answers), 1)
    assert parsed is not None

    read = mqtt_message.read(parsed, reader(Broken()), False, NOW)

    assert not read.is_array
    assert [error.code for error in read.items[0].errors] == [Code.UNREADABLE]
    assert read.items[0].raw == answers
