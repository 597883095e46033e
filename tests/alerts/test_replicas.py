"""Several replicas at once, a hung session, a poisoned patient: nobody is judged twice, nobody is
forgotten, and nobody holds up the others.
"""

import asyncio
from uuid import uuid4

import asyncpg

from services.alerts.care.moves import AlertHasMoved
from services.alerts.consumer import Consumer, Follower
from services.alerts.judging.memory import Memory
from services.alerts.stream import Notifier
from tests.alerts import given
from tests.alerts.given import World, ago


class Unwell:
    """A programme that fails where no rule's own try catches it."""

    version = "1"
    groups = ()
    rules = ()

    @property
    def versions(self) -> "dict[str, Unwell]":
        return {self.version: self}

    @property
    def names(self) -> None:
        raise ZeroDivisionError


def replica(world: World, programmes: object = None) -> tuple[Consumer, Follower]:
    known = programmes or given.PROGRAMMES
    made = Consumer(world.alerts, Notifier(world.alerts), known, Memory())  # type: ignore[arg-type]
    return made, Follower(given.ORG)


async def test_two_consumers_judge_every_fact_exactly_once(world: World) -> None:
    patients = [await given.patient(world) for _ in range(12)]
    for n in range(10):
        for patient in patients:
            await given.send(world, patient, given.systolic(70 + n, ago(minutes=60 - n)))

    replicas = [replica(world), replica(world)]
    for _ in range(20):
        await asyncio.gather(*(consumer.drain(follower) for consumer, follower in replicas))
        if not await world.value("select count(*) from ledger.handover"):
            break

    assert await world.value("select count(*) from ledger.handover") == 0
    for patient in patients:
        alert = await world.alert(patient, "blood-pressure")
        findings = await world.value(
            "select count(*) from alerts.finding where alert_id = $1", alert["id"]
        )
        told = await world.fetch("select body from alerts.move where alert_id = $1", alert["id"])
        assert findings == 10
        assert sum(len(one["body"]["findings"]) for one in told) == 10


async def test_a_new_patient_seen_by_two_replicas_at_once_loses_nothing(world: World) -> None:
    for _ in range(5):
        patient = await given.patient(world)
        await given.send(world, patient, given.systolic(85, ago(minutes=5)))
        pair = [replica(world), replica(world)]

        for _ in range(5):
            await asyncio.gather(*(consumer.drain(follower) for consumer, follower in pair))

        assert (await world.alert(patient, "blood-pressure"))["colour"] == "red"
        assert await world.value("select count(*) from ledger.handover") == 0


async def test_a_hung_session_that_holds_one_patient_stops_no_other(world: World) -> None:
    held = await given.patient(world)
    others = [await given.patient(world) for _ in range(5)]
    await world.judge()
    for patient in (held, *others):
        await given.send(world, patient, given.systolic(85, ago(minutes=5)))
    hung = await asyncpg.connect(world.urls.alerts)
    await hung.execute("begin")
    await hung.execute("select from alerts.state where patient_id = $1 for update", held)

    consumer, follower = replica(world)
    await asyncio.wait_for(consumer.drain(follower), 5)

    for patient in others:
        assert (await world.alert(patient, "blood-pressure"))["colour"] == "red"
    assert await world.open_alerts(held) == []
    await hung.execute("rollback")
    await hung.close()
    follower.from_the_start_at = 0
    await consumer.drain(follower)
    assert (await world.alert(held, "blood-pressure"))["colour"] == "red"


async def test_a_hung_session_with_more_rows_than_a_take_stops_no_other(world: World) -> None:
    held, other = await given.patient(world), await given.patient(world)
    await world.judge()
    for n in range(30):
        await given.send(world, held, given.systolic(130, ago(minutes=60 - n)))
    await given.send(world, other, given.systolic(85, ago(minutes=5)))
    hung = await asyncpg.connect(world.urls.alerts)
    await hung.execute("begin")
    await hung.execute("select from alerts.state where patient_id = $1 for update", held)

    consumer, follower = replica(world)
    follower.limit = 5
    for _ in range(3):
        await asyncio.wait_for(consumer.drain(follower), 5)

    assert (await world.alert(other, "blood-pressure"))["colour"] == "red"
    await hung.close()


async def test_a_patient_who_cannot_be_judged_rests_and_is_reported(world: World) -> None:
    poisoned, other = await given.patient(world), await given.patient(world)
    await world.judge()
    enrolment = {"enrolment_id": str(uuid4()), "programme": "unwell", "plan": []}
    await given.decide(world, poisoned, "enrolled", enrolment, ago(minutes=9))
    await given.send(world, poisoned, given.systolic(85, ago(minutes=5)))
    await given.send(world, other, given.systolic(85, ago(minutes=5)))

    consumer, follower = replica(world, {**given.PROGRAMMES, "unwell": Unwell()})
    await consumer.drain(follower)

    assert (await world.alert(other, "blood-pressure"))["colour"] == "red"
    alert = await world.alert(poisoned, "judging")
    assert (alert["colour"], alert["lane"]) == ("red", "technical")
    state = await world.fetch("select * from alerts.state where patient_id = $1", poisoned)
    assert state[0]["crashes"] == 1
    assert state[0]["rests_until"] > await world.now()
    row = await world.row(poisoned)
    assert row is not None
    assert row["colour"] == "red"


async def test_a_row_the_database_refuses_is_found_by_halving_and_holds_up_nobody(
    world: World,
) -> None:
    patients = [await given.patient(world) for _ in range(8)]
    await world.judge()
    refused = patients[3]
    await world.execute(
        "alter table alerts.finding add constraint no"
        f" check (patient_id <> '{refused}' or rule = 'could-not-be-judged')"
    )
    for patient in patients:
        await given.send(world, patient, given.systolic(85, ago(minutes=5)))

    consumer, follower = replica(world)
    follower.limit = 8
    await asyncio.wait_for(consumer.drain(follower), 20)

    for patient in set(patients) - {refused}:
        assert (await world.alert(patient, "blood-pressure"))["colour"] == "red"
    assert (await world.alert(refused, "judging"))["colour"] == "red"
    assert await world.value("select crashes from alerts.state where patient_id = $1", refused)


async def test_deadlocks_do_not_happen_between_takes_moves_and_the_clock(world: World) -> None:
    patients = [await given.patient(world) for _ in range(6)]
    for patient in patients:
        await given.send(world, patient, given.systolic(85, ago(minutes=5)))
    await world.judge()
    pair = [replica(world), replica(world)]

    async def readings() -> None:
        for n in range(10):
            for patient in patients:
                await given.send(world, patient, given.systolic(85, ago(minutes=4, seconds=n)))

    async def judging(consumer: Consumer, follower: Follower) -> None:
        for _ in range(30):
            await consumer.drain(follower)
            await asyncio.sleep(0.01)

    async def waking() -> None:
        for _ in range(15):
            await world.execute("update alerts.state set wakes_at = clock_timestamp()")
            await world.clock.round(given.ORG)

    async def moving() -> int:
        moved = 0
        for _ in range(10):
            for patient in patients:
                alert = await world.alert(patient, "blood-pressure")
                try:
                    await world.move(alert, "note", note="sett")
                    moved += 1
                except AlertHasMoved:
                    pass
        return moved

    await asyncio.gather(
        readings(), waking(), moving(), *(judging(one, follower) for one, follower in pair)
    )

    deadlocks = await world.value(
        "select deadlocks from pg_stat_database where datname = current_database()"
    )
    assert deadlocks == 0
