"""Our own JSON, version 1: one object or an array of them, the same over MQTT and HTTP.

Each item is judged by itself; only what spoils the whole body is refused. Keys we do not know are
kept in the raw bytes and ignored; a value we do not know quarantines its item.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, cast, get_args

from services.ingest.devices import bodies, json_v1_plain, moments, refused
from shared import exact, form_answers, identity, kinds, values
from shared.contracts import Alarm, Clock, Code, Draft, How, Item, ItemError
from shared.form_answers import Forms

MQTT_ITEMS = 100
HTTP_ITEMS = 500

_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_ENTERED = ("device", "manual", "derived")
_QUALITY = ("ok", "questionable")
_NOTE = 2000
_SLOT = 64
_CLOCKS: frozenset[str] = frozenset(get_args(Clock))
_DEVICE_TEXTS = ("manufacturer", "model", "serial", "udi")
_NO_FORMS: Forms = {}


def decode(body: bytes, media_type: str, limit: int, forms: Forms = _NO_FORMS) -> list[Item]:
    """The items in a body. Raises a kind of Refused if the whole body is unusable."""
    plain = _plain(body, media_type, limit)
    if plain and None not in plain:
        return cast(list[Item], plain)
    try:
        sliced = exact.slices(body)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if not sliced.many and type(sliced.parts[0].value) is not dict:
        raise refused.NotAnItem
    if len(sliced.parts) > limit:
        raise refused.TooManyItems
    return [
        (plain and plain[place]) or _item(part, media_type, _place(place, sliced.many), forms)
        for place, part in enumerate(sliced.parts)
    ]


def _plain(body: bytes, media_type: str, limit: int) -> list[Item | None]:
    """What is quickly read, None for an item that is not; nothing if that is true of the body."""
    pieces, many = exact.pieces(body) or ([], False)
    if len(pieces) > limit:
        return []
    return [
        json_v1_plain.item(raw, media_type, _place(place, many)) for place, raw in enumerate(pieces)
    ]


def _place(place: int, many: bool) -> str:
    return str(place) if many else ""


def _item(part: exact.Part, media_type: str, position: str, forms: Forms) -> Item:
    sent = part.value
    content = sha256(_canonical(part)).digest()
    errors: list[ItemError] = []
    message_id = f"sha256:{content.hex()}"
    if type(sent) is dict and _is_id(sent.get("id")):
        message_id = sent["id"]
    elif type(sent) is dict:
        errors.append(ItemError("id", Code.BAD_ID))
    if not _is_ours(part, errors):
        return Item(
            message_id, content, part.raw, media_type, errors=tuple(errors), position=position
        )

    device = _device(sent, errors)
    at, until = _times(sent, errors)
    how, replaces = _how(sent, message_id, errors)
    slot = _slot(sent, errors)
    drafts, alarm = _drafts(sent, message_id, device, how, forms, errors)
    if at and not errors and drafts:
        content = bodies.content(drafts, at, until, slot, replaces)
    elif message_id == sent.get("id"):
        content = bodies.content_of_sent(_numbers_read(sent))
    return Item(
        message_id=message_id,
        content=content,
        raw=part.raw,
        media_type=media_type,
        drafts=drafts,
        at=at,
        until=until,
        clock=device.get("clock", "unknown"),
        slot=slot,
        serial=device.get("serial"),
        how=how,
        replaces=replaces,
        errors=tuple(errors),
        position=position,
        alarm=alarm,
    )


def _is_ours(part: exact.Part, errors: list[ItemError]) -> bool:
    """Whether there is any sense in reading on."""
    if type(part.value) is not dict:
        errors.append(ItemError("", Code.UNREADABLE))
        return False
    if not exact.storable(part):
        errors.append(ItemError("", Code.NOT_STORABLE))
        return False
    version = part.value.get("v")
    if type(version) not in (int, Decimal) or version != 1:
        errors.append(ItemError("v", Code.UNKNOWN_VERSION))
        return False
    return True


def _drafts(
    sent: Mapping[str, Any],
    message_id: str,
    device: dict[str, Any],
    how: How | None,
    forms: Forms,
    errors: list[ItemError],
) -> tuple[tuple[Draft, ...], Alarm | None]:
    if sent.get("kind") == form_answers.KIND:
        if how == "void":
            return (), None
        around = _around(sent, device, errors)
        if sent.get("entered") is None:
            around["entered"] = "manual"  # a form is filled in by a person
        return form_answers.of_json(sent, message_id, around, forms, errors)
    kind = _kind(sent, errors)
    if how == "void" or kind is None:
        return (), None
    reading = _reading(kind, sent, errors)
    around = _around(sent, device, errors)
    if reading is None or errors:
        return (), None
    return tuple(bodies.of_reading(kind, reading, message_id, around)), None


def _kind(sent: Mapping[str, Any], errors: list[ItemError]) -> kinds.Kind | None:
    name = sent.get("kind")
    kind = kinds.CATALOGUE.get(name) if type(name) is str else None
    if kind is None:
        errors.append(ItemError("kind", Code.UNKNOWN_KIND))
    return kind


def _reading(
    kind: kinds.Kind, sent: Mapping[str, Any], errors: list[ItemError]
) -> values.Reading | None:
    given = sent.get("values")
    if given is None or given == {}:
        errors.append(ItemError("values", Code.MISSING_VALUE))
        return None
    if type(given) is not dict:
        errors.append(ItemError("values", Code.BAD_VALUE))
        return None
    reading = values.read(kind, given)
    for name, code in reading.faults:
        errors.append(ItemError(values.path("values", name), code))
    return reading


def _times(
    sent: Mapping[str, Any], errors: list[ItemError]
) -> tuple[datetime | None, datetime | None]:
    at = moments.instant(sent.get("at"))
    if at is None:
        errors.append(ItemError("at", Code.BAD_TIME))
    until = moments.instant(sent.get("until"))
    if sent.get("until") is not None and (until is None or (at is not None and until < at)):
        errors.append(ItemError("until", Code.BAD_TIME))
        until = None
    return at, until


def _how(
    sent: Mapping[str, Any], message_id: str, errors: list[ItemError]
) -> tuple[How | None, str | None]:
    """A void without `replaces` withdraws what was sent under its own id."""
    void, replaces = sent.get("void"), sent.get("replaces")
    if void is not None and type(void) is not bool:
        errors.append(ItemError("void", Code.BAD_VALUE))
    if replaces is not None and not _is_id(replaces):
        errors.append(ItemError("replaces", Code.BAD_ID))
        replaces = None
    if void is True:
        return "void", replaces or message_id
    return ("correction", replaces) if replaces else (None, None)


def _around(
    sent: Mapping[str, Any], device: dict[str, Any], errors: list[ItemError]
) -> dict[str, Any]:
    """What is kept beside the values: context, device, the claimed time, who says so."""
    around: dict[str, Any] = {}
    if context := _context(sent, errors):
        around["context"] = context
    if device:
        around["device"] = device
    around["claimed_at"] = sent.get("at")
    if isinstance(sent.get("until"), str):
        around["claimed_until"] = sent["until"]
    around["entered"] = _one_of(sent, "entered", _ENTERED, errors) or "device"
    if quality := _one_of(sent, "quality", _QUALITY, errors):
        around["quality"] = quality
    note = sent.get("note")
    if note is not None and (type(note) is not str or len(note) > _NOTE):
        errors.append(ItemError("note", Code.BAD_VALUE))
    elif note:
        around["note"] = note
    return around


def _one_of(
    sent: Mapping[str, Any], key: str, allowed: tuple[str, ...], errors: list[ItemError]
) -> str | None:
    value = sent.get(key)
    if value is None or (type(value) is str and value in allowed):
        return value
    errors.append(ItemError(key, Code.BAD_VALUE))
    return None


def _context(sent: Mapping[str, Any], errors: list[ItemError]) -> dict[str, Any]:
    context = sent.get("context")
    if context is None:
        return {}
    if type(context) is not dict:
        errors.append(ItemError("context", Code.BAD_VALUE))
        return {}
    return bodies.sound_context(context)


def _device(sent: Mapping[str, Any], errors: list[ItemError]) -> dict[str, Any]:
    """The device's own words that we can use; a wrong-typed one is left in the raw bytes."""
    device = sent.get("device")
    if device is None:
        return {}
    if type(device) is not dict:
        errors.append(ItemError("device", Code.BAD_VALUE))
        return {}
    kept: dict[str, Any] = {
        key: text
        for key in _DEVICE_TEXTS
        if type(text := device.get(key)) is str and 0 < len(text) <= 128
    }
    battery = device.get("battery")
    if type(battery) is str:
        battery = values.from_text(battery)
    if type(battery) in (int, Decimal):
        kept["battery"] = battery
    clock = device.get("clock")
    if type(clock) is str and clock in _CLOCKS:
        kept["clock"] = clock
    return kept


