"""A photo is promised an answer: until somebody gives it, the list says so, yellow and then red."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from shared import attachments
from shared.contracts import Item
from shared.ledger import files
from tests.alerts import given
from tests.alerts.given import World

WOUNDS = "chronic_wounds"


async def wounded(world: World) -> UUID:
    return await given.patient(world, programme=WOUNDS, enrolled=timedelta(days=40), plan=[])


def photo_of(at: datetime) -> Item:
    message = f"photo-{uuid4()}"
    file = attachments.File(bytes(32), attachments.JPEG, 1000, 640, 480)
    draft = attachments.draft("wound_photo", message, file, {"site": "heel"})
    return replace(given.item(message, "wound_photo", at, {}), drafts=(draft,))


async def photo(world: World, patient: UUID, *, received: timedelta) -> UUID:
    """Taken and received so long ago."""
    at = await world.now() - received
    [answer] = await given.send(world, patient, photo_of(at))
    assert answer.fact_id is not None
    # As it stood when it was received: the ledger itself always writes its own moment.
    await world.execute(
        "update ledger.reading set received_at = $2 where id = $1", answer.fact_id, at
    )
    return answer.fact_id


async def colours(world: World, patient: UUID) -> list[str]:
    found = await world.open_alerts(patient)
    return [one["colour"] for one in found if one["group"] == "answer"]


async def test_until_the_promise_is_over_the_row_says_by_when(world: World) -> None:
    patient = await wounded(world)
    await photo(world, patient, received=timedelta(minutes=1))

    await world.judge()
    await world.wake(patient)

    assert await colours(world, patient) == []
    row = await world.row(patient)
    assert row is not None
    [by] = row["promises"]
    assert datetime.fromisoformat(by) > datetime.now(UTC)
    wakes = await world.value("select wakes_at from alerts.state where patient_id = $1", patient)
    assert wakes <= datetime.fromisoformat(by)


async def test_a_promise_that_was_not_kept_is_an_alert_and_red_a_working_day_later(
    world: World,
) -> None:
    patient = await wounded(world)
    await photo(world, patient, received=timedelta(days=14))

    await world.judge()
    assert await colours(world, patient) == [], "only the clock decides on silence"
    await world.wake(patient)

    assert await colours(world, patient) == ["red"]
    alert = await world.alert(patient, "answer")
    assert not alert["basis_changed"]
    assert alert["body"]["reason"]["nb"].startswith("Bilde fra")


async def test_an_answer_in_time_keeps_it_quiet(world: World) -> None:
    patient = await wounded(world)
    sent = await photo(world, patient, received=timedelta(days=14))
    await answer(world, patient, sent)

    await world.judge()
    await world.wake(patient)

    assert await colours(world, patient) == []
    row = await world.row(patient)
    assert row is not None
    assert row["promises"] == []


async def test_an_answer_that_came_late_changes_the_basis_and_a_person_closes(
    world: World,
) -> None:
    patient = await wounded(world)
    sent = await photo(world, patient, received=timedelta(days=14))
    await world.judge()
    await world.wake(patient)

    await answer(world, patient, sent)
    await world.judge()
    await world.wake(patient)

    alert = await world.alert(patient, "answer")
    assert alert["basis_changed"]
    await world.move(alert, "close", note="Svart i dag", outcome="useful")
    await world.wake(patient)
    assert await colours(world, patient) == []


async def test_closing_with_a_note_is_answer_enough(world: World) -> None:
    patient = await wounded(world)
    await photo(world, patient, received=timedelta(days=14))
    await world.judge()
    await world.wake(patient)

    await world.move(
        await world.alert(patient, "answer"), "close", note="Ringte pasienten", outcome="useful"
    )
    await world.wake(patient)

    assert await colours(world, patient) == []


async def test_a_photo_that_came_while_the_answer_was_written_is_not_covered_by_it(
    world: World,
) -> None:
    patient = await wounded(world)
    first = await photo(world, patient, received=timedelta(days=14))
    await photo(world, patient, received=timedelta(days=13))
    await answer(world, patient, first)

    await world.judge()
    await world.wake(patient)

    assert await colours(world, patient) == ["red"]
    found = await world.findings(patient)
    assert len(found) == 2, "yellow and red of the second one only"


async def test_a_withdrawn_photo_is_promised_nothing(world: World) -> None:
    patient = await wounded(world)
    sent = photo_of(await world.now() - timedelta(minutes=1))
    [stored] = await given.send(world, patient, sent)
    assert stored.fact_id is not None
    await world.judge()
    await given.send(world, patient, given.voided(sent))

    await world.judge()
    await world.wake(patient)

    row = await world.row(patient)
    assert row is not None
    assert row["promises"] == []
    async with world.owner.connection() as connection:
        assert await files.attachment(connection, given.ORG, stored.fact_id) is None


async def answer(world: World, patient: UUID, about: UUID) -> None:
    async with world.owner.transaction() as tx:
        assert await files.answer(tx, given.ORG, patient, about, "Ser fint ut", by="n-1")
