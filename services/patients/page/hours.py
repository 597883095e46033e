"""A unit's watching hours as the page draws and names them. Pure."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.patients.page import words
from services.patients.page.words import Words
from services.patients.setup import typed_hours
from services.patients.setup.typed import Fault
from shared import watching, workdays

View = dict[str, Any]

AHEAD = 365  # days of which holidays and special days are listed
MINUTES = 24 * 60


def editor(said: Mapping[str, str], faults: Iterable[Fault], more: str, lang: str) -> View:
    """The rows as typed; at least one empty row of each kind, another one when asked for."""
    t = words.words(lang)
    problem = {one.at: t["setup"]["fault"][one.code].format(**one.members) for one in faults}
    names = day_names(t)
    n_hours = min(typed_hours.rows(said, "h") + (more == "more-hours"), typed_hours.ROWS)
    n_days = min(typed_hours.rows(said, "d") + (more == "more-days"), typed_hours.SPECIAL_ROWS)
    return {
        "rows": [
            {
                "n": n, "id": f"h.{n}",
                "from": said.get(f"h.{n}.from", ""), "to": said.get(f"h.{n}.to", ""),
                "days": [
                    {"id": day, "name": names[day], "on": f"h.{n}.{day}" in said}
                    for day in typed_hours.DAYS
                ],
                "problem": problem.get(f"h.{n}", ""),
            }
            for n in range(max(n_hours, 1))
        ],
        "special": [
            {
                "n": n, "id": f"d.{n}",
                **{key: said.get(f"d.{n}.{key}", "") for key in ("name", "from", "to")},
                "date": _as_read(said.get(f"d.{n}.date", "")),
                "problem": problem.get(f"d.{n}", ""),
            }
            for n in range(max(n_days, 1))
        ],
        "holidays": "holidays" in said,
        "answers": said.get("answers", ""),
        "answers_problem": problem.get("answers", ""),
        "faulty": any(problem),
    }  # fmt: skip


def week(hours: Mapping[str, Any], lang: str) -> list[View]:
    """A row per day of the week and one for holidays: bars in minutes, and the same in words."""
    t = words.words(lang)
    names = dict(zip(watching.DAYS, t["time"]["weekdays"], strict=True))
    days = list(watching.DAYS) + ([watching.HOLIDAY] if hours.get("holidays") else [])
    periods = list(hours.get("hours", ()))
    found = []
    for place, day in enumerate(days):
        own = [one for one in periods if day in one["days"]]
        before = watching.DAYS[place - 1] if day != watching.HOLIDAY else day
        over = day != watching.HOLIDAY
        spilt = [one for one in periods if over and before in one["days"]]
        found.append({
            "name": str(names.get(day) or t["setup"]["hours"]["holiday"]).capitalize(),
            "is_holiday": day == watching.HOLIDAY,
            "bars": [bar for one in own for bar in _bars(one)],
            "spilt": [bar for one in spilt for bar in _spilt(one)],
            "says": _spans(own, t),
        })  # fmt: skip
    return found


def coming(hours: Mapping[str, Any], now: datetime, lang: str) -> list[View]:
    """Holidays and special days of the year to come, each with the hours that count on it."""
    t = words.words(lang)
    today = now.astimezone(ZoneInfo(hours.get("zone", "Europe/Oslo"))).date()
    special = {one["date"]: one for one in hours.get("special") or ()}
    found = []
    for offset in range(AHEAD):
        day = today + timedelta(days=offset)
        holiday = workdays.holidays(day.year).get(day)
        own = special.get(day.isoformat())
        if holiday is None and own is None:
            continue
        name = (own or {}).get("name") or (t["setup"]["holidays"][holiday] if holiday else "")
        found.append({
            "day": day_said(day, t), "name": name, "is_special": own is not None,
            "says": _spans(watching.of_day(hours, day), t),
        })  # fmt: skip
    return found


def promised(hours: Mapping[str, Any], now: datetime, lang: str) -> str:
    """What is said to patients about the next holiday as long as nobody has decided about holidays:
    that it is watched as any weekday. Empty where that is decided, or nobody watches then."""
    if hours.get("holidays"):
        return ""
    s = words.words(lang)["setup"]["hours"]
    for one in coming(hours, now, lang):
        if not one["is_special"] and one["says"] != s["nobody"]:
            return str(
                s["holidays_open"].format(day=one["day"], name=one["name"], says=one["says"])
            )
    return ""


def day_said(day: date, t: Words) -> str:
    """Torsdag 24. desember 2026."""
    of = t["time"]["date"].format(day=day.day, month=t["time"]["months"][day.month - 1])
    return f"{str(t['time']['weekdays'][day.weekday()]).capitalize()} {of} {day.year}"


def day_names(t: Words) -> dict[str, str]:
    return {**t["setup"]["enrol"]["days"], watching.HOLIDAY: t["setup"]["hours"]["holiday_short"]}


def units(found: Iterable[Any], chosen: Any, own: frozenset[Any]) -> list[View]:
    """Those the caller works in come first."""
    listed = sorted(found, key=lambda one: (one.id not in own, one.name))
    return [{"id": str(one.id), "name": one.name, "on": one.id == chosen} for one in listed]


def _spans(periods: Iterable[Mapping[str, Any]], t: Words) -> str:
    said = [f"{one['from']}–{one['to']}" for one in sorted(periods, key=lambda one: one["from"])]
    return ", ".join(said) or str(t["setup"]["hours"]["nobody"])


def _bars(period: Mapping[str, Any]) -> list[View]:
    start, end = _minutes(period["from"]) % MINUTES, _minutes(period["to"])
    return [{"x": start, "w": (end if end > start else MINUTES) - start}]


def _spilt(period: Mapping[str, Any]) -> list[View]:
    """What of the day before runs over midnight."""
    start, end = _minutes(period["from"]) % MINUTES, _minutes(period["to"]) % MINUTES
    is_over = _minutes(period["to"]) <= start and end > 0
    return [{"x": 0, "w": end}] if is_over else []


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _as_read(said: str) -> str:
    try:
        return f"{date.fromisoformat(said):%d.%m.%Y}"
    except ValueError:
        return said
