"""Whatever order facts arrive in, in whatever batches, with closes between: the same is found, and
every finding was raised and stands on an alert that is open or that a person closed having seen it.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.alerts.clinical import judge
from services.alerts.clinical.history import Record
from services.alerts.clinical.lifecycle import State as Life
from services.alerts.judging import looking, touching
from services.alerts.judging.patient import Patient, State
from services.alerts.judging.raising import settle
from shared.contracts import Fact, Item
from tests.alerts import given
from tests.alerts.given import World, ago
from tests.clinical.given import (
    HOME_DIALYSIS,
    NOW,
    answers,
    enrolled,
    limit,
    pressure,
    reading,
    weight,
)

HISTORIES = int(os.environ.get("HJEMVAKT_HISTORIES", "50"))
PERMUTATIONS = int(os.environ.get("HJEMVAKT_PERMUTATIONS", "200"))
PROGRAMMES = {HOME_DIALYSIS.slug: HOME_DIALYSIS}


@dataclass(frozen=True)
class Arrival:
    """A fact that comes, or the withdrawal of one that has come or has yet to come."""

    fact: Fact
    withdraws: bool = False


def history(chance: random.Random) -> list[Arrival]:
    """A few days of a patient who is not well, with a withdrawal or two."""
    arrivals = []
    for _ in range(chance.randint(10, 16)):
        at = NOW - timedelta(minutes=chance.randint(61, 4 * 24 * 60))
        if arrivals and chance.random() < 0.5:
            # Measured again within the hour: a retake confirms, clears or comes too late.
            near = chance.choice(arrivals).fact.at
            at = min(NOW, near + timedelta(minutes=chance.randint(-55, 55)))
        made = chance.choice(
            [
                lambda at: pressure(at, chance.choice([80, 95, 105, 130, 150, 165, 185])),
                lambda at: weight(at, str(chance.choice([81, 82, 82.9, 83, 86]))),
                lambda at: weight(at, str(chance.choice([81, 83, 85])), phase="post"),
                lambda at: reading("body_temp", at, value=str(chance.choice([36.8, 37.9, 38.6]))),
                lambda at: reading("spo2", at, value=str(chance.choice([88, 92, 97]))),
                lambda at: answers(at, effluent="cloudy"),
            ]
        )(at)
        arrivals.append(Arrival(made))
    for one in chance.sample(arrivals, chance.randint(0, 2)):
        arrivals.append(Arrival(one.fact, withdraws=True))
    return arrivals


def in_batches(arrivals: list[Arrival], chance: random.Random) -> Iterator[list[Arrival]]:
    while arrivals:
        size = chance.randint(1, 5)
        yield arrivals[:size]
        arrivals = arrivals[size:]


class Judging:
    """The consumer's way with one patient, without a database."""

    def __init__(self, base: list[Fact]) -> None:
        self.base = base
        self.present: dict[UUID, Fact] = {}
        self.withdrawn: set[UUID] = set()
        self.closed: set[UUID] = set()
        self.patient = Patient(State(base[0].patient_id), Record.of(base[0].patient_id, base))

    def take(self, batch: list[Arrival]) -> None:
        since = min(one.fact.at for one in batch)
        self.withdrawn |= {one.fact.id for one in batch if one.withdraws}
        new = [one.fact for one in batch if not one.withdraws and one.fact.id not in self.withdrawn]
        self.present |= {fact.id: fact for fact in new}
        afresh = any(one.withdraws for one in batch)
        if afresh:
            self.present = {k: v for k, v in self.present.items() if k not in self.withdrawn}
            whole = [*self.base, *self.present.values()]
            self.patient.record = Record.of(self.patient.state.patient_id, whole)
        else:
            self.patient.record = self.patient.record.adding(new)
        looked = PROGRAMMES if afresh else touching.touched(PROGRAMMES, new, self.patient.record)
        found, covers = looking.find(self.patient.record, looked, NOW, since)
        settle(self.patient, found, covers, NOW)

    def close(self, chance: random.Random) -> None:
        """A person closes one alert, with what is on it."""
        if not self.patient.alerts:
            return
        alert = chance.choice(sorted(self.patient.alerts.values(), key=lambda one: one.key))
        self.closed |= set(self.patient.findings_of(alert.id))
        alert.state = Life.CLOSED
        del self.patient.alerts[alert.id]

    def found(self) -> set[UUID]:
        return {kept.id for kept in self.patient.known.values() if kept.gone_at is None}

    def check(self) -> None:
        for kept in self.patient.known.values():
            assert kept.alert_id in self.patient.alerts or kept.id in self.closed


def test_every_arrival_order_finds_the_same_and_forgets_nothing() -> None:
    base = [enrolled(plan=[]), limit("target_weight", 82)]
    for seed in range(HISTORIES):
        arrivals = history(random.Random(seed))
        withdrawn = {one.fact.id for one in arrivals if one.withdraws}
        facts = [one.fact for one in arrivals if not one.withdraws]
        standing = [fact for fact in facts if fact.id not in withdrawn]
        record = Record.of(base[0].patient_id, [*base, *standing])
        expected = {one.id for one in judge.judge(record, PROGRAMMES, NOW)}
        for turn in range(PERMUTATIONS):
            chance = random.Random(1000 * seed + turn)
            order = chance.sample(arrivals, len(arrivals))
            judging = Judging(base)
            for batch in in_batches(order, chance):
                judging.take(batch)
                if chance.random() < 0.3:
                    judging.close(chance)

            assert judging.found() == expected, (seed, turn)
            judging.check()


async def test_the_database_finds_the_same_in_any_order(world: World) -> None:
    """The same through ledger, hand-over and tables, with a second process joining in."""
    at = [ago(hours=60 - 4 * n) for n in range(8)]

    def arrivals() -> list[tuple[Item, bool]]:
        items = [
            given.weight(str(82 + n % 4), at[n], **({"phase": "post"} if n % 3 == 0 else {}))
            for n in range(8)
        ]
        items += [given.systolic(75 + 15 * n, at[n]) for n in range(8)]
        return [(item, False) for item in items] + [(items[3], True), (items[9], True)]

    found: set[frozenset[tuple[str, str, datetime]]] = set()
    for seed in range(6):
        chance = random.Random(seed)
        patient = await given.patient(world, limits={"target_weight": 82})
        order = arrivals()
        chance.shuffle(order)
        while order:
            for item, withdraws in order[:4]:
                await given.send(world, patient, given.voided(item) if withdraws else item)
            order = order[4:]
            if chance.random() < 0.4:
                world.memory = given.Memory()
            await world.judge()
            if chance.random() < 0.4 and (open_ := await world.open_alerts(patient)):
                await world.move(chance.choice(open_), "close", note="Ringt")
        await world.wake(patient)

        rows = await world.fetch(
            "select f.rule, f.colour, f.at, f.id, f.gone_at, a.state,"
            " exists (select from alerts.move m where m.alert_id = f.alert_id"
            "  and m.move in ('close', 'expire') and f.id = any(m.seen)) as seen"
            " from alerts.finding f join alerts.alert a on a.id = f.alert_id"
            " where f.patient_id = $1",
            patient,
        )
        assert all(row["state"] != "closed" or row["seen"] for row in rows)
        found.add(
            frozenset((r["rule"], r["colour"], r["at"]) for r in rows if r["gone_at"] is None)
        )

    assert len(found) == 1
    assert len(next(iter(found))) > 3