def _slot(sent: Mapping[str, Any], errors: list[ItemError]) -> str | None:
    """The slot's name. A national number is no name for one: it would be kept in the open."""
    slot = sent.get("patient")
    if slot is None or (
        type(slot) is str and 0 < len(slot) <= _SLOT and identity.kind_of(slot) is None
    ):
        return slot
    errors.append(ItemError("patient", Code.BAD_VALUE))
    return None


def _is_id(sent: Any) -> bool:
    return type(sent) is str and _ID.fullmatch(sent) is not None


def _canonical(part: exact.Part) -> bytes:
    """What makes two items that are no reading, or none that can be read, the same: "82,4" among
    the values is the content 82.4."""
    read = _numbers_read(part.value)
    return part.spelt if part.spelt and read is part.value else exact.canonical(read)


def _numbers_read(sent: Any) -> Any:
    """The item with numeric strings among its values as numbers; the item itself if it has none."""
    given = sent.get("values") if type(sent) is dict else None
    if type(given) is not dict:
        return sent
    read = {name: _number_read(value) for name, value in given.items() if _is_text(value)}
    return {**sent, "values": {**given, **read}} if read else sent


def _is_text(value: Any) -> bool:
    return type(value.get("value") if type(value) is dict else value) is str


def _number_read(value: Any) -> Any:
    if type(value) is dict:
        return {**value, "value": _number_read(value["value"])}
    number = values.from_text(value)
    return value if number is None else number
