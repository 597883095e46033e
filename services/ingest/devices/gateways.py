"""Messages of gateways that people own, as items: by the table, never by code for one family.

Such clients have no ids and often no clock. An item's name is made of the topic, the payload and
its time, or of ten minutes of arrival when it has none: sent twice it is known.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Any

from services.ingest.devices import bodies, gateway_table, moments, refused
from services.ingest.devices.gateway_table import Gateway
from shared import exact, kinds, values
from shared.contracts import Code, Draft, How, Item, ItemError

MEDIA = "application/vnd.hjemvakt.gateway+json"

_BUCKET = 600
_NOISE = 4  # a number with more decimals than this carries a float's rounding
_NUMBER = Decimal("0.01")
_MOST_DIGITS = 15
_LONGEST_SLOT = 64
_LONGEST_BARE = 256
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
# How senders say that there is no value, and what home automation says between two.
_NOTHING = frozenset(
    ("", "-", "--", "---", "—", "–", "nan", "null", "none", "n/a", "unavailable", "unknown")
)

Told = tuple[str | None, int, str]  # of a message: the list, the place in it, and the kind


def decode(table: Sequence[Gateway], topic: str, payload: bytes, now: datetime) -> list[Item]:
    """The items of one message; empty when it is known and no measurement."""
    known = False
    found: list[Item] = []
    told: set[Told] = set()
    sent: Any = None
    read = False
    for row in table:
        words = row.matches(topic)
        if words is None or not _is_of_topic(row, words):
            continue
        if row.collect is not None:
            continue  # its bare values are kept together by the edge
        known = True
        if row.ignore or row.discovery:
            break
        if row.text:
            found += _items(row, topic, words, {"payload": _bare(payload)}, now, told)
            break  # a bare value: no row that reads JSON is meant
        if not read:
            sent, read = _payload(payload), True
            if row.is_event and not isinstance(sent, dict):
                sent = {}  # an SOS is one whatever stands in it
            if not isinstance(sent, dict | list):
                return [_held(topic, payload, Code.UNREADABLE, sha256(payload).hexdigest())]
            if not exact.storable(exact.Part(sent, payload)):
                return [_held(topic, payload, Code.NOT_STORABLE, sha256(payload).hexdigest())]
        found += _items(row, topic, words, sent, now, told)
    if known:
        return found
    return [_unknown(topic, payload, now)]


def decode_again(table: Sequence[Gateway], raw: bytes, now: datetime) -> list[Item]:
    """The same from the bytes that were kept of one item. Raises NotReadable, NotAnItem."""
    try:
        kept = exact.loads(raw)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if not isinstance(kept, dict) or not isinstance(kept.get("topic"), str):
        raise refused.NotAnItem
    if "values" in kept:
        return collected(table, kept["topic"], kept["values"], now)
    only = [row for row in table if row.name == kept.get("gateway")]
    return decode(only or table, kept["topic"], exact.dumps(kept.get("payload")), now)


def collected(
    table: Sequence[Gateway], topic: str, told: Mapping[str, Any], now: datetime
) -> list[Item]:
    """The items of bare values that belong together. `topic` is that of one of them."""
    for row in table:
        words = row.matches(topic)
        if row.collect is not None and words is not None:
            kept = {"topic": topic, "values": dict(told)}
            return list(_one(row, {**told, **words}, kept, topic, now))
    return []


def _items(
    row: Gateway, topic: str, words: Mapping[str, str], sent: Any, now: datetime, told: set[Told]
) -> Iterator[Item]:
    """`told`: what an earlier row has read of this message. A hospital's own row of the same kind
    stands in the place of ours."""
    for place, one in enumerate(_fan(row, sent)):
        keys = {**one, **words}
        if not _is_measured(row, keys):
            continue
        this = (row.list, place, row.reading.kind if row.reading else "")
        if this in told:
            continue
        told.add(this)
        payload = {key: value for key, value in one.items() if key not in row.private}
        kept = {"topic": topic, "gateway": row.name, "payload": _refolded(row, payload)}
        yield from _one(row, keys, kept, topic, now)


def _fan(row: Gateway, sent: Any) -> Iterator[dict[str, Any]]:
    """Each measurement of a message, with what the whole says around it."""
    if row.columns:
        yield from _table(sent)
        return
    if row.list is None:
        yield from (each for each in (sent if isinstance(sent, list) else [sent])
                    if isinstance(each, dict))  # fmt: skip
        return
    whole = sent if isinstance(sent, dict) else {}
    listed = _at(sent, row.list) if row.list else sent
    outer = {key: value for key, value in whole.items() if not isinstance(value, dict | list)}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict):
            yield {**outer, **each}


def _table(sent: Any) -> Iterator[dict[str, Any]]:
    """The rows of {"fields": […], "rows": [[…], …]}; what a row leaves empty is not told."""
    fields = _at(sent, "fields")
    rows = _at(sent, "rows")
    if not isinstance(fields, list) or not isinstance(rows, list):
        return
    for row in rows:
        if isinstance(row, list) and len(row) == len(fields):
            told = zip(fields, row, strict=True)
            yield {str(name): each for name, each in told if each is not None}


def _refolded(row: Gateway, one: dict[str, Any]) -> Any:
    """The kept part of a message in the message's own form, so that it can be read again."""
    if row.text:
        return one["payload"]
    if row.columns:
        return {"fields": list(one), "rows": [list(one.values())]}
    if row.list is None:
        return one
    folded: Any = [one]
    for key in reversed(row.list.split(".") if row.list else []):
        folded = {key: folded}
    return folded


