"""The checker: a sound list stays as it is; a tampered row is found, put right and alarmed."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.alerts.judging import triage
from services.alerts.rows import row
from services.alerts.rows.checker import Checker
from services.alerts.stream import Notifier
from tests.alerts import given
from tests.alerts.given import World, ago


def checker(world: World) -> Checker:
    return Checker(world.alerts, Notifier(world.alerts), given.PROGRAMMES, again=timedelta(0))


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


async def test_a_lost_finding_is_noticed_and_raised_after_all(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("82", ago(hours=9), phase="post"))
    await world.judge()
    await checker(world).round(given.ORG, 1)
    await world.execute(
        "update alerts.heartbeat set at = at - interval '1 day' where worker like 'software%'"
    )
    await given.send(world, patient, given.weight("85", ago(hours=1), phase="post"))
    await world.judge()
    held = await world.findings(patient)
    await world.execute("delete from alerts.finding")

    assert await checker(world).round(given.ORG, 1) == [patient]
    assert held <= await world.findings(patient)
    assert await checker(world).round(given.ORG, 1) == []


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


async def test_a_fact_that_comes_while_the_checker_reads_is_no_difference(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(120, ago(hours=1)))
    await world.judge()
    held = await asyncpg.connect(world.urls.owner)
    transaction = held.transaction()
    await transaction.start()
    await held.execute("lock table alerts.alert in access exclusive mode")

    checking = asyncio.create_task(checker(world).round(given.ORG, 1))
    for _ in range(500):  # until it stands in the midst of its reading
        if await held.fetchval("select count(*) from pg_locks where not granted"):
            break
        await asyncio.sleep(0.01)
    await given.send(world, patient, given.systolic(85, ago(minutes=1)))
    await transaction.rollback()
    await held.close()

    assert await checking == []


async def test_a_withdrawal_whose_patient_is_not_yet_known_is_no_difference(world: World) -> None:
    patient, another = await given.patient(world), await given.patient(world)
    wrong = given.systolic(85, ago(minutes=1))
    await given.send(world, patient, given.systolic(120, ago(hours=1)), wrong)
    await world.judge()
    await given.send(world, another, given.voided(wrong))

    assert await checker(world).round(given.ORG, 2) == []


async def test_a_record_that_reaches_further_back_draws_the_same_row(world: World) -> None:
    patient = await given.patient(world, enrolled=timedelta(days=400), limits={"target_weight": 82})
    await given.send(world, patient, given.systolic(120, ago(days=120)))
    await world.judge()
    await given.send(world, patient, given.weight("82", ago(hours=1), phase="post"))
    await world.judge()

    assert await checker(world).round(given.ORG, 1) == []
    assert row.SHOWN <= triage.LOOKBACK


async def test_a_device_whose_clock_is_ahead_is_scored_when_its_moment_comes(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(120, ago(minutes=2)))
    await given.send(world, patient, given.systolic(118, ago(seconds=-0.5)))
    await world.judge()
    await asyncio.sleep(0.6)
    await given.send(world, patient, given.weight("82", ago(minutes=1)))
    await world.judge()

    assert await checker(world).round(given.ORG, 1) == []
    stored = await world.row(patient)
    assert stored is not None
    assert stored["news2"]["inputs"]["systolic_bp"]["value"] == 118


async def test_missed_readings_are_drawn_in_order_however_the_table_holds_them(
    world: World,
) -> None:
    patient = await given.patient(world, enrolled=timedelta(days=6))
    first, second = await _enrolled_twice(world, patient, ago(days=5), ago(days=3))
    assert first > second
    # Then the table is walked by its key, in which the later enrolment comes first.
    await world.execute("drop index alerts.due_by_day")
    await given.send(world, patient, given.weight("82", ago(days=5.5)))
    await world.judge()
    await world.wake(patient)

    stored = await world.row(patient)
    assert stored is not None
    assert len(stored["spark_missing"]) > 3
    assert await checker(world).round(given.ORG, 1) == []


async def _enrolled_twice(
    world: World, patient: UUID, first: datetime, second: datetime
) -> tuple[str, str]:
    """Twice after each other, each time expecting what the programme expects."""
    about = {"programme": given.HOME, "unit_id": str(world.unit), "plan": None}
    earlier, later = sorted((str(uuid4()), str(uuid4())), reverse=True)
    begun = {**about, "enrolment_id": earlier}
    await given.decide(world, patient, "enrolled", begun, first, recorded_then=True)
    ended = {"enrolment_id": earlier, "reason": "test"}
    await given.decide(world, patient, "enrolment-ended", ended, second)
    again = {**about, "enrolment_id": later}
    await given.decide(world, patient, "enrolled", again, second, recorded_then=True)
    return earlier, later


async def test_a_row_that_another_unit_gets_later_is_as_of_its_own_moment(world: World) -> None:
    patient = await given.patient(world)
    also = {"enrolment_id": str(uuid4()), "programme": given.HOME, "plan": []}
    also["unit_id"] = str(world.other_unit)
    await given.decide(world, patient, "enrolled", also, ago(seconds=-0.5))
    await world.judge()
    await asyncio.sleep(0.6)
    await world.wake(patient)

    moments = await world.fetch("select distinct body ->> 'as_of' from alerts.worklist_row")
    assert len(moments) == 2
    assert await checker(world).round(given.ORG, 1) == []


async def test_what_the_clock_is_about_to_say_is_not_called_lost(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await world.judge()
    await checker(world).round(given.ORG, 1)
    await world.execute(
        "update alerts.heartbeat set at = at - interval '1 day' where worker like 'software%'"
    )
    await given.send(world, patient, given.weight("85", ago(hours=1), phase="post"))
    await world.judge()
    await world.execute("delete from alerts.finding")
    await world.execute("update alerts.state set wakes_at = clock_timestamp()")

    assert await checker(world).round(given.ORG, 1) == []


async def test_the_log_says_where_a_row_differs_and_never_a_value(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("85", ago(hours=1), phase="post"))
    await world.judge()
    await world.execute(
        "update alerts.worklist_row"
        " set body = jsonb_set(jsonb_set(body, '{values,0,value}', '71.5'), '{number}', '\"x\"')"
    )

    with capture_logs() as logs:
        await checker(world).round(given.ORG, 1)

    (said,) = [one for one in logs if one["log_level"] == "error"]
    assert said["about"] == ["shown"]
    assert said["where"] == ["number", "values.0.value"]
    told = {name: text for name, text in said.items() if name != "patient"}  # an id may hold digits
    assert not any(value in str(told) for value in ("71.5", "85", "S-0"))
