"""SenML (RFC 8428): packs of records, resolved, those of one moment together.

A record's name says what it is only if it ends in the name of one of our kinds or fields: a room's
temperature is nobody's fever.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.ingest.devices import moments
from services.ingest.devices.single import Measured
from shared import kinds, values
from shared.contracts import Code, Item, ItemError

MEDIA = "application/vnd.hjemvakt.senml+json"
_RELATIVE = 2**28  # a smaller time counts from now (RFC 8428, 4.5.3)
_FIELDS: Mapping[str, tuple[str, str]] = {
    **{name: (name, "value") for name, kind in kinds.CATALOGUE.items() if "value" in kind.fields},
    "systolic": ("blood_pressure", "systolic"),
    "diastolic": ("blood_pressure", "diastolic"),
}
_UNITS = {"beat/min": "/min"}
_VERSION = 10


def is_one(sent: Any) -> bool:
    return isinstance(sent, list) and any(
        isinstance(one, dict) and ("n" in one or "bn" in one) for one in sent
    )


def decode(sent: list[Any], now: datetime) -> list[Item]:
    """An item for each kind, device and moment; one that names what was not understood."""
    groups: dict[tuple[str, str, datetime | None], list[dict[str, Any]]] = {}
    strange: list[dict[str, Any]] = []
    for one in _resolved(sent, now):
        ending = one["n"].replace("/", ":").rsplit(":", 1)[-1]
        if ending in _FIELDS and not one["strange"]:
            groups.setdefault((_FIELDS[ending][0], one["n"][: -len(ending)], one["at"]), []).append(
                {**one, "field": _FIELDS[ending][1]}
            )
        else:
            strange.append(one)
    items = [_item(*key, rows) for key, rows in groups.items()]
    if strange:
        kept = [_plain(one) for one in strange]
        error = ItemError("n", Code.UNKNOWN_KIND)
        items.append(Measured(kept=kept, media_type=MEDIA, error=error).item())
    return items


def _item(kind: str, base: str, at: datetime | None, rows: list[dict[str, Any]]) -> Item:
    kept = [_plain(row) for row in rows]
    told = Measured(kept=kept, media_type=MEDIA, kind=kind, at=at)
    told.serial = base.strip("/:") or None
    told.around = {"entered": "device"}
    for row in rows:
        value = row.get("v", row.get("vs"))
        of = kinds.CATALOGUE[kind].fields[row["field"]]
        if row["field"] in told.reading.values:
            told.reading.faults.append((row["field"], Code.BAD_VALUE))  # twice: which one holds?
        elif of.enum and value in of.enum:
            told.reading.values[row["field"]] = value
        else:
            unit = row.get("u", "")
            if unit == "/" and of.ucum == "%" and (share := values.number(value)) is not None:
                value, unit = share * 100, "%"  # a share of one
            told.take(row["field"], value, _UNITS.get(unit, unit))
    return told.item()


def _resolved(sent: list[Any], now: datetime) -> Iterator[dict[str, Any]]:
    """Every record with its whole name, unit and time."""
    base: dict[str, Any] = {}
    for one in sent:
        if not isinstance(one, dict):
            continue
        base |= {key: one[key] for key in ("bn", "bt", "bu", "bv", "bver") if key in one}
        name = f"{base.get('bn', '')}{one.get('n', '')}"
        if not name or not any(key in one for key in ("v", "vs", "vb", "vd", "s")):
            continue
        row: dict[str, Any] = {"n": name[:200], "at": _time(base.get("bt"), one.get("t"), now)}
        # A field that must be understood (RFC 8428, 4.4), or a later version: it is not read.
        row["strange"] = _is_newer(base.get("bver")) or any(key.endswith("_") for key in one)
        if isinstance(unit := one.get("u", base.get("bu")), str):
            row["u"] = unit
        for key in ("v", "vs"):
            if key in one:
                row[key] = one[key]
        addition = values.number(base.get("bv"))
        if addition is not None and (number := values.number(row.get("v"))) is not None:
            row["v"] = number + addition
        yield row


def _is_newer(version: Any) -> bool:
    return version is not None and not (type(version) is int and version <= _VERSION)


def _time(base: Any, own: Any, now: datetime) -> datetime | None:
    seconds = Decimal(0)
    for told in (base, own):
        if told is not None:
            if isinstance(told, bool) or not isinstance(told, int | Decimal):
                return None
            seconds += told
    if seconds < _RELATIVE:
        seconds += Decimal(now.timestamp())
    return moments.epoch(seconds)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """The record as SenML again, in itself complete."""
    kept = {key: row[key] for key in ("n", "u", "v", "vs") if key in row}
    # A time that is none stays none: a record without one would be of when it is read.
    kept["t"] = False if row["at"] is None else Decimal(str(row["at"].timestamp()))
    return kept
