"""Which decoder reads a foreign file: told by its content, because senders name it as they like."""

from datetime import datetime
from typing import Any

from services.ingest.devices import cpap, open_mhealth, refused, senml, vendor_clouds
from shared import exact
from shared.contracts import Item

MEDIA = (cpap.MEDIA, open_mhealth.MEDIA, senml.MEDIA, vendor_clouds.MEDIA)
MOST_ITEMS = 5_000


def is_card(body: bytes) -> bool:
    """A zip, or an EDF file: eight characters of version 0."""
    return body.startswith((b"PK\x03\x04", b"0       "))


def decode(body: bytes, now: datetime) -> list[Item]:
    """The items of a JSON file. Raises NotReadable, NotStorable, FormatNotKnown,
    TooManyItems."""
    try:
        sent = exact.loads(body)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if not exact.storable(exact.Part(sent, body)):
        raise refused.NotStorable
    items = _items(sent, now)
    if len(items) > MOST_ITEMS:
        raise refused.TooManyItems
    return items


def again(body: bytes, media: str, now: datetime) -> list[Item]:
    """An item from the bytes that were kept of it, by the decoder that kept them: what a part looks
    like by itself may be another's form. Raises NotReadable."""
    if media == cpap.MEDIA:
        return cpap.again(body, now)
    try:
        sent = exact.loads(body)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if media == senml.MEDIA:
        return senml.decode(sent, now)
    return open_mhealth.decode(sent) if media == open_mhealth.MEDIA else vendor_clouds.decode(sent)


def _items(sent: Any, now: datetime) -> list[Item]:
    if (records := cpap.records(sent)) is not None:
        return cpap.of_app(records, now)
    if senml.is_one(sent):
        return senml.decode(sent, now)
    if vendor_clouds.is_one(sent):
        return vendor_clouds.decode(sent)
    if open_mhealth.is_one(sent):
        return open_mhealth.decode(sent)
    raise refused.FormatNotKnown
