"""Silence is an alarm, once, with a cause; never before its time, and never for our own delay."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from services.alerts import watchdog
from services.alerts.clinical import schedule, wording
from tests.alerts import given
from tests.alerts.given import World, ago


async def plan(world: World, *, due: timedelta, grace: str = "PT1M") -> list[dict[str, Any]]:
    """A weight every day, due so long ago."""
    at = (await world.now() - due).astimezone(wording.OSLO)
    opens = max(at - timedelta(minutes=30), at.replace(hour=0, minute=0))
    return [
        {
            "id": "weight",
            "names": {"nb": "Vekt", "en": "Weight"},
            "kind": "body_weight",
            "opens": opens.strftime("%H:%M"),
            "due": at.strftime("%H:%M"),
            "grace": grace,
        }
    ]


async def silent(world: World, patient: UUID) -> list[Any]:
    return [one for one in await world.open_alerts(patient) if one["group"] == "missing"]


async def overdue(world: World, **more: Any) -> UUID:
    return await given.patient(
        world,
        enrolled=timedelta(hours=20),
        plan=await plan(world, due=timedelta(minutes=10)),
        **more,
    )


async def test_what_is_expected_is_written_down_when_the_plan_begins(world: World) -> None:
    patient = await overdue(world)

    await world.judge()

    rows = await world.fetch("select * from alerts.due where patient_id = $1", patient)
    today = schedule.local_day(await world.now())
    assert {today, today + timedelta(days=1), today + timedelta(days=2)} <= {
        row["local_day"] for row in rows
    }
    assert all(row["satisfied_by"] is None for row in rows)


async def test_a_patient_who_never_sent_anything_is_silent_when_the_grace_is_over(
    world: World,
) -> None:
    patient = await overdue(world)
    await world.judge()
    assert await silent(world, patient) == []

    await world.clock.round(given.ORG)

    (alert,) = await silent(world, patient)
    assert (alert["lane"], alert["cause"]) == ("technical", "patient")
    row = await world.row(patient)
    assert row is not None
    assert row["technical"]
    missed = await world.value(
        "select count(*) from alerts.due where patient_id = $1 and missed_at is not null", patient
    )
    assert missed >= 1


async def test_one_silence_is_one_alert_however_often_the_clock_looks(world: World) -> None:
    patient = await overdue(world)
    await world.judge()

    for _ in range(3):
        await world.clock.round(given.ORG)
        await world.execute("update alerts.state set wakes_at = clock_timestamp()")

    (alert,) = await silent(world, patient)
    raised = await world.value(
        "select count(*) from alerts.move where alert_id = $1 and move = 'raise'", alert["id"]
    )
    assert raised == 1


async def test_two_clocks_at_once_raise_one_alert(world: World) -> None:
    import asyncio

    patients = [await overdue(world) for _ in range(5)]
    await world.judge()
    clocks = [world.clock, world.clock]

    await asyncio.gather(*(one.round(given.ORG) for one in clocks))

    for patient in patients:
        assert len(await silent(world, patient)) == 1


async def test_a_reading_in_its_window_satisfies(world: World) -> None:
    patient = await overdue(world)
    await given.send(world, patient, given.weight("82.0", ago(minutes=15)))
    await world.judge()

    await world.clock.round(given.ORG)

    assert await silent(world, patient) == []


async def test_readings_that_wait_to_be_judged_are_not_silence(world: World) -> None:
    patient = await overdue(world)
    await world.judge()
    await given.send(world, patient, given.weight("82.0", ago(minutes=15)))

    await world.clock.round(given.ORG)
    assert await silent(world, patient) == []

    await world.judge()
    await world.clock.round(given.ORG)
    assert await silent(world, patient) == []


async def test_our_own_backlog_postpones_silence(world: World) -> None:
    patient, other = await overdue(world), await given.patient(world)
    await world.judge()
    await given.send(world, other, given.weight("82.0", ago(minutes=15)))
    await world.execute(
        "update ledger.handover set received_at = clock_timestamp() - interval '5 minutes'"
    )

    await world.clock.round(given.ORG)
    assert await silent(world, patient) == []
    behind = await world.fetch("select * from alerts.alert where rule = 'platform-behind'")
    assert len(behind) == 1

    await world.judge()
    await world.clock.round(given.ORG)
    assert len(await silent(world, patient)) == 1


async def test_a_clock_step_postpones_silence(world: World) -> None:
    patient = await overdue(world)
    await world.judge()
    clock = world.clock
    await clock.round("another")
    clock._offset = (clock._offset or 0) - 3 * 3600  # the database's clock went three hours ahead

    await clock.round(given.ORG)

    assert await silent(world, patient) == []


async def test_a_pause_is_not_silence(world: World) -> None:
    patient = await overdue(world)
    body = {"pause_id": "p1", "until": None, "reason": "innlagt"}
    await given.decide(world, patient, "paused", body, ago(hours=10))
    await world.judge()

    await world.clock.round(given.ORG)

    assert await silent(world, patient) == []
    row = await world.row(patient)
    assert row is not None
    assert row["paused"] == {"until": None, "reason": "innlagt"}


async def test_a_reading_from_the_future_satisfies_nothing(world: World) -> None:
    patient = await overdue(world)
    await given.send(world, patient, given.weight("82.0", ago(days=-3)))
    await world.judge()

    await world.clock.round(given.ORG)

    assert len(await silent(world, patient)) == 1


async def test_a_reading_that_comes_late_but_was_taken_in_time_changes_the_basis(
    world: World,
) -> None:
    patient = await overdue(world)
    await world.judge()
    await world.clock.round(given.ORG)
    await given.send(world, patient, given.weight("82.0", ago(minutes=15)))

    await world.judge()

    (alert,) = await silent(world, patient)
    assert alert["basis_changed"]
    satisfied = await world.value(
        "select count(*) from alerts.due where patient_id = $1 and satisfied_by is not null",
        patient,
    )
    assert satisfied == 1


async def test_a_patient_who_cannot_be_woken_holds_up_nobody_and_keeps_his_mark(
    world: World,
) -> None:
    broken, other = await overdue(world), await overdue(world)
    await world.judge()
    await world.execute(f"alter table alerts.due add constraint no check (missed_at is null or"
                        f" patient_id <> '{broken}')")  # fmt: skip

    await world.clock.round(given.ORG)

    assert len(await silent(world, other)) == 1
    state = await world.fetch("select * from alerts.state where patient_id = $1", broken)
    assert state[0]["listened_at"] is None or state[0]["listened_at"] < await world.now()
    assert await world.value(
        "select count(*) from alerts.due where patient_id = $1 and missed_at is null"
        " and grace_until < clock_timestamp()",
        broken,
    )


async def test_a_silent_device_is_named_as_the_cause(world: World) -> None:
    patient = await overdue(world)
    await world.execute(
        "insert into ledger.reading (org, id, at, patient_id, type, kind, day_only, received_at,"
        " cred, slot, message_id, flags, body, origin) select $1, gen_random_uuid(), $3, $2,"
        " 'device-event', 'device_status', false, $3, 'c-x', '', 'm', '{}', $4, gen_random_uuid()",
        given.ORG,
        patient,
        ago(hours=2),
        {"v": 1, "state": "offline"},
    )
    await world.judge()

    await world.clock.round(given.ORG)

    (alert,) = await silent(world, patient)
    assert alert["cause"] == "device"


async def test_a_platform_that_hears_nobody_is_one_alarm(world: World) -> None:
    patients = [await overdue(world) for _ in range(watchdog.MANY)]
    await world.judge()
    await world.execute(
        "update alerts.heartbeat set body = jsonb_build_object('received_at',"
        " clock_timestamp() - interval '31 minutes')"
    )

    await world.clock.round(given.ORG)

    platform = await world.fetch("select * from alerts.alert where rule = 'platform-quiet'")
    assert len(platform) == 1
    assert (platform[0]["colour"], platform[0]["cause"]) == ("red", "us")
    for patient in patients:
        assert await silent(world, patient) == []

    # Somebody is heard again: who is truly late is now called so.
    await given.send(world, patients[0], given.weight("82.0", ago(minutes=15)))
    await world.judge()
    await world.clock.round(given.ORG)

    assert await silent(world, patients[0]) == []
    for patient in patients[1:]:
        assert len(await silent(world, patient)) == 1


async def test_a_yellow_that_waits_for_a_retake_says_when_to_look_again(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=25)))
    await given.send(world, patient, given.weight("83.0", ago(minutes=50)))

    await world.judge()

    assert await world.open_alerts(patient) == []
    wakes_at = await world.value("select wakes_at from alerts.state where patient_id = $1", patient)
    assert timedelta(minutes=8) < wakes_at - await world.now() < timedelta(minutes=11)


async def test_a_yellow_whose_retake_never_came_speaks(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=25)))
    await given.send(world, patient, given.weight("83.0", ago(minutes=61)))

    await world.judge()

    assert (await world.alert(patient, "weight"))["colour"] == "yellow"
