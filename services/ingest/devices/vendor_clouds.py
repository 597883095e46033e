"""What makers' clouds push or are asked for: measure groups of Withings, data lists of iHealth.

Withings writes a value with a power of ten beside it, and goals (category 2) as if they had been
measured. iHealth writes local time as if it were seconds since 1970, with the offset beside it.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.ingest.devices.single import Measured
from shared.contracts import Code, Item, ItemError

MEDIA = "application/vnd.hjemvakt.cloud+json"

# Withings: type -> kind, field, unit.
_WITHINGS: Mapping[int, tuple[str, str, str]] = {
    1: ("body_weight", "value", "kg"),
    9: ("blood_pressure", "diastolic", "mmHg"),
    10: ("blood_pressure", "systolic", "mmHg"),
    11: ("heart_rate", "value", "bpm"),
    54: ("spo2", "value", "%"),
    71: ("body_temp", "value", "Cel"),
}
_MEASURED = 1
# `attrib`: typed in by the user; measured, but by which of the scale's users it could not tell.
_BY_HAND = (2, 4)
_OF_SOMEBODY = 1
# iHealth: list -> kind, then the fields with their keys and units, and where a unit is numbered.
_IHEALTH: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = {
    "BPDataList": (
        "blood_pressure",
        {"systolic": ("HP", "mmHg"), "diastolic": ("BPL", "mmHg"), "pulse": ("HR", "bpm")},
    ),
    "WeightDataList": ("body_weight", {"value": ("WeightValue", "kg")}),
    "BODataList": ("spo2", {"value": ("BO", "%"), "pulse": ("HR", "bpm")}),
    "BGDataList": ("glucose", {"value": ("BG", "mg/dL")}),
}
_UNITS: Mapping[str, Mapping[int, str]] = {
    "BPUnit": {0: "mmHg", 1: "kPa"},
    "WeightUnit": {0: "kg", 1: "lb", 2: "st"},
    "BGUnit": {0: "mg/dL", 1: "mmol/L"},
}
_ARRHYTHMIA = 1


def is_one(sent: Any) -> bool:
    return isinstance(sent, dict) and (
        _groups(sent) is not None or not _IHEALTH.keys().isdisjoint(sent)
    )


def decode(sent: Mapping[str, Any]) -> list[Item]:
    groups = _groups(sent)
    if groups is not None:
        return [item for group in groups for item in _withings(group)]
    return list(_ihealth(sent))


def _groups(sent: Mapping[str, Any]) -> list[Any] | None:
    body = sent.get("body", sent)
    groups = body.get("measuregrps") if isinstance(body, dict) else None
    return groups if isinstance(groups, list) else None


def _withings(group: Any) -> Iterator[Item]:
    """An item for each kind in a group; goals are none."""
    if not isinstance(group, dict) or group.get("category", _MEASURED) != _MEASURED:
        return
    kept = {"measuregrps": [group]}
    found: dict[str, Measured] = {}
    measures = group.get("measures")
    listed = measures if isinstance(measures, list) else []
    for measure in listed:
        known = _known(measure)
        if known is None:
            continue
        kind, name, unit = known
        told = found.get(kind)
        if told is None:
            only = {**group, "measures": [one for one in listed
                                          if _kind_of(one) == kind]}  # fmt: skip
            told = found[kind] = Measured({"measuregrps": [only]}, MEDIA, kind)
            told.id = f"withings:{group.get('grpid')}:{kind}" if group.get("grpid") else None
            told.at = _epoch(group.get("date"))
            told.serial = _text(group.get("deviceid"))
            told.around = {"entered": "manual" if group.get("attrib") in _BY_HAND else "device"}
            if group.get("attrib") == _OF_SOMEBODY:
                told.error = ItemError("attrib", Code.WHOSE)
        if name in told.reading.values:
            told.reading.faults.append((name, Code.BAD_VALUE))  # two values: not chosen from
        told.take(name, _scaled(measure), unit)
    for told in found.values():
        yield told.item()
    if not found:
        yield Measured(kept, MEDIA, error=ItemError("measures", Code.UNKNOWN_KIND)).item()


def _known(measure: Any) -> tuple[str, str, str] | None:
    which = measure.get("type") if isinstance(measure, dict) else None
    return _WITHINGS.get(which) if isinstance(which, int) else None


def _kind_of(measure: Any) -> str | None:
    known = _known(measure)
    return known[0] if known else None


def _scaled(measure: Mapping[str, Any]) -> Any:
    value, power = measure.get("value"), measure.get("unit")
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None if value is None else "?"
    if isinstance(power, bool) or not isinstance(power, int) or not -9 <= power <= 9:
        return "?"
    return Decimal(value).scaleb(power)


def _ihealth(sent: Mapping[str, Any]) -> Iterator[Item]:
    for name, (kind, fields) in _IHEALTH.items():
        rows = sent.get(name)
        for row in rows if isinstance(rows, list) else ():
            if not isinstance(row, dict):
                continue
            units = {key: sent[key] for key in _UNITS if key in sent}
            told = Measured({**units, name: [row]}, MEDIA, kind)
            told.id = (
                f"ihealth:{row['DataID']}"[:100] if isinstance(row.get("DataID"), str) else None
            )
            told.at = _shifted(row.get("MDate"), row.get("TimeZone"))
            told.around = _around(row)
            numbered = {
                "blood_pressure": "BPUnit",
                "body_weight": "WeightUnit",
                "glucose": "BGUnit",
            }
            for field, (key, unit) in fields.items():
                if field != "pulse" and kind in numbered:
                    # What does not say its unit has none: which one is set on a meter is not known.
                    which = units.get(numbered[kind])
                    unit = _UNITS[numbered[kind]].get(which, "?") if isinstance(which, int) else "?"
                told.take(field, row.get(key), unit)
            yield told.item()


def _around(row: Mapping[str, Any]) -> dict[str, Any]:
    around: dict[str, Any] = {
        "entered": "manual" if row.get("DataSource") == "Manual" else "device"
    }
    if row.get("IsArr") == _ARRHYTHMIA:
        around["interpretation"] = ["irregular-pulse"]
    if isinstance(row.get("Note"), str) and row["Note"]:
        around["note"] = row["Note"][:2000]
    return around


def _shifted(seconds: Any, zone: Any) -> datetime | None:
    """The instant of a local time that is written as if it were UTC."""
    at = _epoch(seconds)
    zone = zone.replace(":", "") if isinstance(zone, str) else ""
    if at is None or len(zone) != 5 or zone[0] not in "+-":
        return None
    if not zone[1:].isdigit():
        return None
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
    return at - ahead if zone[0] == "+" else at + ahead


def _epoch(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _text(told: Any) -> str | None:
    return told[:64] if isinstance(told, str) and told else None
