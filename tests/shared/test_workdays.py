"""By when an answer is promised, through weekends and the days off of Norway."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from shared import workdays

OSLO = ZoneInfo("Europe/Oslo")
BY = time(15, 30)


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(2024, date(2024, 3, 31)), (2025, date(2025, 4, 20)), (2026, date(2026, 4, 5)),
     (2027, date(2027, 3, 28)), (2038, date(2038, 4, 25)), (2000, date(2000, 4, 23))],
)  # fmt: skip
def test_easter(year: int, sunday: date) -> None:
    assert workdays.easter(year) == sunday


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ("2026-11-23T07:12", "2026-11-25"),  # Monday: Wednesday
        ("2026-11-26T23:30", "2026-11-30"),  # Thursday night: Monday
        ("2026-11-28T12:00", "2026-12-02"),  # Saturday counts as Monday: Wednesday
        ("2026-04-01T12:00", "2026-04-08"),  # Wednesday before Easter: over it
        ("2026-04-02T12:00", "2026-04-09"),  # Maundy Thursday counts as Tuesday
        ("2026-05-15T12:00", "2026-05-19"),  # Friday before Whitsun is not over it yet
        ("2026-12-23T12:00", "2026-12-28"),  # over Christmas
    ],
)
def test_two_working_days(sent: str, answer: str) -> None:
    at = datetime.fromisoformat(sent).replace(tzinfo=OSLO).astimezone(UTC)

    promised = workdays.promised(at, 2, BY)

    assert promised.tzinfo is UTC
    assert promised.astimezone(OSLO).replace(tzinfo=None) == datetime.combine(
        date.fromisoformat(answer), BY
    )


def test_the_clock_is_that_of_the_day_of_the_answer() -> None:
    """Sent in winter time, answered in summer time."""
    promised = workdays.promised(datetime(2026, 3, 27, 12, tzinfo=UTC), 1, BY)
    assert promised == datetime(2026, 3, 30, 13, 30, tzinfo=UTC)
