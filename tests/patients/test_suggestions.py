"""What devices announced of themselves, and one act that makes a device and a holder of it."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.ingest import store
from services.ingest.devices.discovery import Suggestion
from tests.patients.conftest import Person, Ward

WEIGHT = Suggestion(
    topic="bath/weight/state",
    path="payload",
    name="Weight",
    unit="kg",
    kinds=("body_weight",),
    kind="body_weight",
    manufacturer="Acme",
    model="Scale 2",
    serial="AA:01",
    read_by=None,
)


@pytest.fixture
async def cred(ward: Ward) -> str:
    return await ward.record.credential(ward.nurse, ward.unit)


async def announce(ward: Ward, cred: str, **changes: Any) -> None:
    fields = {name: getattr(WEIGHT, name) for name in Suggestion.__slots__}
    async with ward.record.ingest.transaction() as tx:
        told = Suggestion(**{**fields, **changes})
        await store.add_suggestion(tx, ward.record.org, cred, told, datetime.now(UTC), 5)


async def listed(person: Person, **params: Any) -> list[Any]:
    found: list[Any] = (await person.get("/v1/suggestions", **params))["suggestions"]
    return found


async def topics(ward: Ward, cred: str) -> list[Any]:
    """What the intake reads of this credential."""
    async with ward.record.ingest.connection() as connection:
        row = await store.credential_by_name(connection, ward.record.org, cred)
    assert row is not None
    return row["topics"] or []


async def take(ward: Ward, one: Any, status: int = 200, **body: Any) -> Any:
    sent = {"patient_id": ward.patient, "kind": "body_weight", **body}
    return await ward.nurse.post(f"/v1/suggestions/{one['id']}/take", sent, status)


async def test_one_act_makes_a_device_a_holder_and_a_topic_that_is_read(
    ward: Ward, cred: str
) -> None:
    await announce(ward, cred)
    await announce(ward, cred)
    [one] = await listed(ward.nurse)
    assert (one["cred"], one["topic"], one["unit"], one["likely"]) == (
        cred, "bath/weight/state", "kg", "body_weight",
    )  # fmt: skip
    assert await topics(ward, cred) == []

    done = await take(ward, one)

    assert done["suggestion"]["state"] == "taken"
    [device] = (await ward.nurse.get("/v1/devices"))["devices"]
    assert (device["manufacturer"], device["model"], device["serial"], device["unit_id"]) == (
        "Acme", "Scale 2", "AA:01", ward.unit,
    )  # fmt: skip
    [binding] = (await ward.nurse.get(f"{ward.path}/bindings"))["bindings"]
    assert (binding["cred"], binding["slot"], binding["device_id"]) == (
        cred, "AA:01", device["id"],
    )  # fmt: skip
    assert await topics(ward, cred) == [
        {"topic": "bath/weight/state", "path": "payload", "unit": "kg", "kind": "body_weight",
         "slot": "AA:01"}
    ]  # fmt: skip
    assert await listed(ward.nurse) == []
    again = await take(ward, one, 409)
    assert again["code"] == "already-taken"


async def test_a_second_sensor_of_a_device_that_is_held_needs_no_second_holder(
    ward: Ward, cred: str
) -> None:
    await announce(ward, cred)
    await announce(ward, cred, topic="bath/pulse", name="Pulse", unit="bpm", kinds=("heart_rate",))
    by_unit = {one["unit"]: one for one in await listed(ward.nurse)}

    await take(ward, by_unit["kg"])
    await take(ward, by_unit["bpm"], kind="heart_rate")

    assert len((await ward.nurse.get(f"{ward.path}/bindings"))["bindings"]) == 1
    assert len((await ward.nurse.get("/v1/devices"))["devices"]) == 1
    assert {one["kind"] for one in await topics(ward, cred)} == {"body_weight", "heart_rate"}


async def test_what_another_holds_is_handed_over_only_when_it_is_said(
    ward: Ward, cred: str
) -> None:
    other = await ward.record.patient(ward.nurse, ward.unit, name="En annen")
    body = {"cred": cred, "slot": "AA:01", "from": "2026-01-01T12:00:00Z"}
    await ward.nurse.post(f"/v1/patients/{other}/bindings", body)
    await announce(ward, cred)
    [one] = await listed(ward.nurse)

    refused = await take(ward, one, 409)
    assert refused["code"] == "already-held"
    assert await topics(ward, cred) == []
    await take(ward, one, hand_over=True)

    assert len(await topics(ward, cred)) == 1


async def test_a_kind_that_its_unit_cannot_be_is_refused(ward: Ward, cred: str) -> None:
    await announce(ward, cred)
    [one] = await listed(ward.nurse)

    refused = await take(ward, one, 422, kind="body_temp")

    assert refused["code"] == "kind-does-not-fit"
    assert (await ward.nurse.get("/v1/devices"))["devices"] == []


async def test_a_sensor_that_the_table_reads_gets_a_holder_and_no_second_reading(
    ward: Ward, cred: str
) -> None:
    await announce(ward, cred, topic="+/+/BTtoMQTT/AA01", read_by="Theengs")
    [one] = await listed(ward.nurse)

    await take(ward, one)

    assert await topics(ward, cred) == []
    assert len((await ward.nurse.get(f"{ward.path}/bindings"))["bindings"]) == 1


async def test_a_sensor_that_changes_its_unit_is_not_read_until_it_is_taken_again(
    ward: Ward, cred: str
) -> None:
    await announce(ward, cred)
    [one] = await listed(ward.nurse)
    await take(ward, one)

    await announce(ward, cred)
    assert len(await topics(ward, cred)) == 1
    await announce(ward, cred, unit="lb")
    assert await topics(ward, cred) == []

    [again] = await listed(ward.nurse)
    assert (again["id"], again["unit"]) == (one["id"], "lb")
    await take(ward, again)
    assert [each["unit"] for each in await topics(ward, cred)] == ["lb"]
    assert len((await ward.nurse.get(f"{ward.path}/bindings"))["bindings"]) == 1


async def test_what_was_put_aside_stays_there_and_may_be_taken_later(ward: Ward, cred: str) -> None:
    await announce(ward, cred)
    [one] = await listed(ward.nurse)
    dismiss = f"/v1/suggestions/{one['id']}/dismiss"

    await ward.nurse.post(dismiss, status=200)
    await announce(ward, cred)
    assert await listed(ward.nurse) == []
    assert [each["id"] for each in await listed(ward.nurse, state="dismissed")] == [one["id"]]
    assert (await ward.nurse.post(dismiss, status=409))["code"] == "already-dismissed"
    await take(ward, one)
    assert len(await topics(ward, cred)) == 1
    await ward.nurse.post(dismiss, status=200)
    assert await topics(ward, cred) == []


async def test_a_suggestion_is_its_units_alone(ward: Ward, cred: str) -> None:
    await announce(ward, cred)
    [one] = await listed(ward.nurse)
    elsewhere = await ward.record.unit("Hjerte")
    stranger = await ward.record.staff("nurse", elsewhere)
    theirs = await ward.record.patient(stranger, elsewhere)
    administrator = await ward.record.administrator()

    assert await listed(stranger) == []
    body = {"patient_id": theirs, "kind": "body_weight"}
    refused = await stranger.post(f"/v1/suggestions/{one['id']}/take", body, 404)
    assert refused["code"] == "no-such-suggestion"
    await stranger.post(f"/v1/suggestions/{one['id']}/dismiss", status=404)
    await ward.nurse.post(f"/v1/suggestions/{uuid4()}/dismiss", status=404)
    assert [each["id"] for each in await listed(administrator, cred=cred)] == [one["id"]]
    body = {"patient_id": ward.patient, "kind": "body_weight"}
    await administrator.post(f"/v1/suggestions/{one['id']}/take", body, 403)


async def test_one_credential_suggests_only_so_much(ward: Ward, cred: str) -> None:
    for number in range(9):
        await announce(ward, cred, topic=f"scale/{number}")

    assert len(await listed(ward.nurse)) == 5
