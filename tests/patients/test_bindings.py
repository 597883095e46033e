"""Who holds a device when: readings follow the binding, also when it is changed back in time."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared.contracts import Result
from tests.patients.conftest import NOW, Record, Ward

HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    """So many hours ago."""
    return NOW - timedelta(hours=hours)


@pytest.fixture
async def other(ward: Ward) -> str:
    return await ward.record.patient(ward.nurse, ward.unit, name="En annen")


async def bind(ward: Ward, patient: str, cred: str, status: int = 201, **more: Any) -> Any:
    body = {"cred": cred, **more}
    return await ward.nurse.post(f"/v1/patients/{patient}/bindings", body, status)


async def readings(ward: Ward, patient: str) -> list[datetime]:
    found = await ward.nurse.get(f"/v1/patients/{patient}/readings")
    return sorted(datetime.fromisoformat(one["at"]) for one in found["readings"])


async def holds(record: Record, patient: str, cred: str, moment: datetime) -> bool:
    """What the decisions say, read in order."""
    state = False
    for fact in await record.decisions(patient):
        if fact.type in ("bound", "unbound") and fact.body["cred"] == cred and fact.at <= moment:
            state = fact.type == "bound"
    return state


async def test_a_reading_follows_the_binding_of_its_moment(ward: Ward, other: str) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    await bind(ward, ward.patient, cred, **{"from": at(10).isoformat(), "to": at(5).isoformat()})
    await bind(ward, other, cred, **{"from": at(5).isoformat()})

    first = await ward.record.send(cred, at=at(7))
    second = await ward.record.send(cred, at=at(5))
    neither = await ward.record.send(cred, at=at(12))

    assert first.patient_id == UUID(ward.patient)
    assert second.patient_id == UUID(other)
    assert neither.result == Result.QUARANTINED
    said = [f.type for f in await ward.record.decisions(ward.patient)]
    assert said == ["bound", "unbound", "patient-registered"]


async def test_what_waited_for_a_holder_is_filed_when_there_is_one(ward: Ward) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    await ward.record.send(cred, at=at(3))
    await ward.record.send(cred, at=at(2))

    bound = await bind(ward, ward.patient, cred, **{"from": at(2.5).isoformat()})

    told = {"moved": 0, "released": 1, "quarantined": 0, "reading_again": 0, "run": None}
    assert bound["refiled"] == told
    assert await readings(ward, ward.patient) == [at(2)]


async def test_two_people_never_hold_one_device_at_one_moment(ward: Ward, other: str) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    await bind(ward, ward.patient, cred, **{"from": at(10).isoformat()})

    refused = await bind(ward, other, cred, 409, **{"from": at(5).isoformat()})
    assert refused["code"] == "already-held"
    # Behind another slot of the same gateway there is room.
    await bind(ward, other, cred, slot="kari", **{"from": at(5).isoformat()})
    # And the database itself holds the line.
    with pytest.raises(asyncpg.ExclusionViolationError):
        await ward.record.rows(
            """
            insert into patients.binding (org, id, cred, patient_id, valid, recorded_by)
            select org, gen_random_uuid(), cred, $1, tstzrange(now(), null), 'x'
            from patients.binding where slot = ''
            """,
            UUID(other),
        )


async def test_two_nurses_at_once_do_not_both_give_it_away(ward: Ward, other: str) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)

    async def attempt(patient: str) -> int:
        answer = await ward.record.client.post(
            f"/v1/patients/{patient}/bindings",
            json={"cred": cred, "from": at(1).isoformat()},
            headers={"authorization": f"Bearer {ward.nurse.token}"},
        )
        return answer.status_code

    statuses = await asyncio.gather(*(attempt(p) for p in (ward.patient, other) * 3))
    assert sorted(statuses) == [201, *[409] * 5]


async def test_a_hand_over_moves_what_the_new_holder_measured(ward: Ward, other: str) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    await bind(ward, ward.patient, cred, **{"from": at(10).isoformat()})
    for hours in (9, 6, 3, 2):
        await ward.record.send(cred, at=at(hours))

    bound = await bind(ward, other, cred, hand_over=True, **{"from": at(4).isoformat()})

    assert bound["refiled"]["moved"] == 2
    assert await readings(ward, ward.patient) == [at(9), at(6)]
    assert await readings(ward, other) == [at(3), at(2)]
    assert await holds(ward.record, ward.patient, cred, at(5))
    assert not await holds(ward.record, ward.patient, cred, at(3))
    assert await holds(ward.record, other, cred, at(3))
    # Whoever follows the ledger is told about both.
    told = await ward.record.rows("select distinct patient_id from ledger.handover")
    assert {str(row["patient_id"]) for row in told} >= {ward.patient, other}


async def test_a_hand_over_does_not_take_back_the_past(ward: Ward, other: str) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    await bind(ward, ward.patient, cred, **{"from": at(3).isoformat()})

    refused = await bind(ward, other, cred, 409, hand_over=True, **{"from": at(5).isoformat()})
    assert refused["code"] == "already-held"
    own = await bind(ward, ward.patient, cred, 409, hand_over=True, **{"from": at(1).isoformat()})
    assert own["code"] == "already-held"


async def test_a_device_held_in_another_unit_is_not_handed_over(ward: Ward) -> None:
    heart = await ward.record.unit("Hjerte")
    both = await ward.record.staff("nurse", ward.unit, heart)
    cred = await ward.record.credential(ward.nurse, ward.unit)
    there = await ward.record.patient(both, heart)
    path = f"/v1/patients/{there}/bindings"
    await both.post(path, {"cred": cred, "from": at(5).isoformat()})

    refused = await bind(ward, ward.patient, cred, 409, hand_over=True)
    assert refused["code"] == "already-held"


async def test_the_beginning_and_the_end_move_back_in_time(ward: Ward) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    made = await bind(ward, ward.patient, cred, **{"from": at(5).isoformat()})
    path = f"{ward.path}/bindings/{made['id']}"
    for hours in (8, 4, 2):
        await ward.record.send(cred, at=at(hours))
    assert await readings(ward, ward.patient) == [at(4), at(2)]

    earlier = await ward.nurse.patch(path, {"from": at(9).isoformat()})
    assert earlier["refiled"]["released"] == 1
    assert await readings(ward, ward.patient) == [at(8), at(4), at(2)]

    shorter = await ward.nurse.patch(path, {"to": at(3).isoformat()})
    assert shorter["refiled"]["quarantined"] == 1
    assert await readings(ward, ward.patient) == [at(8), at(4)]

    later = await ward.nurse.patch(path, {"from": at(6).isoformat(), "to": None})
    assert (later["refiled"]["quarantined"], later["refiled"]["released"]) == (1, 1)
    assert await readings(ward, ward.patient) == [at(4), at(2)]

    for hours, held in ((8, False), (7, False), (5.5, True), (4, True), (2, True), (0, True)):
        assert await holds(ward.record, ward.patient, cred, at(hours)) is held, hours


async def test_an_ended_binding_holds_no_more(ward: Ward) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    made = await bind(ward, ward.patient, cred, **{"from": at(5).isoformat()})
    ended = await ward.nurse.post(
        f"{ward.path}/bindings/{made['id']}/end", {"at": at(1).isoformat()}, 200
    )

    assert datetime.fromisoformat(ended["to"]) == at(1)
    assert (await ward.record.send(cred, at=at(0.5))).result == Result.QUARANTINED
    await ward.nurse.post(f"{ward.path}/bindings/{made['id']}/end", {"at": at(9).isoformat()}, 422)


async def test_a_binding_to_the_wrong_patient_is_withdrawn(ward: Ward, other: str) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    made = await bind(ward, ward.patient, cred, **{"from": at(5).isoformat()})
    await ward.record.send(cred, at=at(3))
    path = f"{ward.path}/bindings/{made['id']}"

    withdrawn = await ward.nurse.post(f"{path}/withdraw", None, 200)
    assert withdrawn["refiled"]["quarantined"] == 1
    assert withdrawn["withdrawn_at"]
    assert await readings(ward, ward.patient) == []
    again = await ward.nurse.post(f"{path}/withdraw", None, 409)
    assert again["code"] == "binding-is-withdrawn"

    right = await bind(ward, other, cred, **{"from": at(5).isoformat()})
    assert right["refiled"]["released"] == 1
    assert await readings(ward, other) == [at(3)]
    assert not await holds(ward.record, ward.patient, cred, at(2))
    shown = await ward.nurse.get(f"{ward.path}/bindings")
    assert datetime.fromisoformat(shown["bindings"][0]["from"]) == at(5)


async def test_only_a_usable_credential_is_bound(ward: Ward) -> None:
    administrator = await ward.record.administrator()
    system = await administrator.post("/v1/credentials", {"kind": "system", "label": "EPJ"})
    revoked = await ward.record.credential(ward.nurse, ward.unit)
    await ward.nurse.post(f"/v1/credentials/{revoked}/revoke", None, 200)

    assert (await bind(ward, ward.patient, system["cred"], 409))["code"] == "systems-are-not-bound"
    assert (await bind(ward, ward.patient, revoked, 409))["code"] == "credential-is-revoked"
    unknown = await bind(ward, ward.patient, "c-unknown", 422)
    assert unknown["code"] == "unknown-credential"


async def test_an_append_under_way_makes_a_change_wait_and_then_say_so(ward: Ward) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    connection = await asyncpg.connect(ward.record.urls.owner)
    try:
        async with connection.transaction():
            await connection.execute(
                "select pg_advisory_xact_lock_shared(hashtextextended('bindings:nordland', 0))"
            )
            busy = await bind(ward, ward.patient, cred, 503)
    finally:
        await connection.close()
    assert busy["code"] == "bindings-are-busy"
    await bind(ward, ward.patient, cred)


async def test_readings_around_the_switch_are_all_filed_right(ward: Ward, other: str) -> None:
    cred = await ward.record.credential(ward.nurse, ward.unit)
    await bind(ward, ward.patient, cred, **{"from": at(10).isoformat()})
    moments = [at(5) + timedelta(milliseconds=n * 10) for n in range(-30, 30)]
    for moment in moments:
        await ward.record.send(cred, at=moment)

    await bind(ward, other, cred, hand_over=True, **{"from": at(5).isoformat()})

    path = f"/v1/patients/{ward.patient}/readings?limit=200"
    mine = await ward.nurse.get(path)
    theirs = await ward.nurse.get(f"/v1/patients/{other}/readings?limit=200")
    assert len(mine["readings"]) == len(theirs["readings"]) == 30
    assert all(datetime.fromisoformat(one["at"]) < at(5) for one in mine["readings"])
    assert all(datetime.fromisoformat(one["at"]) >= at(5) for one in theirs["readings"])
