"""Nights on a CPAP as items: of a card's summary, and of the maker's app in its own JSON.

A card repeats a year of nights every time, and its last one may still grow: a night is named by its
machine and date, so that the same again is a duplicate and a fuller one corrects it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from services.ingest.devices import bodies, moments
from shared import exact, kinds, values
from shared.contracts import Code, Draft, Item, ItemError

MEDIA = "application/vnd.hjemvakt.cpap-night+json"

_FIRST = date(1970, 1, 1)
_NOON = time(12)
_DAYS = 60_000  # a day after that is none
_LONGEST = 2 * 24 * 60  # minutes
# A label of STR.edf, the field it is, and the unit the card writes. The older series has labels of
# its own for the same.
_SIGNALS = (
    ("AHI", "ahi", "/h"),
    ("HI", "hi", "/h"),
    ("OAI", "oai", "/h"),
    ("CAI", "cai", "/h"),
    ("Leak.50", "leak_p50", "L/s"),
    ("Leak Med", "leak_p50", "L/s"),
    ("Leak.95", "leak_p95", "L/s"),
    ("Leak 95", "leak_p95", "L/s"),
    ("MaskPress.95", "pressure_p95", "cmH2O"),
    ("Mask Pres 95", "pressure_p95", "cmH2O"),
    ("MaskEvents", "mask_events", "{#}"),
    ("Mask Events", "mask_events", "{#}"),
    ("SpO2.50", "spo2_p50", "%"),
)
_APP = (
    ("totalUsage", "usage", "min"),
    ("ahi", "ahi", "/h"),
    ("leakPercentile", "leak_p95", "L/min"),
    ("maskPairCount", "mask_events", "{#}"),
)


def of_card(card: Mapping[str, Any], now: datetime) -> list[Item]:
    """The nights that have been; days without a record are none."""
    items = []
    for night in card["nights"]:
        kept = {"serial": card["serial"], "product": card["product"], **night}
        if (item := of_night(kept, now)) is not None:
            items.append(item)
    return items


def of_night(kept: Mapping[str, Any], now: datetime) -> Item | None:
    """One night of a card, as `of_card` keeps it; None for a day without a record."""
    signals: Mapping[str, Sequence[str]] = kept["signals"]
    usage = _one(signals, "Mask Dur" if "Mask Dur" in signals else "Duration")
    if usage is None:
        return None
    if not 0 <= kept["date"] < _DAYS:
        return None  # no day at all: the record was never written
    noon = datetime.combine(_FIRST + timedelta(days=kept["date"]), _NOON, moments.OSLO)
    reading = values.Reading()
    kind = kinds.CATALOGUE["cpap_night"]
    values.take(kind.fields["usage"], usage, "min", reading)
    for label, name, unit in _SIGNALS:
        if (number := _one(signals, label)) is not None:
            values.take(kind.fields[name], number, unit, reading)
    if "ahi" not in reading.values:
        reading.absent["ahi"] = "not-performed"
    values.judge(kind, reading)
    put_on = _all(signals, "MaskOn") or _all(signals, "Mask On")
    put_off = _all(signals, "MaskOff") or _all(signals, "Mask Off")
    on = [minutes for minutes in put_on if 0 <= minutes <= _LONGEST]
    off = [minutes for minutes in put_off if 0 < minutes <= _LONGEST]
    start = _minutes_after(noon, min(on)) if on and usage else noon.astimezone(UTC)
    end = _minutes_after(noon, max(off)) if off and usage else None
    return _item(kept, reading, start, end, str(noon.date()), now)


def records(sent: Any) -> Mapping[str, Any] | None:
    """The app's nights, on their own or as its server answers; None when there are none."""
    if not isinstance(sent, dict):
        return None
    if "sleep_records" in sent:
        return sent
    whole = sent.get("data")
    about = whole.get("getPatientWrapper") if isinstance(whole, dict) else None
    nights = about.get("sleepRecords") if isinstance(about, dict) else None
    if not isinstance(nights, dict) or not isinstance(nights.get("items"), list):
        return None
    machines = about.get("fgDevices") if isinstance(about, dict) else None
    only = machines[0] if isinstance(machines, list) and len(machines) == 1 else None
    machine = only if isinstance(only, dict) else {}
    device = {
        "serialNumber": machine.get("serialNumber"),
        "deviceType": machine.get("localizedName"),
    }
    return {"device": device, "sleep_records": nights["items"]}


