"""NEWS2 against an oracle written from the chart's rows, one step and half a step at a time."""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerts.clinical import news2

D = Decimal
PARAMETERS = [
    "respiratory_rate",
    "spo2",
    "supplemental_oxygen",
    "systolic_bp",
    "pulse",
    "consciousness",
    "temperature",
]
NORMAL: dict[str, Any] = {
    "respiratory_rate": D(16),
    "spo2": D(97),
    "supplemental_oxygen": False,
    "systolic_bp": D(120),
    "pulse": D(70),
    "consciousness": "A",
    "temperature": D("37.0"),
}

# The chart, row by row: (points, lowest, highest) in the chart's own precision.
CHART = {
    "respiratory_rate": [(3, 0, 8), (1, 9, 11), (0, 12, 20), (2, 21, 24), (3, 25, 999)],
    "spo2": [(3, 0, 91), (2, 92, 93), (1, 94, 95), (0, 96, 100)],
    "spo2 scale 2 air": [(3, 0, 83), (2, 84, 85), (1, 86, 87), (0, 88, 100)],
    "spo2 scale 2 oxygen": [
        (3, 0, 83),
        (2, 84, 85),
        (1, 86, 87),
        (0, 88, 92),
        (1, 93, 94),
        (2, 95, 96),
        (3, 97, 100),
    ],
    "systolic_bp": [(3, 0, 90), (2, 91, 100), (1, 101, 110), (0, 111, 219), (3, 220, 999)],
    "pulse": [(3, 0, 40), (1, 41, 50), (0, 51, 90), (1, 91, 110), (2, 111, 130), (3, 131, 999)],
    # in tenths of a degree
    "temperature": [(3, 0, 350), (1, 351, 360), (0, 361, 380), (1, 381, 390), (2, 391, 999)],
}


def oracle(row: str, value: Decimal) -> int:
    """By counting in whole steps of the chart; a half step counts up."""
    steps = value * 10 if row == "temperature" else value
    whole = int(steps) + (1 if steps - int(steps) >= D("0.5") else 0)
    (points,) = [points for points, low, high in CHART[row] if low <= whole <= high]
    return points


def steps(row: str) -> Iterator[Decimal]:
    low, high, per = {
        "respiratory_rate": (1, 80, 1),
        "systolic_bp": (30, 300, 1),
        "pulse": (10, 300, 1),
        "temperature": (200, 450, 10),
    }.get(row, (1, 100, 1))
    for whole in range(low, high):
        for part in ("0", "0.01", "0.49", "0.5", "0.51", "0.99"):
            yield (D(whole) + D(part)) / per
    yield D(high) / per


@pytest.mark.parametrize("row", ["respiratory_rate", "systolic_bp", "pulse", "temperature"])
def test_every_step_and_half_step_scores_as_the_chart(row: str) -> None:
    for value in steps(row):
        assert news2.score(**{**NORMAL, row: value}).subscores[row] == oracle(row, value), value


@pytest.mark.parametrize("oxygen", [False, True])
@pytest.mark.parametrize("scale", [1, 2])
def test_every_saturation_scores_as_the_chart_on_both_scales(scale: int, oxygen: bool) -> None:
    row = "spo2" if scale == 1 else f"spo2 scale 2 {'oxygen' if oxygen else 'air'}"
    for value in steps(row):
        scored = news2.score(
            **{**NORMAL, "spo2": value, "supplemental_oxygen": oxygen}, spo2_scale=scale
        )
        assert scored.subscores["spo2"] == oracle(row, value), value
        assert scored.total == oracle(row, value) + (2 if oxygen else 0)


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [
        ("respiratory_rate", "8", 3),
        ("respiratory_rate", "9", 1),
        ("respiratory_rate", "11", 1),
        ("respiratory_rate", "12", 0),
        ("respiratory_rate", "20", 0),
        ("respiratory_rate", "21", 2),
        ("respiratory_rate", "24", 2),
        ("respiratory_rate", "25", 3),
        ("spo2", "91", 3),
        ("spo2", "92", 2),
        ("spo2", "93", 2),
        ("spo2", "94", 1),
        ("spo2", "95", 1),
        ("spo2", "96", 0),
        ("systolic_bp", "90", 3),
        ("systolic_bp", "91", 2),
        ("systolic_bp", "100", 2),
        ("systolic_bp", "101", 1),
        ("systolic_bp", "110", 1),
        ("systolic_bp", "111", 0),
        ("systolic_bp", "219", 0),
        ("systolic_bp", "220", 3),
        ("pulse", "40", 3),
        ("pulse", "41", 1),
        ("pulse", "50", 1),
        ("pulse", "51", 0),
        ("pulse", "90", 0),
        ("pulse", "91", 1),
        ("pulse", "110", 1),
        ("pulse", "111", 2),
        ("pulse", "130", 2),
        ("pulse", "131", 3),
        ("temperature", "35.0", 3),
        ("temperature", "35.04", 3),
        ("temperature", "35.05", 1),
        ("temperature", "35.1", 1),
        ("temperature", "36.0", 1),
        ("temperature", "36.1", 0),
        ("temperature", "38.0", 0),
        ("temperature", "38.1", 1),
        ("temperature", "39.0", 1),
        ("temperature", "39.1", 2),
    ],
)
def test_the_edges_of_every_band(name: str, value: str, points: int) -> None:
    scored = news2.score(**{**NORMAL, name: D(value)})

    assert scored.subscores[name] == points
    assert scored.total == points


