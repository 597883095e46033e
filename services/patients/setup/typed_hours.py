"""Pure: a unit's watching hours as rows of a form, and read back as they were meant."""

from collections.abc import Mapping
from typing import Any

from services.patients.setup import typed
from services.patients.setup.typed import Fault, Fields
from shared import watching

DAYS = (*watching.DAYS, watching.HOLIDAY)
ROWS, SPECIAL_ROWS = 50, 60  # a form holds no more
BY_DEFAULT = int(watching.ANSWERS_WITHIN.total_seconds()) // 3600
MOST = 40  # hours until a message is answered


def of(hours: Mapping[str, Any]) -> dict[str, str]:
    """The hours as they would have been typed."""
    said = {"answers": str(int(watching.answers_within(hours).total_seconds()) // 3600)}
    if hours.get("holidays"):
        said["holidays"] = "on"
    for n, period in enumerate(hours.get("hours", ())):
        said |= {f"h.{n}.from": period["from"], f"h.{n}.to": period["to"]}
        said |= {f"h.{n}.{day}": "on" for day in period["days"]}
    rows = [
        (day, period)
        for day in sorted(hours.get("special") or (), key=lambda one: str(one["date"]))
        for period in day["hours"] or ({"from": "", "to": ""},)
    ]
    for n, (day, period) in enumerate(rows):
        said |= {
            f"d.{n}.date": day["date"], f"d.{n}.name": day.get("name") or "",
            f"d.{n}.from": period["from"], f"d.{n}.to": period["to"],
        }  # fmt: skip
    return said


def rows(said: Fields, letter: str) -> int:
    """How many rows of this kind stand in the form."""
    numbers = [
        int(parts[1]) for name in said
        if (parts := name.split("."))[0] == letter and len(parts) > 2 and parts[1].isdecimal()
    ]  # fmt: skip
    return min(max(numbers, default=-1) + 1, ROWS if letter == "h" else SPECIAL_ROWS)


def read(said: Fields, before: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The hours, in the time zone they were in before. A row with nothing in it is no row."""
    faults: list[Fault] = []
    hours: dict[str, Any] = {"zone": before.get("zone", "Europe/Oslo"), "hours": []}
    if "holidays" in said:
        hours["holidays"] = True
    for n in range(rows(said, "h")):
        days = [day for day in DAYS if f"h.{n}.{day}" in said]
        span = _span(said, f"h.{n}")
        if not days and span == ("", ""):
            continue
        period = _period(span, f"h.{n}", faults)
        if not days:
            faults.append(Fault(f"h.{n}", "no-day-of-hours"))
        elif watching.HOLIDAY in days and "holidays" not in said:
            faults.append(Fault(f"h.{n}", "holidays-do-not-count"))
        elif period is not None:
            hours["hours"].append({"days": days, **period})
    if special := _special(said, faults):
        hours["special"] = special
    within = said.get("answers", str(BY_DEFAULT)).strip()
    if not within.isdecimal() or not 1 <= int(within[:4]) <= MOST:
        faults.append(Fault("answers", "not-hours", {"most": MOST}))
    elif int(within) != BY_DEFAULT:
        hours["answers_within"] = f"PT{int(within)}H"
    return hours, faults


def _special(said: Fields, faults: list[Fault]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for n in range(rows(said, "d")):
        at, name = said.get(f"d.{n}.date", "").strip(), said.get(f"d.{n}.name", "").strip()
        span = _span(said, f"d.{n}")
        if not at and not name and span == ("", ""):
            continue
        day = typed.day(at)
        if day is None:
            faults.append(Fault(f"d.{n}", "not-a-special-day"))
            continue
        one = found.setdefault(day.isoformat(), {"date": day.isoformat(), "hours": []})
        if name:
            one["name"] = name[:200]
        if span != ("", "") and (period := _period(span, f"d.{n}", faults)) is not None:
            one["hours"].append(period)
    return [found[at] for at in sorted(found)]


def _span(said: Fields, row: str) -> tuple[str, str]:
    return said.get(f"{row}.from", "").strip(), said.get(f"{row}.to", "").strip()


def _period(span: tuple[str, str], row: str, faults: list[Fault]) -> dict[str, str] | None:
    since, to = clock(span[0]), clock(span[1], ends=True)
    if since is None or to is None:
        faults.append(Fault(row, "not-a-clock"))
        return None
    return {"from": since, "to": to}


def clock(said: str, *, ends: bool = False) -> str | None:
    """HH:MM; 24:00 is the end of a day."""
    if ends and said.replace(".", ":").replace(":", "") in ("24", "2400"):
        return "24:00"
    found = typed.clock(said)
    return f"{found:%H:%M}" if found is not None else None
