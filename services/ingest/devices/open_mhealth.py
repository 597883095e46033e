"""Open mHealth and IEEE 1752.1: a data point, or the body of one, as an item."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.ingest.devices import moments
from services.ingest.devices.single import Measured, keep_as_text
from shared.contracts import Code, Item, ItemError

MEDIA = "application/vnd.hjemvakt.omh+json"

# A key of the body, the kind and field it is.
_KEYS: Mapping[str, tuple[str, str]] = {
    "systolic_blood_pressure": ("blood_pressure", "systolic"),
    "diastolic_blood_pressure": ("blood_pressure", "diastolic"),
    "body_weight": ("body_weight", "value"),
    "heart_rate": ("heart_rate", "value"),
    "respiratory_rate": ("resp_rate", "value"),
    "body_temperature": ("body_temp", "value"),
    "oxygen_saturation": ("spo2", "value"),
    "supplemental_oxygen_flow_rate": ("spo2", "oxygen_flow"),
    "blood_glucose": ("glucose", "value"),
}
# What phones count by the thousand and no rule reads: kept as it was told, by the schema's name.
_NEVER_JUDGED = frozenset(
    ("step-count", "sleep-duration", "sleep-episode", "total-sleep-time", "physical-activity",
     "calories-burned", "minutes-moderate-activity", "rr-interval", "body-height",
     "body-mass-index")
)  # fmt: skip
_DURATIONS = {"sec": 1, "min": 60, "h": 3600, "d": 86_400, "wk": 604_800}


def is_one(sent: Any) -> bool:
    """Whether this is a data point, a body of a kind we know, or a list of these."""
    if isinstance(sent, list):
        return bool(sent) and all(isinstance(each, dict) and is_one(each) for each in sent)
    if not isinstance(sent, dict):
        return False
    header = sent.get("header")
    if isinstance(header, dict) and ("schema_id" in header or "body" in sent):
        return True
    return "effective_time_frame" in sent or any(
        isinstance(sent.get(key), dict) and "value" in sent[key] for key in _KEYS
    )


def decode(sent: Any) -> list[Item]:
    points = sent if isinstance(sent, list) else [sent]
    return [_item(point, str(place) if isinstance(sent, list) else "")
            for place, point in enumerate(points)]  # fmt: skip


def _item(point: Mapping[str, Any], position: str) -> Item:
    told = Measured(kept=point, media_type=MEDIA, position=position)
    header = point.get("header")
    body = point.get("body") if isinstance(header, dict) else point
    if isinstance(header, dict):
        identity = header.get("id") or header.get("uuid")
        told.id = f"omh:{identity}"[:100] if isinstance(identity, str) and identity else None
    if not isinstance(body, dict):
        told.error = ItemError("body", Code.MISSING_VALUE)
        return told.item()
    _time(body, told)
    told.around = _around(header, body)
    found = {key: _KEYS[key] for key in body if key in _KEYS}
    kinds_told = {kind for kind, _ in found.values()}
    schema = header.get("schema_id") if isinstance(header, dict) else None
    name = schema.get("name") if isinstance(schema, dict) else None
    if not kinds_told and isinstance(name, str) and name in _NEVER_JUDGED:
        return keep_as_text(told, name, {"components": [
            {"text": key, "value": _as_text(value)}
            for key, value in body.items() if isinstance(value, dict) and "value" in value
        ]})  # fmt: skip
    if len(kinds_told) != 1:
        told.error = ItemError("body", Code.UNKNOWN_KIND)
        return told.item()
    if "descriptive_statistic" in body and body["descriptive_statistic"] != "count":
        # The least weight of a month is no weight of any moment.
        numbers = {key: _as_text(body[key]) for key in found}
        text = f"{body['descriptive_statistic']}"
        return keep_as_text(told, text, {"components": [
            {"text": key, "value": number} for key, number in numbers.items()
        ]})  # fmt: skip
    told.kind = kinds_told.pop()
    for key, (_, name) in found.items():
        value = body[key]
        if isinstance(value, dict):
            unit = value.get("unit")
            told.take(name, value.get("value"), unit if isinstance(unit, str) else "")
        else:
            told.reading.faults.append((name, Code.BAD_VALUE))
    return told.item()


def _around(header: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    around: dict[str, Any] = {}
    provenance = header.get("acquisition_provenance") if isinstance(header, dict) else None
    modality = provenance.get("modality") if isinstance(provenance, dict) else None
    if modality is None and isinstance(header, dict):
        modality = header.get("modality")  # IEEE 1752.1
    if modality == "self-reported":
        around["entered"] = "manual"
    elif modality == "sensed":
        around["entered"] = "device"
    if isinstance(note := body.get("user_notes"), str):
        around["note"] = note[:2000]
    return around


def _time(body: Mapping[str, Any], told: Measured) -> None:
    frame = body.get("effective_time_frame")
    if not isinstance(frame, dict):
        return
    interval = frame.get("time_interval")
    if isinstance(frame.get("date_time"), str):
        told.at = moments.instant(frame["date_time"])
        told.around["claimed_at"] = frame["date_time"]
    elif isinstance(interval, dict):
        start, end = (moments.instant(interval.get(key)) for key in
                      ("start_date_time", "end_date_time"))  # fmt: skip
        length = _length(interval.get("duration"))
        if start is None and end is not None and length is not None:
            start = moments.shifted(end, -length)
        if end is None and start is not None and length is not None:
            end = moments.shifted(start, length)
        told.at = start
        told.until = _ordered(start, end)


def _ordered(start: datetime | None, end: datetime | None) -> datetime | None:
    return end if start is not None and end is not None and end >= start else None


def _length(sent: Any) -> timedelta | None:
    if not isinstance(sent, dict) or not isinstance(unit := sent.get("unit"), str):
        return None
    value = sent.get("value")
    if unit not in _DURATIONS:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**6:
        return None
    return timedelta(seconds=value * _DURATIONS[unit])


def _as_text(sent: Any) -> str:
    if not isinstance(sent, dict):
        return ""
    return f"{sent.get('value')} {sent.get('unit')}"[:64]