def _is_of_topic(row: Gateway, words: Mapping[str, str]) -> bool:
    """Whether it is meant at all, by what stands in the topic: another's topic is not known."""
    return all(words[path] in wanted for path, wanted in row.when.items() if path in words)


def _is_measured(row: Gateway, keys: Mapping[str, Any]) -> bool:
    for path, wanted in row.when.items():
        if _at(keys, path) not in wanted:
            return False
    if any(_is_there(_at(keys, path)) for path in row.unless):
        return False
    return all(_is_there(_at(keys, path)) for path in row.positive)


def _is_there(told: Any) -> bool:
    """Above zero, or what cannot be read as a number and is not a way of saying that there is none:
    that waits with a reason, and is not passed over."""
    if told is None or isinstance(told, bool) or _is_nothing(told):
        return False
    number = _number(told)
    return number is None or number > 0


def _is_nothing(told: Any) -> bool:
    return isinstance(told, str) and told.strip().lower() in _NOTHING


def _one(
    row: Gateway, keys: Mapping[str, Any], kept: Mapping[str, Any], topic: str, now: datetime
) -> Iterator[Item]:
    errors: list[ItemError] = []
    at, claimed = _time(row, keys, now)
    if at is None:
        errors.append(ItemError(next(iter(row.times), "time"), Code.BAD_TIME))
    kind = row.reading.kind if row.reading else "device_status"
    slot = _slot(row, keys)
    serial = _text(_at(keys, row.serial)) if row.serial else None
    # One moment however it is spelt, to the minute: the coarsest that such a sender writes.
    by_time = row.named == "by-time" and at is not None and claimed is not None
    moment = f"{at:%Y-%m-%dT%H:%MZ}" if by_time else claimed
    content = sha256(exact.canonical([kind, slot, serial, _said(row, keys), moment])).digest()
    if by_time:
        told = f"{row.topic.split('/')[0]}|{slot}|{kind}|{moment}"
    else:
        when = claimed if claimed is not None else int(now.timestamp()) // _BUCKET
        told = f"{topic}|{when}|{content.hex()}"
    message_id = f"gw:{sha256(told.encode()).hexdigest()[:40]}"
    around: dict[str, Any] = {"entered": "device"}
    if claimed is not None:
        around["claimed_at"] = str(claimed)
    if serial:
        around["device"] = {"serial": serial}
    drafts: tuple[Draft, ...] = ()
    if row.reading and not row.void:
        drafts = _reading(row, keys, message_id, around, errors)
    elif not row.reading:
        drafts = (_status(row, keys, message_id),)
    how: How | None = "void" if row.void else "correction" if row.corrects else None
    yield Item(
        message_id=message_id,
        content=content,
        raw=exact.dumps(kept),
        media_type=MEDIA,
        drafts=() if errors else drafts,
        at=at,
        slot=slot,
        serial=serial,
        how=how,
        replaces=message_id if how else None,
        updated=now if how else None,
        arrived=now if how else None,
        errors=tuple(errors),
    )


def _said(row: Gateway, keys: Mapping[str, Any]) -> Any:
    """What the message says of the measurement, whatever else stands in it."""
    if row.void or row.reading is None:
        return [row.void, row.status or _at(keys, row.status_from or ""), row.battery]
    return {
        name: [_at(keys, path) for path in (source.from_, source.unit_from) if path]
        for name, source in row.reading.fields.items()
    }


def _reading(
    row: Gateway,
    keys: Mapping[str, Any],
    message_id: str,
    around: Mapping[str, Any],
    errors: list[ItemError],
) -> tuple[Draft, ...]:
    assert row.reading is not None
    kind = kinds.CATALOGUE[row.reading.kind]
    reading = values.Reading()
    for name, source in row.reading.fields.items():
        of = kind.fields[name]
        told = source.is_ if source.from_ is None else _at(keys, source.from_)
        if of.enum:
            if told in of.enum:
                reading.values[name] = told
            continue
        if told is None or _is_nothing(told):
            continue
        number = _number(told)
        if not number and number is not None and of.hard_min > 0 and name not in kind.required:
            continue  # beside what was measured: no pulse of 0, but none
        unit = _text(_at(keys, source.unit_from)) if source.unit_from else None
        if number is None:
            reading.faults.append((name, Code.BAD_VALUE))
        elif unit is None and source.unit is None and source.unit_from:
            reading.faults.append((name, Code.UNKNOWN_UCUM))  # a guess would be right mostly
        else:
            unit = kinds.spelt(unit) if unit else source.unit
            values.take(of, _without_noise(number), unit, reading, None if number == told else told)
    values.judge(kind, reading)
    errors += [ItemError(f"values.{name}", code) for name, code in reading.faults]
    return () if errors else tuple(bodies.of_reading(kind, reading, message_id, around))


