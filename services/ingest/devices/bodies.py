"""What the decoders share when they turn a reading into the bodies of facts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from services.ingest.devices import moments
from shared import exact, kinds, values
from shared.contracts import Draft

# Context that rules read: what each may be. Anything else under these keys is kept as `unread`.
_CONTEXT: Mapping[str, Callable[[Any], bool]] = {
    "phase": lambda value: value in ("pre", "post"),
    "effluent": lambda value: value in ("clear", "cloudy", "bloody", "fibrin"),
    "on_oxygen": lambda value: isinstance(value, bool),
    "spo2_scale": lambda value: type(value) is int and value in (1, 2),
    "glucose_percent": lambda value: type(value) in (int, Decimal),
}

# How a reading was spelt, and how far the clock was out when it was sent: kept, and no difference
# between two of them.
_SPELLING = {"message", "original", "claimed_at", "claimed_until", "clock_ahead_seconds"}


def of_reading(
    kind: kinds.Kind, reading: values.Reading, message_id: str, around: Mapping[str, Any]
) -> Iterator[Draft]:
    """One draft per part; the pulse in a cuff's message says which kind it was split from."""
    for place, (name, part) in enumerate(values.parts(kind, reading)):
        body: dict[str, Any] = {"v": 1, "message": message_id, "values": part.values}
        if part.original:
            body["original"] = part.original
        if part.absent:
            body["absent"] = part.absent
        body.update(around)
        if place:
            body["message"] = f"{message_id}#{kind.split[place - 1]}"
            body["split_from"] = kind.name
            body.pop("note", None)
            _drop_context(body, kind.context)
        yield Draft("reading", name, body)


def content(
    drafts: Sequence[Draft],
    at: datetime,
    until: datetime | None = None,
    slot: str | None = None,
    replaces: str | None = None,
    *besides: Any,
) -> bytes:
    """What makes two messages with one id the same, in every format: what was read, not how it was
    spelt. `besides`: what else a format says, such as whom it names and which version it is.

    An app that writes the time anew when it sends again writes it with the offset of that day.
    """
    read = [
        (one.kind, {key: value for key, value in one.body.items() if key not in _SPELLING})
        for one in drafts
    ]
    return sha256(exact.canonical((at, until, slot, replaces, read, *besides))).digest()


def content_of_sent(sent: Any) -> bytes:
    """The same of what was not read, or is shown as it was told: as it was sent, but for how
    moments are spelt, and what a unit is called beside its code."""
    return sha256(exact.canonical(_plainly(sent))).digest()


def is_foreign(drafts: Sequence[Draft]) -> bool:
    return any("foreign" in one.body for one in drafts)


def _plainly(sent: Any) -> Any:
    if isinstance(sent, dict):
        unit = "unit" if "value" in sent and sent.get("code") else None
        return {key: _plainly(value) for key, value in sent.items() if key != unit}
    if isinstance(sent, list):
        return [_plainly(value) for value in sent]
    return moments.instant(sent) or sent


def _drop_context(body: dict[str, Any], names: tuple[str, ...]) -> None:
    """Leave out what was said of the whole only: oxygen belongs to SpO2, not to its pulse."""
    rest = {key: value for key, value in body.pop("context", {}).items() if key not in names}
    if rest:
        body["context"] = rest


def sound_context(context: Mapping[str, Any]) -> dict[str, Any]:
    """The context as sent, with what a rule could misread moved under `unread`."""
    unread = {key: context[key] for key, sound in _CONTEXT.items() if _unsound(context, key, sound)}
    kept = {key: value for key, value in context.items() if key not in unread}
    return {**kept, "unread": unread} if unread else kept


def _unsound(context: Mapping[str, Any], key: str, sound: Callable[[Any], bool]) -> bool:
    return key in context and not sound(context[key])
