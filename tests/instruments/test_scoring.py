"""Totals, bands at every edge, and worked examples."""

from decimal import Decimal
from typing import Any

import pytest

from shared import instruments
from shared.instruments.schema import SEXES, CategoryMaximum, Given, Instrument, Rescaled
from tests.instruments.given import INSTRUMENTS, answered, totalling

score = instruments.score

# slug, sex, scale -> (first total of the band, band), and the highest total there is.
EDGES: dict[tuple[str, str | None, str], tuple[list[tuple[int, str]], int]] = {
    ("phq-9", None, "total"): (
        [
            (0, "minimal"),
            (5, "mild"),
            (10, "moderate"),
            (15, "moderately-severe"),
            (20, "severe"),
        ],
        27,
    ),
    ("phq-8", None, "total"): (
        [
            (0, "minimal"),
            (5, "mild"),
            (10, "moderate"),
            (15, "moderately-severe"),
            (20, "severe"),
        ],
        24,
    ),
    ("phq-2", None, "total"): ([(0, "below"), (3, "above")], 6),
    ("phq-15", "female", "total"): (
        [(0, "minimal"), (5, "low"), (10, "medium"), (15, "high")],
        30,
    ),
    ("gad-7", None, "total"): (
        [(0, "minimal"), (5, "mild"), (10, "moderate"), (15, "severe")],
        21,
    ),
    ("gad-2", None, "total"): ([(0, "below"), (3, "above")], 6),
    ("audit", None, "total"): (
        [(0, "zone-1"), (8, "zone-2"), (16, "zone-3"), (20, "zone-4")],
        40,
    ),
    ("audit-c", "male", "total"): ([(0, "below"), (4, "above")], 12),
    ("audit-c", "female", "total"): ([(0, "below"), (3, "above")], 12),
    ("dudit", "male", "total"): ([(0, "below"), (6, "problem"), (25, "dependence")], 44),
    ("dudit", "female", "total"): ([(0, "below"), (2, "problem"), (25, "dependence")], 44),
    ("ess", None, "total"): ([(0, "usual"), (11, "sleepy")], 24),
    ("nddi-e", None, "total"): ([(6, "below"), (16, "above")], 24),
    ("core-10", None, "total"): (
        [
            (0, "healthy"),
            (6, "low"),
            (11, "mild"),
            (15, "moderate"),
            (20, "moderately-severe"),
            (25, "severe"),
        ],
        40,
    ),
    ("oci-r", None, "total"): ([(0, "mild"), (16, "moderate"), (28, "severe")], 72),
    ("y-bocs", None, "total"): (
        [(0, "subclinical"), (8, "mild"), (16, "moderate"), (24, "severe"), (32, "extreme")],
        40,
    ),
    ("cat", None, "total"): ([(0, "low"), (10, "medium"), (21, "high"), (31, "very-high")], 40),
    ("hads", None, "anxiety"): ([(0, "normal"), (8, "borderline"), (11, "case")], 21),
    ("hads", None, "depression"): ([(0, "normal"), (8, "borderline"), (11, "case")], 21),
}


@pytest.mark.parametrize(("key", "told"), EDGES.items(), ids=lambda it: str(it)[:40])
def test_every_total_has_its_band(
    key: tuple[str, str | None, str], told: tuple[list[tuple[int, str]], int]
) -> None:
    slug, sex, name = key
    bands, highest = told
    instrument = INSTRUMENTS[slug]
    assert {band.name for band in instrument.scale_by_name[name].bands} == {n for _, n in bands}
    for total in range(bands[0][0], highest + 1):
        links = list(instrument.scale_by_name[name].items)
        found = score(instrument, totalling(slug, links, total), sex)
        part = found if name == "total" else found.subscores[name]
        assert part.total == part.lower_bound == part.upper_bound == total
        assert part.band is not None
        assert part.band.name == [band for edge, band in bands if edge <= total][-1]
        assert part.least_band == part.band


GIVEN_EDGES: list[tuple[str, str, str, str, str]] = [
    ("kccq-12", "summary", "total", "24.99", "very-poor"),
    ("kccq-12", "summary", "total", "25", "poor"),
    ("kccq-12", "summary", "total", "49.99", "poor"),
    ("kccq-12", "summary", "total", "50", "fair"),
    ("kccq-12", "summary", "total", "75", "good"),
    ("promis", "fatigue", "fatigue", "59.9", "usual"),
    ("promis", "fatigue", "fatigue", "60", "moderate"),
    ("promis", "fatigue", "fatigue", "69.9", "moderate"),
    ("promis", "fatigue", "fatigue", "70", "severe"),
]


