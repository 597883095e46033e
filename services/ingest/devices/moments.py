"""Moments as senders write them: the one reader of time that every decoder asks.

A time with an offset says when something was. One without is a wall clock's in Norway, where a
format says so. What lies outside the calendar (shared/moments.py) is no time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from shared import moments
from shared.contracts import Precision
from shared.wall_clock import OSLO as OSLO

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SOON = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class When:
    at: datetime
    precision: Precision = "instant"


def instant(sent: object) -> datetime | None:
    """RFC 3339 with an offset, in UTC; None for anything else."""
    if type(sent) is not str or not _INSTANT.fullmatch(sent):
        return None
    try:  # not by _sound: every reading comes this way
        at = datetime.fromisoformat(sent.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if moments.is_sound(at) else None


def moment(sent: object) -> When | None:
    """An instant, or a whole day: then its first moment in Norway, with precision `day`."""
    if (at := instant(sent)) is not None:
        return When(at)
    if type(sent) is not str or not _DAY.fullmatch(sent) or (found := day(sent)) is None:
        return None
    return When(datetime.combine(found, time(), OSLO).astimezone(UTC), "day")


def day(sent: str) -> date | None:
    """A date in any ISO 8601 spelling."""
    try:
        found = date.fromisoformat(sent)
    except ValueError:
        return None
    return found if moments.FIRST.date() < found < moments.LAST.date() else None


def with_offset(sent: str) -> datetime | None:
    """Any ISO 8601 spelling with an offset, in UTC."""
    return _sound(lambda: _aware(datetime.fromisoformat(sent)).astimezone(UTC))


def local(sent: str, now: datetime) -> datetime | None:
    """Any ISO 8601 spelling without an offset: a wall clock's in Norway, read when it came."""
    return _sound(lambda: norwegian(_naive(datetime.fromisoformat(sent)), now))


def mislabelled(sent: str, now: datetime) -> datetime | None:
    """A wall clock's time that is written as if it were UTC's."""
    return _sound(lambda: norwegian(datetime.fromisoformat(sent).replace(tzinfo=None), now))


def epoch(seconds: Decimal | int) -> datetime | None:
    """Seconds since 1970."""
    return _sound(lambda: datetime.fromtimestamp(float(seconds), UTC))


def shifted(at: datetime, by: timedelta) -> datetime | None:
    return _sound(lambda: at + by)


def norwegian(at: datetime, now: datetime) -> datetime:
    """A wall clock's time. The hour that comes twice in October is the one nearer to arrival."""
    later = at.replace(tzinfo=OSLO, fold=1).astimezone(UTC)
    earlier = at.replace(tzinfo=OSLO, fold=0).astimezone(UTC)
    return later if later <= now + _SOON and abs(now - later) <= abs(now - earlier) else earlier


def _sound(made: Callable[[], datetime]) -> datetime | None:
    try:
        at = made()
    except (ValueError, ArithmeticError, OSError):
        return None
    return at if moments.is_sound(at) else None


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("no offset")
    return at


def _naive(at: datetime) -> datetime:
    if at.tzinfo is not None:
        raise ValueError("an offset")
    return at
