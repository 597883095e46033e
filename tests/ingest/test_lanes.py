"""What is put into the intake is committed, whenever it comes."""

import asyncio
from typing import cast
from uuid import UUID

import pytest

from services.ingest.accept import CannotCommit, Intake
from services.ingest.devices import json_v1
from services.ingest.senders import Credential
from services.ingest.traffic import Traffic
from shared import exact, identity, ledger
from shared.contracts import Item, Receipt
from shared.database import Database
from tests.conftest import DatabaseUrls
from tests.ingest.conftest import KEY, ORG, Holder, weight

KEYS = identity.Keys(bytes.fromhex(KEY))


def reading() -> list[Item]:
    return json_v1.decode(exact.dumps(weight()), "application/json", 1)


async def test_an_item_put_while_the_last_lane_ends_is_not_left_lying(
    database_urls: DatabaseUrls, holder: Holder, unit: UUID
) -> None:
    database = Database(database_urls.ingest, name="ingest", size=2)
    await database.open()
    intake = Intake(database, KEYS, Traffic(database), lanes=1)
    credential = Credential(ORG, ledger.Sender(holder.cred), unit)
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[list[Receipt] | CannotCommit] = loop.create_future()

    def put_another(_: list[Receipt] | CannotCommit) -> None:
        # The lane has nothing left to do, but its task is not seen to be done before this runs.
        loop.call_soon(intake.put, credential, reading(), answered.set_result)

    intake.put(credential, reading(), put_another)

    try:
        outcome = await asyncio.wait_for(answered, 5)
        assert not isinstance(outcome, CannotCommit)
        assert [receipt.result for receipt in outcome] == ["stored"]
    finally:
        await intake.close()
        await database.close()


async def test_a_lane_whose_connection_was_cut_makes_itself_another(
    database_urls: DatabaseUrls, holder: Holder, unit: UUID
) -> None:
    database = Database(database_urls.ingest, name="ingest", size=2)
    await database.open()
    intake = Intake(database, KEYS, Traffic(database), lanes=1)
    credential = Credential(ORG, ledger.Sender(holder.cred), unit)
    cut = """
        select pg_terminate_backend(pid) from pg_stat_activity
        where query like '%ledger.append%' and pid <> pg_backend_pid()
    """
    try:
        await intake.accept(credential, reading())
        async with database.connection() as connection:
            assert await connection.fetchval(cut)
        while True:  # it may not be known yet, and then one answer is that nothing was committed
            try:
                [receipt] = await asyncio.wait_for(intake.accept(credential, reading()), 5)
                break
            except CannotCommit:
                continue
        assert receipt.result == "stored"
    finally:
        await intake.close()
        await database.close()


async def test_a_fault_that_nobody_foresaw_is_answered_and_the_lane_goes_on(
    database_urls: DatabaseUrls, holder: Holder, unit: UUID
) -> None:
    database = Database(database_urls.ingest, name="ingest", size=2)
    await database.open()
    intake = Intake(database, KEYS, Traffic(database), lanes=1)
    nobody = Credential(ORG, cast(ledger.Sender, object()), unit)  # the append stumbles over it
    credential = Credential(ORG, ledger.Sender(holder.cred), unit)
    try:
        with pytest.raises(CannotCommit):
            await asyncio.wait_for(intake.accept(nobody, reading()), 5)
        [receipt] = await asyncio.wait_for(intake.accept(credential, reading()), 5)
        assert receipt.result == "stored"
    finally:
        await intake.close()
        await database.close()
