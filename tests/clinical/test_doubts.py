"""Readings unlike the patient's own: another unit (H03) or another person (H02)."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from services.alerts.clinical import judge
from services.alerts.clinical.finding import Finding
from shared.contracts import Fact
from tests.clinical.given import HOME_DIALYSIS, NOW, ago, enrolled, reading, record, weight

PROGRAMMES = {"home_dialysis": HOME_DIALYSIS}


def found(*facts: Fact) -> list[Finding]:
    return judge.judge(record(*facts), PROGRAMMES, NOW)


def doubts(*facts: Fact) -> dict[str, list[Fact]]:
    by_id = {fact.id: fact for fact in facts}
    said: dict[str, list[Fact]] = {}
    for one in found(*facts):
        if one.rule in ("unit-doubted", "identity-uncertain"):
            said.setdefault(one.rule, []).append(by_id[one.facts[0]])
    return said


WEIGHTS = [weight(ago(days=n), 82 + n / 10) for n in (6, 5, 4, 3, 2)]


@pytest.mark.parametrize("kg", [180.8, 82 / 2.20462, 190, 37.5])
def test_h03_a_weight_in_pounds_is_doubted_and_judged(kg: float) -> None:
    last = weight(ago(hours=1), round(kg, 1))

    said = doubts(*WEIGHTS, last)

    assert said == {"unit-doubted": [last]}


@pytest.mark.parametrize(("usual", "odd"), [(6.1, 0.34), (2.6, 46.8), (7, 0.4)])
def test_h03_a_glucose_in_the_other_unit_is_doubted(usual: float, odd: float) -> None:
    history = [reading("glucose", ago(days=n), value=usual + n / 10) for n in (3, 2, 1)]
    last = reading("glucose", ago(hours=1), value=odd)

    assert doubts(*history, last) == {"unit-doubted": [last]}


def test_h03_a_pressure_in_another_unit_is_doubted() -> None:
    def pressure(hours: int, systolic: str, diastolic: str) -> Fact:
        return reading("blood_pressure", ago(hours=hours), systolic=systolic, diastolic=diastolic)

    history = [pressure(n * 24, "140", "80") for n in (3, 2, 1)]
    last = pressure(1, "18.7", "80")

    assert doubts(*history, last) == {"unit-doubted": [last]}


def test_h03_what_the_patient_himself_may_measure_is_not_doubted() -> None:
    glucose = [reading("glucose", ago(days=n), value=v) for n, v in ((4, 6), (3, 7), (2, 5))]
    steady = [weight(ago(days=n), 82 + n % 3) for n in range(1, 20)]

    assert doubts(*glucose, reading("glucose", ago(hours=1), value=19)) == {}
    assert doubts(*steady, weight(ago(hours=1), 84.9)) == {}


@pytest.mark.parametrize(
    ("kg", "hours", "is_doubted"),
    [(87.1, 20, False), (87.4, 20, True), (76.5, 20, True), (89.2, 20, True), (88.4, 30, False)],
)
def test_h02_a_jump_in_weight_is_doubted_at_its_edges(
    kg: float, hours: int, is_doubted: bool
) -> None:
    """More than 5 kg in a day, or more than 8 % whenever."""
    before = weight(ago(hours=hours + 1), 82.2)
    last = weight(ago(hours=1), kg)

    assert (doubts(before, last) == {"identity-uncertain": [last]}) is is_doubted


def test_h02_the_patients_own_weight_after_somebody_elses_is_not_doubted() -> None:
    wife = weight(ago(hours=3), 61)
    own = weight(ago(hours=2), 82.3)

    assert doubts(*WEIGHTS, wife, own) == {"identity-uncertain": [wife]}


def test_h02_a_weight_that_has_truly_changed_is_doubted_only_till_it_is_usual() -> None:
    new = [weight(ago(hours=24 - n * 4), 72 + n / 10) for n in range(6)]

    said = doubts(*WEIGHTS, *new)

    assert said["identity-uncertain"] == new[:2] or said["identity-uncertain"] == new[:3]


def test_h02_a_red_that_rests_on_a_doubted_reading_is_red_and_says_so() -> None:
    facts = [*WEIGHTS, weight(ago(hours=1), 91)]

    reds = [one for one in found(*facts) if one.group == "weight" and one.colour == "red"]

    assert reds
    assert reds[-1].doubts == ("identity",)
    assert [one for one in found(*WEIGHTS) if one.doubts] == []


def test_h02_the_stored_fact_is_left_as_it_is() -> None:
    last = weight(ago(hours=1), 91)

    found(*WEIGHTS, last)

    assert last.body["values"] == {"value": Decimal("91")}
    assert last.flags == frozenset()


def test_doubts_do_not_depend_on_the_order_of_arrival() -> None:
    facts = [weight(ago(hours=60), 82), weight(ago(hours=30), 60), weight(ago(hours=10), 83),
             weight(ago(hours=1), 181)]  # fmt: skip
    whole = found(*facts)

    for order in permutations(facts):
        patient = record()
        for one in order:
            patient = patient.adding([one])
            judge.judge(patient, PROGRAMMES, NOW, one.at)
        assert judge.judge(patient, PROGRAMMES, NOW) == whole


def test_a_doubt_needs_somebody_who_is_followed() -> None:
    early = [weight(NOW - timedelta(days=40 - n), 82) for n in range(3)]
    facts = [*early, weight(NOW - timedelta(days=36), 181)]
    patient = record(*facts).without({enrolled(plan=[]).id})

    assert [one.rule for one in judge.judge(patient, PROGRAMMES, NOW)] == ["data-not-followed"]