def of_app(sent: Mapping[str, Any], now: datetime) -> list[Item]:
    """The nights in the maker's app's JSON: {"device": {…}, "sleep_records": [{…}]}."""
    device = sent.get("device")
    serial = device.get("serialNumber") if isinstance(device, dict) else None
    product = device.get("deviceType") if isinstance(device, dict) else None
    records = sent.get("sleep_records")
    return [
        _of_record({"serial": serial, "product": product, "record": record}, now)
        for record in (records if isinstance(records, list) else ())
        if isinstance(record, dict)
    ]


def again(raw: bytes, now: datetime) -> list[Item]:
    """The night of the bytes that were kept of it."""
    kept = exact.loads(raw)
    if "record" in kept:
        return [_of_record(kept, now)]
    item = of_night(kept, now)
    return [item] if item is not None else []


def _of_record(kept: Mapping[str, Any], now: datetime) -> Item:
    record: Mapping[str, Any] = kept["record"]
    kind = kinds.CATALOGUE["cpap_night"]
    reading = values.Reading()
    for key, name, unit in _APP:
        number = record.get(key)
        if isinstance(number, int | Decimal) and not isinstance(number, bool):
            values.take(kind.fields[name], number, unit, reading)
        elif number is not None:
            reading.faults.append((name, Code.BAD_VALUE))
    values.judge(kind, reading)
    told = record.get("startDate")
    day = moments.day(told) if isinstance(told, str) else None
    if day is None:
        return _item(kept, reading, None, None, str(told)[:32], now)
    noon = datetime.combine(day, _NOON, moments.OSLO)
    end = datetime.combine(day + timedelta(days=1), _NOON, moments.OSLO)
    return _item(kept, reading, noon.astimezone(UTC), end.astimezone(UTC), told or "", now)


def _item(
    kept: Mapping[str, Any],
    reading: values.Reading,
    at: datetime | None,
    until: datetime | None,
    night: str,
    now: datetime,
) -> Item:
    serial = kept["serial"] if isinstance(kept["serial"], str) and kept["serial"] else None
    name = sha256(f"{serial}|{night}".encode()).hexdigest()[:40]
    message_id = f"night:{name}"
    errors = [ItemError(f"values.{field}", code) for field, code in reading.faults]
    if at is None:
        errors.append(ItemError("startDate", Code.BAD_TIME))
    raw = exact.dumps(kept)
    around: dict[str, Any] = {"entered": "device", "claimed_at": night}
    device = {"manufacturer": "ResMed", "model": kept["product"], "serial": serial}
    around["device"] = {key: text for key, text in device.items() if isinstance(text, str)}
    kind = kinds.CATALOGUE["cpap_night"]
    drafts: tuple[Draft, ...] = ()
    if not errors:
        drafts = tuple(bodies.of_reading(kind, reading, message_id, around))
    return Item(
        message_id=message_id,
        content=bodies.content_of_sent(exact.loads(raw)),
        raw=raw,
        media_type=MEDIA,
        drafts=drafts,
        at=at,
        until=until if at is not None and until is not None and until >= at else None,
        serial=serial,
        how="correction",
        replaces=message_id,
        arrived=now,
        updated=now,
        errors=tuple(errors),
        position=night,
    )


def _minutes_after(noon: datetime, minutes: Decimal) -> datetime:
    """Machines count minutes of a wall clock that is moved by hand: an hour may be off twice a
    year."""
    return (
        (noon.replace(tzinfo=None) + timedelta(minutes=float(minutes)))
        .replace(tzinfo=moments.OSLO)
        .astimezone(UTC)
    )


def _one(signals: Mapping[str, Sequence[str]], label: str) -> Decimal | None:
    number = next(iter(_all(signals, label)), None)
    return number if number is not None and number >= 0 else None


def _all(signals: Mapping[str, Sequence[str]], label: str) -> list[Decimal]:
    return [Decimal(text) for text in signals.get(label, ())]
