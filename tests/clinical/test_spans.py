"""Rules over several samples, on a small programme of their own: edges, silence, any order."""

import random
import statistics
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.clinical import rules
from services.alerts.clinical.finding import Finding
from services.alerts.clinical.history import Record
from shared.contracts import Fact
from shared.programmes import Programme
from tests.clinical.given import NOW, PATIENT, ago, decision, enrolled, fact, pressure, reading

TEXT = {"nb": "Noe", "en": "Something"}
HEAD = {
    "colour": "yellow",
    "says": TEXT,
    "tells": TEXT,
    "nurse": TEXT,
    "source": "a test",
    "evidence": "D",
}
INPUTS = (
    ("systolic", "blood_pressure", "systolic"),
    ("pulse", "heart_rate", "value"),
    ("saturation", "spo2", "value"),
    ("uf", "hd_session", "uf_volume"),
    ("minutes", "hd_session", "duration"),
    ("weight", "body_weight", "value"),
    ("ahi", "cpap_night", "ahi"),
)


def programme(*several: dict[str, Any], limits: dict[str, Any] | None = None) -> Programme:
    made = [{**HEAD, "id": f"r{number}", "group": "g", **one} for number, one in enumerate(several)]
    return Programme.model_validate(
        {
            "slug": "home_dialysis",
            "version": "1",
            "names": TEXT,
            "purpose": TEXT,
            "misuse": TEXT,
            "sources": ["a test"],
            "late_after": "PT30M",
            "limit": [
                {
                    "name": name,
                    "names": TEXT,
                    "ucum": "1",
                    "default": value,
                    "min": Decimal(0),
                    "max": Decimal(500),
                    "source": "a test",
                    "evidence": "D",
                }
                for name, value in (limits or {}).items()
            ],
            "input": [
                {"name": name, "names": TEXT, "sources": [{"kind": kind, "field": field}]}
                for name, kind, field in INPUTS
            ],
            "rule": made,
        }
    )


def record(*facts: Fact) -> Record:
    return Record.of(PATIENT, [enrolled(ago(days=60), plan=[]), *facts])


def found(of: Programme, *facts: Fact) -> list[Finding]:
    return list(rules.findings(of, record(*facts), NOW))


def spoken_at(of: Programme, *facts: Fact, rule: str = "r0") -> list[datetime]:
    return [one.at for one in found(of, *facts) if one.rule == rule]


def night(at: datetime, ahi: float) -> Fact:
    return reading("cpap_night", at, ahi=ahi, until=at + timedelta(hours=7))


def nights(*ahis: float) -> list[Fact]:
    """One a day, the last one today."""
    return [night(ago(days=len(ahis) - 1 - n), ahi) for n, ahi in enumerate(ahis)]


# --- a window's figure --------------------------------------------------------------------------

MEAN = {
    "kind": "window",
    "input": "ahi",
    "figure": "mean",
    "within": "P7D",
    "points": 3,
    "above": 5,
}


@pytest.mark.parametrize(
    ("ahis", "speaks"),
    [((5, 5, 5), False), ((5, 5, "5.1"), True), ((9, 9), False), ((0, 0, 16), True)],
)
def test_a_mean_speaks_beyond_its_limit_and_with_enough_points(ahis: Any, speaks: bool) -> None:
    assert (NOW in spoken_at(programme(MEAN), *nights(*ahis))) is speaks


def test_a_window_leaves_out_what_is_older() -> None:
    old = night(ago(days=8), 100)

    assert NOW not in spoken_at(programme(MEAN), old, *nights(4, 4, 4))


def test_only_the_last_so_many_count() -> None:
    last = {**MEAN, "last": 3}

    assert NOW not in spoken_at(programme(last), *nights(50, 1, 1, 1))
    assert NOW in spoken_at(programme(MEAN), *nights(50, 1, 1, 1))


@pytest.mark.parametrize(
    ("figure", "limit", "speaks"),
    [
        ("median", "3.9", True),
        ("median", 4, False),
        ("lowest", "1.9", True),
        ("lowest", 2, False),
        ("highest", "8.9", True),
        ("highest", 9, False),
        ("sum", "14.9", True),
        ("sum", 15, False),
        ("range", "6.9", True),
        ("range", 7, False),
    ],
)
def test_each_figure_is_what_it_says(figure: str, limit: Any, speaks: bool) -> None:
    rule = {**MEAN, "figure": figure, "above": Decimal(str(limit))}

    assert (NOW in spoken_at(programme(rule), *nights(9, 2, 4))) is speaks


