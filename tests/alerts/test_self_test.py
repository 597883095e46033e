"""A patient who is nobody is tested with: what comes through is closed and counts, what does not
is said on every list and silences the dead-man's call."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from deploy.local import self_test as made_by
from services.alerts.delivery import escalating
from services.alerts.judging import watchdog
from services.alerts.self_test import testing
from services.alerts.self_test.store_self_test import SELF_TEST
from services.alerts.self_test.testing import SelfTest, Subject
from services.alerts.stream import Notifier
from tests import sinks
from tests.alerts import given
from tests.alerts.given import ORG, World
from tests.ingest.conftest import app as app
from tests.ledger.hospital import send

LONG = timedelta(minutes=5)
NOW = timedelta(0)


async def subject(world: World, tell: dict[str, str] | None = None) -> tuple[Subject, str]:
    made = await made_by.make(world.owner, "http://ingest", tell)
    world.follower.org = made["org"]
    one = Subject(made["org"], UUID(made["patient_id"]), made["ingest"], made["secret"])
    return one, made["cred"]


def loop_of(world: World, one: Subject, every: timedelta = LONG, **more: Any) -> SelfTest:
    return SelfTest(world.alerts, Notifier(world.alerts), world.programmes, one, every, **more)


async def measured(world: World, one: Subject, cred: str) -> None:
    """As the door of ingest takes it."""
    said = testing.READING["values"]
    item = given.reading(testing.READING["kind"], await world.now(), **said)
    async with world.owner.connection() as connection:
        [answer] = await send(connection, one.org, cred, item)
    assert answer.patient_id == one.patient_id
    await world.judge()


async def closed(world: World) -> list[tuple[str, str, str]]:
    rows = await world.fetch(
        "select m.state, m.note, a.colour from alerts.move m join alerts.alert a"
        " on a.org = m.org and a.id = m.alert_id"
        " where m.by = $1 and a.colour = 'red' order by m.at",
        SELF_TEST,
    )
    return [tuple(row) for row in rows]


async def test_each_reading_goes_through_the_door_and_is_an_alert_that_is_closed_when_it_has_come(
    world: World, app: FastAPI
) -> None:
    one, _ = await subject(world)
    for n in range(1, 4):
        # As another process, so that it is due at once.
        loop = loop_of(world, one, NOW, within=LONG, door=httpx.ASGITransport(app))
        await loop.turn()
        await loop.close()
        await world.judge()
        loop = loop_of(world, one)
        await loop.turn()
        await loop.turn()

        assert await closed(world) == [("closed", "passed", "red")] * n
        assert await loop.late() is None
        await loop.close()
    assert await world.value("select count(*) from ledger.reading where org = $1", one.org) == 3


async def test_with_somebody_to_tell_the_alert_alone_is_not_enough(world: World) -> None:
    tell = {"medium": "webhook", "to": "https://vakthund.sykehus.example/selvtest"}
    one, cred = await subject(world, tell)
    loop = loop_of(world, one)
    await measured(world, one, cred)
    await loop.turn()
    assert await closed(world) == []

    async with world.alerts.transaction() as tx:
        climbed = await escalating.climb(
            tx, one.org, one.patient_id, world.programmes, world.memory
        )
    assert climbed is not None
    await world.execute(
        "update alerts.notification set state = 'delivered' where id = any($1)", climbed.messages
    )
    await loop.turn()
    assert await closed(world) == [("closed", "passed", "red")]
    await loop.close()


async def test_what_does_not_come_is_red_on_every_list_until_it_comes_again(world: World) -> None:
    await given.patient(world)
    one, cred = await subject(world)
    with sinks.web() as web:
        web.statuses["/v1/observations"] = 503
        loop = loop_of(world, replace(one, ingest=web.url), NOW, within=-timedelta(seconds=1))
        await loop.turn()
        await loop.turn()
        assert [post.path for post in web.posts] == ["/v1/observations"] * 2
        await loop.close()

    assert await loop.late() == "The self-test has not come through."
    assert loop.faults(one.org) == []
    guard = watchdog.Watchdog(world.alerts, Notifier(world.alerts), world.programmes, loop.faults)
    await guard.look(ORG, {})
    shown = await world.fetch("select * from alerts.alert where rule = 'platform-self-test'")
    assert [(row["org"], row["colour"], row["lane"]) for row in shown] == [
        (ORG, "red", "technical")
    ]

    well = loop_of(world, one)
    await measured(world, one, cred)
    await well.turn()
    await well.turn()
    await well.close()
    assert await well.late() is None
    again = watchdog.Watchdog(world.alerts, Notifier(world.alerts), world.programmes, well.faults)
    again._said[ORG] = frozenset({watchdog.SELF_TEST})
    await again.look(ORG, {})
    [alert] = await world.fetch("select * from alerts.alert where rule = 'platform-self-test'")
    assert alert["basis_changed"]


async def test_what_was_not_seen_in_time_is_closed_by_the_next_and_does_not_count(
    world: World,
) -> None:
    one, cred = await subject(world)
    await measured(world, one, cred)
    late = loop_of(world, one, LONG, within=-timedelta(seconds=1))
    await late.turn()
    await late.close()
    assert await closed(world) == []

    with sinks.web() as web:
        web.statuses["/v1/observations"] = 503
        following = loop_of(world, replace(one, ingest=web.url), NOW)
        await following.turn()
        await following.close()
    assert await closed(world) == [("closed", "late", "red")]


async def test_a_loop_that_fails_each_time_is_not_taken_for_a_test_that_passes(
    world: World,
) -> None:
    one, _ = await subject(world)
    loop = loop_of(world, one, within=timedelta(seconds=0.05))
    await asyncio.sleep(0.1)
    assert await loop.late() == "The self-test has not come through."
    await loop.close()


async def test_who_is_tested_with_is_in_no_list_of_a_hospital(world: World) -> None:
    one, cred = await subject(world)
    await measured(world, one, cred)

    async with given.client(world) as client:
        shown = (await client.get("/v1/worklist")).json()
        assert shown["counts"]["red"] == 0
        assert (await client.get(f"/v1/alerts?patient={one.patient_id}")).status_code == 404


async def test_there_is_one_in_a_database(world: World) -> None:
    await subject(world)

    with pytest.raises(made_by.ExistsAlready):
        await subject(world)