@pytest.mark.parametrize(("slug", "link", "name", "given", "band"), GIVEN_EDGES)
def test_a_score_the_site_hands_over_has_its_band(
    slug: str, link: str, name: str, given: str, band: str
) -> None:
    found = score(INSTRUMENTS[slug], {link: Decimal(given)})
    part = found if name == "total" else found.subscores[name]
    assert part.total == Decimal(given)
    assert part.band is not None
    assert part.band.name == band


def test_the_bands_of_symptoms_do_not_hold_where_high_is_good() -> None:
    found = score(INSTRUMENTS["promis"], {"physical-function": Decimal("70.0")})
    assert found.subscores["physical-function"].band is None
    assert list(found.subscores) == ["physical-function"]


def test_a_cut_off_that_depends_on_the_sex_needs_it() -> None:
    three = {"item-1": 3, "item-2": 0, "item-3": 0}
    told = {sex: score(INSTRUMENTS["audit-c"], three, sex) for sex in (*SEXES, None, "other")}
    assert told["female"].band is not None
    assert told["female"].band.name == "above"
    assert told["male"].band is not None
    assert told["male"].band.name == "below"
    for sex in (None, "other"):
        assert told[sex].total == 3
        assert told[sex].band is None
        assert told[sex].sex_needed


@pytest.mark.parametrize(("total", "band"), [(2, "below"), (4, "above"), (12, "above")])
def test_where_both_sexes_agree_nobody_needs_it(total: int, band: str) -> None:
    found = score(
        INSTRUMENTS["audit-c"], totalling("audit-c", ["item-1", "item-2", "item-3"], total)
    )
    assert found.band is not None
    assert found.band.name == band
    assert not found.sex_needed


@pytest.mark.parametrize(
    ("slug", "total", "cut_off"),
    [("gad-7", 10, "case"), ("audit", 20, "dependence"), ("dudit", 25, "dependence"),
     ("oci-r", 21, "case"), ("core-10", 11, "clinical"), ("phq-8", 10, "case")],
)  # fmt: skip
def test_a_cut_off_is_reached_at_its_number_and_not_below(
    slug: str, total: int, cut_off: str
) -> None:
    links = list(INSTRUMENTS[slug].scale_by_name["total"].items)
    below, at = (
        score(INSTRUMENTS[slug], totalling(slug, links, n), "male") for n in (total - 1, total)
    )
    assert cut_off not in below.reached
    assert cut_off in at.reached


def test_a_cut_off_already_reached_needs_no_more_answers() -> None:
    found = score(INSTRUMENTS["gad-7"], {f"item-{n}": 3 for n in range(1, 5)})
    assert found.total is None
    assert found.lower_bound == 12
    assert found.reached == ("case",)
    assert found.least_band is not None
    assert found.least_band.name == "moderate"


def test_a_man_is_not_asked_what_only_women_are() -> None:
    given = {f"item-{n}": 1 for n in range(1, 16) if n != 4}
    man, woman, untold = (
        score(INSTRUMENTS["phq-15"], given, sex) for sex in ("male", "female", None)
    )
    assert man.total == 14
    assert man.complete
    assert woman.total is None
    assert woman.missing == ("item-4",)
    assert untold.total is None
    assert untold.sex_needed


RAPID3 = {f"item-1{letter}": value for letter, value in zip("abcdefghij", [2] * 6 + [1] * 4,
                                                            strict=True)}  # fmt: skip


@pytest.mark.parametrize(
    ("pain", "worst", "total", "band"),
    [
        ("5.5", "4", "14.8", "high"),
        ("0", "0", "5.3", "low"),
        ("6.5", "0", "11.8", "moderate"),
        ("0.5", "0", "5.8", "low"),
        ("1", "0", "6.3", "moderate"),
        ("7", "0", "12.3", "high"),
    ],
)
def test_rapid3_is_function_to_one_decimal_with_pain_and_global(
    pain: str, worst: str, total: str, band: str
) -> None:
    given = RAPID3 | {"pain": Decimal(pain), "global": Decimal(worst)}
    found = score(INSTRUMENTS["rapid3"], given)
    assert found.subscores["function"].total == Decimal("5.3")
    assert found.total == Decimal(total)
    assert found.band is not None
    assert found.band.name == band


@pytest.mark.parametrize(
    ("nines", "pain", "band"),
    [(9, "0", "remission"), (9, "0.5", "low"), (9, "3", "low"), (9, "3.5", "moderate"),
     (9, "9", "moderate"), (9, "9.5", "high")],
)  # fmt: skip
def test_rapid3_has_its_edges_in_the_lower_band(nines: int, pain: str, band: str) -> None:
    function = totalling("rapid3", [f"item-1{c}" for c in "abcdefghij"], nines)
    found = score(INSTRUMENTS["rapid3"], function | {"pain": Decimal(pain), "global": 0})
    assert found.band is not None
    assert found.band.name == band


