"""Judging never raises: what fails is a finding, and hides nothing else. And the technical lane."""

from datetime import timedelta
from typing import Any

import pytest

from services.alerts.clinical import judge, rules, technical
from services.alerts.clinical.finding import Finding
from services.alerts.clinical.history import Record
from shared.contracts import Fact, Flag
from shared.programmes import Programme
from tests.clinical.given import (
    HOME_DIALYSIS,
    NOW,
    PATIENT,
    ago,
    enrolled,
    fact,
    limit,
    pressure,
    reading,
    record,
)

PROGRAMMES = {"home_dialysis": HOME_DIALYSIS}


def judged(*facts: Fact, programmes: dict[str, Programme] | None = None) -> list[Finding]:
    return judge.judge(record(*facts), PROGRAMMES if programmes is None else programmes, NOW)


def broken_programme() -> Programme:
    """A text that names what its rule does not have, as a check would have refused."""
    told = HOME_DIALYSIS.model_dump(by_alias=True)
    for rule in told["rule"]:
        if rule["group"] == "pulse":
            rule["says"] = {"nb": "{strange}", "en": "{strange}"}
    return Programme.model_validate(told)


def test_a_group_that_fails_is_a_technical_red_and_hides_no_other() -> None:
    facts = (reading("heart_rate", NOW, value=140), pressure(NOW, 190))
    told: list[tuple[str, str, str]] = []

    found = judge.judge(
        record(*facts),
        {"home_dialysis": broken_programme()},
        NOW,
        failed=lambda programme, group, error: told.append(
            (programme, group, type(error).__name__)
        ),
    )

    rules_ = {one.rule for one in found}
    assert "hd-5-red-high" in rules_
    (failure,) = [one for one in found if one.rule == "could-not-be-judged"]
    assert (failure.colour, failure.lane, failure.group) == ("red", "technical", "judging")
    assert "pulse" in failure.reason["nb"]
    assert told == [("home_dialysis", "pulse", "KeyError")]


def test_the_same_failure_is_the_same_finding_until_something_new_could_not_be_judged() -> None:
    programmes = {"home_dialysis": broken_programme()}
    patient = record(reading("heart_rate", ago(hours=1), value=140))

    first, again = (judge.judge(patient, programmes, NOW) for _ in range(2))
    later = judge.judge(patient.adding([reading("heart_rate", NOW, value=141)]), programmes, NOW)
    failures = [
        {one.id for one in found if one.rule == "could-not-be-judged"}
        for found in (first, again, later)
    ]
    assert failures[0] == failures[1] != failures[2]


def test_a_fact_that_cannot_be_read_is_said_out_loud() -> None:
    broken = fact("reading", "body_weight", NOW, {"v": 1})

    found = judged(broken, pressure(NOW, 190))
    (failure,) = [one for one in found if one.rule == "could-not-be-judged"]
    assert failure.facts == (broken.id,)
    assert "hd-5-red-high" in {one.rule for one in found}


def test_a_decision_that_cannot_be_read_is_said_out_loud() -> None:
    found = judged(fact("limit-set", "", ago(days=1), {"name": "target_weight"}))

    assert [one.rule for one in found] == ["could-not-be-judged"]


def test_an_enrolment_in_a_programme_nobody_has_is_said_out_loud() -> None:
    found = judged(pressure(NOW, 190), programmes={})

    assert [one.rule for one in found] == ["could-not-be-judged"]


def test_somebody_not_enrolled_is_not_judged_and_that_is_said() -> None:
    patient = Record.of(PATIENT, [pressure(NOW, 190), limit("target_weight", 80)])

    assert [one.rule for one in judge.judge(patient, PROGRAMMES, NOW)] == ["data-not-followed"]


def test_judging_is_the_programmes_findings_and_the_technical_ones() -> None:
    patient = record(pressure(NOW, 190, flags=(Flag.ID_REUSED,)))

    found = judge.judge(patient, PROGRAMMES, NOW)
    assert all(one in found for one in rules.findings(HOME_DIALYSIS, patient, NOW))
    assert {one.rule for one in found} == {"hd-5-red-high", "id-reused"}


def test_waiting_survives_what_fails() -> None:
    patient = record(reading("heart_rate", ago(minutes=5), value=115))

    assert judge.waiting(patient, {"home_dialysis": broken_programme()}, NOW)
    assert judge.waiting(patient, {}, NOW) == ()


# --- devices ----------------------------------------------------------------------------------


def status(at: Any, source: str = "c-hub", **body: Any) -> Fact:
    return fact("device-event", "device_status", at, {"v": 1, **body}, source=source)


def technically(*facts: Fact) -> list[str]:
    found = technical.findings(record(*facts), NOW)
    assert all(one.lane == "technical" and one.colour == "yellow" for one in found)
    return sorted(one.rule for one in found)


def test_a_device_offline_for_half_an_hour_is_said() -> None:
    gone = status(ago(minutes=40), state="offline")

    assert technically(gone) == ["device-offline"]
    assert technically(gone, status(ago(minutes=20), state="online")) == []
    assert technically(gone, status(ago(minutes=5), state="online")) == ["device-offline"]
    assert technically(gone, status(ago(minutes=20), "c-other", state="online")) == [
        "device-offline"
    ]


def test_a_device_just_gone_is_waited_for() -> None:
    patient = record(status(ago(minutes=10), state="offline"))

    assert technical.findings(patient, NOW) == []
    (waiting,) = technical.waiting(patient, NOW)
    assert waiting.until == NOW + timedelta(minutes=20)


def test_a_device_that_stays_offline_is_said_once() -> None:
    gone = [status(ago(hours=hours), state="offline") for hours in (5, 3, 1)]

    assert technically(*gone) == ["device-offline"]


@pytest.mark.parametrize(
    ("levels", "times"), [((80, 60), 0), ((80, 15, 14, 12), 1), ((80, 14, 5, 4), 2), ((12,), 1)]
)
def test_a_battery_is_said_when_it_falls_below_a_level(levels: tuple[int, ...], times: int) -> None:
    falling = [
        status(ago(hours=10 - n), state="online", battery=level) for n, level in enumerate(levels)
    ]
    assert technically(*falling) == ["device-battery"] * times


def test_a_new_battery_that_runs_low_again_is_said_again() -> None:
    falling = [
        status(ago(hours=10 - n), state="online", battery=level)
        for n, level in enumerate((10, 100, 10))
    ]
    assert technically(*falling) == ["device-battery"] * 2


def test_a_status_without_a_battery_or_with_nonsense_says_nothing() -> None:
    assert technically(status(NOW, state="online"), status(NOW, state="online", battery="x")) == []


def test_a_device_of_somebody_no_longer_enrolled_is_left_alone() -> None:
    patient = Record.of(
        PATIENT, [enrolled(ago(hours=1), plan=[]), status(ago(hours=3), state="offline")]
    )

    assert technical.findings(patient, NOW) == []


def test_an_id_used_again_is_a_technical_alarm_and_the_reading_is_judged() -> None:
    assert technically(pressure(NOW, 130, flags=(Flag.ID_REUSED,))) == ["id-reused"]
