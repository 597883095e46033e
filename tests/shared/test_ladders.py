"""A ladder has somebody at every hour of the week, and every red climbs it in time."""

import itertools
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.alerts.clinical import climbing
from services.alerts.clinical.climbing import Climb, Standing, What
from shared import ladders, watching
from shared.ladders import HourIsUncovered, Ladder, LadderIsUnusable

OSLO = ZoneInfo("Europe/Oslo")
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
DESK = [{"days": WEEKDAYS, "from": "07:45", "to": "15:30"}]
EVENING = [{"days": WEEKDAYS, "from": "15:30", "to": "07:45"}]
WEEKEND = [{"days": ["sat", "sun"], "from": "00:00", "to": "24:00"}]
# From Friday's night to Saturday 00:00 the night of Friday covers until 07:45 on Saturday; Monday
# before 07:45 is nobody's yet.
MONDAY = [{"days": ["mon"], "from": "00:00", "to": "07:45"}]

SHAPE: dict[str, Any] = {
    "channels": {
        "hook": {"medium": "webhook", "to": "https://varsling.sykehus.example/h"},
        "phone": {"medium": "sms", "to": "+4790000000"},
        "mail": {"medium": "email", "to": "vakt@sykehus.example"},
    },
    "steps": [
        {
            "name": "Poliklinikken",
            "after": {"red": "PT0S", "yellow": "PT30M", "technical": "PT1H"},
            "targets": [{"who": "Listen", "hours": DESK, "channels": ["hook", "mail"]}],
        },
        {
            "name": "Vakt",
            "after": {"emergency": "PT5M", "red": "PT15M"},
            "targets": [
                {
                    "who": "Vaktsykepleier",
                    "hours": [*EVENING, *WEEKEND, *MONDAY, *DESK],
                    "channels": ["phone"],
                }
            ],
        },
    ],
    "last": {
        "after": {"emergency": "PT5M", "red": "PT15M"},
        "who": "Vakthavende lege",
        "phone": "+47 90 00 00 01",
        "channels": ["phone", "mail"],
        "again": "PT30M",
    },
}


def shape(**changes: Any) -> dict[str, Any]:
    return {**deepcopy(SHAPE), **changes}


def test_a_ladder_comes_back_as_it_was_kept() -> None:
    ladder = Ladder.of(SHAPE)

    ladders.check(ladder)

    assert Ladder.of(ladder.stored()) == ladder


def without(*, hours: list[dict[str, Any]]) -> Ladder:
    changed = shape()
    changed["steps"][1]["targets"][0]["hours"] = hours
    return Ladder.of(changed)


@pytest.mark.parametrize(
    ("hours", "day", "clock"),
    [
        ([*EVENING, *WEEKEND], "mon", "00:00"),
        ([*WEEKEND, *MONDAY], "mon", "15:30"),
        ([*EVENING, *MONDAY, {"days": ["sat"], "from": "07:45", "to": "24:00"}], "sun", "00:00"),
        ([*EVENING, *MONDAY, {"days": ["sat", "sun"], "from": "08:00", "to": "08:00"}],
         "sat", "07:45"),
        ([{"days": ["mon"], "from": "15:31", "to": "07:45"}, *MONDAY], "mon", "15:30"),
    ],
)  # fmt: skip
def test_the_first_hour_without_anybody_is_named(
    hours: list[dict[str, Any]], day: str, clock: str
) -> None:
    with pytest.raises(HourIsUncovered) as refused:
        ladders.check(without(hours=hours))

    assert refused.value.members == {"day": day, "from": clock}


def test_what_runs_over_sundays_midnight_covers_monday() -> None:
    nights = [{"days": list(watching.DAYS), "from": "15:30", "to": "07:45"}]
    days = [{"days": ["sat", "sun"], "from": "07:45", "to": "15:30"}]

    ladders.check(without(hours=[*nights, *days]))


NIGHTS = {"days": [*WEEKDAYS, "sat", "sun"], "from": "15:30", "to": "07:45"}
BUSY = {"days": ["sat", "sun"], "from": "07:45", "to": "15:30"}
WHOLE = {"days": ["holiday"], "from": "00:00", "to": "24:00"}


