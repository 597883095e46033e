"""Which decoder reads what was kept, and what becomes of a body that none can read."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from services.ingest import formats
from services.ingest.devices import fhir_r4, foreign, gateways, hl7_adt, json_v1, status
from services.ingest.devices.gateway_table import Gateway
from shared.contracts import Code, Item, ItemError
from shared.form_answers import Forms

log = structlog.get_logger()

MOST_FAULTS = 100  # told of a transaction; a person needs no more, and an answer has its bounds


def decode_again(
    body: bytes,
    media: str | None,
    now: datetime,
    forms: Forms,
    table: Sequence[Gateway],
    hashes: hl7_adt.Hashes,
) -> list[Item]:
    """The items of one message's kept bytes. Raises a kind of Refused."""
    match media or formats.JSON:
        case "application/fhir+json":
            return fhir_r4.decode(body, formats.FHIR, forms, now).items
        case "application/vnd.hjemvakt.status+json":
            return status.decode(body, formats.STATUS, now)
        case "application/hl7-v2":
            return hl7_adt.again(body, now, hashes)
        case gateways.MEDIA:
            return gateways.decode_again(table, body, now)
        case other if other in foreign.MEDIA:
            return foreign.again(body, other, now)
        case _:
            return json_v1.decode(body, formats.JSON, json_v1.HTTP_ITEMS, forms)


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


def not_whole(
    body: bytes, items: Sequence[Item], faults: Mapping[int, Sequence[ItemError]]
) -> Item:
    """A transaction of which something could not be stored, kept whole: by itself each of its items
    would be known when the mended one comes. `faults` are by entry. A red answer in it speaks."""
    errors = [
        ItemError(f"entry[{place}].{error.path}".rstrip("."), error.code)
        for place, told in faults.items()
        for error in told
    ]
    alarms = [item.alarm for item in items if item.alarm is not None]
    return replace(
        unreadable(body, formats.FHIR),
        errors=(ItemError("", Code.TRANSACTION), *errors[:MOST_FAULTS]),
        alarm=max(alarms, key=lambda one: one.harm, default=None),
    )


def revoked(item: Item) -> Item | None:
    """An item that the broker took before its sender was revoked: a person says what becomes of it.
    That the device came or went, and so also that the broker has shut it out, is nothing."""
    if item.drafts and all(draft.type == "device-event" for draft in item.drafts):
        return None
    return replace(item, drafts=(), errors=(ItemError("", Code.REVOKED), *item.errors))


def not_whole_again(body: bytes, media: str | None, now: datetime, forms: Forms) -> Item | None:
    """A transaction that was kept whole: its parts are not filed one by one, and its reason stands.
    None of what is no transaction."""
    if media != formats.FHIR:
        return None
    received = fhir_r4.decode(body, formats.FHIR, forms, now)
    if received.bundle != "transaction":
        return None
    return not_whole(body, received.items, _faults(received))


def held_whole(received: fhir_r4.Received, body: bytes) -> Item | None:
    """What waits of a transaction in which something cannot be stored; None of one without."""
    faults = _faults(received)
    return not_whole(body, received.items, faults) if faults else None


def _faults(received: fhir_r4.Received) -> dict[int, Sequence[ItemError]]:
    faults: dict[int, Sequence[ItemError]] = {}
    for place, entry in enumerate(received.entries):
        if entry.refusal is not None:
            faults[place] = (ItemError("", Code.UNREADABLE),)
        elif entry.item is not None and entry.item.errors:
            faults[place] = entry.item.errors
    return faults
