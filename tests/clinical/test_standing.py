"""Pauses and ends: what is not expected, what is said of it, and when it is over."""

from typing import Any

import pytest

from services.alerts.clinical import judge, standing, technical
from services.alerts.clinical.history import Record
from shared.contracts import Fact
from tests.clinical.given import (
    ENROLMENT,
    HOME_DIALYSIS,
    NOW,
    PATIENT,
    ago,
    decision,
    fact,
    pressure,
    record,
    weight,
)

PROGRAMMES = {"home_dialysis": HOME_DIALYSIS}


def paused(start: float, end: float | None, id_: str = "p", **more: Any) -> Fact:
    """From so many hours ago to so many hours ago."""
    until = None if end is None else ago(hours=end).isoformat()
    return decision("paused", ago(hours=start), pause_id=id_, until=until, **more)


def found(patient: Record, rule: str) -> list[Any]:
    return [one for one in judge.judge(patient, PROGRAMMES, NOW) if one.rule == rule]


@pytest.mark.parametrize("kind", ["admission", "holiday", "other"])
def test_a_pause_says_its_kind_and_reason_while_it_lasts(kind: str) -> None:
    patient = record(paused(3, -3, kind=kind, reason="avtalt"))

    still = standing.still(patient, NOW)

    assert still == (kind, ago(hours=3), ago(hours=-3), "avtalt")
    assert standing.still(patient, ago(hours=-3)) is None
    assert list(standing.turns(patient, NOW)) == [ago(hours=-3)]
    assert list(standing.turns(patient, ago(hours=4))) == [ago(hours=3), ago(hours=-3)]


@pytest.mark.parametrize("body", [{}, {"kind": None}, {"kind": "of a later release"}])
def test_a_pause_without_a_kind_we_know_is_a_pause(body: dict[str, Any]) -> None:
    still = standing.still(record(paused(3, None, **body)), NOW)

    assert still is not None
    assert still.kind == "other"


@pytest.mark.parametrize(("kind", "doubts"), [("admission", ("admission",)), ("holiday", ())])
def test_a_pause_suppresses_nothing_that_comes(kind: str, doubts: tuple[str, ...]) -> None:
    patient = record(paused(3, -3, kind=kind), pressure(ago(hours=1), 80))

    (red,) = [one for one in judge.judge(patient, PROGRAMMES, NOW) if one.colour == "red"]

    assert (red.rule, red.doubts) == ("hd-5-red-low", doubts)


def test_what_was_measured_before_an_admission_is_not_marked() -> None:
    patient = record(paused(3, -3, kind="admission"), pressure(ago(hours=4), 80))

    assert {one.doubts for one in judge.judge(patient, PROGRAMMES, NOW)} == {()}


def test_a_pause_ends_audibly_once() -> None:
    patient = record(paused(30, 2, kind="holiday"))

    (over,) = found(patient, "pause-over")

    assert (over.lane, over.colour, over.at) == ("technical", "yellow", ago(hours=2))
    assert over.reason["nb"].startswith("Feriepausen er over")
    assert found(record(paused(30, -2)), "pause-over") == []
    assert technical.findings(patient, NOW, ago(hours=1)) == []
    assert technical.findings(patient, NOW, ago(hours=2)) == [over]


def test_a_pause_that_somebody_ended_that_goes_on_or_that_nobody_follows_ends_in_silence() -> None:
    called_off = record(paused(30, 2), decision("pause-ended", ago(hours=3), pause_id="p"))
    goes_on = record(paused(30, 2), paused(2, -9, "q"))
    ended = decision("enrolment-ended", ago(hours=5), enrolment_id=str(ENROLMENT), reason="x")

    for patient in (called_off, goes_on, record(paused(30, 2), ended)):
        assert found(patient, "pause-over") == []


def status(hours: float, state: str) -> Fact:
    return fact("device-event", "device_status", ago(hours=hours), {"v": 1, "state": state})


def test_a_device_that_is_off_in_a_pause_is_asked_for_half_an_hour_after_it() -> None:
    off = status(20, "offline")
    during = record(paused(30, -1), off)
    after = record(paused(30, 2), off)
    back = record(paused(30, 2), off, status(1.8, "online"))
    forgotten = record(paused(30, None), off)

    assert found(during, "device-offline") == []
    assert [one.until for one in technical.waiting(during, NOW) if one.awaits == "online"] == [
        ago(hours=-1) + technical.OFFLINE
    ]
    (offline,) = found(after, "device-offline")
    assert offline.at == off.at
    assert offline in technical.findings(after, NOW, ago(hours=1.9))
    assert found(back, "device-offline") == []
    assert found(forgotten, "device-offline") == []


def test_an_end_is_said_for_a_weekend_and_says_why() -> None:
    end = decision("enrolment-ended", ago(hours=5), enrolment_id=str(ENROLMENT), reason="Ferdig")
    patient = record(end)

    assert standing.still(patient, NOW) == ("ended", ago(hours=5), None, "Ferdig")
    assert standing.still(patient, NOW + standing.SHOWN) is None
    assert list(standing.turns(patient, NOW)) == [ago(hours=5) + standing.SHOWN]


def test_death_is_said_as_death() -> None:
    patient = record(decision("patient-changed", ago(hours=1), deceased=True), weight(NOW, 80))

    assert standing.still(patient, NOW) == ("deceased", ago(hours=1), None, None)
    (after,) = found(patient, "data-after-end")
    assert "registrert død" in after.reason["nb"]


def test_whoever_was_never_followed_is_named_once_however_much_he_sends() -> None:
    sent = [weight(ago(hours=hours), 80) for hours in (9, 5, 1)]
    never = [Record.of(PATIENT, sent[:n]) for n in (1, 2, 3)]

    ids = {one.id for patient in never for one in found(patient, "data-not-followed")}

    assert len(ids) == 1
    assert found(Record.of(PATIENT, []), "data-not-followed") == []
    assert found(record(*sent), "data-not-followed") == []


def test_of_two_programmes_the_end_of_one_is_no_end() -> None:
    other = decision("enrolled", ago(days=3), enrolment_id=str(PATIENT), programme="copd", plan=[])
    end = decision("enrolment-ended", ago(hours=5), enrolment_id=str(ENROLMENT), reason="x")

    assert standing.still(record(other, end), NOW) is None
    assert standing.just_ended(record(other, end), NOW) == []