def test_the_finding_names_what_it_was_made_of() -> None:
    several = nights(6, 7, 8)

    one = next(one for one in found(programme(MEAN), *several) if one.at == NOW)

    assert one.facts == tuple(night.id for night in several)
    assert [value.value for value in one.values] == [6, 7, 8]


# --- a share ------------------------------------------------------------------------------------

SHARE = {
    "kind": "share",
    "input": "ahi",
    "above": 10,
    "share": 40,
    "within": "P14D",
    "points": 5,
}


@pytest.mark.parametrize(
    ("ahis", "speaks"),
    [
        ((1, 1, 1, 11, 11), True),  # two of five are forty per cent
        ((1, 1, 1, 1, 11), False),
        ((11, 11, 11, 11), False),  # too few points
        ((11, 11, 11, 11, 1), False),  # this one is not beyond
    ],
)
def test_a_share_of_the_nights(ahis: Any, speaks: bool) -> None:
    assert (NOW in spoken_at(programme(SHARE), *nights(*ahis))) is speaks


def test_a_share_uses_the_patients_own_limit() -> None:
    of = programme({**SHARE, "share": "most"}, limits={"most": Decimal(90)})
    several = nights(1, 1, 1, 11, 11)
    own = decision(
        "limit-set", ago(days=50), programme="home_dialysis", name="most", value=Decimal(40)
    )

    assert not spoken_at(of, *several)
    assert spoken_at(of, own, *several) == [NOW]


# --- a personal baseline ------------------------------------------------------------------------

BASELINE = {
    "kind": "baseline",
    "input": "pulse",
    "over": "P28D",
    "apart": "PT12H",
    "points": 7,
    "direction": "rise",
    "mads": 3,
    "least": 5,
}


def pulses(*usual: int, now: int) -> list[Fact]:
    earlier = [reading("heart_rate", ago(days=n + 1), value=one) for n, one in enumerate(usual)]
    return [*earlier, reading("heart_rate", NOW, value=now)]


@pytest.mark.parametrize(("now", "speaks"), [(76, False), (77, True), (50, False)])
def test_a_rise_beyond_the_spread_of_this_patient(now: int, speaks: bool) -> None:
    # Median 70, median deviation 2: three of them are 6.
    usual = (66, 68, 69, 70, 71, 72, 74)

    assert bool(spoken_at(programme(BASELINE), *pulses(*usual, now=now))) is speaks


def test_a_steady_patient_is_not_alarmed_by_a_trifle() -> None:
    steady = (70,) * 7

    assert not spoken_at(programme(BASELINE), *pulses(*steady, now=75))
    assert spoken_at(programme(BASELINE), *pulses(*steady, now=76)) == [NOW]


def test_a_baseline_keeps_silent_until_it_knows_the_patient() -> None:
    assert not spoken_at(programme(BASELINE), *pulses(*(70,) * 6, now=120))


# --- the median as reference of a change ----------------------------------------------------------


def test_a_fall_from_the_own_median() -> None:
    rule = {
        "kind": "change",
        "input": "saturation",
        "against": "saturation",
        "reference": "median",
        "points": 3,
        "direction": "fall",
        "within": "P14D",
        "apart": "PT1H",
        "at_least": 5,
    }
    usual = [reading("spo2", ago(days=n), value=one) for n, one in ((1, 93), (2, 90), (3, 91))]

    assert spoken_at(programme(rule), *usual, reading("spo2", NOW, value=86)) == [NOW]
    assert not spoken_at(programme(rule), *usual, reading("spo2", NOW, value=87))
    assert not spoken_at(programme(rule), *usual[:2], reading("spo2", NOW, value=70))


def test_a_fall_in_per_cent_of_the_earlier_value() -> None:
    rule = {
        "kind": "change",
        "input": "weight",
        "against": "weight",
        "reference": "mean",
        "direction": "fall",
        "within": "P14D",
        "percent_of": "reference",
        "at_least": 10,
    }
    usual = [reading("body_weight", ago(days=n), value=one) for n, one in ((1, 90), (2, 110))]

    assert spoken_at(programme(rule), *usual, reading("body_weight", NOW, value=90)) == [
        ago(days=1),  # 90 after 110
        NOW,
    ]
    assert NOW not in spoken_at(programme(rule), *usual, reading("body_weight", NOW, value="90.1"))


