"""What becomes of messages whose sender was revoked meanwhile, and of transactions over MQTT."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from fastapi import FastAPI

from services.ingest import gateway_door, mqtt, mqtt_message, receipts
from services.ingest.devices import gateway_table
from services.ingest.mqtt_client import Plain
from shared.contracts import Receipt
from tests.ingest.conftest import ORG, Holder

AT = datetime.now(UTC).isoformat()


class Broker(mqtt.Broker):
    """Connected to nothing: messages are handed to it as the broker would, and receipts kept."""

    receipts: list[Receipt]
    told: list[Any]  # what each message was answered
    acknowledged: int = 0

    def _answer(
        self, _message: mqtt_message.Message, answers: list[Receipt], is_array: bool
    ) -> None:
        self.receipts += answers
        self.told.append(json.loads(receipts.message(answers, is_array)))

    async def answers(self) -> list[Any]:
        return self.told

    def _ack(self, message: mqtt_message.Message) -> None:
        self.acknowledged += 1

    async def acked(self) -> int:
        return self.acknowledged


@pytest.fixture
async def broker(app: FastAPI) -> Broker:
    door = app.state.door
    made = Broker(
        "mqtt://127.0.0.1:1",
        client_id="test",
        shared=False,
        senders=door.senders,
        intake=door.intake,
        forms=app.state.forms,
        gateways=gateway_door.Gateways(gateway_table.load(), lambda _org, _cred, _told: None),
    )
    made.receipts, made.told = [], []
    made._loop = asyncio.get_running_loop()
    return made


def heard(broker: Broker, holder: Holder, channel: str, body: Any) -> None:
    topic = f"hjv/1/{ORG}/{holder.cred}/{channel}"
    broker._on_message(Plain(topic=topic, payload=json.dumps(body).encode(), mid=1, retain=False))


def weight(value: float, **more: Any) -> dict[str, Any]:
    return {"v": 1, "id": str(uuid4()), "kind": "body_weight", "at": AT,
            "values": {"value": value}, **more}  # fmt: skip


def observation(value: float, code: str = "29463-7") -> dict[str, Any]:
    return {
        "fullUrl": f"urn:uuid:{uuid4()}",
        "request": {"method": "POST", "url": "Observation"},
        "resource": {
            "resourceType": "Observation", "status": "final", "effectiveDateTime": AT,
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {"value": value, "code": "kg",
                              "system": "http://unitsofmeasure.org"},
        },
    }  # fmt: skip


def transaction(*entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


async def held(owner: asyncpg.Connection, holder: Holder) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await owner.fetch(
        "select id, code, errors, state, extra from ledger.quarantine where org = $1 and cred = $2"
        " order by received_at",
        ORG, holder.cred,
    )  # fmt: skip
    return rows


async def stored(owner: asyncpg.Connection, holder: Holder) -> int:
    return int(
        await owner.fetchval(
            "select count(*) from ledger.reading where org = $1 and patient_id = $2",
            ORG, holder.patient_id,
        )
    )  # fmt: skip


async def waiting(owner: asyncpg.Connection) -> int:
    return int(
        await owner.fetchval("select count(*) from ledger.quarantine where state = 'waiting'")
    )


async def until(true: Callable[[], Any], wanted: Any) -> Any:
    for _ in range(200):
        if (found := await true()) and (found == wanted or wanted is ...):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


async def test_what_the_broker_took_before_its_sender_was_revoked_waits_for_a_person(
    broker: Broker, holder: Holder, owner: asyncpg.Connection
) -> None:
    await owner.execute("update patients.credential set revoked_at = now()")
    heard(broker, holder, "obs", weight(81.5))
    [row] = await until(lambda: held(owner, holder), ...)
    assert row["code"] == "revoked"
    assert await stored(owner, holder) == 0

    # A person has it read again: it is filed on who had the device then.
    await owner.execute("update ledger.quarantine set state = 'replaying', decided_by = 'n'")
    assert await until(lambda: stored(owner, holder), 1) == 1
    [row] = await held(owner, holder)
    assert row["state"] == "released"


async def test_that_the_broker_has_shut_a_revoked_device_out_is_nothing_to_decide(
    broker: Broker, holder: Holder, owner: asyncpg.Connection
) -> None:
    await owner.execute("update patients.credential set revoked_at = now()")
    heard(broker, holder, "status", {"state": "offline"})
    heard(broker, holder, "obs", weight(81.5))
    await until(broker.acked, 2)
    [row] = await held(owner, holder)
    assert row["code"] == "revoked"


async def test_a_transaction_over_mqtt_is_stored_whole(
    broker: Broker, holder: Holder, owner: asyncpg.Connection
) -> None:
    heard(broker, holder, "fhir", transaction(observation(81.5), observation(81.7)))
    assert await until(lambda: stored(owner, holder), 2) == 2
    assert await held(owner, holder) == []


async def test_of_a_transaction_with_a_fault_nothing_is_stored_and_the_mended_one_is_taken(
    broker: Broker, holder: Holder, owner: asyncpg.Connection
) -> None:
    good = observation(81.5)
    heard(broker, holder, "fhir", transaction(good, observation(8150)))
    [row] = await until(lambda: held(owner, holder), ...)
    assert row["code"] == "transaction"
    faults = [(one["path"], one["code"]) for one in json.loads(row["errors"])]
    assert faults[0] == ("", "transaction")
    assert faults[1][0].startswith("entry[1]")
    assert faults[1][1] == "implausible"
    assert await stored(owner, holder) == 0
    await until(broker.acked, 1)
    assert [one.result for one in broker.receipts] == ["quarantined"]

    # Read again it waits on: its parts are not filed one by one.
    await owner.execute("update ledger.quarantine set state = 'replaying', decided_by = 'n'")
    await until(lambda: waiting(owner), 1)
    [again] = await held(owner, holder)
    assert (again["code"], again["errors"]) == (row["code"], row["errors"])
    assert await stored(owner, holder) == 0

    heard(broker, holder, "fhir", transaction(good, observation(81.7)))
    assert await until(lambda: stored(owner, holder), 2) == 2


async def test_of_a_transaction_of_nobodys_nothing_is_stored_until_it_is_sent_again(
    broker: Broker, holder: Holder, owner: asyncpg.Connection
) -> None:
    both = transaction(observation(81.5), observation(81.7))
    await owner.execute("update patients.binding set valid = 'empty'::tstzrange")
    heard(broker, holder, "fhir", both)
    [row] = await until(lambda: held(owner, holder), ...)
    faults = [one["code"] for one in json.loads(row["errors"])]
    assert (row["code"], faults) == ("transaction", ["transaction", "unbound"])
    await owner.execute("update patients.binding set valid = '[2020-01-01,)'::tstzrange")
    heard(broker, holder, "fhir", both)
    assert await until(lambda: stored(owner, holder), 2) == 2


PATIENT = {"fullUrl": "urn:uuid:6f0c", "resource": {"resourceType": "Patient", "id": "p"},
           "request": {"method": "POST", "url": "Patient"}}  # fmt: skip
MEDICINE = {"resource": {"resourceType": "MedicationStatement", "status": "active"},
            "request": {"method": "POST", "url": "MedicationStatement"}}  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "body", "answer"),
    [
        ("obs", [], []),
        ("fhir", {"resourceType": "Bundle", "type": "batch", "entry": []}, []),
        ("fhir", {"resourceType": "Patient", "id": "p"}, ("Patient", "ignored")),
        (
            "fhir",
            {"resourceType": "Bundle", "type": "batch", "entry": [PATIENT]},
            [("urn:uuid:6f0c", "ignored")],
        ),
    ],
)
async def test_a_message_with_nothing_to_store_is_answered_once_and_acknowledged(
    broker: Broker, holder: Holder, owner: asyncpg.Connection, channel: str, body: Any, answer: Any
) -> None:
    heard(broker, holder, channel, body)
    [told] = await until(broker.answers, ...)

    several = told if isinstance(told, list) else [told]
    named = [(one["id"], one["result"]) for one in several]
    assert (named if isinstance(told, list) else named[0]) == answer
    assert all(one["watch"]["now"] and one["ref"] is None for one in several)
    assert broker.acknowledged == 1
    assert await held(owner, holder) == []


async def test_every_entry_of_a_batch_is_answered_in_its_place(
    broker: Broker, holder: Holder, owner: asyncpg.Connection
) -> None:
    sent = [PATIENT, observation(81.5), MEDICINE, observation(8150), PATIENT, observation(81.7)]
    heard(broker, holder, "fhir", {"resourceType": "Bundle", "type": "batch", "entry": sent})
    [told] = await until(broker.answers, ...)

    assert [one["result"] for one in told] == [
        "ignored", "stored", "quarantined", "quarantined", "ignored", "stored",
    ]  # fmt: skip
    assert [one["errors"] for one in told[2:4]] == [
        [{"path": "", "code": "unreadable"}],
        [{"path": "value", "code": "implausible"}],
    ]
    raw = await owner.fetchval(
        "select raw from ledger.receipt where org = $1 and message_id = $2", ORG, told[2]["id"]
    )
    assert json.loads(raw) == MEDICINE  # the entry itself, and not the whole Bundle with it
    assert await stored(owner, holder) == 2


async def test_what_accompanies_a_transaction_has_its_answer_too(
    broker: Broker, holder: Holder
) -> None:
    heard(broker, holder, "fhir", transaction(observation(81.5), PATIENT, observation(81.7)))
    [told] = await until(broker.answers, ...)
    assert [one["result"] for one in told] == ["stored", "ignored", "stored"]


async def test_a_gateway_that_says_nothing_hears_nothing(broker: Broker, holder: Holder) -> None:
    topic = f"gw/{ORG}/{holder.cred}/miscale/jo/unknown"
    for payload in (b"", b"{}"):
        broker._on_message(Plain(topic=topic, payload=payload, mid=1, retain=False))
    heard(broker, holder, "obs", [])
    await until(broker.acked, 3)
    assert broker.told == [[]]
