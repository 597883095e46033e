"""Hysteresis: a yellow value that hovers is one matter a day until it is past `clear`, in any order
of arrival. Red is said each time.
"""

from decimal import Decimal
from itertools import permutations

import pytest
from pydantic import ValidationError

from services.alerts.clinical import judge
from services.alerts.clinical.finding import Finding
from shared.contracts import Fact
from shared.programmes import LimitRule, Programme, checking
from tests.clinical.given import HOME_DIALYSIS, NOW, ago, reading, record


def with_clear(clear: int | None, colour: str = "yellow", retake: bool = False) -> Programme:
    """Home dialysis whose pulse is yellow above 110, and clear at `clear`."""
    rule = HOME_DIALYSIS.rule_by_id["pulse-yellow-high"]
    assert isinstance(rule, LimitRule)
    about = {
        **rule.model_dump(),
        "id": "hovers",
        "group": "hovers",
        "above": Decimal(110),
        "clear": None if clear is None else Decimal(clear),
        "colour": colour,
        "retake": rule.retake if retake else None,
    }
    said = {
        about_.alias or name: getattr(HOME_DIALYSIS, name)
        for name, about_ in Programme.model_fields.items()
    }
    said["rule"] = [about]
    said["handled"] = ()
    return Programme.model_validate(said)


def pulses(*minutes_and_values: tuple[int, int]) -> list[Fact]:
    return [reading("heart_rate", ago(minutes=at), value=value) for at, value in minutes_and_values]


def hovers(programme: Programme, *facts: Fact) -> list[Finding]:
    found = judge.judge(record(*facts), {HOME_DIALYSIS.slug: programme}, NOW)
    return [one for one in found if one.rule == "hovers"]


HOVERING = pulses((180, 112), (150, 109), (120, 113), (90, 111))


def test_h09_a_value_that_hovers_is_one_finding_and_without_clear_three() -> None:
    assert len(hovers(with_clear(None), *HOVERING)) == 3
    assert len(hovers(with_clear(100), *HOVERING)) == 1


def test_h09_past_clear_it_is_over_and_what_comes_then_is_news() -> None:
    facts = [*HOVERING, *pulses((60, 100), (30, 112))]

    found = hovers(with_clear(100), *facts)

    assert [one.at for one in found] == [ago(minutes=180), ago(minutes=30)]


def test_h09_what_hovers_for_days_is_said_again_each_day() -> None:
    # NOW is 07:45 in Oslo: three days, morning and noon of each.
    facts = pulses(*((day * 1440 + more, 112) for day in (3, 2, 1) for more in (0, 60)))

    found = hovers(with_clear(100), *facts)

    assert [one.at for one in found] == [ago(minutes=d * 1440 + 60) for d in (3, 2, 1)]


def test_h09_red_is_said_each_time_and_may_have_no_clear() -> None:
    faults = checking.faults(with_clear(100, colour="red"))

    assert any("red and is said each time" in one for one in faults)
    assert any("not on the safe side" in one for one in checking.faults(with_clear(120)))
    assert not any("hovers" in one and "clear" in one for one in checking.faults(with_clear(100)))


def test_h09_a_retake_that_is_not_past_clear_clears_nothing() -> None:
    programme = with_clear(100, retake=True)

    assert len(hovers(programme, *pulses((60, 112), (50, 108)))) == 1
    assert hovers(programme, *pulses((60, 112), (50, 99))) == []
    assert hovers(with_clear(None, retake=True), *pulses((60, 112), (50, 108))) == []


def test_h09_hovering_does_not_depend_on_the_order_of_arrival() -> None:
    facts = pulses((200, 112), (170, 109), (140, 113), (100, 99), (40, 111), (20, 112))
    programme = {HOME_DIALYSIS.slug: with_clear(100)}
    whole = judge.judge(record(*facts), programme, NOW)

    for order in permutations(facts):
        patient = record()
        for one in order:
            patient = patient.adding([one])
            judge.judge(patient, programme, NOW, one.at)
        assert judge.judge(patient, programme, NOW) == whole


def test_a_clear_is_a_number_or_the_name_of_a_limit() -> None:
    rule = HOME_DIALYSIS.rule_by_id["pulse-yellow-high"].model_dump()

    assert LimitRule.model_validate({**rule, "clear": "pulse_yellow_high"}).clear
    with pytest.raises(ValidationError):
        LimitRule.model_validate({**rule, "clear": True})
