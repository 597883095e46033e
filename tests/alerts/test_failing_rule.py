"""A rule that fails is a technical red on that patient and rule group, and stops nobody else: in
live judging, in the clock loop, in a replay, in an explanation.

Two ways in that are there: a text that names what the rule does not say (a programme that was
loaded without the validator), and a limit no arithmetic can be done with (a decision).
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.alerts.consumer import Consumer, Follower
from services.alerts.judging.memory import Memory
from services.alerts.judging.triage import Judged
from services.alerts.stream import Notifier
from shared import exact
from shared.programmes import Programme, Text
from tests.alerts import given
from tests.alerts.given import HOME, PROGRAMMES, World, ago
from tests.alerts.test_silence import overdue, silent


def spoilt(*rules: str) -> Programme:
    """Home dialysis in which these rules fail when they speak."""
    one = PROGRAMMES[HOME]
    text = Text(nb="{ingenting}", en="{nothing}")
    said = {name: getattr(one, name) for name in Programme.model_fields}
    said["rules"] = tuple(
        rule.model_copy(update={"says": text}) if rule.id in rules else rule for rule in one.rules
    )
    return Programme.model_construct(**said)


def fever(at: Any) -> Any:
    return given.reading("body_temp", at, value="39.4")


def pressure(at: Any) -> Any:
    return given.systolic(195, at)


class Counting(Consumer):
    """Counts its takes."""

    takes = 0

    async def take(self, follower: Follower) -> Judged:
        self.takes += 1
        return await super().take(follower)


async def alerts(world: World, patient: Any) -> dict[str, tuple[str, str, str | None]]:
    return {
        one["group"]: (one["colour"], one["lane"], one["cause"])
        for one in await world.open_alerts(patient)
    }


async def test_live_it_is_a_technical_red_and_everything_else_is_judged(world: World) -> None:
    world.programmes = PROGRAMMES | {HOME: spoilt("hd-7-red")}
    ill, other = await given.patient(world), await given.patient(world)
    await given.send(world, ill, fever(ago(hours=2)), pressure(ago(hours=2)))
    await given.send(world, other, pressure(ago(hours=2)))

    await world.judge()

    assert await alerts(world, ill) == {
        "judging": ("red", "technical", "us"),
        "blood-pressure": ("red", "clinical", None),
    }
    assert await alerts(world, other) == {"blood-pressure": ("red", "clinical", None)}
    said = (await world.alert(ill, "judging"))["body"]["reason"]
    assert said["nb"].startswith("Kunne ikke vurderes (home_dialysis: temperature).")
    assert await world.value("select count(*) from ledger.handover where consumer = 'alerts'") == 0


async def test_a_limit_no_arithmetic_can_be_done_with_fails_one_group_of_one_patient(
    world: World,
) -> None:
    huge = {"target_weight": Decimal("-9e40")}
    broken, other = await given.patient(world, limits=huge), await given.patient(world)
    for patient in (broken, other):
        after = given.weight("90", ago(hours=2), phase="post")
        await given.send(world, patient, after, pressure(ago(hours=2)))

    await world.judge()

    found = await alerts(world, broken)
    assert found["judging"] == ("red", "technical", "us")
    assert found["blood-pressure"] == ("red", "clinical", None)
    assert "judging" not in await alerts(world, other)
    assert "blood-pressure" in await alerts(world, other)
    assert await world.value("select count(*) from ledger.handover where consumer = 'alerts'") == 0


async def test_the_clock_goes_on_to_the_next_patient_and_the_failing_one_is_told(
    world: World,
) -> None:
    world.programmes = PROGRAMMES | {HOME: spoilt("hd-9-red")}
    failing = await overdue(world)
    session = given.reading(
        "hd_session", ago(hours=120), weight_pre="84", weight_post="82", duration="240"
    )
    await given.decide(world, failing, "patient-changed", {"name": "Test"}, ago(days=6))
    await world.execute(
        "update ledger.decision set at = at - interval '8 days' where patient_id = $1", failing
    )
    await given.send(world, failing, session)
    others = [await overdue(world) for _ in range(2)]
    await world.judge()

    await world.clock.round(given.ORG)

    for patient in (failing, *others):
        assert len(await silent(world, patient)) == 1
    assert (await alerts(world, failing))["judging"] == ("red", "technical", "us")
    for patient in others:
        assert "judging" not in await alerts(world, patient)
    marks = await world.fetch(
        "select listened_at from alerts.state where listened_at > clock_timestamp() - $1::interval",
        timedelta(minutes=1),
    )
    assert len(marks) == 3


async def test_a_replay_leaves_the_group_out_and_says_so(world: World) -> None:
    ill, other = await given.patient(world), await given.patient(world)
    for patient in (ill, other):
        await given.send(world, patient, given.systolic(170, ago(days=2)))
    await given.send(world, ill, fever(ago(days=2)))
    await world.judge()
    world.programmes = PROGRAMMES | {HOME: spoilt("hd-7-red")}

    async with given.client(world) as client:
        body = {"programme": HOME, "days": 10, "limits": {"systolic_red_high": 165}}
        answer = await client.post("/v1/what-if", json=body)

    assert answer.status_code == 200
    told = exact.loads(answer.content)
    assert (told["patients"], told["failed"], told["counts"]["new"]) == (2, 1, 2)


@pytest.mark.parametrize("rule", ["hd-7-red", "hd-5-red-high"])
async def test_an_explanation_says_that_the_rule_could_not_be_judged(
    world: World, rule: str
) -> None:
    patient = await given.patient(world)
    item = fever(ago(hours=2)) if rule == "hd-7-red" else pressure(ago(hours=2))
    (answer,) = await given.send(world, patient, item)
    await world.judge()
    world.programmes = PROGRAMMES | {HOME: spoilt(rule)}

    async with given.client(world) as client:
        asked = {"patient": str(patient), "fact": str(answer.fact_id)}
        told = await client.get("/v1/why-not", params=asked)

    reasons = {one["rule"]: one["why"] for one in told.json()["rules"]}
    assert reasons[rule] == "could-not-be-judged"
    assert told.status_code == 200


async def test_a_record_that_cannot_be_read_is_a_technical_red_and_stops_nobody(
    world: World,
) -> None:
    poisoned, others = await given.patient(world), [await given.patient(world) for _ in range(3)]
    await world.judge()
    born = {"name": "Test", "born": "14. mars 1952", "unit_id": str(world.unit)}
    await given.decide(world, poisoned, "patient-changed", born, ago(hours=3))
    for patient in (others[0], poisoned, *others[1:]):
        await given.send(world, patient, pressure(ago(hours=2)))
    world.memory = Memory()

    await world.judge()

    for patient in others:
        assert await alerts(world, patient) == {"blood-pressure": ("red", "clinical", None)}
    assert await alerts(world, poisoned) == {"judging": ("red", "technical", "us")}
    row = await world.row(poisoned)
    assert row is not None
    assert row["technical"]
    # His facts lie where they lay, and he is tried again; the others' are done.
    waiting = await world.fetch("select distinct patient_id from ledger.handover")
    assert [one["patient_id"] for one in waiting] == [poisoned]
    crashes = await world.fetch("select patient_id from alerts.state where crashes > 0")
    assert [one["patient_id"] for one in crashes] == [poisoned]

    # Once the record is put right he is judged like anybody.
    await world.execute(
        'update ledger.decision set body = body || \'{"born": "1952-03-14"}\''
        " where type = 'patient-changed'"
    )
    await world.execute("update alerts.state set rests_until = null")
    world.follower = Follower(given.ORG)
    await world.judge()
    assert (await alerts(world, poisoned))["blood-pressure"] == ("red", "clinical", None)


async def test_a_fact_that_the_database_cannot_read_stops_nobody_else(world: World) -> None:
    patient, other = await given.patient(world), await given.patient(world)
    (answer,) = await given.send(world, patient, pressure(ago(hours=3)))
    await world.execute("update ledger.reading set body = '7' where id = $1", answer.fact_id)
    await given.send(world, other, pressure(ago(hours=2)))

    await world.judge()

    assert await alerts(world, other) == {"blood-pressure": ("red", "clinical", None)}
    assert await alerts(world, patient) == {"judging": ("red", "technical", "us")}


async def test_many_who_rest_on_much_hold_up_nobody(world: World) -> None:
    """Ten rest on three rows each, in turn; a take has room for two patients."""
    resting = [await given.patient(world) for _ in range(10)]
    other = await given.patient(world)
    await world.judge()
    await world.execute(
        "update alerts.state set rests_until = clock_timestamp() + interval '1 hour'"
        " where patient_id = any($1)",
        resting,
    )
    for hours in (3, 2, 1):
        for one in resting:
            await given.send(world, one, pressure(ago(hours=hours)))
    await given.send(world, other, pressure(ago(hours=1)))

    consumer = Counting(world.alerts, Notifier(world.alerts), world.programmes, Memory())
    judged = await consumer.drain(Follower(given.ORG, most=2, known={*resting, other}))

    assert judged == 1
    assert await world.open_alerts(other)
    assert consumer.takes <= 2 * len(resting)
    waiting = "select count(*) from ledger.handover where patient_id = any($1)"
    assert (await world.fetch(waiting, resting))[0][0] == 30
