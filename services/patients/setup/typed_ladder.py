"""Pure: a unit's escalation ladder as fields of a form, and read as shared/ladders.py knows it.

A row of a step is one person in one stretch of hours; rows with the same name and channels are the
same person in several.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from services.patients.setup import typed_hours
from services.patients.setup.typed import Fault, Fields
from shared.ladders import Ladder

SEVERITIES = ("emergency", "red", "yellow", "technical")
DAYS = typed_hours.DAYS
CHANNELS = ("first", "then", "third", "fourth", "fifth")
MOST_CHANNELS, MOST_STEPS, MOST_ROWS = 50, 10, 40


def of(stored: Mapping[str, Any]) -> dict[str, str]:
    """The ladder as it would have been typed."""
    ladder = Ladder.of(stored)
    said = {"zone": ladder.zone, "language": ladder.language}
    if ladder.holidays:
        said["holidays"] = "on"
    for n, (name, channel) in enumerate(ladder.channels.items()):
        said |= {f"c.{n}.name": name, f"c.{n}.medium": channel.medium, f"c.{n}.to": channel.to}
    for n, step in enumerate(ladder.steps):
        said |= {f"s.{n}.name": step.name, **_waits(f"s.{n}", step.after)}
        rows = [(target, period) for target in step.targets for period in target.hours or (None,)]
        for m, (target, period) in enumerate(rows):
            row = f"s.{n}.t.{m}"
            said |= {f"{row}.who": target.who, **_channels(row, target.channels)}
            if period is not None:
                said |= {f"{row}.from": period.since, f"{row}.to": period.to}
                said |= {f"{row}.{day}": "on" for day in period.days}
    said |= {"l.who": ladder.last.who, "l.phone": ladder.last.phone}
    said |= _waits("l", ladder.last.after) | _channels("l", ladder.last.channels)
    if ladder.last.again is not None:
        said["l.again"] = _minutes(ladder.last.again)
    return said | _channels("r", ladder.reminders)


def steps(said: Fields) -> int:
    return _count(said, "s", 1, MOST_STEPS)


def channels(said: Fields) -> int:
    return _count(said, "c", 1, MOST_CHANNELS)


def rows(said: Fields, step: int) -> int:
    return _count({name: "" for name in said if name.startswith(f"s.{step}.t.")}, "s", 3, MOST_ROWS)


def read(said: Fields) -> tuple[dict[str, Any], list[Fault]]:
    """As the API takes it; whether it can be used is asked of shared/ladders.py afterwards."""
    faults: list[Fault] = []
    found: dict[str, Any] = {
        "zone": said.get("zone", "Europe/Oslo"),
        "language": said.get("language", "nb"),
        "holidays": "holidays" in said,
        "channels": {},
        "steps": [],
    }
    for n in range(channels(said)):
        name, to = _word(said, f"c.{n}.name"), _word(said, f"c.{n}.to")
        if not name and not to:
            continue
        if name in found["channels"]:
            faults.append(Fault(f"c.{n}", "channel-twice"))
        found["channels"][name] = {"medium": said.get(f"c.{n}.medium", ""), "to": to}
    for n in range(steps(said)):
        targets = _targets(said, n, faults)
        name = _word(said, f"s.{n}.name")
        if name or targets:
            after = _after(said, f"s.{n}", faults)
            found["steps"].append({"name": name, "after": after, "targets": targets})
    last: dict[str, Any] = {
        "after": _after(said, "l", faults),
        "who": _word(said, "l.who"),
        "phone": _word(said, "l.phone"),
        "channels": _chosen(said, "l"),
    }
    if (again := _wait(said, "l.again", faults)) is not None:
        last["again"] = again
    return {**found, "last": last, "reminders": _chosen(said, "r")}, faults


def _targets(said: Fields, step: int, faults: list[Fault]) -> list[dict[str, Any]]:
    found: dict[tuple[str, tuple[str, ...]], dict[str, Any]] = {}
    always = set()
    for m in range(rows(said, step)):
        row = f"s.{step}.t.{m}"
        who, by = _word(said, f"{row}.who"), _chosen(said, row)
        if not who and not by:
            continue
        key = (who, tuple(by))
        one = found.setdefault(key, {"who": who, "channels": by, "hours": []})
        days = [day for day in DAYS if f"{row}.{day}" in said]
        span = _word(said, f"{row}.from"), _word(said, f"{row}.to")
        if not days and span == ("", ""):
            always.add(key)
            continue
        since, to = typed_hours.clock(span[0]), typed_hours.clock(span[1], ends=True)
        if since is None or to is None:
            faults.append(Fault(row, "not-a-clock"))
        elif not days:
            faults.append(Fault(row, "no-day-of-hours"))
        else:
            one["hours"].append({"days": days, "from": since, "to": to})
    for key, one in found.items():
        if key in always or not one["hours"]:
            del one["hours"]
    return list(found.values())


def _after(said: Fields, place: str, faults: list[Fault]) -> dict[str, str]:
    waits = {how: _wait(said, f"{place}.{how}", faults) for how in SEVERITIES}
    return {how: one for how, one in waits.items() if one is not None}


def _wait(said: Fields, name: str, faults: list[Fault]) -> str | None:
    """Minutes; empty: not told of such."""
    text = _word(said, name)
    if not text:
        return None
    if not text.isdecimal() or not text.isascii() or int(text[:5]) > 24 * 60:
        faults.append(Fault(name, "not-minutes"))
        return None
    return f"PT{int(text)}M"


def _chosen(said: Fields, row: str) -> list[str]:
    return [one for name in CHANNELS if (one := _word(said, f"{row}.{name}"))]


def _waits(place: str, after: Any) -> dict[str, str]:
    told = {how: getattr(after, how) for how in SEVERITIES}
    return {f"{place}.{how}": _minutes(one) for how, one in told.items() if one is not None}


def _channels(row: str, names: Iterable[str]) -> dict[str, str]:
    return {f"{row}.{place}": name for place, name in zip(CHANNELS, names, strict=False)}


def _minutes(span: timedelta) -> str:
    return str(span // timedelta(minutes=1))


def _word(said: Fields, name: str) -> str:
    return said.get(name, "").strip()


def _count(said: Iterable[str], letter: str, place: int, most: int) -> int:
    numbers = [
        int(parts[place]) for name in said
        if (parts := name.split("."))[0] == letter and len(parts) > place + 1
        and parts[place].isdecimal() and len(parts[place]) < 4
    ]  # fmt: skip
    return min(max(numbers, default=-1) + 1, most)