@pytest.mark.parametrize(
    ("points", "function"), [(1, "0.3"), (2, "0.7"), (17, "5.7"), (29, "9.7"), (30, "10.0")]
)
def test_the_function_of_rapid3_is_rounded(points: int, function: str) -> None:
    given = totalling("rapid3", [f"item-1{c}" for c in "abcdefghij"], points)
    found = score(INSTRUMENTS["rapid3"], given)
    assert found.subscores["function"].total == Decimal(function)
    assert found.total is None  # pain and global are missing


def test_a_half_is_rounded_up() -> None:
    given = {f"item-{n}": int(n <= 2) for n in range(1, 17)}
    assert score(INSTRUMENTS["wound-qol-17"], given).total == Decimal("0.13")  # 2 of 16: 0.125


def test_the_unscored_items_of_rapid3_change_nothing() -> None:
    given = RAPID3 | {"pain": 1, "global": 1}
    worse = given | {"item-1k": "3.3", "item-1l": Decimal("1.1")}
    assert score(INSTRUMENTS["rapid3"], given) == score(INSTRUMENTS["rapid3"], worse)


RAID = {"pain": 8, "function": 6, "fatigue": 7, "sleep": 5, "physical": 6, "emotional": 3}


def test_raid_weighs_its_seven_numbers() -> None:
    found = score(INSTRUMENTS["raid"], RAID | {"coping": 4})
    assert found.total == Decimal("5.85")  # 1.68 + 0.96 + 1.05 + 0.60 + 0.72 + 0.36 + 0.48
    best = score(INSTRUMENTS["raid"], answered("raid", 1))
    edge = score(INSTRUMENTS["raid"], answered("raid", 2))
    assert best.total == 1
    assert best.band is not None
    assert best.band.name == "acceptable"
    assert edge.total == 2
    assert edge.band is not None
    assert edge.band.name == "not-acceptable"


def test_basdai_counts_the_two_stiffness_questions_as_one() -> None:
    given = dict(zip([f"item-{n}" for n in range(1, 7)], (6, 5, 4, 5, 7, 3), strict=True))
    found = score(INSTRUMENTS["basdai"], given)
    assert found.subscores["stiffness"].total == 5
    assert found.total == 5
    at = score(INSTRUMENTS["basdai"], answered("basdai", 4))
    under = score(INSTRUMENTS["basdai"], answered("basdai", 4, but={"item-5": Decimal("3.9")}))
    assert at.band is not None
    assert at.band.name == "active"
    assert under.total == Decimal("3.99")
    assert under.band is not None
    assert under.band.name == "not-active"


NO_AIDS = {link: False for link in INSTRUMENTS["haq-di"].question_of if link.endswith("-aid")}


def _haq(**highest: int) -> dict[str, Any]:
    plain = answered("haq-di", 0) | NO_AIDS
    return plain | {f"{category}-1": value for category, value in highest.items()}


def test_haq_takes_the_highest_of_each_category() -> None:
    given = _haq(dressing=1, eating=2, walking=1, reach=3, grip=1, activities=1)
    found = score(INSTRUMENTS["haq-di"], given)
    assert found.total == Decimal("1.125")
    assert found.complete


@pytest.mark.parametrize(("without", "with_aid"), [(0, 2), (1, 2), (2, 2), (3, 3)])
def test_an_aid_lifts_a_category_to_two_and_never_lowers_it(without: int, with_aid: int) -> None:
    plain = score(INSTRUMENTS["haq-di"], _haq(grip=without))
    aided = score(INSTRUMENTS["haq-di"], _haq(grip=without) | {"grip-aid": True})
    assert plain.total == Decimal(without) / 8
    assert aided.total == Decimal(with_aid) / 8


def test_an_aid_nobody_answered_for_is_neither_yes_nor_no() -> None:
    given = _haq(grip=1)
    del given["grip-aid"]
    found = score(INSTRUMENTS["haq-di"], given)
    assert found.total is None
    assert found.missing == ("grip-aid",)
    assert (found.lower_bound, found.upper_bound) == (Decimal("0.125"), Decimal("0.250"))
    high = _haq(grip=2)
    del high["grip-aid"]
    assert score(INSTRUMENTS["haq-di"], high).total == Decimal("0.25")


