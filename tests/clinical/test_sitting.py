"""Which measurements make a NEWS2 together, how old each is, and for how long the score holds."""

from datetime import timedelta

import pytest

from services.alerts.clinical import sitting
from services.alerts.clinical.history import Record
from tests.clinical.given import NOW, ago, decision, pressure, reading, record


def whole(minutes: int = 0) -> list[object]:
    """All seven parameters, all normal, `minutes` ago."""
    at = ago(minutes=minutes)
    return [
        reading("resp_rate", at, value=14),
        reading("spo2", at, context={"on_oxygen": False}, value=97),
        pressure(at, 125),
        reading("heart_rate", at, value=70),
        reading("consciousness", at, value="A"),
        reading("body_temp", at, value=37),
    ]


def test_a_whole_sitting_has_a_total_and_the_age_of_each_part() -> None:
    made = sitting.current(record(*whole(5)), NOW)  # type: ignore[arg-type]

    assert made is not None
    assert made.score.total == 0
    assert made.score.complete
    assert set(made.ages(NOW).values()) == {timedelta(minutes=5)}
    assert made.expires == ago(minutes=5) + timedelta(hours=12)


@pytest.mark.parametrize(("minutes", "together"), [(59, True), (60, True), (61, False)])
def test_measurements_within_an_hour_of_the_newest_belong_together(
    minutes: int, together: bool
) -> None:
    patient = record(reading("spo2", ago(minutes=minutes), value=91), pressure(NOW, 125))

    made = sitting.current(patient, NOW)
    assert made is not None
    assert ("spo2" in made.score.subscores) is together


@pytest.mark.parametrize(("minutes", "together"), [(240, True), (241, False)])
def test_a_temperature_holds_four_hours(minutes: int, together: bool) -> None:
    patient = record(reading("body_temp", ago(minutes=minutes), value=39), pressure(NOW, 125))

    made = sitting.current(patient, NOW)
    assert made is not None
    assert ("temperature" in made.score.subscores) is together


def test_the_latest_of_each_counts_and_what_comes_later_does_not() -> None:
    patient = record(
        reading("spo2", ago(minutes=50), value=90),
        reading("spo2", ago(minutes=40), value=97),
        pressure(ago(minutes=30), 125),
        reading("spo2", ago(minutes=20), value=85),
    )
    made = sitting.assemble(patient, ago(minutes=30))
    assert made is not None
    assert made.score.subscores["spo2"] == 0


def test_oxygen_said_earlier_in_the_sitting_holds_for_the_next_saturation() -> None:
    patient = record(
        reading("spo2", ago(minutes=20), context={"on_oxygen": True}, value=95),
        reading("spo2", NOW, value=95),
    )
    made = sitting.current(patient, NOW)
    assert made is not None
    assert made.score.subscores["supplemental_oxygen"] == 2


def test_a_score_expires_after_the_interval_of_its_band() -> None:
    def expires(*facts: object) -> timedelta:
        made = sitting.current(record(*facts), NOW)  # type: ignore[arg-type]
        assert made is not None
        return made.expires - made.at

    assert expires(pressure(NOW, 125)) == timedelta(hours=12)
    assert expires(pressure(NOW, 105)) == timedelta(hours=6)
    assert expires(pressure(NOW, 85)) == timedelta(hours=1)
    assert expires(pressure(NOW, 85), reading("heart_rate", NOW, value=140)) == timedelta(hours=1)


def test_an_old_score_is_still_shown_with_its_age() -> None:
    made = sitting.current(record(pressure(ago(days=3), 125)), NOW)

    assert made is not None
    assert made.at == ago(days=3)
    assert made.expires < NOW


def test_without_vital_signs_there_is_no_score() -> None:
    assert sitting.current(record(), NOW) is None


def test_who_news2_is_not_for() -> None:
    turns_16 = decision("patient-registered", ago(days=30), born="2010-11-23")
    turns_16_tomorrow = decision("patient-registered", ago(days=30), born="2010-11-24")
    reading_ = pressure(NOW, 125)

    def applies(*facts: object) -> bool:
        patient: Record = record(*facts)  # type: ignore[arg-type]
        return sitting.current(patient, NOW) is not None

    assert applies(reading_)
    assert applies(turns_16, reading_)
    assert not applies(turns_16_tomorrow, reading_)
    assert not applies(decision("patient-changed", ago(days=9), pregnant=True), reading_)


def test_a_sitting_by_a_clock_that_is_ahead_is_one_score_and_calms_nothing() -> None:
    ahead = {"flags": ("clock_suspect",)}
    sure = reading("spo2", ago(minutes=2), value=90)
    facts = (
        reading("resp_rate", NOW, value=22, **ahead),
        pressure(NOW, 100, **ahead),
        reading("heart_rate", NOW, value=112, **ahead),
        reading("body_temp", NOW, value=36, **ahead),
    )
    calm = reading("spo2", ago(minutes=1), value=97, **ahead)

    alone = sitting.scored(record(*facts), None)
    beside = sitting.scored(record(sure, *facts), None)
    calmed = sitting.scored(record(sure, *facts, calm), None)

    assert [(one.at, one.score.lower_bound, one.doubtful) for one in alone] == [(NOW, 7, True)]
    assert {one.score.lower_bound for one in beside} == {3, 10}
    assert [one.score.lower_bound for one in calmed if not one.doubtful] == [3]


def test_a_score_that_turns_out_higher_is_another_than_the_one_that_was_seen() -> None:
    first = (reading("resp_rate", NOW, value=25), reading("spo2", NOW, value=91))
    rest = reading("body_temp", NOW, value=34.9)

    (seen,) = sitting.scored(record(*first), None)
    (whole,) = sitting.scored(record(*first, rest), None)
    (same,) = sitting.scored(record(*first, reading("heart_rate", NOW, value=70)), None)

    assert (seen.score.lower_bound, whole.score.lower_bound) == (6, 9)
    assert seen.trigger != whole.trigger
    assert same.trigger == seen.trigger
