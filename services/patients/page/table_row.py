"""What a gateway said where no table knows, as the row that would know it: without any value. Pure.

A proposal for whoever looks after the gateway. What it cannot know stands as "?", with which the
table is refused: a unit is never guessed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared import exact, kinds

_KEY = re.compile(r"[A-Za-z_][\w-]{0,40}")
_DEVICE = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]?){4,8}|\d{4,}|[0-9a-f]{8}-[0-9a-f-]{27}")
_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*(?:Z|[+-]\d\d:?\d\d)")
_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.]*")
_TIMES = ("time", "timestamp", "ts", "date", "datetime", "measured_at", "tid", "tidspunkt")
_UNITS = ("unit", "units", "uom", "enhet")
_SERIALS = ("serial", "mac", "imei", "address", "ble_addr", "serial_number", "sn")
_EPOCH = 10**9
_MOST = 24  # keys
_DEPTH = 3

# How what is measured is called in keys and topics. The first that fits counts.
_CALLED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "blood_pressure": {
        "systolic": ("systolic", "sys", "sbp"), "diastolic": ("diastolic", "dia", "dbp"),
        "pulse": ("pulse", "hr", "heart_rate", "bpm"),
    },
    "spo2": {"value": ("spo2", "oxygen_saturation", "saturation", "metning"),
             "pulse": ("pulse", "pr", "hr", "bpm")},
    "body_weight": {"value": ("weight", "body_weight", "vekt", "kg")},
    "body_temp": {"value": ("temperature", "temp", "body_temp", "temperatur")},
    "glucose": {"value": ("glucose", "blood_glucose", "glukose", "bg")},
    "heart_rate": {"value": ("heart_rate", "heartrate", "pulse", "hr", "bpm", "puls")},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """Topic, and each key with what stands there: "number", "text", "yes-no", "list", "nothing".
    A payload that is one value has the only key ""."""

    topic: str
    keys: Mapping[str, str]
    times: Mapping[str, str]  # key, and the clock as which it could be read


def said(raw: bytes) -> Said | None:
    """Of the bytes kept of one item; None where they are no gateway's."""
    try:
        kept = exact.loads(raw)
    except exact.Unreadable:
        return None
    if not isinstance(kept, dict) or not isinstance(kept.get("topic"), str):
        return None
    payload = _read(kept.get("payload"))
    flat = dict(_flat(payload)) if isinstance(payload, dict) else {"": payload}
    return Said(
        kept["topic"],
        {key: _sort(value) for key, value in flat.items()},
        {key: clock for key, value in flat.items() if (clock := _clock(key, value))},
    )


def row(of: Said) -> str:
    """As it would stand in the gateway table."""
    levels = of.topic.split("/")
    device = next((n for n, level in enumerate(levels) if _DEVICE.fullmatch(level)), None)
    topic = "/".join("{device}" if n == device else level for n, level in enumerate(levels))
    serial = next((key for key in of.keys if key.rsplit(".", 1)[-1].lower() in _SERIALS), None)
    if serial is None and device is not None:
        serial = "device"
    time = next(iter(of.times), None)
    lines = ["[[gateway]]", f"name = {_text(levels[0])}", f"topic = {_text(topic)}"]
    if "" in of.keys:
        lines.append("text = true")
    lines.append(f'clock = ["{of.times[time] if time else "none"}"]')
    if time:
        lines.append(f"time = {_text(time)}")
    if serial:
        lines.append(f"serial = {_text(serial)}")
    kind, fields = _measured(of)
    told = ", ".join(f"{name} = {_source(of, key)}" for name, key in fields.items())
    lines.append(f"reading = {{ kind = {_text(kind)}, fields = {{ {told} }} }}")
    return "\n".join(lines) + "\n"


def units(of: Said) -> list[str]:
    """The units that may stand where the row has "?"."""
    kind, _ = _measured(of)
    known = kinds.CATALOGUE.get(kind)
    return list(dict.fromkeys(u for f in known.fields.values() for u in f.accept)) if known else []


def _measured(of: Said) -> tuple[str, dict[str, str]]:
    """The kind, and where each of its fields stands."""
    numbers = [key for key, sort in of.keys.items() if sort == "number" and key not in of.times]
    named = {key: _words(key) for key in numbers}
    levels = _words(of.topic.replace("/", "."))
    for kind, fields in _CALLED.items():
        found: dict[str, str] = {}
        for name, words in fields.items():
            key = next((k for k in numbers if named[k] & set(words)), None)
            if key is not None and key not in found.values():
                found[name] = key
        required = kinds.CATALOGUE[kind].required
        if all(name in found for name in required):
            return kind, found
        only = set().union(*(fields[name] for name in required))
        if len(numbers) == 1 and len(required) == 1 and levels & only:
            return kind, {required[0]: numbers[0]}
    return "?", {"value": numbers[0] if len(numbers) == 1 else "?"}


def _source(of: Said, key: str) -> str:
    unit = next((k for k in of.keys if _words(k) & set(_UNITS) and of.keys[k] == "text"), None)
    told = f"unit_from = {_text(unit)}" if unit else 'unit = "?"'
    return f"{{ from = {_text(key or 'payload')}, {told} }}"


def _words(key: str) -> set[str]:
    last = key.lower()
    parts = re.split(r"[._\-\s]+", last)
    return {last.rsplit(".", 1)[-1], *parts}


def _flat(
    payload: Mapping[str, Any], before: str = "", depth: int = 1
) -> Iterator[tuple[str, Any]]:
    for number, (key, value) in enumerate(payload.items()):
        if number >= _MOST:
            return
        if not _KEY.fullmatch(str(key)):
            continue  # a key that is no name may be somebody's
        if isinstance(value, dict) and depth < _DEPTH:
            yield from _flat(value, f"{before}{key}.", depth + 1)
        else:
            yield f"{before}{key}", value


def _read(payload: Any) -> Any:
    """A payload is kept as its text."""
    if not isinstance(payload, str):
        return payload
    try:
        return exact.loads(payload.encode())
    except (exact.Unreadable, UnicodeEncodeError):
        return payload


def _sort(value: Any) -> str:
    if isinstance(value, bool):
        return "yes-no"
    if value is None:
        return "nothing"
    if isinstance(value, list | dict):
        return "list"
    return "text" if isinstance(value, str) and not _is_number(value) else "number"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*-?\d{1,12}(?:[.,]\d{1,8})?\s*", text) is not None


def _clock(key: str, value: Any) -> str | None:
    if key.rsplit(".", 1)[-1].lower() not in _TIMES:
        return None
    if isinstance(value, str) and not _is_number(value):
        return (
            "offset" if _OFFSET.fullmatch(value) else "local" if _LOCAL.fullmatch(value) else None
        )
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return None
    return "epoch" if Decimal(str(value).strip().replace(",", ".")) > _EPOCH else None


def _text(value: str) -> str:
    """As TOML writes it."""
    told = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else "?" for c in told) + '"'
