"""What the plan expects: one due per local day and slot, whatever the clocks do that night."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.alerts.clinical import rules, schedule
from services.alerts.clinical.history import Record
from tests.clinical.given import (
    CLOCK_SUSPECT,
    ENROLMENT,
    HOME_DIALYSIS,
    NOW,
    PATIENT,
    ago,
    answers,
    decision,
    enrolled,
    pressure,
    weight,
)

OSLO = ZoneInfo("Europe/Oslo")
AUTUMN, SPRING = date(2026, 10, 25), date(2027, 3, 28)


def item(
    due: str = "10:00", opens: str = "04:00", grace: str = "PT2H", **more: Any
) -> dict[str, Any]:
    names = {"nb": "Vekt", "en": "Weight"}
    return {
        "id": "weight", "names": names, "kind": "body_weight",
        "opens": opens, "due": due, "grace": grace, **more,
    }  # fmt: skip


def planned(at: datetime, *items: dict[str, Any]) -> Record:
    return Record.of(PATIENT, [enrolled(at, plan=list(items))])


def local(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), OSLO).astimezone(UTC)


@pytest.mark.parametrize("clock", ["00:00", "01:59", "02:00", "02:30", "03:00", "10:00", "23:59"])
def test_over_400_days_there_is_one_due_per_local_day_and_slot(clock: str) -> None:
    patient = planned(
        datetime(2026, 9, 1, tzinfo=UTC), item(due=clock, opens="00:00", grace="PT1H")
    )
    first, last = date(2026, 9, 2), date(2026, 9, 2) + timedelta(days=399)

    dues = schedule.dues(patient, HOME_DIALYSIS, first, last)

    assert len(dues) == 400
    assert set(Counter(due.key for due in dues).values()) == {1}
    assert [due.day for due in dues] == [first + timedelta(days=n) for n in range(400)]
    assert [due.due_at for due in dues] == sorted(due.due_at for due in dues)
    assert all(due.due_at.tzinfo is UTC for due in dues)


def test_an_enrolment_recorded_as_of_a_day_gone_by_makes_nobody_silent_in_the_meantime() -> None:
    begun, recorded = local(date(2026, 9, 1), "08:00"), timedelta(days=3, hours=4)
    late = Record.of(PATIENT, [enrolled(begun, plan=[item()], after=recorded)])
    changed = Record.of(
        PATIENT,
        [
            enrolled(begun, plan=[item()], after=recorded),
            enrolled(local(date(2026, 9, 6), "00:00"), plan=[item(due="11:00")]),
        ],
    )
    first, last = date(2026, 9, 1), date(2026, 9, 7)

    expected = [due.day.day for due in schedule.dues(late, HOME_DIALYSIS, first, last)]
    as_changed = [due.day.day for due in schedule.dues(changed, HOME_DIALYSIS, first, last)]

    assert expected == as_changed == [5, 6, 7]  # recorded on the fourth, after that day's weight
    assert late.enrolments[0].covers(local(date(2026, 9, 2), "09:00"))  # and judged from the first


REPEATED: dict[str, tuple[dict[str, Any], Any]] = {
    "a reading every day": ({}, lambda n, day: True),
    "a reading on some days": (
        {"days": ["mon", "thu", "sun"]},
        lambda n, day: day.weekday() in (0, 3, 6),
    ),
    "a form": ({"kind": "answers:home-dialysis-daily"}, lambda n, day: True),
    "a weight before dialysis": ({"phase": ["pre"]}, lambda n, day: True),
    "every second week": (
        {"days": ["sun"], "every_weeks": 2},
        lambda n, day: day.weekday() == 6 and (n + 1) // 7 % 2 == 0,
    ),
    "every fourth week": (
        {"days": ["mon", "sun"], "every_weeks": 4},
        lambda n, day: day.weekday() in (0, 6) and (n + 1) // 7 % 4 == 0,
    ),
    "once, on the night of autumn": ({"on_day": 54}, lambda n, day: day == AUTUMN),
    "once, on the night of spring": ({"on_day": 208}, lambda n, day: day == SPRING),
    "once, on the first day": ({"on_day": 0}, lambda n, day: n == 0),
}


@pytest.mark.parametrize("clock", ["00:00", "02:30", "10:00", "23:59"])
@pytest.mark.parametrize("name", REPEATED)
def test_t_dst_h17_every_kind_of_plan_item_is_due_once_per_local_day_and_slot(
    name: str, clock: str
) -> None:
    """400 days from Tuesday 1 September 2026, both nights of changing clocks among them."""
    more, is_expected = REPEATED[name]
    start = datetime(2026, 8, 31, 22, 0, tzinfo=UTC)  # midnight in Oslo
    first = date(2026, 9, 1)
    days = [first + timedelta(days=n) for n in range(400)]
    patient = planned(start, item(due=clock, opens="00:00", grace="PT1H", **more))

    dues = schedule.dues(patient, HOME_DIALYSIS, first, days[-1])

    assert [one.day for one in dues] == [day for n, day in enumerate(days) if is_expected(n, day)]
    assert len({one.key for one in dues}) == len(dues)
    # Looked at day by day, as the clock does, it comes to the same.
    assert [one for day in days for one in schedule.dues(patient, HOME_DIALYSIS, day, day)] == [
        *dues
    ]
    found = {
        one.day
        for one in schedule.overdue(patient, HOME_DIALYSIS, start + timedelta(days=402), None)
    }
    assert {one.day for one in dues} <= found


@pytest.mark.parametrize("night", [AUTUMN, SPRING])
@pytest.mark.parametrize("clock", ["01:30", "02:00", "02:30", "03:00"])
def test_t_dst_h17_what_is_missed_that_night_is_one_finding(night: date, clock: str) -> None:
    start = local(night - timedelta(days=1), "12:00")
    patient = planned(start, item(due=clock, opens="00:00", grace="PT1H"))
    found = {}
    for quarter in range(4 * 24):
        now = local(night, "00:00") + timedelta(minutes=15 * quarter)
        found |= {one.key: one for one in schedule.overdue(patient, HOME_DIALYSIS, now, None)}

    assert [one.day for one in found.values()] == [night]


def test_the_clock_at_home_is_the_same_before_and_after_the_change() -> None:
    patient = planned(datetime(2026, 9, 1, tzinfo=UTC), item(due="10:00"))

    for day in (AUTUMN, SPRING):
        days = [day - timedelta(days=1), day, day + timedelta(days=1)]
        dues = schedule.dues(patient, HOME_DIALYSIS, days[0], days[-1])
        assert [due.due_at.astimezone(OSLO).strftime("%H:%M") for due in dues] == ["10:00"] * 3
    utc = [
        due.due_at.hour for due in schedule.dues(patient, HOME_DIALYSIS, date(2026, 10, 24), AUTUMN)
    ]
    assert utc == [8, 9]


def test_a_time_that_does_not_exist_is_the_moment_after() -> None:
    patient = planned(datetime(2026, 9, 1, tzinfo=UTC), item(due="02:30", opens="00:00"))

    (due,) = schedule.dues(patient, HOME_DIALYSIS, SPRING, SPRING)
    assert due.due_at == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert due.grace_until - due.due_at == timedelta(hours=2)


def test_of_a_time_that_comes_twice_the_first_counts() -> None:
    patient = planned(datetime(2026, 9, 1, tzinfo=UTC), item(due="02:30", opens="00:00"))

    (due,) = schedule.dues(patient, HOME_DIALYSIS, AUTUMN, AUTUMN)
    assert due.due_at == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_expecting_starts_when_the_plan_is_activated_not_at_the_first_reading() -> None:
    monday = date(2026, 11, 23)
    patient = planned(
        local(monday, "09:30"), item(due="09:00"), {**item(due="10:00"), "id": "later"}
    )

    dues = schedule.dues(patient, HOME_DIALYSIS, monday - timedelta(days=3), monday)
    assert [due.slot for due in dues] == ["later"]


def test_expecting_ends_with_the_enrolment() -> None:
    monday = date(2026, 11, 23)
    ended = decision("enrolment-ended", local(monday, "09:00"), enrolment_id=str(ENROLMENT))
    patient = planned(ago(days=3), item()).adding([ended])

    dues = schedule.dues(
        patient, HOME_DIALYSIS, monday - timedelta(days=1), monday + timedelta(days=5)
    )
    assert [due.day for due in dues] == [monday - timedelta(days=1)]


def test_days_of_the_week_are_local_days() -> None:
    patient = planned(ago(days=14), item(due="00:30", opens="00:00", days=["tue", "sat"]))

    dues = schedule.dues(patient, HOME_DIALYSIS, date(2026, 11, 16), date(2026, 11, 22))
    assert [due.day for due in dues] == [date(2026, 11, 17), date(2026, 11, 21)]


def test_a_plan_changed_in_mid_day_expects_the_slot_once() -> None:
    monday = date(2026, 11, 23)
    changed = enrolled(local(monday, "09:30"), plan=[item(due="13:00", grace="PT4H")])
    patient = planned(ago(days=5), item(due="09:00")).adding([changed])
    days = (monday - timedelta(days=1), monday + timedelta(days=1))

    dues = schedule.dues(patient, HOME_DIALYSIS, *days)
    assert [due.due_at for due in dues] == [
        local(days[0], "09:00"),
        local(monday, "09:00"),
        local(days[1], "13:00"),
    ]
    for since in (None, local(monday, "12:00")):
        late = schedule.overdue(patient, HOME_DIALYSIS, local(monday, "18:00"), since)
        assert local(monday, "13:00") not in [due.due_at for due in late]


def test_a_pause_takes_dues_away_visibly() -> None:
    monday = date(2026, 11, 23)
    pause = decision("paused", local(monday, "08:00"), pause_id="p",
                     until=local(monday + timedelta(days=1), "09:00").isoformat())  # fmt: skip
    patient = planned(ago(days=5), item()).adding([pause])

    dues = schedule.dues(patient, HOME_DIALYSIS, monday, monday + timedelta(days=1))
    assert [due.paused for due in dues] == ["p", None]
    overdue = schedule.overdue(patient, HOME_DIALYSIS, local(monday, "20:00"), None)
    assert monday not in [due.day for due in overdue]


# --- what satisfies a due ---------------------------------------------------------------------

MONDAY = date(2026, 11, 23)


def missing(*facts: Any, now: str = "12:00", since: datetime | None = None) -> list[date]:
    patient = planned(local(MONDAY, "00:30"), item()).adding(facts)
    found = rules.findings(HOME_DIALYSIS, patient, local(MONDAY, now), since)
    return [one.at.astimezone(OSLO).date() for one in found if one.rule == "missing"]


@pytest.mark.parametrize(
    ("clock", "satisfied"),
    [("03:59", False), ("04:00", True), ("10:00", True), ("12:00", True), ("12:01", False)],
)
def test_it_is_the_time_of_measurement_that_satisfies(clock: str, satisfied: bool) -> None:
    assert (missing(weight(local(MONDAY, clock), 80), now="13:00") == []) is satisfied


def test_a_reading_measured_in_time_and_received_late_satisfies() -> None:
    late = weight(local(MONDAY, "09:00"), 80, after=timedelta(hours=5))

    assert missing(now="13:00") == [MONDAY]
    assert missing(late, now="15:00") == []


def test_nothing_doubtful_or_of_another_kind_satisfies() -> None:
    at = local(MONDAY, "09:00")

    assert missing(weight(at, 80, flags=CLOCK_SUSPECT)) == [MONDAY]
    assert missing(weight(at, 80, precision="day")) == [MONDAY]
    assert missing(pressure(at, 130)) == [MONDAY]


def test_nothing_is_missing_until_the_grace_is_over() -> None:
    assert missing(now="11:59") == []
    assert missing(now="12:00") == [MONDAY]


def test_the_finding_says_what_was_expected_and_when() -> None:
    patient = planned(local(MONDAY, "00:30"), item())

    (one,) = rules.findings(HOME_DIALYSIS, patient, local(MONDAY, "13:00"))
    assert one.reason == {
        "nb": "Vekt ikke mottatt (ventet 10:00)",
        "en": "Weight not received (expected 10:00)",
    }
    assert (one.lane, one.colour, one.at) == ("technical", "yellow", local(MONDAY, "12:00"))


def test_one_finding_per_day_and_slot_however_often_it_is_judged() -> None:
    patient = planned(ago(days=3), item())
    first = rules.findings(HOME_DIALYSIS, patient, NOW)
    later = rules.findings(HOME_DIALYSIS, patient, NOW + timedelta(days=2))

    assert {one.id for one in first} < {one.id for one in later}
    assert len(later) == len({one.id for one in later})


def test_judging_since_a_moment_sees_what_that_moment_could_satisfy() -> None:
    assert missing(now="13:00", since=local(MONDAY, "12:00")) == [MONDAY]
    assert missing(now="13:00", since=local(MONDAY, "12:01")) == []


def test_a_form_can_be_expected() -> None:
    form = item(kind="answers:home-dialysis-daily")
    patient = planned(local(MONDAY, "00:30"), form)

    (due,) = schedule.dues(patient, HOME_DIALYSIS, MONDAY, MONDAY)
    assert schedule.satisfied_by(due, patient) is None
    answered = answers(local(MONDAY, "08:00"), worried=False)
    assert schedule.satisfied_by(due, patient.adding([answered])) == answered.id


def test_a_weight_can_be_expected_before_dialysis_only() -> None:
    patient = planned(local(MONDAY, "00:30"), item(phase=["pre"]))
    (due,) = schedule.dues(patient, HOME_DIALYSIS, MONDAY, MONDAY)
    at = local(MONDAY, "08:00")

    assert schedule.satisfied_by(due, patient.adding([weight(at, 80, "post")])) is None
    assert schedule.satisfied_by(due, patient.adding([weight(at, 80, "pre")])) is not None