def _status(row: Gateway, keys: Mapping[str, Any], message_id: str) -> Draft:
    state = row.status or _text(_at(keys, row.status_from or ""))
    body: dict[str, Any] = {"v": 1, "message": message_id, "state": state}
    battery = _number(_at(keys, row.battery)) if row.battery else None
    if battery is not None:
        body["battery"] = battery
    return Draft("device-event", "device_status", body)


def _time(row: Gateway, keys: Mapping[str, Any], now: datetime) -> tuple[datetime | None, Any]:
    """When it was, in UTC, and what was said of it."""
    told = next((found for path in row.times if (found := _at(keys, path)) is not None), None)
    if told is None:
        return (now, None) if "none" in row.clock or row.collect else (None, None)
    for clock in row.clock:
        if (at := _read_time(clock, told, now)) is not None:
            return at, told
    return None, told


def _read_time(clock: gateway_table.Clock, told: Any, now: datetime) -> datetime | None:
    match clock:
        case "epoch":
            seconds = _number(told)
            if seconds is None:
                return None
            at = moments.epoch(seconds / (1000 if seconds > 10**11 else 1))
            # A clock that was never set counts from 1970.
            return at if at is not None and at >= _FIRST else None
        case "offset":
            return moments.with_offset(str(told))
        case "local":
            return moments.local(str(told), now)
        case "mislabelled":
            return moments.mislabelled(str(told), now)
        case "day-first":
            day, _, clock_time = str(told).partition(" ")
            turned = "-".join(reversed(day.split("/")))
            return moments.local(f"{turned} {clock_time}", now)
        case "none":
            return now


def _slot(row: Gateway, keys: Mapping[str, Any]) -> str | None:
    if row.holder is not None:
        return row.holder
    if row.slot is None:
        return None
    told = _text(_at(keys, row.slot.strip("{}")))
    return told[:_LONGEST_SLOT] if told else None


def _at(keys: Any, path: str) -> Any:
    for key in path.split("."):
        keys = keys.get(key) if isinstance(keys, Mapping) else None
    return keys


def _number(told: Any) -> Decimal | None:
    if isinstance(told, bool):
        return None
    if isinstance(told, int | Decimal):
        return _bounded(Decimal(told))
    if isinstance(told, str):
        try:
            number = Decimal(told.strip().replace(",", "."))
        except ArithmeticError:
            return None
        return _bounded(number)
    return None


def _bounded(number: Decimal) -> Decimal | None:
    """Its place is looked at, not its value: of a huge exponent none can be reckoned."""
    return number if number.is_finite() and number.adjusted() < _MOST_DIGITS else None


def _without_noise(number: Decimal) -> Decimal:
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > _NOISE:
        return number.quantize(_NUMBER, ROUND_HALF_UP)
    return number


def _text(told: Any) -> str | None:
    if isinstance(told, bool) or told is None:
        return None
    return str(told) if isinstance(told, str | int | Decimal) and str(told) else None


def _bare(payload: bytes) -> str:
    """A payload that is one value."""
    return _unquoted(payload).replace("\x00", "").strip()[:_LONGEST_BARE]


def _unquoted(payload: bytes) -> str:
    """A payload's text; one that was kept is a text in JSON."""
    text = payload.decode("utf-8", "replace")
    if payload[:1] == b'"':
        with contextlib.suppress(exact.Unreadable):
            text = str(exact.loads(payload))
    return text


def _payload(payload: bytes) -> Any:
    try:
        sent = exact.loads(payload)
    except exact.Unreadable:
        return None
    # Some publish their JSON as a text in JSON.
    if isinstance(sent, str):
        try:
            return exact.loads(sent.encode())
        except exact.Unreadable:
            return None
    return sent


def _unknown(topic: str, payload: bytes, now: datetime) -> Item:
    """A topic no table knows. Each payload is one item, that nothing be lost of what it measured;
    sent twice within the ten minutes it is known. How many wait is the edge's to say."""
    bucket = int(now.timestamp()) // _BUCKET
    said = sha256(_unquoted(payload).encode()).hexdigest()
    return _held(topic, payload, Code.UNKNOWN_KIND, f"{bucket}|{said}")


def _held(topic: str, payload: bytes, code: Code, which: str) -> Item:
    told = sha256(f"{topic}|{code}|{which}".encode())
    kept = {"topic": topic, "payload": payload.decode("utf-8", "replace")}
    return Item(
        message_id=f"gw:{told.hexdigest()[:40]}",
        content=told.digest(),
        raw=exact.dumps(kept),
        media_type=MEDIA,
        errors=(ItemError("topic" if code is Code.UNKNOWN_KIND else "", code),),
        topic=topic if code is Code.UNKNOWN_KIND and "\0" not in topic else None,
    )
