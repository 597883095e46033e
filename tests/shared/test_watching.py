"""Who watches on holidays and on days with hours of their own."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared import watching, workdays

OSLO = ZoneInfo("Europe/Oslo")
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
DAYTIME: dict[str, Any] = {
    "zone": "Europe/Oslo",
    "hours": [{"days": WEEKDAYS, "from": "07:45", "to": "15:30"}],
}
OFF = {**DAYTIME, "holidays": True}
SOME = {
    **OFF,
    "hours": [*DAYTIME["hours"], {"days": ["holiday", "sat"], "from": "10:00", "to": "12:00"}],
}
EVES = {
    **OFF,
    "special": [
        {"date": "2026-12-24", "name": "Julaften", "hours": [{"from": "08:00", "to": "11:00"}]},
        {"date": "2026-12-28", "hours": []},
        {"date": "2026-12-31", "hours": [{"from": "22:00", "to": "02:00"}]},
    ],
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO)


@pytest.mark.parametrize(
    ("hours", "now", "until", "next_"),
    [
        # Constitution Day 2027 is a Monday.
        (DAYTIME, "2027-05-17T09:00", "2027-05-17T15:30", "2027-05-18T07:45"),
        (OFF, "2027-05-17T09:00", None, "2027-05-18T07:45"),
        (SOME, "2027-05-17T09:00", None, "2027-05-17T10:00"),
        (SOME, "2027-05-17T10:00", "2027-05-17T12:00", "2027-05-18T07:45"),
        # Easter 2027 is 28 March: from Wednesday's end to Tuesday.
        (OFF, "2027-03-24T16:00", None, "2027-03-30T07:45"),
        (EVES, "2026-12-24T07:50", None, "2026-12-24T08:00"),
        (EVES, "2026-12-24T10:59", "2026-12-24T11:00", "2026-12-29T07:45"),
        (EVES, "2027-01-01T01:59", "2027-01-01T02:00", "2027-01-04T07:45"),
        # Nobody for two weeks: the next watching is found behind them.
        (
            {**DAYTIME, "special": [
                {"date": f"2026-07-{day:02}", "hours": []} for day in range(6, 18)]},
            "2026-07-03T16:00", None, "2026-07-20T07:45",
        ),
    ],
)  # fmt: skip
def test_days_that_are_not_like_the_others(
    hours: dict[str, Any], now: str, until: str | None, next_: str
) -> None:
    watching.check(hours)

    found = watching.watching(hours, at(now))

    assert found.now is (until is not None)
    assert found.until == (at(until) if until else None)
    assert found.next == at(next_)


def test_day_and_night_has_no_end() -> None:
    """How far we looked ahead is no hour at which anybody goes home."""
    period = {"days": list(watching.DAYS), "from": "00:00", "to": "24:00"}
    always = {"zone": "Europe/Oslo", "hours": [period]}
    closed = datetime(2026, 3, 3, tzinfo=OSLO)
    noon = datetime(2026, 2, 2, 12, tzinfo=OSLO)

    found = watching.watching(always, noon)
    assert (found.now, found.until, found.next) == (True, None, None)
    # A day on which it is shut ends it, and is told when it is near enough to be seen.
    shut = {**always, "special": [{"date": "2026-03-03", "hours": []}]}
    found = watching.watching(shut, noon)
    assert (found.now, found.until) == (True, closed)
    assert found.next == datetime(2026, 3, 4, tzinfo=OSLO)
    assert watching.least([watching.watching(always, noon)]).until is None


def test_of_several_units_the_least_is_promised() -> None:
    noon = datetime(2026, 2, 2, 12, tzinfo=OSLO)
    day = watching.watching(DAYTIME, noon)
    early = {**DAYTIME, "hours": [{"days": WEEKDAYS, "from": "06:00", "to": "13:00"}]}
    late = {**DAYTIME, "hours": [{"days": WEEKDAYS, "from": "18:00", "to": "22:00"}]}
    both = watching.least([day, watching.watching(early, noon)])
    one = watching.least([day, watching.watching(late, noon)])

    assert watching.least([day]) == day
    assert (both.now, both.until) == (True, datetime(2026, 2, 2, 13, tzinfo=OSLO))
    assert (one.now, one.until, one.next) == (False, None, datetime(2026, 2, 2, 18, tzinfo=OSLO))
    # Of one of them nobody knows when: no time is promised.
    assert watching.least([day, watching.watching(None, noon)]).next is None


def test_an_answer_is_promised_around_days_off() -> None:
    within = {**EVES, "answers_within": "PT4H"}
    assert watching.promised(within, at("2026-12-24T09:00")) == at("2026-12-29T09:45")


@pytest.mark.parametrize(
    "wrong",
    [
        {**DAYTIME, "hours": [{"days": ["holiday"], "from": "10:00", "to": "12:00"}]},
        {**DAYTIME, "special": [{"date": "2026-02-30", "hours": []}]},
        {**DAYTIME, "special": [{"date": "2026-12-24", "hours": [{"from": "8", "to": "11:00"}]}]},
        {**DAYTIME, "special": [{"date": "2026-12-24", "hours": []}] * 2},
        {**DAYTIME, "special": [{"date": "2026-12-24"}]},
    ],
)
def test_what_could_not_be_read_back_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(watching.HoursAreUnusable):
        watching.check(wrong)


def test_the_holidays_of_a_year_have_their_names() -> None:
    names = workdays.holidays(2027)

    assert names[date(2027, 3, 25)] == "maundy-thursday"
    assert names[date(2027, 5, 17)] == "whit-monday"  # and Constitution Day, which it falls on
    assert len(names) == 11
    assert len(workdays.holidays(2026)) == 12