PLAIN = {
    "last": lambda figures: figures[-1],
    "lowest": min,
    "highest": max,
    "median": statistics.median,
    "mean": lambda figures: sum(figures) / len(figures),
}


@given(
    weights=st.lists(st.integers(780, 860), min_size=1, max_size=12),
    reference=st.sampled_from(sorted(PLAIN)),
    direction=st.sampled_from(["rise", "fall"]),
    days=st.integers(1, 6),
)
def test_a_change_is_found_wherever_plain_reckoning_finds_one(
    weights: list[int], reference: str, direction: str, days: int
) -> None:
    """However much of what came before can be passed over."""
    rule = {
        "kind": "change",
        "input": "weight",
        "against": "weight",
        "reference": reference,
        "direction": direction,
        "within": f"P{days}D",
        "at_least": Decimal("1.5"),
    }
    ats = [ago(days=len(weights) - n) for n in range(len(weights))]
    values = [Decimal(one) / 10 for one in weights]
    wanted = []
    for n, at in enumerate(ats):
        before = values[max(0, n - days) : n]
        if before:
            change = values[n] - PLAIN[reference](before)
            if (change if direction == "rise" else -change) >= Decimal("1.5"):
                wanted.append(at)

    sent = [reading("body_weight", at, value=one) for at, one in zip(ats, values, strict=True)]
    assert spoken_at(programme(rule), *sent) == wanted


# --- a rate -------------------------------------------------------------------------------------

RATE = {"kind": "rate", "input": "uf", "per": "dry", "above": 10}


def session(at: datetime, uf: int, hours: float) -> Fact:
    return reading("hd_session", at, uf_volume=uf, until=at + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("uf", "hours", "speaks"),
    [(3200, 4, False), (3201, 4, True), (3200, 3.9, True), (-500, 4, False)],
)
def test_an_ultrafiltration_rate(uf: int, hours: float, speaks: bool) -> None:
    of = programme(RATE, limits={"dry": Decimal(80)})

    assert bool(spoken_at(of, session(ago(hours=5), uf, hours))) is speaks


def test_a_rate_keeps_silent_without_hours_or_without_what_it_is_divided_by() -> None:
    dry = programme(RATE, limits={"dry": None})
    endless = reading("hd_session", NOW, uf_volume=9000)

    assert not spoken_at(dry, session(NOW, 9000, 4))
    assert not spoken_at(programme(RATE, limits={"dry": Decimal(80)}), endless)


@pytest.mark.parametrize(
    ("end", "heard", "limit", "speaks"),
    [
        # A wrong year in the end: it was over when we heard of it, after four hours.
        (timedelta(days=36_525), timedelta(hours=4), 10, True),
        (timedelta(days=36_525), timedelta(hours=4), Decimal("10.01"), False),
        # Heard of so late that nobody knows how long it lasted: no rate at all.
        (timedelta(days=36_525), timedelta(days=30), 0, False),
        # Over when we heard of it, but no session lasts three days.
        (timedelta(days=3), timedelta(days=4), 0, False),
    ],
)
def test_a_claimed_length_that_cannot_be_is_not_divided_by(
    end: timedelta, heard: timedelta, limit: Any, speaks: bool
) -> None:
    of = programme({**RATE, "above": limit}, limits={"dry": Decimal(80)})
    at = ago(days=31)
    claimed = reading("hd_session", at, uf_volume=3201, until=at + end, after=heard - end)

    assert bool(spoken_at(of, claimed)) is speaks


def test_a_duration_of_nothing_gives_way_to_the_length_of_the_session() -> None:
    of = programme({**RATE, "hours": "minutes"}, limits={"dry": Decimal(80)})
    at = ago(hours=5)
    set_to_nothing = reading(
        "hd_session", at, uf_volume=3201, duration=0, until=at + timedelta(hours=4)
    )

    assert spoken_at(of, set_to_nothing) == [at]


def test_a_rate_per_another_measurement_of_the_same_session() -> None:
    of = programme({**RATE, "per": "weight", "joins": "PT6H"})
    of_today = reading("body_weight", ago(hours=1), value=80)
    of_yesterday = reading("body_weight", ago(days=1), value=40)

    assert not spoken_at(of, of_yesterday, session(NOW, 3300, 4))
    assert spoken_at(of, of_today, session(NOW, 3300, 4)) == [NOW]


