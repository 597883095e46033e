"""A red answer in quarantine is an alert, once; and forms are compared over more than a year."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.alerts import views
from services.alerts.judging.held import HeldReds
from services.alerts.judging.patient import PLATFORM
from services.alerts.stream import Notifier
from shared.contracts import Alarm, Code, Draft, Item, ItemError
from tests.alerts import given
from tests.alerts.given import PROGRAMMES, World, ago

RED = Alarm("phq-9", ("item-9",), harm=True)


def held(errors: bool = True) -> Item:
    item = given.systolic(120, ago(minutes=2))
    fault = (ItemError("answers.item-3", Code.UNKNOWN_CODE),) if errors else ()
    return replace(item, drafts=(), errors=fault, alarm=RED)


def looking(world: World) -> HeldReds:
    return HeldReds(world.alerts, Notifier(world.alerts), PROGRAMMES)


async def test_a_red_form_in_quarantine_is_raised_once_whoever_looks(world: World) -> None:
    patient = await given.patient(world)
    await world.judge()
    (answer,) = await given.send(world, patient, held())
    assert answer.result == "quarantined"

    one, other = looking(world), looking(world)
    assert len(await one.round(given.ORG)) == 1
    assert await one.round(given.ORG) == []
    assert await other.round(given.ORG) == []

    alert = await world.alert(patient, "held-red")
    assert (alert["colour"], alert["lane"], alert["state"]) == ("red", "clinical", "open")
    assert (await world.row(patient) or {})["colour"] == "red"
    assert await world.value("select count(*) from alerts.finding where rule = 'held-red'") == 1


async def test_it_stays_until_a_person_closes_it_and_is_not_raised_again(world: World) -> None:
    patient = await given.patient(world)
    await world.judge()
    await given.send(world, patient, held())
    watching = looking(world)
    await watching.round(given.ORG)
    await given.send(world, patient, given.systolic(120, ago(minutes=1)))
    await world.judge()
    alert = await world.alert(patient, "held-red")
    assert not alert["basis_changed"]

    await world.move(alert, "close", note="Ringt, trygg", outcome="useful")
    assert await looking(world).round(given.ORG) == []
    assert await world.open_alerts(patient) == []


async def test_of_nobody_known_it_stands_with_the_platform(world: World) -> None:
    await given.send(world, UUID(int=7), held())
    assert len(await looking(world).round(given.ORG)) == 1
    [alert] = await world.open_alerts(PLATFORM)
    assert (alert["rule"], alert["colour"], alert["lane"]) == ("held-red", "red", "technical")


async def test_what_has_nothing_red_is_left_to_the_desk(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, replace(held(), alarm=None))
    assert await looking(world).round(given.ORG) == []


def answers(name: str, given_answers: dict[str, Any], days: float) -> Item:
    body = {"v": 1, "questionnaire": name, "answers": given_answers}
    item = given.systolic(120, ago(days=days))
    return replace(item, drafts=(Draft("answers", "questionnaire", body),))


@pytest.mark.parametrize(("days", "compared"), [(380, True), (500, False)])
async def test_forms_are_read_further_back_than_readings(
    world: World, days: int, compared: bool
) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, answers("phq-2", {"item-1": [1], "item-2": [1]}, days))
    await given.send(world, patient, given.systolic(120, ago(days=200)))
    await given.send(world, patient, answers("phq-2", {"item-1": [3], "item-2": [1]}, 0.01))

    async with world.alerts.transaction() as tx:
        read = await views.record_of(tx, given.ORG, patient, await world.now())

    forms = read.record.series(("answers:phq-2", "#score")).all.samples
    assert [one.value for one in forms] == [*([Decimal(2)] if compared else []), Decimal(4)]
    readings = read.record.series(("blood_pressure", "systolic")).all.samples
    assert readings == ()
    assert read.complete_from is not None
    assert read.complete_from > ago(days=1)