@pytest.mark.parametrize(
    ("hours", "gap"),
    [
        ([], {"day": "holiday", "from": "00:00", "after": "holiday"}),
        ([{**WHOLE, "from": "07:45"}], {"day": "holiday", "from": "00:00", "after": "holiday"}),
        ([WHOLE], {"day": "mon", "from": "00:00", "after": "holiday"}),
        ([{**WHOLE, "from": "07:45", "to": "07:45"}], None),
    ],
)
def test_a_holiday_and_the_morning_after_it_have_somebody_too(
    hours: list[dict[str, Any]], gap: dict[str, str] | None
) -> None:
    ladder = without(hours=[NIGHTS, BUSY, *DESK, *hours]).model_copy(update={"holidays": True})
    if gap is None:
        ladders.check(ladder)
        return
    with pytest.raises(HourIsUncovered) as refused:
        ladders.check(ladder)
    assert refused.value.members == gap


def test_hours_on_holidays_need_a_ladder_that_has_holidays() -> None:
    with pytest.raises(LadderIsUnusable, match=r"steps\.1\.targets\.0\.hours\.0\.days"):
        ladders.check(without(hours=[{**WHOLE, "days": [*watching.DAYS, "holiday"]}]))


def told(ladder: Ladder, at: str, how: ladders.Severity = "red") -> list[tuple[str, str]]:
    came = datetime.fromisoformat(at).replace(tzinfo=OSLO)
    heard = ladders.told(ladder, came, how, "red" if how == "emergency" else how)
    return [(f"{when.astimezone(OSLO):%H:%M}", rung.name) for when, rung in heard]


def test_who_would_hear_of_an_alert_and_when() -> None:
    ladder = Ladder.of(SHAPE)

    assert told(ladder, "2026-11-23T10:00") == [
        ("10:00", "Poliklinikken"), ("10:15", "Vakt"), ("10:30", "Vakthavende lege"),
    ]  # fmt: skip
    # At night the clinic's step is taken by who is on duty, at once.
    assert told(ladder, "2026-11-28T03:00") == [("03:00", "Vakt"), ("03:15", "Vakthavende lege")]
    assert told(ladder, "2026-11-23T10:00", "yellow") == [("10:30", "Poliklinikken")]
    closed = without(hours=[NIGHTS, BUSY, *DESK, {**WHOLE, "from": "07:45", "to": "07:45"}])
    closed = closed.model_copy(update={"holidays": True})
    assert told(closed, "2027-05-17T10:00")[0] == ("10:00", "Vakt")


def test_who_is_told_only_of_yellow_covers_no_hour() -> None:
    changed = shape()
    del changed["steps"][1]["after"]["red"]

    with pytest.raises(HourIsUncovered):
        ladders.check(Ladder.of(changed))


