"""What other limits or rules would have said: compared group by group and day by day."""

from datetime import timedelta
from decimal import Decimal

import pytest

from services.alerts.clinical import replay, rules
from services.alerts.clinical.history import Record
from services.alerts.clinical.replay import Count, Trial
from shared import programmes
from shared.contracts import Fact
from shared.programmes import SHIPPED, checking
from tests.clinical.given import (
    ENROLMENT,
    HOME_DIALYSIS,
    NOW,
    PATIENT,
    ago,
    answers,
    decision,
    enrolled,
    limit,
    pressure,
    record,
    weight,
)

MONTH = ago(days=30)
RULES = (SHIPPED / "home_dialysis" / "rules.toml").read_text()
LOWER = {"systolic_red_high": Decimal(165)}


def with_lower(*facts: Fact) -> replay.Difference:
    """Red from 165 instead of 180, as a default of the programme."""
    trial = Trial(HOME_DIALYSIS, replay.with_defaults(HOME_DIALYSIS, LOWER))
    return replay.difference(trial, record(*facts), MONTH, NOW)


def test_a_lower_limit_makes_new_alerts_with_their_reason() -> None:
    seen = with_lower(pressure(ago(days=4), 168), pressure(ago(days=2), 150))

    assert (seen.before, seen.vanished, seen.worse, seen.milder) == ((), (), (), ())
    (new,) = seen.new
    assert (new.group, new.rule, new.colour) == ("blood-pressure", "hd-5-red-high", "red")
    assert new.at == ago(days=4)
    assert new.reason["nb"] == "Systolisk 168 (grense 165)"
    assert seen.after == seen.new


def test_a_higher_limit_takes_alerts_away() -> None:
    after = replay.with_defaults(HOME_DIALYSIS, {"systolic_red_high": Decimal(200)})

    seen = replay.difference(
        Trial(HOME_DIALYSIS, after), record(pressure(ago(days=4), 185)), MONTH, NOW
    )

    assert [one.rule for one in seen.vanished] == ["hd-5-red-high"]
    assert seen.after == ()


def test_yellow_that_becomes_red_is_worse_and_the_other_way_round_milder() -> None:
    facts = (pressure(ago(days=4), 168), pressure(ago(days=3), 168))
    lower = replay.with_defaults(HOME_DIALYSIS, LOWER)

    worse = with_lower(*facts)
    milder = replay.difference(Trial(lower, HOME_DIALYSIS), record(*facts), MONTH, NOW)

    (one,) = worse.worse
    assert (one.day, one.colour) == (ago(days=3).date(), "red")
    assert [one.colour for one in milder.milder] == ["yellow"]
    assert len(worse.new) == len(milder.vanished) == 1  # the first of the two days


def test_many_readings_of_one_day_are_one_alert_and_the_gravest() -> None:
    told = replay.told(
        HOME_DIALYSIS,
        record(
            pressure(ago(days=4, minutes=9), 85),
            pressure(ago(days=4, minutes=6), 84),
            pressure(ago(days=4), 183),
        ),
        MONTH,
        NOW,
    )

    mine = [one for one in told if one.group == "blood-pressure"]
    assert [(one.rule, one.at) for one in mine] == [("hd-5-red-high", ago(days=4))]


def test_only_the_time_asked_about_is_told_but_what_came_before_is_compared_with() -> None:
    facts = (weight(ago(days=7, hours=16), 80), weight(ago(days=7, hours=-4), 83))

    told = replay.told(HOME_DIALYSIS, record(*facts), ago(days=7), NOW)
    later = replay.told(HOME_DIALYSIS, record(*facts), ago(days=6), NOW)

    assert [one.group for one in told] == ["weight"]
    assert later == ()


def test_the_patients_own_limit_wins_over_a_tried_default() -> None:
    own = limit("systolic_red_high", 200)

    assert with_lower(own, pressure(ago(days=4), 168)).new == ()


def test_a_limit_tried_as_the_patients_own_replaces_the_one_he_has() -> None:
    facts = (
        limit("systolic_red_high", 200),
        limit("systolic_red_high", 190, ago(days=10)),
        limit("target_weight", 80),
        pressure(ago(days=4), 168),
        pressure(ago(days=20), 168),
        weight(ago(days=4), 85, "post"),
    )
    trial = Trial(HOME_DIALYSIS, HOME_DIALYSIS, LOWER)

    seen = replay.difference(trial, record(*facts), MONTH, NOW)

    assert [one.at for one in seen.new] == [ago(days=20)]
    assert [one.at for one in seen.worse] == [ago(days=4)]
    assert {one.group for one in seen.before} >= {"target-weight", "blood-pressure"}


def test_only_the_groups_that_a_change_touches_are_asked_twice() -> None:
    lower = replay.with_defaults(HOME_DIALYSIS, LOWER)
    every = {group.name for group in HOME_DIALYSIS.groups}

    assert Trial(HOME_DIALYSIS, lower).untouched == every - {"blood-pressure"}
    assert Trial(HOME_DIALYSIS, HOME_DIALYSIS, LOWER).untouched == every - {"blood-pressure"}
    assert Trial(HOME_DIALYSIS, HOME_DIALYSIS).untouched == every
    same = programmes.rewritten(HOME_DIALYSIS, RULES)
    assert Trial(HOME_DIALYSIS, same).untouched == every


