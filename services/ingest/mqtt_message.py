"""A message from the broker: whose it is, where its answer goes, and what is in it.

The Content Type says what it is, by the same table as over HTTP; without one, or with one that is
not known, the topic does. Every answer names each item in its order.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from services.ingest import decoders, formats
from services.ingest.devices import (
    fhir_r4,
    fhir_xml,
    foreign,
    gateways,
    hl7_adt,
    hl7_items,
    hl7_message,
    hl7_oru,
    json_v1,
    refused,
    status,
)
from services.ingest.formats import Format
from services.ingest.mqtt_client import Sent
from shared import exact
from shared.contracts import Code, Item, Receipt, Result, Watch
from shared.form_answers import Forms

CHANNELS = ("obs", "fhir", "status")
GATEWAY = "gw"
CORRELATION_BYTES = 64
# Of a Response Topic: a broker may end the connection of who publishes to one of very many levels.
LEVELS = 12
TOPIC_BYTES = 512
LONGEST_NAME = 200

_BY_TOPIC: dict[str, Format] = {"obs": "json", "fhir": "fhir", "status": "status"}


class Message(NamedTuple):
    org: str
    cred: str
    channel: str  # one of CHANNELS, or "gw": then `native` is the gateway's own topic
    body: bytes
    format: Format
    reply_to: str
    correlation: bytes | None
    mid: int
    qos: int
    connection: int
    native: str = ""

    @property
    def media_type(self) -> str:
        """As what its body is kept."""
        return gateways.MEDIA if self.channel == GATEWAY else formats.KEPT[self.format]


class Read(NamedTuple):
    """What is in a message. `beside`: what only accompanies, by its place among the answers and
    what it is called. `whole`: all items are stored, or none."""

    items: list[Item]
    is_array: bool
    whole: bool = False
    beside: tuple[tuple[int, str], ...] = ()

    def answers(self, receipts: Sequence[Receipt], now: datetime, watch: Watch) -> list[Receipt]:
        """One for all that was sent, in its order."""
        told = list(receipts)
        for place, name in self.beside:
            told.insert(place, Receipt(name, Result.IGNORED, now, watch=watch))
        return told


class Reader(NamedTuple):
    """What reading may ask: the forms, and how numbers of people are looked up."""

    forms: Forms
    hashes: hl7_adt.Hashes


def parse(sent: Sent, connection: int) -> Message | None:
    levels = sent.topic.split("/")
    if levels[0] == GATEWAY and len(levels) > 3:
        return Message(
            org=levels[1],
            cred=levels[2],
            channel=GATEWAY,
            body=bytes(sent.payload),
            format="json",
            reply_to=f"hjv/1/{levels[1]}/{levels[2]}/ack",
            correlation=None,
            mid=sent.mid,
            qos=sent.qos,
            connection=connection,
            native="/".join(levels[3:]),
        )
    if len(levels) != 5 or levels[:2] != ["hjv", "1"] or levels[4] not in CHANNELS:
        return None
    _, _, org, cred, channel = levels
    properties: Any = sent.properties
    correlation = getattr(properties, "CorrelationData", None)
    if correlation is not None and len(correlation) > CORRELATION_BYTES:
        correlation = None
    return Message(
        org=org,
        cred=cred,
        channel=channel,
        body=bytes(sent.payload),
        format=_format(channel, getattr(properties, "ContentType", None)),
        reply_to=_reply_to(f"hjv/1/{org}/{cred}/", getattr(properties, "ResponseTopic", None)),
        correlation=correlation,
        mid=sent.mid,
        qos=sent.qos,
        connection=connection,
    )


def _format(channel: str, told: str | None) -> Format:
    by_topic = _BY_TOPIC[channel]
    return by_topic if not told or channel == "status" else formats.of(told) or by_topic


def _reply_to(own: str, wanted: str | None) -> str:
    """A response topic outside the credential's own could make us write into another's intake."""
    if not wanted or not wanted.startswith(own) or not wanted.endswith("ack"):
        return f"{own}ack"
    is_usable = wanted.count("/") < LEVELS and len(wanted.encode()) <= TOPIC_BYTES
    if not is_usable or any(sign in wanted for sign in "+#\x00"):
        return f"{own}ack"
    return wanted


def read(message: Message, reader: Reader, is_system: bool, now: datetime) -> Read:
    """What is in it. What cannot be read waits in quarantine: nobody would see a refusal."""
    body = message.body
    try:
        match message.format:
            case "fhir":
                return _fhir(body, reader, now)
            case "fhir-xml":
                return _fhir(fhir_xml.as_json(body), reader, now)
            case "senml":
                return _foreign(body, now)
            case "hl7":
                return _hl7(body, reader, is_system, now)
            case "status":
                return Read(status.decode(body, formats.STATUS, now), False)
            case _:
                return _json(body, reader, now)
    except refused.Refused:
        return Read([decoders.unreadable(body, message.media_type)], False)
    except Exception as error:
        return Read([failed(message, error)], False)


def failed(message: Message, error: Exception) -> Item:
    kept = _without_secret(message.body) if message.format == "hl7" else message.body
    return decoders.failed(kept, message.media_type, error, message.org, message.cred)


def _json(body: bytes, reader: Reader, now: datetime) -> Read:
    """JSON, version 1. A body of which nothing says to be that may be what the doors for others'
    formats take, and then is read as they would."""
    try:
        items = json_v1.decode(body, formats.JSON, json_v1.MQTT_ITEMS, reader.forms)
    except refused.TooManyItems:
        if (other := _other(body, reader, now)) is None:
            raise
        return other
    no_item_of_ours = bool(items) and all(map(_says_no_version, items))
    if no_item_of_ours and (other := _other(body, reader, now)) is not None:
        return other
    return Read(items, len(items) != 1 or bool(items[0].position))


def _says_no_version(item: Item) -> bool:
    return any(each.path == "v" and each.code is Code.UNKNOWN_VERSION for each in item.errors)


def _other(body: bytes, reader: Reader, now: datetime) -> Read | None:
    sent = exact.loads(body)
    if any(isinstance(one, dict) and "kind" in one for one in _listed(sent)):
        return None  # ours, of a version that is not known
    if isinstance(sent, dict) and isinstance(sent.get("resourceType"), str):
        return _fhir(body, reader, now)
    try:
        return _foreign(body, now)
    except refused.FormatNotKnown:
        return None


def _listed(sent: Any) -> list[Any]:
    return sent if isinstance(sent, list) else [sent]


def _foreign(body: bytes, now: datetime) -> Read:
    items = foreign.decode(body, now)
    return Read(items, len(items) != 1 or body.lstrip().startswith(b"["))


def _fhir(body: bytes, reader: Reader, now: datetime) -> Read:
    received = fhir_r4.decode(body, formats.FHIR, reader.forms, now)
    if received.bundle == "transaction" and (held := decoders.held_whole(received, body)):
        return Read([held], False)
    items: list[Item] = []
    beside: list[tuple[int, str]] = []
    for place, entry in enumerate(received.entries):
        if entry.item is not None:
            items.append(entry.item)
        elif entry.refusal is not None:
            items.append(decoders.unreadable(entry.raw, formats.FHIR))
        else:
            beside.append((place, (entry.full_url or entry.kind)[:LONGEST_NAME]))
    is_whole = received.bundle == "transaction" and bool(items)
    return Read(items, received.bundle is not None, is_whole, tuple(beside))


def _hl7(body: bytes, reader: Reader, is_system: bool, now: datetime) -> Read:
    """Results, and of a system what a hospital's register says. Files inside stay in the bytes."""
    sent = hl7_message.read(body)
    try:
        if hl7_adt.is_taken(sent):
            if not is_system:
                raise refused.SenderNotTaken
            return Read(hl7_adt.decode(sent, reader.hashes, now), True)
        return Read(hl7_oru.items(sent, now), True)
    except refused.Refused:
        return Read([decoders.unreadable(_without_secret(body), formats.HL7)], False)


def _without_secret(body: bytes) -> bytes:
    try:
        return hl7_items.unknown(hl7_message.read(body)).raw
    except refused.NotHl7:
        return body
