"""Moments as senders write them. Only a time with an offset says when something was."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from shared.contracts import Precision

OSLO = ZoneInfo("Europe/Oslo")

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class When:
    at: datetime
    precision: Precision = "instant"


def instant(sent: object) -> datetime | None:
    """RFC 3339 with an offset, in UTC; None for anything else."""
    if type(sent) is not str or not _INSTANT.fullmatch(sent):
        return None
    try:
        return datetime.fromisoformat(sent.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def moment(sent: object) -> When | None:
    """An instant, or a whole day: then its first moment in Norway, with precision `day`."""
    if (at := instant(sent)) is not None:
        return When(at)
    if type(sent) is not str or not _DAY.fullmatch(sent):
        return None
    try:
        first = datetime.combine(date.fromisoformat(sent), time(), OSLO).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return When(first, "day")
