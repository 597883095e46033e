"""Each kind of rule at its edges, on the shipped programme: what speaks, what waits, what not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.alerts.clinical import rules
from services.alerts.clinical.finding import Finding
from services.alerts.clinical.history import Record
from shared.contracts import Fact, Flag
from shared.programmes import EMERGENCY
from tests.clinical.given import (
    CLOCK_SUSPECT,
    HOME_DIALYSIS,
    NOW,
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


def found(*facts: Fact, rule: str | None = None) -> list[Finding]:
    every = rules.findings(HOME_DIALYSIS, record(*facts), NOW)
    return [one for one in every if rule in (None, one.rule)]


def spoken(*facts: Fact) -> set[str]:
    return {one.rule for one in found(*facts)}


# --- a red limit ------------------------------------------------------------------------------


def test_a_red_limit_speaks_at_once_and_asks_for_a_retake() -> None:
    (one,) = found(pressure(NOW, 182), rule="hd-5-red-high")

    assert one.colour == "red"
    assert one.retake
    assert one.reason == {
        "nb": "Systolisk 182 (grense 180)",
        "en": "Systolic 182 (limit 180)",
    }
    assert one.patient_text["nb"].endswith(EMERGENCY["nb"])
    assert one.patient_text["en"].endswith(EMERGENCY["en"])
    assert one.limits == (("systolic_red_high", 180),)
    assert [(v.kind, v.field, v.value, v.ucum) for v in one.values] == [
        ("blood_pressure", "systolic", 182, "mm[Hg]")
    ]
    assert one.programme == "home_dialysis"
    assert one.programme_version == HOME_DIALYSIS.version


def test_a_normal_retake_does_not_silence_a_red_limit() -> None:
    assert "hd-5-red-high" in spoken(pressure(ago(minutes=10), 184), pressure(NOW, 140))


@pytest.mark.parametrize(("systolic", "speaks"), [(179, False), (180, True), (181, True)])
def test_at_least_includes_the_limit(systolic: int, speaks: bool) -> None:
    assert ("hd-5-red-high" in spoken(pressure(NOW, systolic))) is speaks


@pytest.mark.parametrize(("systolic", "speaks"), [(91, False), (90, False), (89, True)])
def test_below_excludes_the_limit(systolic: int, speaks: bool) -> None:
    assert ("hd-5-red-low" in spoken(pressure(NOW, systolic))) is speaks


def test_a_value_just_beyond_is_not_shown_as_the_limit() -> None:
    (one,) = found(reading("blood_pressure", NOW, systolic="89.6"), rule="hd-5-red-low")

    assert one.reason["nb"] == "Systolisk 89,6 (grense 90)"
    assert one.reason["en"] == "Systolic 89.6 (limit 90)"


def test_red_on_the_same_reading_speaks_for_yellow_in_its_group() -> None:
    temperature = reading("body_temp", ago(hours=2), value="38.4")

    assert spoken(temperature) == {"hd-7-red"}


def test_flags_never_suppress_a_red_limit() -> None:
    assert "hd-5-red-high" in spoken(pressure(NOW, 190, flags=CLOCK_SUSPECT))
    assert "hd-5-red-high" in spoken(pressure(ago(hours=8), 190, precision="day"))
    assert "hd-5-red-high" in spoken(pressure(NOW, 190, flags=(Flag.IDENTITY_UNCERTAIN, Flag.LATE)))


def test_a_device_clock_a_few_minutes_ahead_hides_nothing() -> None:
    assert "hd-5-red-high" in spoken(pressure(NOW + timedelta(minutes=4), 190))


# --- pressure before and after dialysis -------------------------------------------------------


def test_a_pressure_after_dialysis_is_never_compared_with_a_limit_for_before() -> None:
    after = pressure(NOW, 175, context={"phase": "post"})
    before = pressure(NOW, 175, context={"phase": "pre"})
    own = limit("systolic_red_high", 170)

    assert "hd-5-red-high" not in spoken(own, after)
    assert "hd-5-red-high" in spoken(own, before)
    assert "hd-5-red-high" in spoken(own, pressure(NOW, 175))


def test_readings_after_dialysis_do_not_count_towards_those_before() -> None:
    after = {"phase": "post"}
    earlier = [
        pressure(ago(hours=48), 170, context=after),
        pressure(ago(hours=24), 170, context=after),
    ]
    assert "hd-5-yellow-high" not in spoken(*earlier, pressure(NOW, 165))


# --- n of m -----------------------------------------------------------------------------------


def test_two_of_three_counts_a_retake_once() -> None:
    once = [pressure(ago(hours=24), 150), pressure(ago(minutes=10), 165), pressure(NOW, 166)]
    twice = [pressure(ago(hours=24), 165), pressure(ago(minutes=10), 150), pressure(NOW, 166)]

    assert "hd-5-yellow-high" not in spoken(*once)
    assert "hd-5-yellow-high" in spoken(*twice)


def test_a_fourth_reading_back_does_not_count() -> None:
    times = [ago(days=3), ago(days=2), ago(days=1), NOW]
    series = [pressure(at, value) for at, value in zip(times, (170, 150, 150, 170), strict=True)]

    assert "hd-5-yellow-high" not in spoken(*series)


def test_the_reason_shows_what_was_counted() -> None:
    (one,) = found(
        pressure(ago(hours=96), 164),
        pressure(ago(hours=48), 158),
        pressure(NOW, 171),
        rule="hd-5-yellow-high",
    )
    assert one.reason["nb"] == "Systolisk over grensen 160 i 2 av 3 målinger: 164, 158, 171"
    assert len(one.facts) == 3


# --- a yellow limit waits for its retake ------------------------------------------------------


def test_yellow_waits_for_a_retake_and_says_until_when() -> None:
    patient = record(reading("heart_rate", ago(minutes=10), value=115))

    assert rules.findings(HOME_DIALYSIS, patient, NOW) == ()
    (waiting,) = rules.waiting(HOME_DIALYSIS, patient, NOW)
    assert (waiting.rule, waiting.awaits) == ("pulse-yellow-high", "retake")
    assert waiting.until == NOW + timedelta(minutes=20)


def test_yellow_speaks_when_nobody_measured_again() -> None:
    patient = record(reading("heart_rate", ago(minutes=30), value=115))

    (one,) = rules.findings(HOME_DIALYSIS, patient, NOW)
    assert one.retake
    assert rules.waiting(HOME_DIALYSIS, patient, NOW) == ()


def test_a_retake_inside_the_limit_clears_yellow() -> None:
    pulse = [reading("heart_rate", ago(hours=2), value=115)]

    assert spoken(*pulse, reading("heart_rate", ago(minutes=110), value=90)) == set()


def test_a_retake_beyond_confirms_yellow_at_once() -> None:
    first = reading("heart_rate", ago(minutes=10), value=115)
    second = reading("heart_rate", NOW, value=112)

    seen = found(first, second, rule="pulse-yellow-high")
    assert [one.facts for one in seen] == [(first.id,), (second.id,)]
    assert not any(one.retake for one in seen)


def test_a_retake_with_a_doubtful_clock_clears_nothing() -> None:
    first = reading("heart_rate", ago(hours=2), value=115)
    doubtful = reading("heart_rate", ago(minutes=110), value=80, flags=CLOCK_SUSPECT)

    assert spoken(first, doubtful) == {"pulse-yellow-high"}


# --- change -----------------------------------------------------------------------------------


def test_weight_since_the_last_dialysis_reads_as_the_nurse_reads_it() -> None:
    (one,) = found(weight(ago(hours=34), 82.3, "post"), weight(NOW, 84.7), rule="hd-1-red")

    assert one.reason["nb"] == "Vekt +2,4 kg siden siste dialyse (grense 1,5)"
    assert one.reason["en"] == "Weight +2.4 kg since the last dialysis (limit 1.5)"
    assert len(one.values) == 2


def test_the_last_dialysis_counts_not_an_earlier_one() -> None:
    earlier, last = weight(ago(hours=90), 80.0, "post"), weight(ago(hours=40), 83.5, "post")

    assert "hd-1-red" not in spoken(earlier, last, weight(NOW, 84.7))


def test_a_dialysis_more_than_a_week_ago_is_no_reference() -> None:
    assert "hd-1-red" not in spoken(weight(ago(days=8), 80.0, "post"), weight(NOW, 84.7))


def test_a_doubtful_weight_is_no_reference() -> None:
    doubtful = weight(ago(hours=34), 80.0, "post", flags=CLOCK_SUSPECT)
    by_date = weight(ago(hours=34), 80.0, "post", precision="day")

    assert "hd-1-red" not in spoken(doubtful, weight(NOW, 84.7))
    assert "hd-1-red" not in spoken(by_date, weight(NOW, 84.7))


def test_the_weight_after_a_session_counts_from_its_end() -> None:
    session = reading("hd_session", ago(hours=3), weight_post=80, until=ago(hours=1))
    during = weight(ago(hours=2), 84.0)

    assert "hd-1-red" not in spoken(session, during)
    assert "hd-1-red" in spoken(session, weight(NOW, 82.0))


@pytest.mark.parametrize(("hours", "speaks"), [(15, False), (16, True), (32, True), (33, False)])
def test_a_rise_per_day_needs_weights_16_to_32_hours_apart(hours: int, speaks: bool) -> None:
    rise = [weight(ago(hours=hours + 2), 80.0), weight(ago(hours=2), 81.4)]

    assert ("hd-1-yellow" in spoken(*rise)) is speaks


def test_a_rise_is_scaled_to_a_day() -> None:
    assert "hd-1-yellow" not in spoken(weight(ago(hours=32), 80.0), weight(ago(hours=2), 80.9))
    assert "hd-1-yellow" in spoken(weight(ago(hours=20), 80.0), weight(ago(hours=2), 80.9))


def test_a_gain_in_percent_needs_the_target_weight() -> None:
    gain = [weight(ago(hours=70), 70.0, "post"), weight(NOW, 74.2, "pre")]

    assert "hd-2-red" not in spoken(*gain)
    (one,) = found(limit("target_weight", 70), *gain, rule="hd-2-red")
    assert one.reason["nb"] == "Vektøkning mellom dialyser 6,0 % av tørrvekt (grense 5,7)"
    assert one.limits == (("interdialytic_gain_red", HOME_DIALYSIS.limit_by_name[
        "interdialytic_gain_red"].default), ("target_weight", 70))  # fmt: skip


# --- limits are decisions, valid from a moment ------------------------------------------------


def test_the_limit_in_force_when_it_was_measured_decides() -> None:
    set_ = [
        limit("systolic_red_high", 150, ago(hours=2)),
        limit("systolic_red_high", None, ago(hours=1)),
    ]

    seen = found(
        *set_,
        pressure(ago(hours=3), 155),
        pressure(ago(minutes=90), 156),
        pressure(ago(minutes=30), 157),
        rule="hd-5-red-high",
    )
    assert [one.values[0].value for one in seen] == [156]
    assert seen[0].limits == (("systolic_red_high", 150),)


def test_of_two_limits_from_one_moment_the_later_recorded_holds() -> None:
    first = limit("systolic_red_high", 150, after=timedelta(seconds=1))
    second = limit("systolic_red_high", 200, after=timedelta(seconds=5))

    for order in ([first, second], [second, first]):
        assert "hd-5-red-high" not in spoken(*order, pressure(NOW, 190))


def test_limits_that_must_be_set_are_named_until_they_are() -> None:
    unset = rules.unset(HOME_DIALYSIS, record(), NOW)
    assert "target_weight" in unset
    without = rules.unset(HOME_DIALYSIS, record(limit("target_weight", 80)), NOW)
    assert set(unset) - set(without) == {"target_weight"}
    every = [limit(name, 80) for name in unset]
    assert rules.unset(HOME_DIALYSIS, record(*every), NOW) == ()


# --- answers ----------------------------------------------------------------------------------


def test_a_red_answer_speaks_though_the_rest_is_skipped() -> None:
    (one,) = found(answers(NOW, chest_pain=True))

    assert (one.rule, one.colour, one.emergency) == ("chest-pain", "red", True)
    assert "113" in one.patient_text["nb"]


def test_a_skipped_question_and_a_no_say_nothing() -> None:
    assert spoken(answers(NOW)) == set()
    assert spoken(answers(NOW, chest_pain=False, effluent="clear")) == set()


def test_cloudy_effluent_is_red_from_the_form_and_from_the_machine() -> None:
    machine = reading("pd_treatment", NOW, context={"effluent": "cloudy"}, ultrafiltration=800)
    assert "pd-1-red" in spoken(answers(NOW, effluent="cloudy"))
    assert "pd-1-red" in spoken(machine)


def test_a_form_named_by_its_canonical_url_is_the_same_form() -> None:
    said = answers(NOW, worried=True)
    url = "https://hjemvakt.example/fhir/Questionnaire/home-dialysis-daily|1.0"
    object.__setattr__(said, "body", {**said.body, "questionnaire": url})

    assert spoken(said) == {"worried"}


# --- absence ----------------------------------------------------------------------------------


def test_a_gap_stays_a_finding_after_the_session_that_ended_it() -> None:
    first, second = (reading("hd_session", ago(hours=h), uf_volume=1000) for h in (100, 10))

    (one,) = found(first, second, rule="hd-9-red")
    assert one.at == ago(hours=28)
    assert one.facts == (first.id,)


def test_a_session_measured_in_time_but_received_late_removes_the_finding() -> None:
    first = reading("hd_session", ago(hours=100), uf_volume=1000)
    between = reading("hd_session", ago(hours=40), uf_volume=1000, after=timedelta(hours=39))

    assert "hd-9-red" in spoken(first)
    assert "hd-9-red" not in spoken(first, between)


def test_a_session_with_a_doubtful_clock_ends_no_gap() -> None:
    first = reading("hd_session", ago(hours=100), uf_volume=1000)
    doubtful = reading("hd_session", ago(hours=40), uf_volume=1000, flags=CLOCK_SUSPECT)

    assert "hd-9-red" in spoken(first, doubtful)


def test_a_pause_puts_a_gap_off_to_a_full_gap_after_it() -> None:
    first = reading("hd_session", ago(hours=100), uf_volume=1000)
    pause = decision("paused", ago(hours=50), pause_id="p", until=ago(hours=20).isoformat())

    patient = record(first, pause)
    assert rules.findings(HOME_DIALYSIS, patient, NOW) == ()
    (waiting,) = rules.waiting(HOME_DIALYSIS, patient, NOW)
    assert waiting.awaits == "absence"
    assert waiting.until == ago(hours=20) + timedelta(hours=72)


@pytest.mark.parametrize("ends", [0.5, 365, 26_000])
def test_a_session_that_says_it_ends_in_the_future_ended_when_it_was_heard_of(ends: float) -> None:
    # Received five minutes after it began: whatever it says, later than that it did not end.
    until = ago(days=10) + timedelta(days=ends)
    session = replace(
        reading("hd_session", ago(days=10), weight_post=80, until=until),
        received_at=ago(days=10) + timedelta(minutes=5),
    )

    assert record(session).series(("hd_session", "*")).last == ago(days=10) + timedelta(minutes=5)
    assert "hd-9-red" in spoken(session)
    assert "hd-9-red" in spoken(session, weight(ago(hours=1), 80.0))


def test_nobody_who_never_had_a_session_is_missing_one() -> None:
    assert spoken(weight(ago(days=20), 80.0)) == set()


# --- enrolment --------------------------------------------------------------------------------


def test_only_what_was_measured_while_enrolled_is_judged() -> None:
    ended = decision(
        "enrolment-ended", ago(hours=1), enrolment_id="22222222-2222-4222-8222-222222222222"
    )
    patient = Record.of(
        record().patient_id,
        [
            enrolled(ago(hours=5), plan=[]),
            ended,
            pressure(ago(hours=6), 190),
            pressure(ago(hours=3), 191),
            pressure(NOW, 192),
        ],
    )
    seen = rules.findings(HOME_DIALYSIS, patient, NOW)
    assert [one.values[0].value for one in seen] == [191]


# --- late -------------------------------------------------------------------------------------


def test_a_reading_that_comes_long_after_it_was_taken_is_marked_late() -> None:
    in_time = pressure(ago(hours=2), 190, after=timedelta(minutes=30))
    late = pressure(ago(hours=1), 190, after=timedelta(minutes=31))

    assert [one.late for one in found(in_time, late, rule="hd-5-red-high")] == [False, True]


# --- NEWS2 ------------------------------------------------------------------------------------


def test_an_incomplete_news2_speaks_on_its_lower_bound() -> None:
    sitting = [
        reading("spo2", ago(minutes=8), context={"on_oxygen": False}, value=91),
        reading("heart_rate", ago(minutes=6), value=112),
        pressure(ago(minutes=5), 138),
        reading("body_temp", ago(minutes=4), value="36.9"),
    ]
    (one,) = found(*sitting, rule="news2-medium")
    assert one.reason["nb"] == "NEWS2 minst 5 (3 av 7 mål)"
    assert one.marks == ("spo2",)
    assert one.at == ago(minutes=6)


def test_a_measurement_without_points_repeats_nothing() -> None:
    bad = reading("spo2", ago(minutes=30), value=90)
    fine = pressure(ago(minutes=5), 130)

    assert len(found(bad, fine, rule="news2-single")) == 1


def test_scale_2_is_used_only_by_decision_and_only_from_then_on() -> None:
    reported = reading("spo2", NOW, context={"spo2_scale": 2, "on_oxygen": True}, value=89)
    decided = decision("spo2-scale-decided", ago(hours=1), scale=2, reason="blood gas")

    assert "news2-medium" in spoken(reported)
    assert "news2-medium" not in spoken(decided, reported)
    earlier = reading("spo2", ago(hours=2), context={"on_oxygen": True}, value=89)
    assert "news2-medium" in spoken(decided, earlier)


def test_news2_is_not_for_children_nor_in_pregnancy() -> None:
    bad = reading("spo2", NOW, value=80)
    child = decision("patient-registered", ago(days=30), born="2012-01-01")
    pregnant = decision("patient-changed", ago(days=30), pregnant=True)

    assert "news2-single" in spoken(bad)
    assert "news2-single" not in spoken(child, bad)
    assert "news2-single" not in spoken(pregnant, bad)


def test_a_doubtful_reading_can_raise_a_score_but_never_calm_one() -> None:
    bad = reading("spo2", ago(minutes=20), value=90)
    calm = reading("spo2", ago(minutes=10), value=98, flags=CLOCK_SUSPECT)
    pulse = reading("heart_rate", NOW, value=112)

    assert "news2-medium" in spoken(bad, calm, pulse)
    doubtful = reading("spo2", NOW, value=90, flags=CLOCK_SUSPECT)
    assert "news2-single" in spoken(doubtful)
    by_date = reading("spo2", NOW, value=90, precision="day")
    assert "news2-single" not in spoken(by_date)
