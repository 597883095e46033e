"""What is typed in an enrolment's steps: read as it was meant, or a sentence beside it."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from services.patients.followup import own_limits
from services.patients.setup import typed
from services.patients.setup.typed import Fault
from shared import programmes
from shared.contracts import Fact

DIALYSIS = programmes.load("home_dialysis")
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
WEIGHT = "weight-morning"


def test_the_programmes_own_plan_is_read_back_as_it_is() -> None:
    items, faults = typed.plan(DIALYSIS, typed.of_plan(DIALYSIS))
    assert (items, faults) == (list(DIALYSIS.plan), [])


def test_a_plan_of_his_own_keeps_what_was_not_touched() -> None:
    said = typed.of_plan(DIALYSIS) | {f"{WEIGHT}.due": "9"}
    del said[f"{WEIGHT}.sun"], said["blood-pressure-morning.on"]
    [item], faults = typed.plan(DIALYSIS, said)
    assert faults == []
    assert (item.id, item.opens, item.due, item.days[-1]) == (WEIGHT, time(4), time(9), "sat")
    assert item.grace == DIALYSIS.plan[0].grace


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"due": "25:00"}, Fault(WEIGHT, "not-a-clock")),
        ({"opens": "11:00"}, Fault(WEIGHT, "opens-after-due")),
        ({day: None for day in typed.DAYS}, Fault(WEIGHT, "no-day")),
    ],
)
def test_a_line_that_cannot_be_read_says_what_to_do(
    changed: dict[str, str | None], fault: Fault
) -> None:
    said = typed.of_plan(DIALYSIS)
    for name, value in changed.items():
        said.pop(f"{WEIGHT}.{name}")
        if value is not None:
            said[f"{WEIGHT}.{name}"] = value
    assert typed.plan(DIALYSIS, said)[1] == [fault]


def test_somebody_of_whom_nothing_is_expected_is_no_plan() -> None:
    assert typed.plan(DIALYSIS, {"seen": "1"})[1] == [Fault("", "nothing-expected")]


def test_a_limit_of_his_own_is_a_number_within_bounds_and_has_a_reason() -> None:
    assert typed.limits(DIALYSIS, {"target_weight": "72,5", "why": "Tørrvekt"}) == (
        {"target_weight": Decimal("72.5")}, [],
    )  # fmt: skip
    assert typed.limits(DIALYSIS, {"target_weight": "72.5"})[1] == [Fault("why", "no-reason")]
    assert typed.limits(DIALYSIS, {"target_weight": "mye"})[1] == [
        Fault("target_weight", "not-a-number")
    ]
    [fault] = typed.limits(DIALYSIS, {"target_weight": "7"})[1]
    assert (fault.code, fault.members["min"]) == ("out-of-bounds", 25)


def test_what_is_the_programmes_number_is_no_limit_of_his_own() -> None:
    default = DIALYSIS.limit_by_name["weight_rise_red"].default
    assert typed.limits(DIALYSIS, {"weight_rise_red": f"{default}"}) == ({}, [])


@pytest.mark.parametrize(
    ("said", "read"),
    [("08:00", time(8)), ("8.30", time(8, 30)), ("0830", time(8, 30)), ("8", time(8)),
     ("", None), ("24:01", None), ("8:5x", None)],
)  # fmt: skip
def test_a_clock_is_read_as_people_write_it(said: str, read: time | None) -> None:
    assert typed.clock(said) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [("13.11.1969", date(1969, 11, 13)), ("1969-11-13", date(1969, 11, 13)), ("31.02.1969", None),
     ("13.11", None)],
)  # fmt: skip
def test_a_day_is_read_as_people_write_it(said: str, read: date | None) -> None:
    assert typed.day(said) == read


# --- proposals of the patient's own -----------------------------------------------------------

PULSE = DIALYSIS.limit_by_name["pulse_yellow_high"]


def pulses(values: list[int], days: int) -> list[Fact]:
    step = timedelta(days=days - 1) / max(len(values) - 1, 1)
    return [
        Fact("org", uuid4(), uuid4(), "reading", "heart_rate", NOW - timedelta(days=days - 1) +
             n * step, NOW, "", {"values": {"value": value}})
        for n, value in enumerate(values)
    ]  # fmt: skip


def test_a_limit_is_proposed_two_spreads_from_his_own_median() -> None:
    found = own_limits.proposed(DIALYSIS, PULSE, pulses([70, 72, 74, 76, 78, 80, 82, 84, 86], 15))
    assert found is not None
    assert (found.n, found.median) == (9, 78)
    assert found.spread == Decimal("1.4826") * 4
    assert found.value == 90, "78 + 2 · 5.93, as the programme writes its numbers"


def test_one_wild_value_does_not_move_it() -> None:
    calm = own_limits.proposed(DIALYSIS, PULSE, pulses([76, 78, 78, 80, 78, 76, 80, 78, 80], 15))
    wild = own_limits.proposed(DIALYSIS, PULSE, pulses([76, 78, 78, 80, 78, 76, 80, 78, 180], 15))
    assert calm is not None
    assert wild is not None
    assert abs((calm.value or 0) - (wild.value or 0)) <= 2


@pytest.mark.parametrize(("values", "days"), [([78] * 7, 15), ([78] * 20, 13)])
def test_too_few_values_or_days_propose_nothing(values: list[int], days: int) -> None:
    found = own_limits.proposed(DIALYSIS, PULSE, pulses(values, days))
    assert found is not None
    assert (found.n, found.value) == (len(values), None)


def test_it_stays_within_what_the_programme_allows() -> None:
    found = own_limits.proposed(DIALYSIS, PULSE, pulses([40, 45, 50] * 5, 20))
    assert found is not None
    assert found.value == PULSE.min


def test_a_limit_that_is_no_line_across_a_curve_has_no_proposal() -> None:
    assert own_limits.proposed(DIALYSIS, DIALYSIS.limit_by_name["target_weight"], []) is None