def test_asking_once_gives_what_asking_twice_gives() -> None:
    facts = (
        limit("target_weight", 80),
        *(pressure(ago(days=d), 150 + 3 * d) for d in range(12)),
        *(weight(ago(days=d, hours=1), 80 + d / 4, "pre") for d in range(12)),
        answers(ago(days=2), chest_pain=True),
    )
    after = replay.with_defaults(HOME_DIALYSIS, {**LOWER, "weight_rise_red": Decimal("0.5")})
    one = record(*facts)

    seen = replay.difference(Trial(HOME_DIALYSIS, after), one, MONTH, NOW)

    assert seen.before == replay.told(HOME_DIALYSIS, record(*facts), MONTH, NOW)
    assert seen.after == replay.told(after, record(*facts), MONTH, NOW)
    assert seen == replay.difference(Trial(HOME_DIALYSIS, after), one, MONTH, NOW)
    assert len(seen.before) > 3


def test_what_is_told_is_what_the_live_rules_find() -> None:
    facts = [pressure(ago(days=d), 178 + d) for d in range(6)]

    told = replay.told(HOME_DIALYSIS, record(*facts), MONTH, NOW)

    found = rules.findings(HOME_DIALYSIS, record(*facts), NOW)
    assert {(one.rule, one.at) for one in told} <= {(one.rule, one.at) for one in found}
    assert {one.at.date() for one in told} == {one.at.date() for one in found}


def test_other_rules_are_tried_as_their_text_says() -> None:
    text = RULES.replace('at_least = "systolic_red_high"', 'above = "systolic_red_high"', 1)
    after = programmes.rewritten(HOME_DIALYSIS, text)

    seen = replay.difference(
        Trial(HOME_DIALYSIS, after), record(pressure(ago(days=4), 180)), MONTH, NOW
    )

    assert [one.rule for one in seen.vanished] == ["hd-5-red-high"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rule", "rules.toml: "),
        ("", "rule: Field required"),
        ('slug = "other"', "slug: a rules.toml gives inputs, rules and limits only."),
        (RULES.replace("[[rule]]", "[[rule]]\nstrange = 1", 1), "strange"),
        (f"{RULES}\n[[limit]]\nmin = 1e999999999", "a number is larger than any measurement"),
        (f"x = {'[' * 5000}", "rules.toml"),
    ],
)
def test_rules_that_cannot_be_read_are_told_in_sentences(text: str, said: str) -> None:
    with pytest.raises(programmes.ProgrammeIsUnreadable) as refused:
        programmes.rewritten(HOME_DIALYSIS, text)

    assert any(said in sentence for sentence in refused.value.sentences)


def test_rules_are_checked_as_those_of_a_folder_are() -> None:
    text = RULES.replace("Systolisk {value} (grense {limit})", "Systolisk {value.real}", 1)

    faults = checking.faults(programmes.rewritten(HOME_DIALYSIS, text))

    assert len(faults) == 1
    assert "hd-5-red-low" in faults[0]
    assert checking.faults(programmes.rewritten(HOME_DIALYSIS, RULES)) == []


def test_the_days_of_a_patient_are_those_on_which_he_was_enrolled() -> None:
    ended = decision("enrolment-ended", ago(days=10), enrolment_id=str(ENROLMENT))
    whole = Record.of(PATIENT, [enrolled(ago(days=90))])
    part = Record.of(PATIENT, [enrolled(ago(days=20)), ended])

    assert replay.enrolled_for(whole, "home_dialysis", MONTH, NOW) == timedelta(days=30)
    assert replay.enrolled_for(part, "home_dialysis", MONTH, NOW) == timedelta(days=10)
    assert replay.enrolled_for(part, "cpap", MONTH, NOW) == timedelta(0)


def test_alerts_are_counted_by_colour_and_lane() -> None:
    plan = [
        {"id": "w", "names": {"nb": "Vekt", "en": "Weight"}, "kind": "body_weight",
         "opens": "04:00", "due": "10:00", "grace": "PT2H"}
    ]  # fmt: skip
    facts = [enrolled(ago(days=3), plan=plan), pressure(ago(days=1), 85)]
    count = Count()

    count.add(replay.told(HOME_DIALYSIS, Record.of(PATIENT, facts), MONTH, NOW))

    assert (count.red, count.yellow, count.technical) == (1, 1, 3)
    assert count.alerts == 5


@pytest.mark.parametrize("limits", ["default", "own all the time", "changed", "taken away"])
def test_many_readings_at_once_say_what_each_says_by_itself(limits: str) -> None:
    """A replay asks for a limit once where it was the same all the time."""
    pressures = [pressure(ago(hours=5 * n), 130 + n * 37 % 60) for n in range(1, 60)]
    decided = {
        "default": [],
        "own all the time": [limit("systolic_red_high", 150)],
        "changed": [
            limit("systolic_red_high", 150),
            limit("systolic_red_high", 170, ago(hours=100)),
        ],
        "taken away": [
            limit("systolic_red_high", 150),
            limit("systolic_red_high", None, ago(hours=100)),
        ],
    }[limits]

    together = rules.findings(HOME_DIALYSIS, record(*decided, *pressures), NOW)

    alone = set()
    for one in pressures:
        earlier = [each for each in pressures if each.at <= one.at]
        several = rules.findings(HOME_DIALYSIS, record(*decided, *earlier), NOW, one.at)
        alone |= {(each.rule, each.at) for each in several if each.at == one.at}
    assert {(each.rule, each.at) for each in together} == alone
    assert len(together) > 5