@pytest.mark.parametrize(
    ("value", "oxygen", "points"),
    [
        (83, False, 3), (84, False, 2), (85, False, 2), (86, False, 1), (87, False, 1),
        (88, False, 0), (92, False, 0), (93, False, 0), (100, False, 0),
        (92, True, 0), (93, True, 1), (94, True, 1), (95, True, 2), (96, True, 2),
        (97, True, 3), (100, True, 3), (83, True, 3), (88, True, 0),
    ],
)  # fmt: skip
def test_the_edges_of_scale_2(value: int, oxygen: bool, points: int) -> None:
    given = {**NORMAL, "spo2": D(value), "supplemental_oxygen": oxygen}

    assert news2.score(**given, spo2_scale=2).subscores["spo2"] == points


@pytest.mark.parametrize(("code", "points"), [("A", 0), ("C", 3), ("V", 3), ("P", 3), ("U", 3)])
def test_consciousness(code: str, points: int) -> None:
    assert news2.score(**{**NORMAL, "consciousness": code}).total == points


def test_oxygen_adds_two_on_both_scales_and_is_never_a_single_three() -> None:
    for scale in (1, 2):
        given = {**NORMAL, "spo2": D(98) if scale == 1 else D(90), "supplemental_oxygen": True}
        scored = news2.score(**given, spo2_scale=scale)
        assert scored.total == 2
        assert not scored.any_single_3


def test_the_highest_score_is_20_with_oxygen_and_18_on_air() -> None:
    worst = {
        "respiratory_rate": D(30),
        "spo2": D(80),
        "systolic_bp": D(80),
        "pulse": D(140),
        "consciousness": "U",
        "temperature": D("34.0"),
    }
    assert news2.score(**worst, supplemental_oxygen=True).total == 20
    assert news2.score(**worst, supplemental_oxygen=False).total == 18
    assert news2.score().upper_bound == 20


@pytest.mark.parametrize(
    ("total", "single", "band"),
    [
        (0, False, "low"),
        (4, False, "low"),
        (3, True, "low-medium"),
        (4, True, "low-medium"),
        (5, False, "medium"),
        (5, True, "medium"),
        (6, True, "medium"),
        (7, False, "high"),
        (20, True, "high"),
    ],
)
def test_a_single_three_keeps_the_higher_band(total: int, single: bool, band: str) -> None:
    assert news2.band(total, single) == band


def test_the_published_example_that_others_print_as_6_is_10() -> None:
    scored = news2.score(
        respiratory_rate=D(38),
        spo2=D(98),
        supplemental_oxygen=False,
        systolic_bp=D(84),
        pulse=D(92),
        consciousness="V",
        temperature=D(37),
    )
    assert scored.total == 10
    assert scored.band == "high"


def test_unknown_oxygen_on_scale_2_leaves_a_saturation_from_93_uncertain() -> None:
    given = {name: value for name, value in NORMAL.items() if name != "supplemental_oxygen"}

    scored = news2.score(**{**given, "spo2": D(97)}, spo2_scale=2)

    assert "spo2" not in scored.subscores
    assert (scored.lower_bound, scored.upper_bound) == (0, 5)
    assert scored.missing == ("supplemental_oxygen",)
    assert scored.total is None
    assert scored.band is None
    assert not scored.any_single_3
    known = news2.score(**{**given, "spo2": D(92)}, spo2_scale=2)
    assert known.subscores["spo2"] == 0
    assert known.upper_bound == 2


def test_nothing_known_is_not_zero() -> None:
    scored = news2.score()

    assert scored.total is None
    assert not scored.complete
    assert scored.missing == tuple(PARAMETERS)
    assert scored.lower_bound == 0
    assert scored.lowest_band == "low"


