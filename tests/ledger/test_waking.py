"""An append notifies only when it is asked to; whoever commits wakes the consumers, seldom."""

import asyncio
from typing import Any

import asyncpg

from shared import ledger
from tests.conftest import DatabaseUrls
from tests.ledger.hospital import Hospital
from tests.ledger.items import ago, now, reading


async def test_an_append_does_not_notify_and_what_staff_do_does(
    hospital: Hospital, ledger_urls: DatabaseUrls
) -> None:
    """A notify in each of many commits would make them wait for each other."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    listener = await asyncpg.connect(ledger_urls.alerts)
    await listener.add_listener(ledger.CHANNEL, lambda *said: heard.put_nowait(said[-1]))
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    try:
        await hospital.send(cred, reading(at=ago(minutes=5)))
        assert await settled(hospital, heard) == 0

        async with hospital.patients.transaction() as tx:
            await ledger.decide(tx, hospital.org, anna, "paused", {}, by="nurse", at=now())
        await hospital.hand_over(cred, berit, ago(hours=1))
        async with hospital.ingest.connection() as connection:
            await ledger.wake(connection, hospital.org)

        assert await settled(hospital, heard) == 3
    finally:
        await listener.close()


async def test_an_append_asked_to_wakes_the_consumers_by_its_own_commit(
    hospital: Hospital, ledger_urls: DatabaseUrls
) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    listener = await asyncpg.connect(ledger_urls.alerts)
    await listener.add_listener(ledger.CHANNEL, lambda *said: heard.put_nowait(said[-1]))
    sender = ledger.Sender(await hospital.held_by(await hospital.patient()))
    try:
        async with hospital.ingest.connection() as connection:
            entry = ledger.Entry(sender, reading(at=ago(minutes=5)))
            await ledger.append(connection, hospital.org, [entry], waking=True)
        assert await settled(hospital, heard) == 1

        entry = ledger.Entry(sender, reading(at=ago(minutes=4)))
        async with hospital.ingest.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await ledger.append(connection, hospital.org, [entry], waking=True)
            await transaction.rollback()
        assert await settled(hospital, heard) == 0
    finally:
        await listener.close()


async def settled(hospital: Hospital, heard: asyncio.Queue[Any]) -> int:
    """How often the organisation was called since, once all has been delivered."""
    async with hospital.owner.connection() as connection:
        await connection.execute("select pg_notify($1, 'the end')", ledger.CHANNEL)
    called = 0
    while (said := await asyncio.wait_for(heard.get(), 5)) != "the end":
        called += said == hospital.org
    return called
