"""A patient is read only as far back as his programmes look: the same is found, and the same drawn,
as from everything; and to read many patients takes as many statements as to read one.
"""

import random
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from asyncpg.connection import LoggedQuery

from services.alerts.judging import looking, triage, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import Patient, State
from shared.contracts import Item
from tests.alerts import given
from tests.alerts.given import ORG, World, ago

DAYS = 89
ENROLLED = timedelta(days=100)
MEASURED = {
    "body_weight": {"value": (78, 86)},
    "blood_pressure": {"systolic": (85, 190), "diastolic": (50, 110)},
    "heart_rate": {"value": (45, 130)},
    "spo2": {"value": (85, 99)},
    "body_temp": {"value": (36, 39)},
    "peak_flow": {"value": (200, 420)},
    "hd_session": {"ultrafiltration": (500, 4000)},
}


def history(chance: random.Random) -> list[Item]:
    """Three months: some kinds all the time, some only long ago, some hardly ever."""
    items = []
    for kind, fields in MEASURED.items():
        last = chance.choice([0, 0, 12, 17, 40])
        for _ in range(chance.choice([1, 8, 30])):
            at = ago(days=chance.uniform(last, DAYS))
            some = dict(chance.sample(list(fields.items()), chance.randint(1, len(fields))))
            values = {name: chance.randint(low, high) for name, (low, high) in some.items()}
            phase = {"phase": chance.choice(["pre", "post"])} if chance.random() < 0.3 else None
            items.append(given.reading(kind, at, phase, **values))
    chance.shuffle(items)
    return items


async def read(world: World, patient: UUID, since: datetime, *, whole: bool) -> Patient:
    async with world.alerts.transaction() as tx:
        programmes = None if whole else world.programmes
        loaded = await triage.load(
            tx, ORG, {patient: State(patient)}, {patient: since}, Memory(), ago(), programmes
        )
        return loaded[patient]


@pytest.mark.parametrize(
    ("seed", "programme"),
    [*enumerate(("home_dialysis", "heart_failure", "copd", "remote_monitoring") * 2)],
)
async def test_what_is_not_read_changes_nothing(world: World, seed: int, programme: str) -> None:
    chance = random.Random(seed)
    limits = {"target_weight": 82} if programme in ("home_dialysis", "heart_failure") else None
    patient = await given.patient(world, enrolled=ENROLLED, programme=programme, limits=limits)
    await given.send(world, patient, *history(chance))
    await world.judge()

    now = await world.now()
    for days in (0, *(chance.uniform(0, 25) for _ in range(6))):
        since = now - timedelta(days=days)
        whole = await read(world, patient, since, whole=True)
        little = await read(world, patient, since, whole=False)

        said, covered = looking.find(little.record, world.programmes, now, since)
        all_said, all_covered = looking.find(whole.record, world.programmes, now, since)
        assert said == all_said
        for slug, one in world.programmes.items():
            for rule in one.rules:
                key = (slug, rule.id)
                assert covered.get(key) == all_covered.get(key)
        assert writing.rows(little, world.programmes, now) == writing.rows(
            whole, world.programmes, now
        )


async def test_what_no_rule_looks_at_is_not_read(world: World) -> None:
    patient = await given.patient(world, enrolled=ENROLLED)
    items = [given.reading("heart_rate", ago(days=day), value=70) for day in range(40)]
    items += [given.reading("spo2", ago(days=day), value=97) for day in (30, 40)]
    await given.send(world, patient, *items)

    record = (await read(world, patient, await world.now(), whole=False)).record

    assert len(record.series(("heart_rate", "value")).all.samples) == triage.DRAWN.days + 1
    # Nothing newer is known of it.
    assert len(record.series(("spo2", "value")).all.samples) == 2


async def test_many_patients_take_as_many_statements_as_one(world: World) -> None:
    async def take(count: int) -> int:
        for _ in range(count):
            patient = await given.patient(world)
            await given.send(world, patient, given.systolic(85, ago(minutes=5)))
        await world.judge()  # those who are met for the first time are made first
        await world.execute("update alerts.state set version = version + 1")  # none is remembered
        for patient in await world.fetch("select patient_id from alerts.state"):
            await given.send(world, patient["patient_id"], given.systolic(84, ago(minutes=1)))
        said: list[str] = []

        def note(query: LoggedQuery) -> None:
            said.append(query.query)

        async with world.alerts.transaction() as tx:
            tx.add_query_logger(note)
            judged = await triage.take(
                tx, ORG, world.programmes, world.memory, floor=0, limit=1000, most=50
            )
            tx.remove_query_logger(note)
        assert judged.done == len(judged.patients)
        return len(said)

    few = await take(1)
    assert await take(triage.PORTION - 1) == few  # with the first, as many as are read at a time
