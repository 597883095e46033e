"""Who is watching is a calendar: a unit's hours in the week, read in the unit's own time zone."""

import re
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared.contracts import Watch

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A message is answered after so many hours in which somebody watches: about a working day.
ANSWERS_WITHIN = timedelta(hours=8)
AHEAD = 9  # days that hold the next watching of any week
FURTHER = 60  # days that hold as many watched hours as may be promised

_HOURS = re.compile(r"PT([1-9]|[1-3]\d|40)H")


class HoursAreUnusable(ValueError):
    """The watching hours are not of the form {"zone", "hours": [{"days", "from", "to"}]}."""


def watching(hours: Mapping[str, Any] | None, now: datetime) -> Watch:
    """Whether the unit is watched at `now`, until when, and when watching next begins.

    `next` is always in the future, also while somebody watches. A period whose end is not after
    its start runs over midnight. No hours: nobody watches and no next.
    """
    periods = _periods(hours, now)
    current = [(start, end) for start, end in periods if start <= now < end]
    until = max((end for _, end in current), default=None)
    if until is not None:
        # Touching periods (07-15, 15-21) are one stretch of watching.
        for start, end in periods:
            if start <= until < end:
                until = end
    later = [start for start, _ in periods if start > (until or now)]
    return Watch(now=bool(current), until=until, next=min(later, default=None))


def check(hours: Mapping[str, Any]) -> None:
    """Refuse hours that could not be read back: the patient is told what they say."""
    try:
        ZoneInfo(hours.get("zone", "Europe/Oslo"))
        for period in hours["hours"]:
            if not period["days"] or any(day not in DAYS for day in period["days"]):
                raise HoursAreUnusable
            _clock(period["from"])
            _clock(period["to"])
        answers_within(hours)
    except (KeyError, TypeError, ValueError) as error:
        raise HoursAreUnusable from error


def answers_within(hours: Mapping[str, Any]) -> timedelta:
    """How many watched hours an answer to a message takes: `answers_within`, PT1H to PT40H."""
    told = hours.get("answers_within")
    if told is None:
        return ANSWERS_WITHIN
    found = _HOURS.fullmatch(told)
    if found is None:
        raise HoursAreUnusable
    return timedelta(hours=int(found[1]))


def promised(hours: Mapping[str, Any] | None, came_at: datetime) -> datetime | None:
    """By when a message that came is answered. Only hours in which somebody watches count: what is
    written on a Friday night is not late on Saturday. None: nobody ever watches."""
    left = answers_within(hours or {})
    reached = came_at
    for start, end in _periods(hours, came_at, FURTHER):
        since = max(start, reached)
        if end <= since:
            continue
        if end - since >= left:
            return since + left
        left -= end - since
        reached = end
    return None


def _periods(
    hours: Mapping[str, Any] | None, now: datetime, ahead: int = AHEAD
) -> list[tuple[datetime, datetime]]:
    if not hours:
        return []
    zone = ZoneInfo(hours.get("zone", "Europe/Oslo"))
    today = now.astimezone(zone).date()
    periods = []
    for offset in range(-1, ahead):
        day = today + timedelta(days=offset)
        for period in hours.get("hours", ()):
            if DAYS[day.weekday()] not in period["days"]:
                continue
            start = datetime.combine(day, _clock(period["from"]), zone)
            end = datetime.combine(day, _clock(period["to"]), zone)
            if end <= start:
                end = datetime.combine(day + timedelta(days=1), _clock(period["to"]), zone)
            periods.append((start.astimezone(now.tzinfo), end.astimezone(now.tzinfo)))
    return sorted(periods)


def _clock(text: str) -> time:
    # 24:00 is how people write the end of a day.
    return time(0) if text == "24:00" else time.fromisoformat(text)