@pytest.mark.parametrize(
    ("path", "value", "at", "code"),
    [
        (("channels", "hook", "to"), "http://sykehus.example", "channels.hook.to",
         "not-an-address-of-webhook"),
        (("channels", "hook", "to"), "https://a:b@sykehus.example", "channels.hook.to",
         "not-an-address-of-webhook"),
        (("channels", "phone", "to"), "ring meg", None, None),
        (("channels", "phone", "to"), "22x", "channels.phone.to", "not-an-address-of-sms"),
        (("channels", "mail", "to"), "vakt", "channels.mail.to", "not-an-address-of-email"),
        (("zone",), "Europe/Bodo", "zone", "unknown-zone"),
        (("last", "channels"), ["pager"], "last.channels.0", "unknown-channel"),
        (("last", "again"), "PT1S", "last.again", "too-short"),
        (("reminders",), ["phone"], "reminders.0", "reaches-no-patient"),
        (("reminders",), ["app"], "reminders.0", "unknown-channel"),
        (("channels", "phone", "to"), "patient", "steps.1.targets.0.channels.0",
         "not-for-staff"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_its_place(
    path: tuple[str, ...], value: Any, at: str | None, code: str | None
) -> None:
    changed = shape()
    inner: Any = changed
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value

    with pytest.raises(LadderIsUnusable) as refused:
        ladders.check(Ladder.of(changed))

    if at is not None:
        assert refused.value.members == {"errors": [{"path": at, "code": code}]}
    assert str(value) not in str(refused.value.members)


# --- a virtual week -------------------------------------------------------------------------

SEVERITIES: dict[str, Standing] = {
    "emergency": Standing("red", "clinical", True),
    "red": Standing("red", "clinical", False),
    "yellow": Standing("yellow", "clinical", False),
    "technical": Standing("red", "technical", False),
}
MONDAY_MIDNIGHT = datetime(2026, 1, 4, 23, 0, tzinfo=UTC)  # 00:00 on Monday in Oslo
TICK = timedelta(seconds=1)
LATE = timedelta(seconds=60)


def climb(ladder: Ladder, alert: Standing, told_at: datetime, until: datetime) -> list[Any]:
    """What the loop does second by second while nobody answers: (when, step) of everybody told."""
    step, planned, told = 0, False, []
    next_at: datetime | None = told_at
    while next_at is not None and next_at <= until:
        # The loop looks once a second, some time after the moment.
        now = next_at + TICK
        turn = climbing.turn(Climb(step, planned, told_at), alert, ladder, now)
        planned = True
        if turn.rung is not None:
            told.append((now, turn.rung.number, turn.rung))
            step = turn.rung.number
        if turn.what is What.END:
            break
        next_at = turn.next_at
    return told


@pytest.mark.parametrize("severity", SEVERITIES)
def test_in_every_hour_of_the_week_nobody_waits_longer_than_the_ladder_says(severity: str) -> None:
    """168 hours, each at three minutes within the hour, of each severity."""
    ladder, alert = Ladder.of(SHAPE), SEVERITIES[severity]
    how = ladders.severity(alert.colour, alert.lane, alert.emergency)
    for hour, minute in itertools.product(range(168), (0, 29, 59)):
        told_at = MONDAY_MIDNIGHT + timedelta(hours=hour, minutes=minute)
        told = climb(ladder, alert, told_at, told_at + timedelta(hours=3))
        before, taken = told_at, 0
        for at, number, rung in told:
            turn = ladders.due(ladder, taken, before, how, alert.colour)
            assert turn is not None
            assert at <= turn + LATE
            assert rung.targets
            before, taken = at, number
        if alert.colour == "red":
            assert told, f"{severity} is told to nobody at hour {hour}"
            assert told[-1][2].is_last
            # With nobody on duty at the first step, the next one is told in its place.
            assert told[0][0] <= ladders.due(ladder, 0, told_at, how, "red") + LATE  # type: ignore[operator]


def test_a_yellow_is_told_in_the_day_and_waits_on_the_list_at_night() -> None:
    ladder, alert = Ladder.of(SHAPE), SEVERITIES["yellow"]
    day, night = MONDAY_MIDNIGHT + timedelta(hours=9), MONDAY_MIDNIGHT + timedelta(hours=2)

    in_the_day = climb(ladder, alert, day, day + timedelta(hours=5))
    at_night = climb(ladder, alert, night, night + timedelta(hours=5))

    assert [(at - day, number) for at, number, _ in in_the_day] == [
        (timedelta(minutes=30, seconds=1), 1)
    ]
    assert at_night == []


def test_the_end_of_the_ladder_is_told_again_until_somebody_answers() -> None:
    ladder = Ladder.of(SHAPE)
    told = climb(ladder, SEVERITIES["red"], MONDAY_MIDNIGHT, MONDAY_MIDNIGHT + timedelta(hours=2))

    assert [number for _, number, _ in told] == [2, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("climb_", "alert", "ladder", "what"),
    [
        (Climb(0, False, MONDAY_MIDNIGHT), None, SHAPE, What.FORGET),
        (Climb(2, True, MONDAY_MIDNIGHT), None, SHAPE, What.FORGET),
        (Climb(0, False, MONDAY_MIDNIGHT), SEVERITIES["red"], None, What.REST),
        (Climb(0, False, MONDAY_MIDNIGHT), SEVERITIES["red"], SHAPE, What.STEP),
        (Climb(0, False, MONDAY_MIDNIGHT + timedelta(hours=9)), SEVERITIES["yellow"], SHAPE,
         What.WAIT),
        (Climb(1, True, MONDAY_MIDNIGHT), SEVERITIES["yellow"], SHAPE, What.END),
    ],
)  # fmt: skip
def test_every_turn_has_its_reason(
    climb_: Climb, alert: Standing | None, ladder: Any, what: What
) -> None:
    now = climb_.told_at + timedelta(seconds=1)
    turn = climbing.turn(climb_, alert, Ladder.of(ladder) if ladder else None, now)

    assert turn.what is what
    assert turn.why
    assert (turn.rung is not None) is (what is What.STEP)
