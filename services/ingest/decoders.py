"""Which decoder reads what: by MQTT channel, or by the media type kept with the raw bytes."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import structlog

from services.ingest.devices import fhir_r4, foreign, gateways, hl7_adt, json_v1, status
from services.ingest.devices.gateway_table import Gateway
from shared.contracts import Code, Item, ItemError
from shared.form_answers import Forms

log = structlog.get_logger()

JSON = "application/json"
FHIR = "application/fhir+json"
STATUS = "application/vnd.hjemvakt.status+json"

_MEDIA = {"obs": JSON, "fhir": FHIR, "status": STATUS}


def media_type(channel: str) -> str:
    return _MEDIA[channel]


def decode(channel: str, body: bytes, media: str, now: datetime, forms: Forms) -> list[Item]:
    """The items of an MQTT message. Raises a kind of Refused."""
    match channel:
        case "fhir":
            return _whole(fhir_r4.decode(body, media, forms, now), body, media)
        case "status":
            return status.decode(body, media, now)
        case _:
            return json_v1.decode(body, media, json_v1.MQTT_ITEMS, forms)


def decode_again(
    body: bytes,
    media: str | None,
    now: datetime,
    forms: Forms,
    table: Sequence[Gateway],
    hashes: hl7_adt.Hashes,
) -> list[Item]:
    """The items of one message's kept bytes. Raises a kind of Refused."""
    match media or JSON:
        case "application/fhir+json":
            return fhir_r4.decode(body, FHIR, forms, now).items
        case "application/vnd.hjemvakt.status+json":
            return status.decode(body, STATUS, now)
        case "application/hl7-v2":
            return hl7_adt.again(body, now, hashes)
        case gateways.MEDIA:
            return gateways.decode_again(table, body, now)
        case other if other in foreign.MEDIA:
            return foreign.again(body, other, now)
        case _:
            return json_v1.decode(body, JSON, json_v1.HTTP_ITEMS, forms)


def unreadable(body: bytes, media: str) -> Item:
    """A body of which nothing could be read, kept whole: over MQTT nobody would see a refusal."""
    content = hashlib.sha256(body).digest()
    return Item(
        message_id=f"sha256:{content.hex()}",
        content=content,
        raw=body,
        media_type=media,
        errors=(ItemError("", Code.UNREADABLE),),
    )


def failed(body: bytes, media: str, error: Exception, org: str, cred: str) -> Item:
    """A fault of ours: the body waits in quarantine, to be read again when it is mended. Answered
    as a fault it would lie nowhere, and be sent again for ever. The log tells the fault's type: its
    text may hold what was sent."""
    log.error("A decoder failed.", org=org, cred=cred, fault=type(error).__name__)
    return unreadable(body, media)


def _whole(received: fhir_r4.Received, body: bytes, media: str) -> list[Item]:
    """The items, and the body itself beside them when an entry of it could not be taken."""
    if any(entry.refusal is not None for entry in received.entries):
        return [*received.items, unreadable(body, media)]
    return received.items