# --- all subsets of missing parameters -------------------------------------------------------


def profiles() -> list[dict[str, Any]]:
    """Forty patients from well to dying, on air and oxygen, on both scales."""
    signs = [
        (16, 97, 120, 70, "A", "37.0"),
        (22, 94, 108, 95, "A", "38.4"),
        (26, 90, 88, 135, "V", "39.5"),
        (8, 85, 225, 38, "U", "34.8"),
        (20, 92, 100, 111, "A", "36.0"),
        (12, 88, 111, 51, "C", "36.1"),
        (24, 96, 219, 130, "A", "39.0"),
        (9, 93, 91, 41, "A", "35.1"),
        (18, 95, 150, 88, "A", "37.9"),
        (25, 99, 110, 110, "P", "38.1"),
    ]
    return [
        {
            "respiratory_rate": D(rr),
            "spo2": D(spo2),
            "supplemental_oxygen": oxygen,
            "systolic_bp": D(bp),
            "pulse": D(pulse),
            "consciousness": acvpu,
            "temperature": D(temp),
            "spo2_scale": scale,
        }
        for (rr, spo2, bp, pulse, acvpu, temp), oxygen, scale in product(
            signs, (False, True), (1, 2)
        )
    ]


LEVELS = {"low": 0, "low-medium": 1, "medium": 2, "high": 3}


def test_over_all_128_subsets_no_added_parameter_lowers_the_certain_level() -> None:
    subsets = [set(some) for n in range(8) for some in combinations(PARAMETERS, n)]
    assert len(subsets) == 128
    for profile in profiles():
        true = news2.score(**profile)
        scored = {
            frozenset(known): news2.score(
                **{name: profile[name] for name in known}, spo2_scale=profile["spo2_scale"]
            )
            for known in subsets
        }
        for known in subsets:
            part = scored[frozenset(known)]
            assert true.total is not None
            assert part.lower_bound <= true.total <= part.upper_bound
            assert set(part.missing) == set(PARAMETERS) - known
            assert part.complete == (len(known) == 7)
            for name in set(PARAMETERS) - known:
                more = scored[frozenset(known | {name})]
                assert more.lower_bound >= part.lower_bound
                assert more.upper_bound <= part.upper_bound
                assert LEVELS[more.lowest_band] >= LEVELS[part.lowest_band]
                assert more.any_single_3 >= part.any_single_3


numbers = {
    "respiratory_rate": st.decimals("1", "80", places=2),
    "spo2": st.decimals("1", "100", places=2),
    "systolic_bp": st.decimals("30", "300", places=2),
    "pulse": st.decimals("10", "300", places=2),
    "temperature": st.decimals("20", "45", places=3),
    "supplemental_oxygen": st.booleans(),
    "consciousness": st.sampled_from("ACVPU"),
}


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries(numbers), st.sets(st.sampled_from(PARAMETERS)), st.sampled_from([1, 2])
)
def test_the_true_total_is_always_within_the_bounds(
    person: dict[str, Any], missing: set[str], scale: int
) -> None:
    true = news2.score(**person, spo2_scale=scale)
    part = news2.score(
        **{name: value for name, value in person.items() if name not in missing}, spo2_scale=scale
    )

    assert true.total is not None
    assert part.lower_bound <= true.total <= part.upper_bound
    assert (part.total is None) == bool(missing)
    if not missing:
        assert part.lower_bound == part.upper_bound == part.total


@given(st.decimals("34", "40", places=4))
def test_rounding_is_half_up_to_the_charts_precision(value: Decimal) -> None:
    rounded = value.quantize(D("0.1"), rounding=ROUND_HALF_UP)

    assert news2.points("temperature", value) == news2.points("temperature", rounded)


# --- the calculator refuses what nobody can measure ------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("respiratory_rate", D(0)),
        ("respiratory_rate", D(81)),
        ("spo2", D("100.1")),
        ("spo2", D(0)),
        ("systolic_bp", D(29)),
        ("pulse", D(301)),
        ("temperature", D("19.9")),
        ("temperature", D("NaN")),
        ("temperature", D("Infinity")),
        ("pulse", 70.0),
        ("consciousness", "X"),
        ("spo2_scale", 3),
    ],
)
def test_an_impossible_value_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(news2.ImpossibleValue) as refused:
        news2.check({field: value})

    assert refused.value.field == field


def test_possible_values_and_missing_ones_are_not_refused() -> None:
    news2.check({**NORMAL, "spo2_scale": 2})
    news2.check(dict.fromkeys(PARAMETERS))
    news2.check({"spo2": D(68), "systolic_bp": D(66), "pulse": D(28)})
