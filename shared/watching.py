"""Who is watching is a calendar: a unit's hours in the week, read in the unit's own time zone.

A week repeats itself until it meets a day that is not like the others. With `holidays` true, public
holidays of Norway have hours of their own: the periods whose days name `holiday`, and no others. A
day under `special` has the hours that stand there; none: nobody watches that day.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared import workdays
from shared.contracts import Watch

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOLIDAY = "holiday"
# A message is answered after so many hours in which somebody watches: about a working day.
ANSWERS_WITHIN = timedelta(hours=8)
AHEAD = 9  # days that hold the next watching of any week
FOR_EVER = timedelta(days=7)  # watched without a break: a week that repeats itself has none
FURTHER = 60  # days that hold as many watched hours as may be promised
SPECIAL = 200  # days of one unit

_HOURS = re.compile(r"PT([1-9]|[1-3]\d|40)H")


class HoursAreUnusable(ValueError):
    """The watching hours are not of the form {"zone", "hours": [{"days", "from", "to"}]}, or a day
    that has hours of its own is not of the form {"date", "hours": [{"from", "to"}]}."""


def watching(hours: Mapping[str, Any] | None, now: datetime) -> Watch:
    """Whether the unit is watched at `now`, until when, and when watching next begins.

    `next` is always in the future, also while somebody watches. A period whose end is not after
    its start runs over midnight. No hours: nobody watches and no next. Watched day and night: now,
    with neither an end nor a next.
    """
    found = _watching(_periods(hours, now), now)
    if found.next is None and hours and (hours.get("holidays") or hours.get("special")):
        # A week of days off: the next watching lies behind it.
        return _watching(_periods(hours, now, FURTHER), now)
    return found


def least(watches: Sequence[Watch]) -> Watch:
    """Of one or more units that follow the same patient: what is true whichever of them a reading
    concerns. Watched while all of them watch; else `next` is when the last of them begins."""
    if all(one.now for one in watches):
        ends = [one.until for one in watches if one.until]
        begins = [one.next for one in watches if one.next]
        return Watch(now=True, until=min(ends, default=None), next=min(begins, default=None))
    away = [one.next for one in watches if not one.now]
    known = [one for one in away if one]
    return Watch(now=False, next=max(known) if len(known) == len(away) else None)


def _watching(periods: list[tuple[datetime, datetime]], now: datetime) -> Watch:
    current = [(start, end) for start, end in periods if start <= now < end]
    until = max((end for _, end in current), default=None)
    if until is not None:
        # Touching periods (07-15, 15-21) are one stretch of watching.
        for start, end in periods:
            if start <= until < end:
                until = end
    later = [start for start, _ in periods if start > (until or now)]
    # It goes on as far as was looked ahead: no end is known, and none is made of where we stopped.
    if until is not None and until - now > FOR_EVER and until == max(end for _, end in periods):
        until = None
    return Watch(now=bool(current), until=until, next=min(later, default=None))


def check(hours: Mapping[str, Any]) -> None:
    """Refuse hours that could not be read back: the patient is told what they say."""
    try:
        ZoneInfo(hours.get("zone", "Europe/Oslo"))
        known = (*DAYS, HOLIDAY) if hours.get("holidays") else DAYS
        for period in hours["hours"]:
            if not period["days"] or any(day not in known for day in period["days"]):
                raise HoursAreUnusable
            _check_clocks(period)
        special = hours.get("special") or ()
        if len({day["date"] for day in special}) < len(special) or len(special) > SPECIAL:
            raise HoursAreUnusable
        for day in special:
            date.fromisoformat(day["date"])
            for period in day["hours"]:
                _check_clocks(period)
        answers_within(hours)
    except (KeyError, TypeError, ValueError) as error:
        raise HoursAreUnusable from error


def _check_clocks(period: Mapping[str, Any]) -> None:
    _clock(period["from"])
    _clock(period["to"])


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


def of_day(hours: Mapping[str, Any], day: date) -> Iterable[Mapping[str, Any]]:
    """The periods that begin on this day, each with `from` and `to`."""
    for special in hours.get("special") or ():
        if special["date"] == day.isoformat():
            own: Iterable[Mapping[str, Any]] = special["hours"]
            return own
    is_off = hours.get("holidays") and workdays.is_holiday(day)
    name = HOLIDAY if is_off else DAYS[day.weekday()]
    return [period for period in hours.get("hours", ()) if name in period["days"]]


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
        for period in of_day(hours, day):
            start = datetime.combine(day, _clock(period["from"]), zone)
            end = datetime.combine(day, _clock(period["to"]), zone)
            if end <= start:
                end = datetime.combine(day + timedelta(days=1), _clock(period["to"]), zone)
            periods.append((start.astimezone(now.tzinfo), end.astimezone(now.tzinfo)))
    return sorted(periods)


def _clock(text: str) -> time:
    # 24:00 is how people write the end of a day.
    return time(0) if text == "24:00" else time.fromisoformat(text)
