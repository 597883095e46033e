"""Messages wait in their order while their sender is looked up, and never for ever."""

import asyncio

import asyncpg
from fastapi import FastAPI

from services.ingest import gateway_door, mqtt
from services.ingest.devices import gateway_table
from tests.ingest.conftest import ORG, Holder


async def test_a_look_up_that_fails_is_tried_again_until_it_answers(
    app: FastAPI, holder: Holder, owner: asyncpg.Connection
) -> None:
    door = app.state.door
    broker = mqtt.Broker(
        "mqtt://127.0.0.1:1",
        client_id="test",
        shared=False,
        senders=door.senders,
        intake=door.intake,
        forms=app.state.forms,
        gateways=gateway_door.Gateways(gateway_table.load(), lambda _org, _cred, _told: None),
    )
    sender = ORG, holder.cred
    broker._unknown[sender] = []
    await owner.execute("revoke select on patients.credential from hjv_ingest")
    look_up = asyncio.create_task(broker._look_up_and_take(sender))
    await asyncio.sleep(0.3)
    assert not look_up.done()

    await owner.execute("grant select on patients.credential to hjv_ingest")
    await asyncio.wait_for(look_up, 10)

    assert broker._unknown == {}