def test_kidney_scales_run_from_worst_to_best() -> None:
    given = {f"item-{13 + n}": n + 1 for n in range(4)}  # burden 0, 25, 50, 75
    given |= {f"item-{n}": 1 for n in range(17, 29)} | {f"item-{n}": 5 for n in range(29, 37)}
    found = score(INSTRUMENTS["kdqol-36"], given)
    assert {name: part.total for name, part in found.subscores.items()} == {
        "burden": Decimal("37.50"),
        "symptoms": 100,
        "effects": 0,
    }
    assert found.total is None
    assert found.complete


def test_the_licensed_part_of_kdqol_is_handed_over() -> None:
    found = score(INSTRUMENTS["kdqol-36"], {"pcs": Decimal("37.8")})
    assert found.subscores["pcs"].total == Decimal("37.8")
    assert "mcs" not in found.subscores
    assert "mcs" not in found.missing


BEST_OF_RAND = (
    dict.fromkeys((1, 2, 20, 22, 34, 36, 21, 23, 26, 27, 30), 1)
    | dict.fromkeys(range(3, 13), 3)
    | dict.fromkeys(range(13, 20), 2)
    | dict.fromkeys((32, 33, 35), 5)
    | dict.fromkeys((24, 25, 28, 29, 31), 6)
)


def test_rand_36_turns_each_item_the_right_way() -> None:
    rand = INSTRUMENTS["rand-36"]
    best = score(rand, {f"item-{n}": value for n, value in BEST_OF_RAND.items()})
    assert [part.total for part in best.subscores.values()] == [100] * 8
    ends = {n: rand.question_of[f"item-{n}"] for n in BEST_OF_RAND}
    worst = score(
        rand,
        {
            f"item-{n}": ends[n].least if value != ends[n].least else ends[n].most
            for n, value in BEST_OF_RAND.items()
        },
    )
    assert [part.total for part in worst.subscores.values()] == [0] * 8
    assert {name: len(scale.items) for name, scale in rand.scale_by_name.items()} == {
        "physical-function": 10,
        "role-physical": 4,
        "role-emotional": 3,
        "energy": 4,
        "emotional-well-being": 5,
        "social-function": 2,
        "pain": 2,
        "general-health": 5,
    }


@pytest.mark.parametrize(
    ("ones", "band"),
    [(0, "none"), (4, "none"), (5, "little"), (17, "little")],
)
def test_a_wound_of_few_problems_has_its_band(ones: int, band: str) -> None:
    given = {f"item-{n}": int(n <= ones) for n in range(1, 18)}
    found = score(INSTRUMENTS["wound-qol-17"], given)
    assert found.band is not None
    assert found.band.name == band


@pytest.mark.parametrize(
    ("every", "plus", "band"),
    [(1, 0, "little"), (1, 1, "moderate"), (2, 0, "moderate"), (2, 1, "quite"), (3, 0, "quite"),
     (3, 1, "very"), (4, 0, "very")],
)  # fmt: skip
def test_a_wound_at_a_whole_number_is_in_the_lower_band(every: int, plus: int, band: str) -> None:
    given = answered("wound-qol-17", every, but={"item-1": every + plus})
    found = score(INSTRUMENTS["wound-qol-17"], given)
    assert found.band is not None
    assert found.band.name == band


def test_a_wound_at_a_quarter_is_in_the_lowest_band() -> None:
    given = {f"item-{n}": int(n <= 4) for n in range(1, 17)}
    found = score(INSTRUMENTS["wound-qol-17"], given)
    assert found.total == Decimal("0.25")
    assert found.band is not None
    assert found.band.name == "none"


def test_the_five_answers_of_eq_5d_make_no_sum() -> None:
    found = score(INSTRUMENTS["eq-5d-5l"], answered("eq-5d-5l", 3, but={"vas": 70}))
    assert found.total is None
    assert {name: part.total for name, part in found.subscores.items()} == {"vas": 70}
    without = score(INSTRUMENTS["eq-5d-5l"], {"vas": 70})
    assert not without.complete
    assert without.missing == ("mobility", "self-care", "usual-activities", "pain", "anxiety")


@pytest.mark.parametrize("instrument", INSTRUMENTS.values(), ids=lambda one: one.slug)
def test_every_scale_of_an_unanswered_form_says_only_where_it_must_lie(
    instrument: Instrument,
) -> None:
    found = score(instrument, {})
    assert found.total is None
    assert not found.complete
    assert all(part.total is None for part in found.subscores.values())
    for name, part in found.subscores.items():
        scale = instrument.scale_by_name[name]
        if isinstance(scale, Rescaled):
            assert (part.lower_bound, part.upper_bound) == (0, 100)
        if isinstance(scale, Given | CategoryMaximum):
            assert part.lower_bound < part.upper_bound
