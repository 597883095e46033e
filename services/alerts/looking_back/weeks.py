"""Pure: what is told of each week, unit and programme when follow-up is steered."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from shared.wall_clock import OSLO

Json = dict[str, Any]

COUNTS = (
    "patients", "own", "alerts", "red", "yellow", "technical", "closed", "handled", "rated",
    "useful", "put_off", "expected", "missed",
)  # fmt: skip
GROUPS = ("red", "yellow", "technical")
TIMES = tuple(f"{group}_{what}" for group in GROUPS for what in ("taken_after", "closed_after"))


@dataclass(frozen=True, slots=True)
class Steering:
    """`weeks` are all of them, also one without anything; the last is under way. `places` are units
    and programmes over the whole time, `cells` each week of each of them."""

    until: datetime
    whole: Json
    weeks: list[Json]
    places: list[Json]
    cells: list[Json]
    rules: list[Json]
    units: list[Json]
    programmes: list[str]


def mondays(until: datetime, weeks: int) -> list[date]:
    """The first days of so many Norwegian weeks; the last is of the one that is under way."""
    today = until.astimezone(OSLO).date()
    last = today - timedelta(days=today.weekday())
    return [last - timedelta(weeks=n) for n in reversed(range(weeks))]
