"""A nurse's move covers what she saw: versions, what each state allows, and who is told."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from services.alerts import reader
from services.alerts.care import moves, moving
from services.alerts.clinical import lifecycle
from tests.alerts import given
from tests.alerts.given import World, ago


async def red(world: World) -> tuple[object, ...]:
    patient = await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=20)))
    await given.send(world, patient, given.weight("84.5", ago(minutes=5)))
    await world.judge()
    return patient, await world.alert(patient, "weight")


async def test_the_second_nurse_is_told_that_the_alert_has_moved(world: World) -> None:
    _, alert = await red(world)

    answers = await asyncio.gather(
        world.move(alert, "acknowledge"),
        world.move(alert, "close", note="Ringt"),
        return_exceptions=True,
    )

    refused = [one for one in answers if isinstance(one, moves.AlertHasMoved)]
    assert len(refused) == 1
    shown = refused[0].members["alert"]
    assert shown["id"] == str(alert["id"])
    assert shown["version"] == alert["version"] + 1
    assert shown["moved_by"]["name"] == world.nurse.name


async def test_what_came_after_the_screen_is_not_closed_with_it(world: World) -> None:
    patient, alert = await red(world)
    await given.send(world, patient, given.weight("85.0", ago(minutes=1)))
    await world.judge()

    with pytest.raises(moves.AlertHasMoved):
        await world.move(alert, "close", note="Ringt")

    assert (await world.alert(patient, "weight"))["state"] == "open"


async def test_a_close_holds_the_findings_it_saw(world: World) -> None:
    patient, alert = await red(world)

    await world.move(alert, "close", note="Ringt", outcome="useful")

    move = (await world.fetch("select * from alerts.move where move = 'close'"))[0]
    findings = await world.fetch("select id from alerts.finding where alert_id = $1", alert["id"])
    assert set(move["seen"]) == {row["id"] for row in findings}
    assert (move["outcome"], move["by"]) == ("useful", world.nurse.id)
    row = await world.row(patient)
    assert row is not None
    assert row["colour"] == "green"


async def test_a_red_is_not_closed_without_a_word(world: World) -> None:
    _, alert = await red(world)

    with pytest.raises(lifecycle.NoteMissing):
        await world.move(alert, "close")


async def test_a_refused_move_leaves_nothing_behind(world: World) -> None:
    patient, alert = await red(world)

    with pytest.raises(lifecycle.MoveNotAllowed):
        await world.move(alert, "reopen", note="x")

    again = await world.alert(patient, "weight")
    assert again["version"] == alert["version"]
    assert await world.value("select count(*) from alerts.move where by <> 'system'") == 0


async def test_an_acknowledged_red_comes_back_when_the_acknowledgement_runs_out(
    world: World,
) -> None:
    patient, alert = await red(world)
    await world.move(alert, "acknowledge", until=await world.now() + timedelta(hours=1))
    await given.pretend(world, "acknowledged_until", alert)

    await world.wake(patient)

    again = await world.alert(patient, "weight")
    assert again["state"] == "open"
    assert again["notified_at"] > alert["notified_at"]
    assert again["oldest_unacknowledged"] is not None


async def test_a_snooze_ends_audibly(world: World) -> None:
    patient, alert = await red(world)
    await world.move(
        alert,
        "snooze",
        until=await world.now() + timedelta(hours=2),
        note="Måler igjen",
        confirm=True,
    )
    snoozed = await world.row(patient)
    assert snoozed is not None
    assert snoozed["waiting_since"] is None
    await given.pretend(world, "snoozed_until", alert)

    told = await world.wake(patient)

    again = await world.alert(patient, "weight")
    assert (again["state"], again["snoozed_until"]) == ("open", None)
    assert told == [alert["id"]]


async def test_a_snooze_is_pierced_by_what_is_graver(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("83.2", ago(hours=30), phase="post"))
    await world.judge()
    yellow = await world.alert(patient, "target-weight")
    await world.move(yellow, "snooze", until=await world.now() + timedelta(hours=2), note="x")

    await given.send(world, patient, given.weight("84.5", ago(minutes=1), phase="post"))
    await world.judge()

    again = await world.alert(patient, "target-weight")
    assert (again["colour"], again["state"], again["snoozed_until"]) == ("red", "open", None)


async def test_no_snooze_is_longer_than_half_a_day(world: World) -> None:
    _, alert = await red(world)

    with pytest.raises(lifecycle.UntilIsUnusable):
        await world.move(
            alert, "snooze", until=await world.now() + timedelta(hours=13), note="x", confirm=True
        )


async def test_an_acknowledged_yellow_expires_with_an_entry_and_a_red_never(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("83.2", ago(hours=30), phase="post"))
    await world.judge()
    yellow = await world.alert(patient, "target-weight")
    await world.move(yellow, "acknowledge")
    await world.execute(
        "update alerts.alert set acknowledged_at = clock_timestamp() - interval '73 hours'"
    )
    await given.forget(world, patient)

    await world.wake(patient)

    assert await world.open_alerts(patient) == []
    move = (await world.fetch("select * from alerts.move where move = 'expire'"))[0]
    assert (move["by"], move["state"]) == ("system", "closed")
    assert len(move["seen"]) == 1


async def test_a_reopened_alert_is_the_same_alert(world: World) -> None:
    patient, alert = await red(world)
    closed = await world.move(alert, "close", note="Ringt")

    await world.move(alert, "reopen", note="Ringte igjen", version=closed["version"])

    again = await world.alert(patient, "weight")
    assert (again["id"], again["state"]) == (alert["id"], "open")


async def test_a_closed_alert_is_not_reopened_beside_a_newer_one(world: World) -> None:
    patient, alert = await red(world)
    closed = await world.move(alert, "close", note="Ringt")
    await given.send(world, patient, given.weight("85.5", ago(minutes=1)))
    await world.judge()

    with pytest.raises(moving.AnotherIsOpen):
        await world.move(alert, "reopen", note="x", version=closed["version"])


async def test_an_alert_is_given_only_to_somebody_who_treats_patients(world: World) -> None:
    patient, alert = await red(world)

    with pytest.raises(moves.UnknownAssignee):
        await world.move(alert, "assign", assignee=str(uuid4()))
    given_to = await world.move(alert, "assign", assignee=world.nurse.id)

    assert given_to["assignee"] == world.nurse.id
    row = await world.row(patient)
    assert row is not None
    assert row["assignee"] == world.nurse.id


async def test_an_alert_is_given_only_to_somebody_of_its_unit(world: World) -> None:
    """Who cannot open it would have it on no list, and nobody else would look for it."""
    _, alert = await red(world)
    stranger = uuid4()
    await world.execute(
        "insert into patients.staff (org, id, name, role, units)"
        " values ($1, $2, 'Per Lunge', 'nurse', $3)",
        given.ORG, stranger, [world.other_unit],
    )  # fmt: skip

    with pytest.raises(moves.UnknownAssignee):
        await world.move(alert, "assign", assignee=str(stranger))


async def test_another_unit_may_neither_read_nor_move_and_the_try_is_logged(world: World) -> None:
    patient, alert = await red(world)
    world.nurse = reader.Reader(
        world.nurse.id, "Annen", "nurse", given.ORG, frozenset({world.other_unit})
    )

    with pytest.raises(reader.NotYourUnit):
        await world.move(alert, "acknowledge")

    logged = await world.fetch("select outcome from patients.access_log")
    assert [row["outcome"] for row in logged] == ["refused"]
    assert (await world.alert(patient, "weight"))["version"] == alert["version"]


async def test_moves_and_findings_can_never_be_changed_by_the_service(world: World) -> None:
    import asyncpg

    await red(world)
    for statement in (
        "update alerts.move set note = 'x'",
        "delete from alerts.move",
        "delete from alerts.alert",
        "delete from alerts.finding",
        "delete from alerts.state",
        "delete from audit.event",
        "update audit.event set by = 'x'",
    ):
        async with world.alerts.connection() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
