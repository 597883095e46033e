"""What comes late is told if it is graver; what a mistake kept from being judged is judged."""

from uuid import UUID

import pytest

from shared.contracts import Item
from tests.alerts import given
from tests.alerts.given import World, ago


def first_half(at_minutes: int = 20) -> list[Item]:
    at = ago(minutes=at_minutes)
    return [given.reading("resp_rate", at, value=25), given.reading("spo2", at, value=91)]


async def sent(world: World, patient: UUID, *items: Item) -> None:
    await given.send(world, patient, *items)
    await world.judge()


@pytest.mark.parametrize("move", ["acknowledge", "close"])
async def test_the_rest_of_a_sitting_that_makes_the_score_higher_is_told(
    world: World, move: str
) -> None:
    patient = await given.patient(world)
    half = first_half()
    await sent(world, patient, *half)
    alert = await world.alert(patient, "news2")
    await world.move(alert, move, note="Ringt", outcome="useful" if move == "close" else None)

    await sent(world, patient, given.reading("body_temp", half[0].at, value=34.9))

    worse = await world.alert(patient, "news2")
    assert (worse["state"], worse["colour"], worse["basis_changed"]) == ("open", "red", False)
    assert "9" in worse["body"]["reason"]["nb"]
    row = await world.row(patient)
    assert row is not None
    assert row["colour"] == "red"


async def test_signs_sent_one_by_one_change_no_basis_and_a_voided_one_does(world: World) -> None:
    patient = await given.patient(world)
    at = ago(minutes=20)
    signs = [
        given.reading("resp_rate", at, value=25),
        given.reading("spo2", at, value=91),
        given.reading("heart_rate", at, value=135),
        given.reading("body_temp", at, value=34.9),
    ]
    for one in signs:
        await sent(world, patient, one)

    alert = await world.alert(patient, "news2")
    assert (alert["emergency"], alert["basis_changed"]) == (True, False)

    await sent(world, patient, given.voided(signs[3]))

    alert = await world.alert(patient, "news2")
    assert alert["basis_changed"] is True
    assert "9" in alert["body"]["reason"]["nb"]


async def test_another_emergency_in_a_group_that_is_in_hand_is_told(world: World) -> None:
    patient = await given.patient(world)
    at = ago(minutes=30)
    await sent(world, patient, given.reading("heart_rate", at, value=135))
    alert = await world.alert(patient, "pulse")
    await world.move(alert, "acknowledge")

    await sent(world, patient, given.reading("heart_rate", ago(minutes=10), value=35))

    again = await world.alert(patient, "pulse")
    assert (again["state"], again["acknowledged_at"]) == ("open", None)


async def test_an_alert_shows_what_stands_when_its_worst_was_taken_back(world: World) -> None:
    patient = await given.patient(world)
    milder, worse = given.systolic(192, ago(minutes=40)), given.systolic(230, ago(minutes=10))
    await sent(world, patient, milder)
    await sent(world, patient, worse)
    assert "230" in (await world.alert(patient, "blood-pressure"))["body"]["reason"]["nb"]

    await sent(world, patient, given.voided(worse))

    alert = await world.alert(patient, "blood-pressure")
    assert "192" in alert["body"]["reason"]["nb"]
    assert alert["basis_changed"] is True


async def changed(world: World, patient: UUID, **about: object) -> None:
    await given.decide(world, patient, "patient-changed", dict(about), await world.now())
    await world.judge()


async def test_what_came_while_he_was_thought_dead_is_judged_when_he_is_not(world: World) -> None:
    patient = await given.patient(world)
    await changed(world, patient, deceased=True)
    await sent(world, patient, given.reading("consciousness", await world.now(), value="V"))
    assert [one["lane"] for one in await world.open_alerts(patient)] == ["technical"]

    await changed(world, patient, deceased=False)

    assert (await world.alert(patient, "news2"))["colour"] in ("red", "yellow")


async def test_a_birth_date_put_right_brings_the_scores_it_had_kept_away(world: World) -> None:
    patient = await given.patient(world)
    await changed(world, patient, born="2015-03-14")
    await sent(world, patient, *first_half())
    assert await world.open_alerts(patient) == []

    await changed(world, patient, born="1952-03-14")

    assert (await world.alert(patient, "news2"))["colour"] == "red"


async def test_a_name_that_is_changed_makes_nothing_judged_anew(world: World) -> None:
    patient = await given.patient(world)
    await sent(world, patient, *first_half())
    before = await world.findings(patient)

    await changed(world, patient, name="Test Testesen", born="1952-03-14", deceased=False)

    assert await world.findings(patient) == before


async def test_who_no_longer_answers_after_confusion_is_told_again(world: World) -> None:
    patient = await given.patient(world)
    await sent(world, patient, given.reading("consciousness", ago(minutes=40), value="C"))
    await world.move(await world.alert(patient, "news2"), "acknowledge", note="Ringt")

    await sent(world, patient, given.reading("consciousness", ago(minutes=20), value="V"))
    worse = await world.alert(patient, "news2")
    assert worse["state"] == "open"

    await world.move(worse, "acknowledge", note="Ringt igjen")
    await sent(world, patient, given.reading("consciousness", ago(minutes=10), value="C"))
    assert (await world.alert(patient, "news2"))["state"] == "acknowledged"


async def test_a_row_shows_what_was_sent_though_nobody_asked_for_it(world: World) -> None:
    patient = await given.patient(world)
    await sent(world, patient, given.reading("heart_rate", ago(minutes=10), value=70))

    row = await world.row(patient)

    assert row is not None
    assert [(one["kind"], one["value"]) for one in row["values"]] == [("heart_rate", 70)]
