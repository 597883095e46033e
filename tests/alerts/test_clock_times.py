"""A clock time as a page gives it: Norwegian unless it says otherwise, and of a calendar."""

from datetime import UTC, datetime

import pytest

from services.alerts import door


def test_a_clock_time_without_a_zone_is_norwegian() -> None:
    assert door.clock_time("2026-02-03T07:12") == datetime(2026, 2, 3, 6, 12, tzinfo=UTC)
    assert door.clock_time("2026-07-03T07:12") == datetime(2026, 7, 3, 5, 12, tzinfo=UTC)
    assert door.clock_time("2026-02-03T07:12-02:00") == datetime(2026, 2, 3, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "now", "0001-01-01T00:00", "9999-12-31T23:59-14:00"])
def test_what_lies_beyond_the_calendar_is_refused_like_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"calendar|isoformat"):
        door.clock_time(text)
