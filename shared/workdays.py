"""Pure: working days in Norway, by which an answer is promised; some holidays move with Easter."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")

_ONE = timedelta(days=1)
# New Year's Day, Labour Day, Constitution Day, Christmas Day and Boxing Day.
_FIXED = ((1, 1), (5, 1), (5, 17), (12, 25), (12, 26))
# From Easter Sunday: Maundy Thursday, Good Friday, the two days of Easter, Ascension, Whitsun.
_MOVABLE = (-3, -2, 0, 1, 39, 49, 50)


def promised(at: datetime, workdays: int, by: time) -> datetime:
    """By when an answer is promised to what came at `at`: so many working days later, at the clock
    `by` in Norway. What comes on a day off counts as the next working day's."""
    day = at.astimezone(OSLO).date()
    if not is_workday(day):
        day = _next(day)
    for _ in range(workdays):
        day = _next(day)
    return datetime.combine(day, by, OSLO).astimezone(at.tzinfo)


def is_workday(day: date) -> bool:
    return day.weekday() < 5 and day not in holidays(day.year)


def _next(day: date) -> date:
    day += _ONE
    while not is_workday(day):
        day += _ONE
    return day


@lru_cache(maxsize=64)
def holidays(year: int) -> frozenset[date]:
    sunday = easter(year)
    return frozenset(
        [date(year, month, day) for month, day in _FIXED]
        + [sunday + timedelta(days=days) for days in _MOVABLE]
    )


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876)."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap, left = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * left + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)
