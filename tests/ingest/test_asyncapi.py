"""The AsyncAPI document says what the code does: its topics, its examples, its receipts."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import jsonschema_rs
import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from services.ingest import app, asyncapi, formats, mqtt_message, receipts
from services.ingest.devices import discovery, gateway_table, gateways
from shared import crisis, exact
from shared.contracts import Alarm, Code, ItemError, Receipt, Result, Watch

DOCUMENT = asyncapi.document()
NOW = datetime(2026, 11, 23, 6, 12, tzinfo=UTC)


def resolved(of: Any) -> Any:
    while "$ref" in of:
        place: Any = DOCUMENT
        for step in of["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        of = place
    return of


def no_hashes(_system: str, _value: str) -> list[bytes]:
    return []


def sent(
    address: str, body: bytes = b"{}", content_type: str = formats.JSON
) -> mqtt_message.Message | None:
    topic = address.replace("{org}", "nordnes").replace("{cred}", "c-abc")
    message = paho.MQTTMessage(topic=topic.encode())
    message.payload = body
    message.properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    message.properties.ContentType = content_type
    return mqtt_message.parse(message, 1)


def references(place: Any) -> Iterator[Any]:
    if isinstance(place, dict):
        if "$ref" in place:
            yield place
        for each in place.values():
            yield from references(each)
    elif isinstance(place, list):
        for each in place:
            yield from references(each)


def test_every_reference_leads_somewhere() -> None:
    found = list(references(DOCUMENT))

    assert len(found) > 20
    assert all(resolved(one) for one in found)


def test_the_topics_are_those_that_are_subscribed_to_and_answered() -> None:
    received = {
        resolved(one["channel"])["address"]: resolved(one["reply"]["channel"])["address"]
        for one in DOCUMENT["operations"].values()
        if one["action"] == "receive" and "reply" in one
    }

    assert len(received) == len(mqtt_message.CHANNELS)
    for address, reply in received.items():
        message = sent(address)
        assert message is not None
        assert address.endswith(f"/{message.channel}")
        assert message.reply_to == reply.replace("{org}", "nordnes").replace("{cred}", "c-abc")
    assert sent(DOCUMENT["channels"]["ack"]["address"]) is None
    gateway = DOCUMENT["channels"]["gateway"]["address"].replace("{native}", "miscale/jo/weight")
    message = sent(gateway)
    assert message is not None
    assert (message.channel, message.native) == (mqtt_message.GATEWAY, "miscale/jo/weight")


def test_what_gateways_publish_is_read_and_what_they_announce_is_a_suggestion() -> None:
    table = gateway_table.load()
    [item] = gateways.decode(table, "miscale/jo/weight", json.dumps(asyncapi.NATIVE).encode(), NOW)
    [suggestion] = discovery.read(table, json.dumps(asyncapi.ANNOUNCEMENT).encode(), "gw/o/c/")

    assert item.drafts[0].kind == suggestion.kind == "body_weight"


@pytest.mark.parametrize("channel", mqtt_message.CHANNELS)
def test_every_example_is_taken_by_the_decoder_without_a_fault(channel: str) -> None:
    forms = app.questionnaires(None)
    for message in DOCUMENT["channels"][channel]["messages"].values():
        told = resolved(message)
        for example in told["examples"]:
            payload = example["payload"]
            body = payload.encode() if isinstance(payload, str) else exact.dumps(payload)
            heard = sent(f"hjv/1/{{org}}/{{cred}}/{channel}", body, told["contentType"])
            assert heard is not None
            items = mqtt_message.read(
                heard, mqtt_message.Reader(forms, no_hashes), False, NOW
            ).items
            assert items
            assert [item.errors for item in items] == [()] * len(items)
            assert all(item.drafts for item in items)


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_every_example_is_of_its_own_schema(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    schema = message["payload"] | {"components": DOCUMENT["components"]}

    for example in message["examples"]:
        jsonschema_rs.validate(schema, example["payload"])


def test_a_receipt_as_sent_is_of_the_schema() -> None:
    schema = {"$ref": "#/components/schemas/Receipt", "components": DOCUMENT["components"]}
    watch = Watch(now=True, until=NOW, next=None)
    errors = (ItemError("values.systolic", Code.IMPLAUSIBLE),)
    urgent = crisis.told(Alarm("phq-9", ("item-9",), harm=True), watch)
    of_schema = resolved(schema)
    for receipt in (
        Receipt("a", Result.STORED, NOW, f"Observation/{uuid4()}", ("late",), (), watch),
        Receipt("b", Result.QUARANTINED, NOW, errors=errors),
        Receipt("c", Result.QUARANTINED, NOW, errors=errors, crisis=urgent),
    ):
        told = json.loads(receipts.message([receipt], False))
        members = of_schema["properties"] if receipt.crisis else of_schema["required"]
        assert told.keys() == set(members)
        jsonschema_rs.validate(schema, told)


async def test_ingest_serves_it(http: httpx.AsyncClient) -> None:
    answer = await http.get("/asyncapi.json")

    assert answer.status_code == 200
    assert answer.json() == json.loads(json.dumps(DOCUMENT))
