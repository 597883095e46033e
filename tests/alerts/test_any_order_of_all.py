"""Readings, corrections of corrections, withdrawals, pauses, limits, plans, versions, and a device
that was somebody else's: in whatever order they are handed over and however they are cut into
takes, what stands in the tables is what judging everything at once finds.
"""

import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.alerts import store
from services.alerts.judging import looking, triage
from services.alerts.judging.memory import Memory
from shared.contracts import Item
from tests.alerts import given
from tests.alerts.given import HOME, ORG, World
from tests.clinical.test_versions import BOTH
from tests.ledger.hospital import Hospital

HISTORIES = int(os.environ.get("HJEMVAKT_ORDERED", "4"))
FIRST = int(os.environ.get("HJEMVAKT_TEST_SEED", "0"))
ORDERS = 4
HOSPITAL_AT_HOME = "hospital_at_home"

# Longer than a reading may take to come without being late.
LONG = timedelta(days=12)

Event = Callable[[], Awaitable[Any]]


@dataclass
class Life:
    """The patient, who had his device after him, and what is still to happen to them."""

    patient: UUID
    other: UUID
    events: list[Event]


async def life(world: World, now: datetime, seed: int) -> Life:
    """Two days, with the same chances in each life of a seed: what happens, and when, is the same;
    who it happens to is not."""
    chance = random.Random(seed)
    hospital = Hospital(ORG, world.owner, world.owner, world.owner, world.alerts, world.unit)
    plan = [
        {"id": "weight", "names": {"nb": "Vekt", "en": "Weight"}, "kind": "body_weight",
         "opens": "05:00", "due": "10:30", "grace": "PT1H"},
    ]  # fmt: skip
    enrolled = now - timedelta(hours=72)
    patient = await given.patient(world, enrolled=timedelta(hours=72), plan=plan)
    other = await given.patient(world, enrolled=LONG)
    cred = await hospital.held_by(patient, enrolled)

    def at(hours: float) -> datetime:
        return now - timedelta(hours=hours)

    def corrected(of: Item, by: Item) -> Item:
        return replace(by, how="correction", replaces=of.message_id)

    def sends(item: Item, who: UUID = patient) -> Event:
        return lambda: given.send(world, who, item)

    def measures(item: Item) -> Event:
        return lambda: hospital.send(cred, item)

    def decides(type_: str, hours: float, **body: Any) -> Event:
        return lambda: given.decide(world, patient, type_, body, at(hours))

    def limits(name: str, value: Any, hours: float) -> Event:
        return decides("limit-set", hours, programme=HOME, name=name, value=value, reason="test")

    weights = [
        given.weight(str(chance.choice([81, 82, 83.4, 85.9])), at(46 - 6 * n),
                     **({"phase": "post"} if n % 3 == 0 else {}))
        for n in range(8)
    ]  # fmt: skip
    pressures = [
        given.systolic(chance.choice([78, 96, 118, 152, 171, 192]), at(45 - 6 * n))
        for n in range(8)
    ]
    pulses = [
        given.reading("heart_rate", at(44 - 5 * n), value=chance.choice([41, 72, 104, 134]))
        for n in range(8)
    ]
    sets = [
        given.reading(kind, at(hours + chance.random() / 2), value=value)
        for hours in (33, 9)
        for kind, value in (("spo2", chance.choice([88, 95])), ("respiration_rate", 22),
                            ("body_temp", chance.choice(["36.8", "38.9"])))
    ]  # fmt: skip
    mended = corrected(weights[3], given.weight("82.1", at(28), phase="post"))
    again = corrected(mended, given.weight("86.2", at(27.5), phase="post"))
    eased = corrected(pressures[1], given.systolic(121, at(39)))
    taken = corrected(pressures[5], given.systolic(79, at(15)))
    slower = corrected(pulses[4], given.reading("heart_rate", at(24), value=132))
    items = [*weights, *pressures, *sets, mended, again, eased, taken]
    taken_back = [given.voided(one) for one in (weights[6], pressures[2], taken)]
    late = [given.systolic(chance.choice([78, 121, 192]), at(hours)) for hours in (240, 220, 200)]
    late += [corrected(late[1], given.systolic(188, at(221))), given.voided(late[2])]
    enrolment, pause, second = (str(uuid4()) for _ in range(3))

    async def hands_over() -> None:
        for holder, hours in (other, 30), (patient, 12):
            await hospital.hand_over(cred, holder, at(hours))

    events = [
        *map(sends, [*items, *taken_back]),
        *(sends(one, other) for one in late),
        *map(measures, [*pulses, slower, given.voided(pulses[6])]),
        hands_over,
        limits("target_weight", 82, 47),
        limits("target_weight", 84, 20),
        limits("weight_rise_red", 5, 30),
        limits("weight_rise_red", None, 10),
        decides("paused", 36, pause_id=pause, until=at(31).isoformat(), reason="a"),
        decides("paused", 19, pause_id=second, until=None, reason="b"),
        decides("pause-ended", 14, pause_id=second),
        decides("programme-activated", 25, programme=HOME, version="1"),
        decides("programme-activated", 11, programme=HOME, version="2"),
        decides("spo2-scale-decided", 20, scale=2, reason="test"),
        decides("enrolled", 40, enrolment_id=enrolment, programme=HOSPITAL_AT_HOME,
                unit_id=str(world.unit), plan=[]),
        decides("enrolment-ended", 7, enrolment_id=enrolment, reason="done"),
    ]  # fmt: skip
    return Life(patient, other, events)


