"""The live stream: alive every five seconds, quick to tell, silent when the database is."""

import asyncio
import time
from uuid import uuid4

from services.alerts import worklist
from services.alerts.one_patient import patient_opened
from services.alerts.stream import Hub, Notifier
from services.alerts.views import Parts
from services.alerts.worklist import happening, missed
from shared.access import Caller, Role
from shared.database import Database
from tests.alerts import given
from tests.alerts.given import World, ago
from tests.conftest import DatabaseUrls


def caller(world: World, seconds: float = 60) -> Caller:
    return Caller(
        world.nurse.id,
        world.nurse.name,
        Role.NURSE,
        given.ORG,
        world.nurse.units,
        expires=int(time.time() + seconds),
    )


async def test_the_stream_begins_with_a_heartbeat_that_says_how_fresh_the_list_is(
    world: World,
) -> None:
    hub = Hub(world.alerts)
    parts = Parts(world.alerts, Notifier(world.alerts), given.PROGRAMMES, world.memory)

    async with hub.listening(given.ORG, world.nurse.units) as listener:
        name, data = await anext(happening(parts, listener, caller(world)))

    assert name == "heartbeat"
    assert set(data) == {"as_of", "lag_seconds", "counts"}
    assert worklist.HEARTBEAT == 5


async def test_a_commit_is_told_within_a_quarter_of_a_second(world: World) -> None:
    patient = await given.patient(world)
    await world.judge()
    hub, notifier = Hub(world.alerts), Notifier(world.alerts)
    await hub.open()
    await notifier.open()
    parts = Parts(world.alerts, notifier, given.PROGRAMMES, world.memory)
    try:
        async with hub.listening(given.ORG, world.nurse.units) as listener:
            events = happening(parts, listener, caller(world))
            assert (await anext(events))[0] == "heartbeat"
            await asyncio.wait_for(listener.queue.get(), 5)  # the hub has begun to listen
            await given.send(world, patient, given.weight("82.0", ago(hours=20)))
            await given.send(world, patient, given.weight("84.5", ago(minutes=5)))

            consumer = given.Consumer(world.alerts, notifier, given.PROGRAMMES, world.memory)
            await consumer.drain(world.follower)
            committed = time.monotonic()
            async for name, data in events:
                if name == "changed" and data["patients"]:
                    break
            seconds = time.monotonic() - committed

        assert data["unit"] == str(world.unit)
        assert data["patients"] == [str(patient)]
        assert data["counts"]["red"] == 1
        assert len(data["told"]) == 1
        assert seconds < 1  # 0.25 on a quiet machine
    finally:
        await notifier.close()
        await hub.close()


async def test_what_could_not_be_told_is_told_when_the_database_is_back(
    world: World, database_urls: DatabaseUrls
) -> None:
    patient = uuid4()
    away = Database(database_urls.alerts, name="away")
    notifier, hub = Notifier(away), Hub(world.alerts)
    await hub.open()
    await notifier.open()
    try:
        async with hub.listening(given.ORG, world.nurse.units) as listener:
            await asyncio.wait_for(listener.queue.get(), 5)  # the hub has begun to listen
            notifier.tell(given.ORG, {world.unit: {patient}})
            await asyncio.sleep(0.2)  # it has tried
            await away.open()
            notifier.wake()

            change = await asyncio.wait_for(listener.queue.get(), 5)
        assert change.patients == (str(patient),)
    finally:
        await notifier.close()
        await hub.close()
        await away.close()


async def test_what_came_between_the_page_and_the_stream_is_told_at_once(world: World) -> None:
    patient = await given.patient(world)
    await world.judge()
    hub = Hub(world.alerts)
    parts = Parts(world.alerts, Notifier(world.alerts), given.PROGRAMMES, world.memory)
    shown = (await patient_opened.opened(parts, world.nurse, patient)).version

    async with hub.listening(given.ORG, world.nurse.units) as listener:
        await missed(parts, listener, patient, shown)
        assert listener.queue.empty()

        await given.send(world, patient, given.systolic(85, ago(minutes=1)))
        await world.judge()
        await missed(parts, listener, patient, shown)
        events = happening(parts, listener, caller(world))
        told = [await anext(events) for _ in range(2)]

    assert [name for name, _ in told] == ["heartbeat", "changed"]
    assert told[1][1]["patients"] == [str(patient)]


async def test_nobody_follows_another_units_patient(world: World) -> None:
    patient = await given.patient(world, unit=world.other_unit)
    await world.judge()

    async with given.client(world) as client:
        answer = await client.get(f"/v1/worklist/stream?patient={patient}&version=1")

    assert answer.status_code == 403


async def test_the_stream_ends_with_the_session(world: World) -> None:
    hub = Hub(world.alerts)
    parts = Parts(world.alerts, Notifier(world.alerts), given.PROGRAMMES, world.memory)

    async def whole() -> list[str]:
        async with hub.listening(given.ORG, world.nurse.units) as listener:
            return [name async for name, _ in happening(parts, listener, caller(world, 2))]

    names = await asyncio.wait_for(whole(), 5)

    assert names == ["heartbeat"]


async def test_no_heartbeat_comes_from_a_database_that_does_not_answer(world: World) -> None:
    hub = Hub(world.alerts)
    away = given.Database("postgresql://nobody@127.0.0.1:1/none", name="away")
    parts = Parts(away, Notifier(away), given.PROGRAMMES, world.memory)

    async def whole() -> list[str]:
        async with hub.listening(given.ORG, world.nurse.units) as listener:
            return [name async for name, _ in happening(parts, listener, caller(world, 1))]

    assert await asyncio.wait_for(whole(), 10) == []


async def test_another_units_changes_are_not_told(world: World) -> None:
    hub, notifier = Hub(world.alerts), Notifier(world.alerts)
    await hub.open()
    await notifier.open()
    try:
        async with hub.listening(given.ORG, frozenset({world.other_unit})) as listener:
            await asyncio.wait_for(listener.queue.get(), 5)
            notifier.tell(given.ORG, {world.unit: {world.unit}})
            await asyncio.sleep(0.3)
            assert listener.queue.empty()
    finally:
        await notifier.close()
        await hub.close()