# --- persistence ----------------------------------------------------------------------------------

PERSISTENT = {
    "kind": "limit",
    "input": "systolic",
    "above": 160,
    "persistence": {
        "n": 3,
        "m": 4,
        "apart": "PT1H",
        "sooner": [{"beyond": 180, "n": 2}, {"beyond": 200, "n": 1}],
    },
}


@pytest.mark.parametrize(
    ("systolics", "speaks"),
    [
        ((165, 165), False),
        ((165, 165, 165), True),
        ((165, 165, 150, 165), True),  # three of four
        ((165, 165, 150, 150, 165), False),
        ((165, 181), True),  # far beyond waits less
        ((150, 181), False),
        ((201,), True),  # and does not wait at all
    ],
)
def test_persistence_shortens_as_the_deviation_grows(systolics: Any, speaks: bool) -> None:
    several = [pressure(ago(days=len(systolics) - 1 - n), one) for n, one in enumerate(systolics)]

    assert (NOW in spoken_at(programme(PERSISTENT), *several)) is speaks


def test_measuring_again_at_once_is_no_persistence() -> None:
    again = [pressure(ago(minutes=5 * n), 170) for n in range(3)]

    assert not spoken_at(programme(PERSISTENT), *again)


# --- a combination --------------------------------------------------------------------------------

HIGH = {"kind": "limit", "input": "pulse", "above": 100}
LOW = {"kind": "limit", "input": "saturation", "below": 92}
UP = {"kind": "limit", "input": "systolic", "above": 160}
BOTH = {"kind": "combination", "of": ["r0", "r1"], "within": "PT6H", "colour": "red"}
TWO_OF_THREE = {"kind": "combination", "of": ["r0", "r1", "r2"], "n": 2, "within": "PT6H"}


def test_a_combination_speaks_where_the_last_of_them_comes() -> None:
    of = programme(HIGH, LOW, BOTH)
    fast, blue = reading("heart_rate", ago(hours=3), value=120), reading("spo2", NOW, value=88)

    (one,) = [one for one in found(of, fast, blue) if one.rule == "r2"]

    assert one.at == NOW
    assert one.facts == (fast.id, blue.id)
    assert not spoken_at(of, fast, rule="r2")
    assert not spoken_at(of, blue, rule="r2")


def test_a_combination_does_not_join_what_is_too_far_apart() -> None:
    of = programme(HIGH, LOW, BOTH)
    fast = reading("heart_rate", ago(hours=6, minutes=1), value=120)

    assert not spoken_at(of, fast, reading("spo2", NOW, value=88), rule="r2")


def test_two_of_three_are_enough_when_so_said() -> None:
    of = programme(HIGH, LOW, UP, TWO_OF_THREE)
    fast = reading("heart_rate", ago(hours=1), value=120)

    assert spoken_at(of, fast, pressure(NOW, 170), rule="r3") == [NOW]
    assert not spoken_at(of, fast, pressure(NOW, 150), rule="r3")


# --- arrival --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_findings_do_not_depend_on_the_order_of_arrival(seed: int) -> None:
    of = programme(
        MEAN | {"above": 4}, SHARE, BASELINE, PERSISTENT, HIGH, LOW,
        {"kind": "combination", "of": ["r4", "r5"], "within": "PT30H"},
    )  # fmt: skip
    chance = random.Random(seed)
    facts = [
        *nights(*[chance.randint(1, 14) for _ in range(12)]),
        *[pressure(ago(hours=5 * n), chance.randint(140, 210)) for n in range(20)],
        *[
            reading("heart_rate", ago(hours=20 * n), value=chance.randint(60, 125))
            for n in range(20)
        ],
        *[reading("spo2", ago(hours=9 * n), value=chance.randint(87, 97)) for n in range(12)],
    ]
    whole = {one.id for one in found(of, *facts)}

    chance.shuffle(facts)
    growing, kept = record(), {}
    for one in facts:
        growing = growing.adding([one])
        covers = rules.covers(of, growing, one.at)
        answer = rules.findings(of, growing, NOW, one.at)
        kept = {id_: told for id_, told in kept.items() if told.at < covers[told.rule]} | {
            told.id: told for told in answer
        }

    assert set(kept) == whole


def test_a_fact_of_another_type_is_left_alone() -> None:
    odd = fact("device-event", "device_status", NOW, {"v": 1, "state": "online"})

    assert not found(programme(MEAN), odd)