async def let_happen(world: World, lives: list[Life], seed: int) -> None:
    """The first all at once; the others in orders and takes of their own, with a person who closes
    what is open, another process that takes over, and the clock that looks."""
    chance = random.Random(seed)
    for event in lives[0].events:
        await event()
    lives[0].events.clear()
    for one in lives[1:]:
        chance.shuffle(one.events)
    while any(one.events for one in lives):
        for one in lives:
            for _ in range(min(chance.choice([0, 1, 2, 4, 8]), len(one.events))):
                await one.events.pop()()
        if chance.random() < 0.2:
            world.memory = Memory()  # as another process takes over
        await world.judge()
        for one in lives[1:]:
            if chance.random() < 0.3:
                await world.wake(one.patient)
            if chance.random() < 0.2 and (open_ := await world.open_alerts(one.patient)):
                await world.move(chance.choice(open_), "close", note="Ringt")
    await world.judge()
    for one in lives:
        for patient in (one.patient, one.other):
            await world.wake(patient)


async def judged_at_once(world: World, patient: UUID) -> set[tuple[Any, ...]]:
    """What the rules find in everything that is in force, by somebody who remembers nothing."""
    async with world.alerts.transaction() as tx:
        states = await store.lock_states(tx, ORG, [patient])
        now = await store.now(tx)
        since = {patient: now - LONG}
        loaded = await triage.load(tx, ORG, states, since, Memory(), now)
        found, _ = looking.find(loaded[patient].record, world.programmes, now, since[patient])
    return {(one.id, one.rule, one.colour, one.at) for one in found}


async def stands(world: World, patient: UUID) -> set[tuple[Any, ...]]:
    rows = await world.fetch(
        "select f.id, f.rule, f.colour, f.at, f.gone_at, a.state,"
        " exists (select from alerts.move m where m.alert_id = f.alert_id"
        "  and m.move in ('close', 'expire', 'handled') and f.id = any(m.seen)) as seen"
        " from alerts.finding f join alerts.alert a on a.org = f.org and a.id = f.alert_id"
        " where f.patient_id = $1",
        patient,
    )
    assert all(row["state"] != "closed" or row["seen"] for row in rows), "closed by nobody"
    return {
        (row["id"], row["rule"], row["colour"], row["at"]) for row in rows if not row["gone_at"]
    }


async def outcome(world: World, patient: UUID) -> dict[str, Any]:
    """What no order may change: what is found, what is expected, and what is on the row that does
    not come from alerts: what raised one, and what a person closed, is history."""
    row = await world.row(patient)
    assert row is not None
    findings = await world.fetch(
        "select rule, colour, emergency, at from alerts.finding"
        " where patient_id = $1 and gone_at is null",
        patient,
    )
    expected = await world.fetch(
        "select local_day, slot, satisfied_by is null as missing from alerts.due"
        " where patient_id = $1",
        patient,
    )
    return {
        "findings": sorted(map(tuple, findings), key=repr),
        "expected": sorted(map(tuple, expected), key=repr),
        **{name: row[name] for name in ("paused", "dry_weight", "promises")},
        "news2": without_ids(row["news2"]),
    }


def without_ids(score: dict[str, Any] | None) -> object:
    """Facts have other ids in another life."""
    inputs = score["inputs"].items() if score else ()
    read = {name: (one["at"], one["value"]) for name, one in inputs}
    return score and {**score, "inputs": read}


def told_apart(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {name: (one[name], other[name]) for name in one if one[name] != other[name]}


async def test_whatever_comes_when_the_end_is_the_same(world: World) -> None:
    world.programmes = {**given.PROGRAMMES, **BOTH}
    rules = set()
    for seed in range(FIRST, FIRST + HISTORIES):
        now = await world.now()
        lives = [await life(world, now, seed) for _ in range(1 + ORDERS)]
        await let_happen(world, lives, seed)

        for holder in ("patient", "other"):
            people: list[UUID] = [getattr(one, holder) for one in lives]
            for patient in people:
                assert await stands(world, patient) == await judged_at_once(world, patient), seed
            first, *others = [await outcome(world, patient) for patient in people]
            assert [told_apart(first, one) for one in others] == [{}] * ORDERS, seed
            rules |= {found[0] for found in first["findings"]}
        assert not await world.value("select count(*) from ledger.handover")
    assert len(rules) > 5, "of whom little is found proves little"
