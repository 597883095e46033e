"""By when a message is answered: only hours in which somebody watches count."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared import watching

OSLO = ZoneInfo("Europe/Oslo")
DAYS = ["mon", "tue", "wed", "thu", "fri"]
DAYTIME: dict[str, Any] = {
    "zone": "Europe/Oslo",
    "hours": [{"days": DAYS, "from": "07:45", "to": "15:30"}],
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO)


@pytest.mark.parametrize(
    ("within", "came", "answered"),
    [
        ("PT2H", "2026-11-23T08:00", "2026-11-23T10:00"),
        ("PT2H", "2026-11-23T14:30", "2026-11-24T08:45"),
        ("PT2H", "2026-11-23T03:00", "2026-11-23T09:45"),
        ("PT2H", "2026-11-20T20:00", "2026-11-23T09:45"),  # Friday night: not late on Saturday
        (None, "2026-11-23T07:45", "2026-11-24T08:00"),  # eight hours, and a day has 7 3/4
        ("PT40H", "2026-11-23T07:45", "2026-11-30T09:00"),
        ("PT1H", "2026-10-24T23:00", "2026-10-26T08:45"),  # the clocks go back on the 25th
    ],
)
def test_the_promise_counts_watched_hours(within: str | None, came: str, answered: str) -> None:
    hours = {**DAYTIME} | ({"answers_within": within} if within else {})

    assert watching.promised(hours, at(came)) == at(answered)


def test_periods_that_overlap_are_counted_once() -> None:
    twice = {**DAYTIME, "hours": DAYTIME["hours"] * 2, "answers_within": "PT2H"}

    assert watching.promised(twice, at("2026-11-23T08:00")) == at("2026-11-23T10:00")


@pytest.mark.parametrize("hours", [None, {}, {"hours": []}, {**DAYTIME, "hours": []}])
def test_nobody_promises_where_nobody_watches(hours: dict[str, Any] | None) -> None:
    assert watching.promised(hours, at("2026-11-23T08:00")) is None


@pytest.mark.parametrize("told", ["PT0H", "PT41H", "P1D", "8", "PT8M", ""])
def test_a_unit_promises_between_one_and_forty_hours(told: str) -> None:
    with pytest.raises(watching.HoursAreUnusable):
        watching.check({**DAYTIME, "answers_within": told})
