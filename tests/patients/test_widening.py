"""What makes a red rule speak less: told by the rule's own comparison, and proved on the cases."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.alerts.clinical import cases as runner
from shared import programmes
from shared.limits.widening import ways_of, widening
from shared.programmes import Programme, cases, limits_of

DIALYSIS = programmes.load("home_dialysis")
TEXT = {"nb": "x", "en": "x"}
FOLDERS = list(programmes.folders())


def ruled(*rules: dict[str, Any], default: Decimal | None = Decimal(10)) -> Programme:
    """A programme with a limit `x`, another `y`, and these rules over one input."""
    head = {
        "group": "g", "colour": "red", "says": TEXT, "tells": TEXT, "nurse": TEXT, "source": "s",
        "evidence": "D", "input": "i",
    }  # fmt: skip
    limit = {
        "names": TEXT, "ucum": "1", "min": Decimal(0), "max": Decimal(99), "source": "s",
        "evidence": "D",
    }  # fmt: skip
    one = {"name": "i", "names": TEXT, "sources": [{"kind": "body_weight"}]}
    made = [{"id": f"r{place}", **head, **rule} for place, rule in enumerate(rules)]
    for rule in made:
        if rule["kind"] == "combination":
            del rule["input"]
    return Programme.model_validate(
        {
            "slug": "p", "version": "1", "names": TEXT, "purpose": TEXT, "misuse": TEXT,
            "sources": ["s"], "late_after": "PT1H", "input": [one], "rule": made,
            "limit": [
                {"name": "x", **limit, **({} if default is None else {"default": default})},
                {"name": "y", **limit, "default": Decimal(5)},
            ],
        }
    )  # fmt: skip


CHANGE = {"kind": "change", "against": "i", "reference": "last", "within": "P1D"}
RISE = {**CHANGE, "percent_of": "x"}
TARGET = {"kind": "target", "target": "x"}
WINDOW = {"kind": "window", "figure": "mean", "within": "P1D"}
COUNT = {"kind": "n-of-m", "n": 2, "m": 3}
RATE = {"kind": "rate", "per": "x"}


@pytest.mark.parametrize(
    ("rule", "up", "down"),
    [
        ({"kind": "limit", "above": "x"}, True, False),
        ({"kind": "limit", "at_least": "x"}, True, False),
        ({"kind": "limit", "below": "x"}, False, True),
        ({"kind": "limit", "at_most": "x"}, False, True),
        ({"kind": "limit", "above": "y"}, False, False),
        ({"kind": "limit", "above": "x", "colour": "yellow"}, False, False),
        ({**CHANGE, "above": "x"}, True, False),
        ({**CHANGE, "at_most": "x"}, False, True),
        ({**RISE, "above": "y"}, True, False),
        ({**RISE, "below": "y"}, True, True),
        ({**TARGET, "at_least": "y", "direction": "over"}, True, False),
        ({**TARGET, "at_least": "y", "direction": "under"}, False, True),
        ({**TARGET, "at_least": "y", "direction": "either"}, True, True),
        ({"kind": "target", "target": "y", "above": "x"}, True, False),
        ({**COUNT, "below": "x"}, False, True),
        ({**WINDOW, "above": "x"}, True, False),
        ({"kind": "share", "share": "x", "above": "y", "within": "P1D"}, True, False),
        ({"kind": "share", "share": "y", "below": "x", "within": "P1D"}, False, True),
        ({**RATE, "above": "y"}, True, False),
        ({**RATE, "below": "y"}, True, True),
        ({"kind": "absence", "longer_than": "x"}, True, False),
        ({"kind": "coded", "codes": ["a"]}, False, False),
    ],
)
def test_the_comparison_says_which_way_is_wider(rule: dict[str, Any], up: bool, down: bool) -> None:
    programme = ruled(rule)

    assert bool(widening(programme, "x", Decimal(10), Decimal(11))) is up
    assert bool(widening(programme, "x", Decimal(10), Decimal(9))) is down
    assert widening(programme, "x", Decimal(10), Decimal("10.0")) == ()


def test_the_programmes_own_number_counts_where_the_patient_has_none() -> None:
    programme = ruled({"kind": "limit", "above": "x"})

    assert widening(programme, "x", None, Decimal(11)) == ("r0",)
    assert widening(programme, "x", None, Decimal(9)) == ()
    assert widening(programme, "x", Decimal(9), None) == ("r0",)
    assert widening(programme, "x", Decimal(11), None) == ()


def test_a_first_number_widens_nothing_and_taking_it_away_widens_all() -> None:
    programme = ruled(
        {"kind": "limit", "above": "x"}, {"kind": "limit", "below": "x"}, default=None
    )

    assert widening(programme, "x", None, Decimal(50)) == ()
    assert widening(programme, "x", Decimal(50), None) == ("r0", "r1")


def test_the_reds_that_speak_less_are_named_and_no_other() -> None:
    programme = ruled({"kind": "limit", "above": "x"}, {"kind": "limit", "below": "x"})

    assert widening(programme, "x", Decimal(10), Decimal(11)) == ("r0",)
    assert widening(programme, "x", Decimal(10), Decimal(9)) == ("r1",)


def test_a_red_combination_speaks_less_with_the_yellow_rules_it_is_made_of() -> None:
    yellow = {"kind": "limit", "above": "x", "colour": "yellow"}
    both = {"kind": "combination", "of": ["r0", "r1"], "within": "P1D"}
    programme = ruled(yellow, {**yellow, "above": "y"}, both)

    assert widening(programme, "x", Decimal(10), Decimal(11)) == ("r2",)
    assert widening(programme, "x", Decimal(10), Decimal(9)) == ()


def test_fewer_being_enough_farther_beyond_is_a_number_too() -> None:
    sooner = {"n": 3, "m": 3, "sooner": [{"beyond": "x", "n": 1}]}
    programme = ruled({"kind": "limit", "above": "y", "persistence": sooner})

    assert widening(programme, "x", Decimal(10), Decimal(11)) == ("r0",)


def test_the_limits_of_home_dialysis() -> None:
    assert "hd-5-red-low" in widening(DIALYSIS, "systolic_red_low", None, Decimal(75))
    assert widening(DIALYSIS, "systolic_red_low", None, Decimal(95)) == ()
    assert "hd-4-red" in widening(DIALYSIS, "target_weight", Decimal(70), Decimal(71))
    assert widening(DIALYSIS, "target_weight", Decimal(70), Decimal(69)) == ()


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_every_limit_that_a_red_rule_names_is_known_here(folder: Path) -> None:
    programme = programmes.read(folder)
    for rule in programme.rules:
        if rule.colour == "red":
            for name in limits_of(rule):
                assert rule.id in ways_of(programme)[name]


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_no_red_of_the_cases_is_lost_by_a_change_that_one_person_may_make(folder: Path) -> None:
    programme = programmes.read(folder)
    for case in cases.read(folder):
        reds = {one for one in case.expect if programme.rule_by_id[one].colour == "red"}
        for name in _near(programme, reds):
            limit, before = programme.limit_by_name[name], case.limits.get(name)
            for after in (limit.min, limit.max):
                told = set(widening(programme, name, before, after))
                if reds <= told:
                    continue
                changed = case.model_copy(update={"limits": {**case.limits, name: after}})
                lost = reds - {one.rule for one in runner.run(programme, changed)}
                assert lost <= told, f"{case.name}: {name} {before} -> {after}"


def _near(programme: Programme, reds: set[str]) -> set[str]:
    """The limits of these rules, of those they are made of, and of all in the same groups."""
    groups = {programme.rule_by_id[one].group for one in reds}
    parts = {part for one in reds for part in getattr(programme.rule_by_id[one], "of", ())}
    near = [one for one in programme.rules if one.group in groups or one.id in parts]
    named = {name for one in near for name in (*limits_of(one), getattr(one, "per", None))}
    return {name for name in programme.limit_by_name if name in named}
