"""When the trial weeks are over: what is suggested, who is on the list, what a word does to it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from services.patients.followup import suggesting, trial_weeks
from services.patients.followup.trial_weeks import Outcome
from shared import programmes
from shared.contracts import Fact
from shared.database import Database
from shared.limits.nouns import Suggested
from shared.programmes import marking
from shared.programmes.parts import Trial
from tests.patients.conftest import Person, Ward

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
SLUG = "home_dialysis"
DIALYSIS = programmes.load(SLUG)
PULSES = (70, 72, 74, 76, 78, 80, 82, 84, 86)
YELLOW = "pulse_yellow_high"


def pulses(values: Sequence[int] = PULSES, days: int = 15, now: datetime = NOW) -> list[Fact]:
    step = timedelta(days=days - 1) / max(len(values) - 1, 1)
    return [
        Fact("org", uuid4(), uuid4(), "reading", "heart_rate", now - timedelta(days=days - 1) +
             n * step, now, "", {"values": {"value": value}})
        for n, value in enumerate(values)
    ]  # fmt: skip


def looked(
    facts: Sequence[Fact] = (),
    decided: Sequence[str] = (),
    held: Sequence[Suggested] = (),
    *,
    every: timedelta = timedelta(hours=1),
    started: timedelta = timedelta(days=20),
    programme: programmes.Programme = DIALYSIS,
) -> Outcome:
    return trial_weeks.looked_at(
        programme, facts, decided, {one.name: one for one in held},
        started_at=NOW - started, every=every, now=NOW,
    )  # fmt: skip


def of_yellow(outcome: Outcome) -> Suggested | None:
    return next((one for one in outcome.put if one.name == YELLOW), None)


# --- what is suggested, and when it is looked at again -------------------------------------------


def test_after_the_trial_weeks_a_limit_waits_for_a_word() -> None:
    found = of_yellow(looked(pulses()))
    assert found is not None
    assert (found.state, found.since, found.n) == ("waiting", NOW, 9)
    assert (found.median, found.value) == (Decimal(78), Decimal(90))


def test_yellow_is_two_spreads_off_and_red_is_three() -> None:
    quick = [value + 50 for value in PULSES]
    found = {one.name: one.value for one in looked(pulses(quick)).put}
    assert found["pulse_red_high"] - found[YELLOW] == Decimal(6), "one spread of 5.93"


def test_a_red_limit_is_not_suggested_to_speak_sooner_than_the_programme_says() -> None:
    assert "pulse_red_high" not in {one.name for one in looked(pulses()).put}


def test_what_lies_at_the_edge_of_what_the_programme_allows_is_not_suggested() -> None:
    slow = [value - 25 for value in PULSES]
    assert of_yellow(looked(pulses(slow))) is None, "65, and at least 80 is allowed"


def test_before_that_it_is_looked_at_again_and_nothing_waits() -> None:
    outcome = looked(pulses(days=13))
    assert (outcome.put, outcome.every) == ([], timedelta(hours=2))
    assert outcome.again == NOW + timedelta(hours=2)


def test_nobody_waits_longer_than_a_day_while_new_nor_a_week_later() -> None:
    assert looked(every=timedelta(days=1)).every == timedelta(days=1)
    late = looked(every=timedelta(days=1), started=timedelta(days=57))
    assert looked(every=timedelta(days=6), started=timedelta(days=57)).every == timedelta(days=7)
    assert late.every == timedelta(days=2)


def test_a_limit_with_a_decision_is_not_asked_about() -> None:
    assert of_yellow(looked(pulses(), [YELLOW])) is None


def test_what_waits_keeps_its_place_and_gets_new_numbers() -> None:
    first = of_yellow(looked(pulses()))
    assert first is not None
    waited = replace(first, since=NOW - timedelta(days=3), value=Decimal(95))
    again = of_yellow(looked(pulses(), held=[waited]))
    assert again is not None
    assert (again.since, again.value) == (waited.since, Decimal(90))


def test_what_was_kept_comes_back_when_its_time_has_come_and_not_before() -> None:
    one = of_yellow(looked(pulses()))
    assert one is not None
    kept = replace(one, state="kept", again_at=NOW + timedelta(minutes=1))
    early = looked(pulses(), held=[kept])
    assert (of_yellow(early), early.again) == (None, NOW + timedelta(minutes=1))
    late = of_yellow(looked(pulses(), held=[replace(kept, again_at=NOW)]))
    assert late is not None
    assert (late.state, late.since) == ("waiting", NOW)
    assert of_yellow(looked(pulses(), held=[replace(kept, again_at=None)])) is None


def test_what_has_its_answer_is_looked_at_no_more() -> None:
    names = [limit.name for limit in DIALYSIS.limits]
    assert looked(pulses(), names).again is None


def test_what_would_be_the_number_in_force_is_not_suggested_and_no_longer_waits() -> None:
    default = DIALYSIS.limit_by_name[YELLOW].default
    assert default is not None
    same = [int(default)] * 9
    one = of_yellow(looked(pulses()))
    assert one is not None
    outcome = looked(pulses(same), held=[one])
    assert of_yellow(outcome) is None
    assert outcome.drop == [YELLOW]


def test_a_programme_says_itself_how_long_the_trial_is() -> None:
    longer = DIALYSIS.model_copy(update={"trial": Trial(days=21, values=8)})
    assert of_yellow(looked(pulses(), programme=longer)) is None
    assert of_yellow(looked(pulses(days=21), programme=longer)) is not None


def test_what_says_nothing_of_a_trial_has_the_mark_it_had() -> None:
    said = DIALYSIS.model_copy(update={"trial": Trial()})
    assert marking.digest(said) != marking.digest(DIALYSIS)
    assert "trial" not in DIALYSIS.model_dump(exclude_none=True)


@pytest.mark.parametrize("again", ["P6D", "P400D"])
def test_it_is_not_asked_again_at_once_nor_after_years(again: str) -> None:
    with pytest.raises(ValueError, match="P7D to P366D"):
        Trial.model_validate({"again": again})


# --- with the record --------------------------------------------------------------------------


async def measured(ward: Ward, more: int = 0) -> None:
    """A trial of three weeks, looked at as the service does."""
    await ward.nurse.post(f"{ward.path}/enrolments", {"programme": SLUG})
    now = datetime.now(UTC)
    for n, value in enumerate(PULSES * 2):
        at = now - timedelta(days=20) + n * timedelta(days=1)
        body = {"kind": "heart_rate", "at": at.isoformat(), "values": {"value": value + more}}
        await ward.nurse.post(f"{ward.path}/readings", body)


async def looked_through(ward: Ward, after: timedelta = timedelta(hours=2)) -> None:
    """As the service does by and by. Its own loop may hold the one it is about."""
    database = Database(ward.record.urls.patients, name="test", size=1)
    await database.open()
    try:
        loop = suggesting.Suggesting(database, programmes.versions(None))
        now = datetime.now(UTC) + after
        for _ in range(200):
            if not await loop.once(now):
                left = await ward.record.rows(
                    "select 1 from patients.enrolment where ended_at is null and look_at <= $1", now
                )
                if not left:
                    return
                await asyncio.sleep(0.05)
        raise AssertionError("The readings were never looked through.")
    finally:
        await database.close()


async def listed(ward: Ward, by: Person | None = None) -> list[Any]:
    shown = await (by or ward.nurse).get(f"/v1/units/{ward.unit}/suggested-limits")
    found: list[Any] = shown["patients"]
    return found


async def test_who_has_measured_long_enough_is_on_the_list_until_there_is_a_word(
    ward: Ward,
) -> None:
    await measured(ward)
    await looked_through(ward)
    [one] = await listed(ward)
    assert (one["patient_id"], one["programme"]) == (ward.patient, SLUG)
    value = one["limits"][YELLOW]

    body = {"programme": SLUG, "name": YELLOW, "value": value - 1, "reason": "Justert"}
    await ward.nurse.post(f"{ward.path}/limits", body)
    [one] = await listed(ward)
    assert YELLOW not in one["limits"]

    kept = {"programme": SLUG, "reason": "Programmets grenser passer"}
    answer = await ward.nurse.post(f"{ward.path}/limits/keep", kept, 200)
    assert answer["kept"] == sorted(one["limits"])
    assert await listed(ward) == []
    await ward.nurse.post(f"{ward.path}/limits/keep", kept, 409)

    shown = await ward.nurse.get(f"{ward.path}/limits")
    states = {one["name"]: one["state"] for one in shown["suggested"]}
    assert states[YELLOW] == "decided"
    assert set(states.values()) == {"decided", "kept"}
    said = [one for one in await ward.record.decisions(ward.patient) if one.type == "limit-kept"]
    assert {one.body["name"] for one in said} == set(answer["kept"])
    assert {one.body["reason"] for one in said} == {"Programmets grenser passer"}


async def test_what_was_kept_is_asked_about_again_after_ninety_days(ward: Ward) -> None:
    await measured(ward)
    await looked_through(ward)
    await ward.nurse.post(f"{ward.path}/limits/keep", {"programme": SLUG, "reason": "Nå"}, 200)
    shown = await ward.nurse.get(f"{ward.path}/limits")
    for one in shown["suggested"]:
        back = datetime.fromisoformat(one["again_at"]) - datetime.fromisoformat(one["settled_at"])
        assert back == timedelta(days=90)
    await ward.record.rows("update patients.suggested_limit set again_at = now()")
    await ward.record.rows("update patients.enrolment set look_at = now()")
    await looked_through(ward)
    assert await listed(ward)


async def test_what_came_to_nothing_with_the_second_clinician_waits_again(ward: Ward) -> None:
    await measured(ward, more=55)
    await looked_through(ward)
    wider = {"programme": SLUG, "name": "pulse_red_high", "value": 160, "reason": "Kjent rask"}
    proposal = await ward.nurse.post(f"{ward.path}/limits", wider, 202)
    [one] = await listed(ward)
    assert "pulse_red_high" not in one["limits"]
    path = f"{ward.path}/limits/{proposal['id']}/withdraw"
    await ward.nurse.post(path, {"reason": "Feil"}, 200)
    [one] = await listed(ward)
    assert "pulse_red_high" in one["limits"]


async def test_a_record_that_is_shut_for_somebody_is_not_on_her_list(ward: Ward) -> None:
    await measured(ward)
    await looked_through(ward)
    other = await ward.record.staff("nurse", ward.unit)
    shut = {"staff": ward.record.ids[other.token or ""]}
    patient = await ward.record.person(patient=ward.patient)
    await patient.post(f"{ward.path}/shields", shut)
    assert await listed(ward, other) == []
    assert await listed(ward)


async def test_whoever_reads_the_list_has_seen_those_on_it(ward: Ward) -> None:
    await measured(ward)
    await looked_through(ward)
    await listed(ward)
    [row] = await ward.record.rows(
        "select by, patients from audit.event where door like '%suggested-limits%'"
    )
    assert [str(one) for one in row["patients"]] == [ward.patient]
