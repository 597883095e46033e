"""The checker: a sound list stays as it is; a tampered row is found, put right and alarmed."""

import pytest

from services.alerts.checker import Checker
from services.alerts.stream import Notifier
from tests.alerts import given
from tests.alerts.given import World, ago


def checker(world: World) -> Checker:
    return Checker(world.alerts, Notifier(world.alerts), given.PROGRAMMES)


async def test_a_sound_list_is_left_alone(world: World) -> None:
    patients = [await given.patient(world, limits={"target_weight": 82}) for _ in range(4)]
    for n, patient in enumerate(patients):
        weight = given.weight(str(82 + n), ago(hours=n + 1), phase="post")
        await given.send(world, patient, weight, given.systolic(120 + 20 * n, ago(minutes=n + 1)))
    await world.judge()
    for patient in patients:
        await world.wake(patient)
    await world.move((await world.open_alerts(patients[3]))[0], "acknowledge")

    different = await checker(world).round(given.ORG, 10)

    assert different == []
    assert await world.value("select count(*) from alerts.alert where rule = 'row-differs'") == 0


@pytest.mark.parametrize(
    "tampering",
    [
        "update alerts.worklist_row set rank = 2",
        "update alerts.worklist_row set waiting_since = 'infinity'",
        "update alerts.worklist_row set body = jsonb_set(body, '{colour}', '\"green\"')",
        "delete from alerts.worklist_row",
    ],
)
async def test_a_tampered_row_is_found_and_put_right(world: World, tampering: str) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("85", ago(hours=1), phase="post"))
    await world.judge()
    await world.execute(tampering)

    different = await checker(world).round(given.ORG, 1)

    assert different == [patient]
    row = await world.row(patient)
    assert row is not None
    assert row["colour"] == "red"
    alarm = await world.alert(patient, "row-differs")
    assert (alarm["lane"], alarm["colour"]) == ("technical", "red")
    assert await checker(world).round(given.ORG, 1) == []


async def test_a_lost_finding_is_noticed(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("82", ago(hours=9), phase="post"))
    await world.judge()
    await checker(world).round(given.ORG, 1)
    await world.execute(
        "update alerts.heartbeat set at = at - interval '1 day' where worker like 'software%'"
    )
    await given.send(world, patient, given.weight("85", ago(hours=1), phase="post"))
    await world.judge()
    await world.execute("delete from alerts.finding")

    assert await checker(world).round(given.ORG, 1) == [patient]


async def test_an_upgrade_is_no_alarm(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("85", ago(hours=1), phase="post"))
    await world.judge()
    await world.execute(
        "update alerts.worklist_row set body = body - 'number' || '{\"made_by\": \"older\"}'"
    )

    assert await checker(world).round(given.ORG, 1) == []


async def test_a_patient_with_facts_that_wait_is_not_compared(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await world.judge()
    await given.send(world, patient, given.weight("85", ago(hours=1), phase="post"))

    assert await checker(world).round(given.ORG, 1) == []
