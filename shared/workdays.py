"""Pure: working days in Norway, by which an answer is promised; some holidays move with Easter."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache

from shared.wall_clock import OSLO

_ONE = timedelta(days=1)
# Public holidays (the act on holidays of 24 February 1995 and the one on 1 and 17 May 1947).
_FIXED = {
    "new-year": (1, 1), "labour": (5, 1), "constitution": (5, 17), "christmas": (12, 25),
    "boxing": (12, 26),
}  # fmt: skip
# Days from Easter Sunday.
_MOVABLE = {
    "maundy-thursday": -3, "good-friday": -2, "easter": 0, "easter-monday": 1, "ascension": 39,
    "whitsun": 49, "whit-monday": 50,
}  # fmt: skip


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
    return day.weekday() < 5 and not is_holiday(day)


def _next(day: date) -> date:
    day += _ONE
    while not is_workday(day):
        day += _ONE
    return day


@lru_cache(maxsize=64)
def holidays(year: int) -> dict[date, str]:
    """Each public holiday and its name here; of two on one day the one that moves."""
    sunday = easter(year)
    return {date(year, month, day): name for name, (month, day) in _FIXED.items()} | {
        sunday + timedelta(days=days): name for name, days in _MOVABLE.items()
    }


def is_holiday(day: date) -> bool:
    return day in holidays(day.year)


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
