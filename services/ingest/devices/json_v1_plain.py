"""Our own JSON, version 1, as nearly every sender writes it: read in one pass by its known form.

An id, a moment, a kind and its values, and what device it is. What says more, or has any fault, is
None here and left to `json_v1`, which knows everything; what is read here is the very item that
`json_v1` would make of it, in half the time.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.ingest.devices import bodies, moments
from shared import exact, kinds, values
from shared.contracts import Clock, Item

_CLOCKS: frozenset[str] = frozenset(get_args(Clock))
_MEMBERS = {"value", "unit"}

_Word = Literal["clock", "manufacturer", "model", "serial", "udi"]
_Text = Annotated[str, Meta(min_length=1, max_length=128)]


class _Sent(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, gc=False):
    at: str
    device: dict[_Word, _Text] | UnsetType = UNSET
    entered: Literal["device", "manual", "derived"] | UnsetType = UNSET
    id: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._:-]{8,64}\Z")]
    kind: str
    v: Literal[1]
    values: dict[str, Any]


_sent = exact.decoder(_Sent)


def item(raw: bytes, media_type: str, position: str) -> Item | None:
    """The item in the bytes of one, which have no backslash; None where `json_v1` must judge."""
    try:
        sent = _sent.decode(raw)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        return None
    kind = kinds.CATALOGUE.get(sent.kind)
    at = moments.instant(sent.at)
    device: Any = sent.device or {}
    clock = device.get("clock", "unknown")
    if not exact.is_whole(sent, raw) or kind is None or at is None or clock not in _CLOCKS:
        return None
    if not all(map(_is_plain, sent.values.values())):
        return None
    reading = values.read(kind, sent.values)
    if reading.faults:
        return None
    around = {"claimed_at": sent.at, "entered": sent.entered or "device"}
    if device:
        around["device"] = device
    drafts = tuple(bodies.of_reading(kind, reading, sent.id, around))
    return Item(
        message_id=sent.id,
        content=bodies.content(drafts, at),
        raw=raw,
        media_type=media_type,
        drafts=drafts,
        at=at,
        clock=clock,
        serial=device.get("serial"),
        position=position,
    )


def _is_plain(value: Any) -> bool:
    """A number, with its unit or without."""
    if type(value) is dict:
        if not value.keys() <= _MEMBERS:
            return False
        value = value.get("value")
    return type(value) is int or type(value) is Decimal
