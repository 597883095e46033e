"""What a gateway says about itself: online, offline (its last will), battery.

Such a message has neither id nor time of its own: it is true when it arrives, and each arrival is
one event. A repeat is harmless; a swallowed `offline` after a quick reconnect would not be.
"""

from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from services.ingest.devices import moments, refused
from shared import exact, values
from shared.contracts import Code, Draft, Item, ItemError

_STATES = ("online", "offline")
_TEXT = 64


def decode(body: bytes, media_type: str, now: datetime) -> list[Item]:
    """The one event in a body. Raises a kind of Refused if it is not a JSON object."""
    try:
        value = exact.loads(body)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if type(value) is not dict:
        raise refused.NotAnItem
    return [_item(exact.Part(value, body), media_type, now)]


def _item(part: exact.Part, media_type: str, now: datetime) -> Item:
    sent = part.value
    content = sha256(exact.canonical(sent)).digest()
    at = moments.instant(sent.get("at"))
    message_id = f"status:{content.hex()[:24]}:{int((at or now).timestamp())}"
    errors: list[ItemError] = []
    if not exact.storable(part):
        errors.append(ItemError("", Code.NOT_STORABLE))
    state = sent.get("state")
    if type(state) is not str or state not in _STATES:
        errors.append(ItemError("state", Code.BAD_VALUE))
    if sent.get("at") is not None and at is None:
        errors.append(ItemError("at", Code.BAD_TIME))
    drafts = () if errors else (Draft("device-event", "device_status", _body(sent, message_id)),)
    return Item(
        message_id=message_id,
        content=content,
        raw=part.raw,
        media_type=media_type,
        drafts=drafts,
        at=at or now,
        clock="unknown" if at else "synced",
        errors=tuple(errors),
    )


def _body(sent: dict[str, Any], message_id: str) -> dict[str, Any]:
    body: dict[str, Any] = {"v": 1, "message": message_id, "state": sent["state"]}
    battery = sent.get("battery")
    if type(battery) is str:
        battery = values.from_text(battery)
    if type(battery) in (int, Decimal):
        body["battery"] = battery
    firmware = sent.get("fw")
    if type(firmware) is str and len(firmware) <= _TEXT:
        body["firmware"] = firmware
    return body
