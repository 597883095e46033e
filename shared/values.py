"""How sent values become canonical ones, judged against the catalogue of kinds.

Used by every way in, and for readings that staff enter, so that a value means the same everywhere.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from shared import kinds
from shared.contracts import Code

_NUMBER = re.compile(r"-?[0-9]{1,9}(?:[.,][0-9]{1,6})?")
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")


class Reading(msgspec.Struct):
    """One item's values in their canonical ucum; with `faults` (field, code) it is not usable.

    `original` holds what was sent where it differs; `absent` why a value is missing.
    """

    values: dict[str, Any] = {}
    original: dict[str, dict[str, Any]] = {}
    faults: list[tuple[str, Code]] = []
    absent: dict[str, str] = {}


def read(kind: kinds.Kind, sent: Mapping[str, Any]) -> Reading:
    """Sent values ({"systolic": 142}, {"value": {"value": "82,4", "unit": "kg"}}) as canonical."""
    reading = Reading()
    for name, value in sent.items():
        of = kind.fields.get(name)
        if of is None:
            reading.faults.append((name, Code.UNKNOWN_FIELD))
        else:
            _read(of, value, reading)
    judge(kind, reading)
    return reading


def take(
    of: kinds.Field, value: kinds.Number, unit: str | None, reading: Reading, sent: Any = None
) -> None:
    """Put one number into the reading, converted and within the limits, or its fault."""
    conversion = kinds.SAME if unit is None else of.accept.get(unit)
    if conversion is None:
        reading.faults.append((of.name, Code.UNKNOWN_UCUM))
        return
    canonical = conversion.apply(value)
    if not of.hard_min <= canonical <= of.hard_max:
        reading.faults.append((of.name, Code.IMPLAUSIBLE))
        return
    reading.values[of.name] = canonical
    as_sent = value if sent is None else sent
    if unit is not None and unit != of.ucum:
        reading.original[of.name] = {"value": as_sent, "unit": unit}
    elif sent is not None and str(value) != sent:
        reading.original[of.name] = {"value": sent}


def judge(kind: kinds.Kind, reading: Reading) -> None:
    """Add the faults no single value shows: one that is missing, pressures the wrong way round."""
    values = reading.values
    for name in kind.required:
        if name in values or name in reading.absent:
            continue
        if all(name != faulty for faulty, _ in reading.faults):
            reading.faults.append((name, Code.MISSING_VALUE))
    if not values and not reading.faults and not reading.absent:
        reading.faults.append(("", Code.MISSING_VALUE))
    for low, high in kind.below.items():
        if low in values and high in values and values[low] >= values[high]:
            reading.faults.append((low, Code.IMPLAUSIBLE))


def parts(kind: kinds.Kind, reading: Reading) -> list[tuple[str, Reading]]:
    """The item itself, then what is split from it: a cuff's pulse is a heart rate of its own."""
    apart = [name for name in kind.split if name in reading.values or name in reading.absent]
    if not apart:
        return [(kind.name, reading)]
    whole = (kind.name, _without(reading, apart))
    return [whole, *(("heart_rate", _alone(reading, name)) for name in apart)]


def _without(reading: Reading, names: list[str]) -> Reading:
    return Reading(
        _rest(reading.values, names),
        _rest(reading.original, names),
        [],
        _rest(reading.absent, names),
    )


def _rest(of: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in of.items() if name not in names} if of else {}


def _alone(reading: Reading, name: str) -> Reading:
    return Reading(
        _only(reading.values, name), _only(reading.original, name), [], _only(reading.absent, name)
    )


def _only(of: dict[str, Any], name: str) -> dict[str, Any]:
    return {"value": of[name]} if name in of else {}


def _read(of: kinds.Field, sent: Any, reading: Reading) -> None:
    unit = None
    if type(sent) is dict:
        unit, sent = sent.get("unit"), sent.get("value")
        if unit is not None and type(unit) is not str:
            reading.faults.append((of.name, Code.UNKNOWN_UCUM))
            return
    if sent is None:
        reading.faults.append((of.name, Code.MISSING_VALUE))
    elif of.enum:
        _choose(of, sent, reading)
    elif type(sent) is int or type(sent) is Decimal:
        take(of, sent, unit, reading)
    elif type(sent) is str and (number := from_text(sent)) is not None:
        take(of, number, unit, reading, sent)
    else:
        reading.faults.append((of.name, Code.BAD_VALUE))


def _choose(of: kinds.Field, sent: Any, reading: Reading) -> None:
    if type(sent) is str and sent in of.enum:
        reading.values[of.name] = sent
    else:
        reading.faults.append((of.name, Code.BAD_VALUE))


def number(told: Any) -> kinds.Number | None:
    """A number, or one written as text; None for anything else, and for true and false."""
    if type(told) is int or type(told) is Decimal:
        return told
    return from_text(told) if type(told) is str else None


def from_text(text: str) -> Decimal | None:
    """The number in '82.4' or '82,4'; None if it is anything else."""
    return Decimal(text.replace(",", ".")) if _NUMBER.fullmatch(text) else None


def path(within: str, name: str) -> str:
    """Where a fault is. A sender's key that could hold a value is not repeated."""
    if not name:
        return within
    return f"{within}.{name if _KEY.fullmatch(name) else '?'}"
