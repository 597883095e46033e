"""Pure: what a machine tells of each night, day by day: CPAP, and peritoneal dialysis.

A night belongs to the evening it began. A night of which nothing came is a night without data, not
one of no use.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from services.alerts import telling
from services.alerts.clinical.history import Record
from services.alerts.clinical.samples import WHOLE, Sample
from services.alerts.rows import cells
from shared.programmes import Programme
from shared.wall_clock import OSLO

Json = dict[str, Any]

WEEKS = 5
NOON = 12  # what begins before it belongs to the evening before
RECENT = 28


class Told(NamedTuple):
    """A figure of a night, and the limits of single nights that it is held against."""

    field: str
    limits: tuple[str, ...]
    adds_up: bool = False  # of several treatments in a day: their sum, else the largest


CALENDARS: Mapping[str, tuple[Told, ...]] = {
    "cpap_night": (
        Told("usage", ("usage_adherent",), adds_up=True),
        Told("ahi", ("ahi_night_yellow",)),
        Told("leak_p95", ("leak_high",)),
    ),
    "pd_treatment": (
        Told("ultrafiltration", (), adds_up=True),
        Told("lost_dwell", ("lost_dwell",)),
        Told("alarms", ("alarms",), adds_up=True),
    ),
}
ENOUGH = "usage_adherent"


def of_record(record: Record, programme: Programme, now: datetime) -> Json | None:
    """None where the programme reads of no nights, or the patient's treatment is another one."""
    reads = {source.kind for one in programme.inputs for source in one.sources}
    kind = next((one for one in CALENDARS if one in reads), None)
    if kind is None:
        return None
    nights = _nights(record, kind)
    if not nights and kind == "pd_treatment":
        return None
    today = now.astimezone(OSLO).date()
    last = today if now.astimezone(OSLO).hour >= NOON else today - timedelta(days=1)
    monday = last - timedelta(days=last.weekday(), weeks=WEEKS - 1)
    enrolled = [one.first for one in record.enrolments if one.programme == programme.slug]
    since = min(enrolled).astimezone(OSLO).date() if enrolled else monday
    days = [monday + timedelta(days=n) for n in range(WEEKS * 7)]
    return {
        "kind": kind,
        "days": [
            {
                "day": day.isoformat(),
                "state": _state(day, since, last, day in nights),
                **(_night(record, programme, kind, nights[day]) if day in nights else {}),
            }
            for day in days
        ],
        "share": _share(record, programme, nights, last, now) if kind == "cpap_night" else None,
        "limits": {
            name: cells.number(record, programme, name, now)
            for told in CALENDARS[kind]
            for name in told.limits
        },
    }


def _nights(record: Record, kind: str) -> dict[date, list[Sample]]:
    nights: dict[date, list[Sample]] = {}
    for one in record.series((kind, WHOLE)).all.samples:
        nights.setdefault(evening(one.at), []).append(one)
    return nights


def evening(at: datetime) -> date:
    """The evening a night belongs to."""
    local = at.astimezone(OSLO)
    return local.date() - timedelta(days=local.hour < NOON)


def _state(day: date, since: date, last: date, came: bool) -> str:
    if came:
        return "told"
    if day > last or day < since:
        return "outside"
    return "missing"


def _night(record: Record, programme: Programme, kind: str, samples: list[Sample]) -> Json:
    at = samples[-1].at
    figures = []
    for told in CALENDARS[kind]:
        found = [
            sample.value
            for one in samples
            for sample in record.series((kind, told.field)).all.between(one.at, one.at)
            if isinstance(sample.value, Decimal)
        ]
        value = (sum(found, Decimal(0)) if told.adds_up else max(found)) if found else None
        figures.append(
            {
                "field": told.field,
                "value": value,
                "tone": cells.tone(record, programme, told.limits, value, at),
            }
        )
    return {"fact": str(samples[-1].fact.id), "at": telling.iso(at), "figures": figures}


def _share(
    record: Record,
    programme: Programme,
    nights: Mapping[date, list[Sample]],
    last: date,
    now: datetime,
) -> Json | None:
    """On how many of the nights with data the machine was used long enough."""
    enough = cells.number(record, programme, ENOUGH, now)
    recent = [day for day in nights if last - timedelta(days=RECENT) < day <= last]
    if enough is None or not recent:
        return None
    used = [
        sum(
            (
                sample.value
                for one in nights[day]
                for sample in record.series(("cpap_night", "usage")).all.between(one.at, one.at)
                if isinstance(sample.value, Decimal)
            ),
            Decimal(0),
        )
        for day in recent
    ]
    return {
        "enough": enough,
        "nights": sum(one >= enough for one in used),
        "of": len(recent),
        "without": RECENT - len(recent),
    }
