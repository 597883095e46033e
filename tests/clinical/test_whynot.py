"""Why a reading did or did not make a rule speak: each reason once, and as a sentence."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from services.alerts.clinical import because, whynot
from services.alerts.clinical.history import Record
from services.alerts.clinical.whynot import Answer, Used, Why
from shared.contracts import Fact
from shared.programmes import Programme
from tests.clinical.given import (
    CLOCK_SUSPECT,
    HOME_DIALYSIS,
    NOW,
    PATIENT,
    ago,
    answers,
    decision,
    enrolled,
    limit,
    pressure,
    reading,
    record,
    weight,
)


def explained(
    fact: Fact, *others: Fact, now: datetime = NOW, programme: Programme = HOME_DIALYSIS
) -> dict[str, Answer]:
    of = record(fact, *others)
    return {one.rule.id: one for one in whynot.explain(programme, of, fact, now)}


def why(fact: Fact, *others: Fact, rule: str, now: datetime = NOW) -> Why:
    return explained(fact, *others, now=now)[rule].why


def test_what_spoke_says_what_was_found() -> None:
    one = explained(pressure(ago(hours=3), 184))["hd-5-red-high"]

    assert one.why is Why.SPOKE
    assert one.found is not None
    assert one.found.reason["nb"] == "Systolisk 184 (grense 180)"
    assert one.limits == (Used("systolic_red_high", Decimal(180), own=False),)


def test_only_rules_that_look_at_the_reading_answer() -> None:
    before = explained(weight(ago(hours=3), 80, "pre"))
    after = explained(weight(ago(hours=3), 80, "post"))

    assert {"hd-1-red", "hd-2-red"} <= before.keys()
    assert "hd-4-red" not in before
    assert {"hd-4-red", "hd-9-red"} <= after.keys()
    assert "hd-5-red-high" not in before.keys() | after.keys()


def test_before_the_enrolment_nothing_is_judged() -> None:
    assert why(pressure(ago(days=40), 184), rule="hd-5-red-high") is Why.NOT_ENROLLED
    assert why(pressure(ago(days=40), 85), rule="news2-single") is Why.NOT_ENROLLED


def test_a_limit_that_nobody_has_set_keeps_the_rule_silent() -> None:
    fact = weight(ago(hours=3), 88, "post")

    assert why(fact, rule="hd-4-red") is Why.LIMIT_NOT_SET
    assert why(fact, limit("target_weight", 80), rule="hd-4-red") is Why.SPOKE
    assert why(fact, limit("target_weight", 87.5), rule="hd-4-red") is Why.NOT_BEYOND


def test_the_limit_is_the_one_that_was_in_force_and_says_whose_it_was() -> None:
    own = (
        limit("systolic_red_high", 200, ago(days=20)),
        limit("systolic_red_high", 150, ago(days=1)),
    )

    one = explained(pressure(ago(days=3), 184), *own)["hd-5-red-high"]

    assert one.why is Why.NOT_BEYOND
    assert one.limits == (Used("systolic_red_high", Decimal(200), own=True),)


def test_one_of_three_beyond_is_not_yet_persistent() -> None:
    fact = pressure(ago(days=1), 168)

    assert why(fact, rule="hd-5-yellow-high") is Why.NOT_YET_PERSISTENT
    assert why(fact, pressure(ago(days=2), 165), rule="hd-5-yellow-high") is Why.SPOKE
    assert why(pressure(ago(days=1), 158), rule="hd-5-yellow-high") is Why.NOT_BEYOND


def test_red_speaks_for_yellow_in_its_group() -> None:
    fact = reading("body_temp", ago(hours=3), value="38.4")

    assert why(fact, rule="hd-7-red") is Why.SPOKE
    assert why(fact, rule="hd-7-yellow") is Why.RED_SPOKE


def test_yellow_waits_for_a_retake_and_is_cleared_by_one() -> None:
    fact = reading("body_temp", ago(minutes=10), value="37.8")
    lower = reading("body_temp", ago(minutes=5), value="36.8")
    higher = reading("body_temp", ago(minutes=5), value="37.9")

    waits = explained(fact)["hd-7-yellow"]
    assert (waits.why, waits.until) == (Why.WAITS_FOR_RETAKE, ago(minutes=-20))
    assert why(fact, lower, rule="hd-7-yellow") is Why.CLEARED_BY_RETAKE
    assert why(fact, higher, rule="hd-7-yellow") is Why.SPOKE
    later = NOW + timedelta(hours=1)
    assert why(fact, rule="hd-7-yellow", now=later) is Why.SPOKE


def test_a_reading_that_a_later_one_is_compared_with_did_not_itself_speak() -> None:
    earlier = weight(ago(days=1, hours=2), 80, "pre")
    later = weight(ago(hours=2), 83, "pre")

    of_earlier, of_later = explained(earlier, later), explained(later, earlier)

    spoke = {rule for rule, one in of_later.items() if one.why is Why.SPOKE}
    assert spoke & {"hd-1-red", "hd-1-red-day"}
    assert not any(of_earlier[rule].why is Why.SPOKE for rule in spoke)


def test_a_gap_is_asked_of_the_reading_before_it() -> None:
    fact = weight(ago(days=8), 80, "post")
    paused = decision("paused", ago(days=7), pause_id="p", until=ago(days=1).isoformat())

    assert why(fact, rule="hd-9-red") is Why.SPOKE
    assert why(fact, weight(ago(days=6), 80, "post"), rule="hd-9-red") is Why.NOT_BEYOND
    assert why(fact, paused, rule="hd-9-red") is Why.PAUSED
    fresh = weight(ago(hours=8), 80, "post")
    assert why(fresh, rule="hd-9-red") is Why.NOT_YET_PERSISTENT


def test_a_score_answers_for_every_vital_sign_in_it() -> None:
    assert why(pressure(ago(hours=3), 85), rule="news2-single") is Why.SPOKE
    assert why(pressure(ago(hours=3), 130), rule="news2-single") is Why.NOT_BEYOND


def test_an_answer_that_is_not_waited_for_is_not_beyond() -> None:
    fact = answers(ago(hours=3), chest_pain=False, dizziness="mild")

    assert why(fact, rule="chest-pain") is Why.NOT_BEYOND
    assert why(fact, rule="dizzy") is Why.SPOKE


def test_a_doubtful_reading_is_explained_too() -> None:
    fact = pressure(ago(hours=3), 184, flags=CLOCK_SUSPECT)

    assert why(fact, rule="hd-5-red-high") is Why.SPOKE


def test_asking_twice_gives_the_same_answer() -> None:
    fact = pressure(ago(days=1), 168)
    of = Record.of(PATIENT, [enrolled(), fact, pressure(ago(days=2), 165)])

    first = whynot.explain(HOME_DIALYSIS, of, fact, NOW)

    assert whynot.explain(HOME_DIALYSIS, of, fact, NOW) == first


# --- as sentences -----------------------------------------------------------------------------

TUESDAY = datetime(2026, 11, 17, 6, 12, tzinfo=UTC)


def said(fact: Fact, rule: str, *others: Fact, language: str = "nb", now: datetime = NOW) -> str:
    one = explained(fact, *others, now=now)[rule]
    return because.sentence(one, HOME_DIALYSIS, fact, language)


def test_a_sentence_names_day_value_limit_and_whose_it_is() -> None:
    fact = pressure(TUESDAY, 168, 95)

    assert said(fact, "hd-5-yellow-high") == (
        "Tirsdagens 168/95 (17.11. kl. 07:12) ga ikke varsel fordi regelen venter til 2 av de siste"
        " 3 er utenfor grensen (Systolisk høyt, gul 160, programmets)."
    )
    own = limit("systolic_red_high", 170)
    assert said(fact, "hd-5-red-high", own, language="en").startswith(
        "Tuesday's 168/95 (17/11 at 07:12) did not alert because it was not beyond the limit ("
    )
    assert said(fact, "hd-5-red-high", own, language="en").endswith(" 170, the patient’s own).")
    assert said(pressure(TUESDAY, 184), "hd-5-red-high") == (
        "Tirsdagens 184/80 (17.11. kl. 07:12) ga rødt varsel: Systolisk 184 (grense 180)."
    )


@pytest.mark.parametrize("one", list(Why))
def test_every_reason_has_a_sentence_in_both_languages(one: Why) -> None:
    fact = weight(TUESDAY, 82.45)
    for rule in HOME_DIALYSIS.rules:
        answer = Answer(rule, one, (Used("target_weight", None, own=False),))
        nb = because.sentence(answer, HOME_DIALYSIS, fact, "nb")
        en = because.sentence(answer, HOME_DIALYSIS, fact, "en")
        assert nb.startswith("Tirsdagens vekt 82,45 (17.11. kl. 07:12) ga ikke varsel fordi ")
        assert en.startswith("Tuesday's body weight 82.45 (17/11 at 07:12) did not alert because ")
        assert nb.endswith(".")


@pytest.mark.parametrize("how", ["correction", "void", "refiled"])
def test_a_reading_that_no_longer_counts_says_so(how: str) -> None:
    assert because.not_in_force(how, pressure(TUESDAY, 168, 95), "nb").startswith(
        "Tirsdagens 168/95 (17.11. kl. 07:12) er "
    )
    assert "no longer" in because.not_in_force(how, answers(TUESDAY, worried=True), "en")
