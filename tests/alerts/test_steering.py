"""The page from which follow-up is steered: its figures, and what is sent on."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.alerts.looking_back import steering
from services.alerts.looking_back.kept import Kept
from services.alerts.looking_back.steering import Question
from services.alerts.looking_back.weeks import Steering
from services.alerts.page import steering as page
from services.alerts.reader import NotYourUnit
from tests.alerts import given
from tests.alerts.given import HOME, World, ago

ENROLLED = timedelta(days=70)


async def high(world: World, *, unit: UUID | None = None, **more: Any) -> UUID:
    patient = await given.patient(world, enrolled=ENROLLED, unit=unit, **more)
    await given.send(world, patient, given.systolic(185, ago(hours=1)))
    return patient


async def told(world: World, **asked: Any) -> Steering:
    by = world.nurse
    parts = given.application(world).state.parts
    question = Question(asked.get("unit"), asked.get("programme"), asked.get("back", 4))
    return await steering.steering(parts, by, question)


async def test_an_answer_is_kept_for_some_minutes_for_whoever_has_the_same_units(
    world: World,
) -> None:
    parts = given.application(world).state.parts
    kept = Kept()
    question = Question(None, None, 4)
    first = await kept.steering(parts, world.nurse, question)
    assert (await kept.steering(parts, world.nurse, question)) is first
    assert (await kept.steering(parts, world.nurse, Question(None, None, 12))) is not first
    elsewhere = replace(world.nurse, units=frozenset({world.other_unit}))
    assert (await kept.steering(parts, elsewhere, question)) is not first
    with pytest.raises(NotYourUnit):
        await kept.steering(parts, elsewhere, Question(world.unit, None, 4))


async def test_each_week_unit_and_programme_has_its_figures(world: World) -> None:
    useful, not_useful = await high(world), await high(world, limits={"systolic_red_high": 170})
    await high(world, unit=world.other_unit)
    await world.judge()
    for patient, outcome in ((useful, "useful"), (not_useful, "not-useful")):
        alert = await world.alert(patient, "blood-pressure")
        await world.move(alert, "close", note="Ringt", outcome=outcome)

    found = await told(world)

    assert (found.whole["patients"], found.whole["alerts"], found.whole["red"]) == (2, 2, 2)
    assert (found.whole["rated"], found.whole["useful"], found.whole["own"]) == (2, 1, 1)
    assert 0 <= found.whole["red_taken_after"] <= found.whole["red_closed_after"] < 60
    assert found.whole["yellow_taken_after"] is None
    assert [week["red"] for week in found.weeks] == [0, 0, 0, 2]
    assert [week["patients"] for week in found.weeks] == [2, 2, 2, 2]
    assert [round(week["patient_days"]) for week in found.weeks[:3]] == [14, 14, 14]
    (place,) = found.places
    assert (place["programme"], place["red"], place["patients"]) == (HOME, 2, 2)
    assert len(found.cells) == 4
    assert [one["id"] for one in found.units] == [str(world.unit)]


async def test_what_was_expected_and_did_not_come_is_counted_by_its_programme(
    world: World,
) -> None:
    patient = await given.patient(world, enrolled=ENROLLED)
    enrolment = await world.value(
        "select body ->> 'enrolment_id' from ledger.decision"
        " where patient_id = $1 and type = 'enrolled'",
        patient,
    )
    for days, missed in ((1, True), (2, False), (3, True), (4, None)):
        await world.execute(
            "insert into alerts.due (org, patient_id, plan, local_day, slot, kind, opens_at,"
            " due_at, grace_until, satisfied_by, missed_at) values ($1, $2, $3,"
            " current_date - $4::int, 'weight', 'body_weight', $5, $5, $5, $6, $7)",
            given.ORG, patient, enrolment, days, ago(days=days),
            patient if missed is False else None, ago(days=days) if missed else None,
        )  # fmt: skip

    found = await told(world)

    assert (found.whole["expected"], found.whole["missed"]) == (3, 2)
    assert sum(week["missed"] for week in found.weeks) == 2
    assert found.places[0]["missed"] == 2
    assert page.figure_of({**found.whole, "expected": 0}, "missed") is None


async def test_a_table_that_is_sent_on_tells_nothing_of_fewer_than_five(world: World) -> None:
    for _ in range(4):
        await high(world)
    await world.judge()
    few = await rows(world)
    await high(world)
    await world.judge()
    many = await rows(world)

    assert len(few) == len(many) == 4
    for row in few:
        assert row["pasienter"] == "færre enn 5"
        assert not any(row[name] for name in row if name not in ("pasienter", "uke fra", "enhet",
                                                                 "program"))  # fmt: skip
    assert (many[-1]["pasienter"], many[-1]["røde"]) == ("5", "5")
    assert "Testesen" not in str(many)


async def test_the_page_shows_the_same_and_is_for_clinicians(world: World) -> None:
    await high(world)
    await world.judge()
    async with given.client(world) as client:
        shown = await client.get("/burden", params={"weeks": 4})
        english = await client.get("/burden", params={"weeks": 4, "lang": "en"})
        other = await client.get("/burden", params={"unit": str(world.other_unit)})
        unreadable = await client.get("/burden", params={"unit": "-" * 36})
    async with given.client(world, "administrator") as administrator:
        refused = await administrator.get("/burden")

    assert shown.status_code == 200
    assert "Varsler per pasient og uke" in shown.text
    assert "Alerts per patient and week" in english.text
    assert "Testesen" not in shown.text
    assert (other.status_code, unreadable.status_code, refused.status_code) == (403, 422, 403)


async def rows(world: World) -> list[dict[str, str]]:
    async with given.client(world) as client:
        answer = await client.get("/burden.csv", params={"weeks": 4})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")), delimiter=";"))
