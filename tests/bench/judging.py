"""What judging costs the processor, without a database: of one new reading by the programmes a
patient is in, and of a reading that is replayed to answer what-if.
"""

import gc
import random
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from services.alerts.clinical import replay
from services.alerts.clinical.history import Record
from services.alerts.clinical.replay import Trial
from services.alerts.judging import looking, touching
from shared import programmes
from shared.contracts import Fact
from shared.programmes import Programme
from tests.bench.scenarios import Run

FIVE = ("home_dialysis", "heart_failure", "copd", "remote_monitoring", "hospital_at_home")
DAYS = 90
REPLAYED = "home_dialysis"


@cache
def known() -> dict[str, Programme]:
    return programmes.load_all()


def readings(of: UUID, count: int, until: datetime, seed: int) -> list[Fact]:
    """Ninety days of somebody who is mostly well: weight, pressure, pulse and oxygen in turn."""
    chance = random.Random(seed)
    step = timedelta(days=DAYS) / count
    made = []
    for number in range(count):
        at = until - timedelta(days=DAYS) + step * number
        made.append(_reading(of, number, at, chance))
    return made


def one_reading(count: int) -> Run:
    """µs of the processor for each (reading, programme), five programmes on, readings one by one
    as they come. `rate` is left out: it is a time."""
    now = datetime.now(UTC)
    of = uuid4()
    five = {slug: known()[slug] for slug in FIVE}
    record = Record.of(of, [*_enrolled(of, now, FIVE), *readings(of, 360, now, 1)])
    new = readings(of, count, now + timedelta(days=DAYS), 2)
    found = 0
    gc.collect()
    began = time.process_time()
    for fact in new:
        record = record.adding([fact])
        seen, _ = looking.find(
            record, touching.touched(five, [fact], record), fact.received_at, fact.at
        )
        found += len(seen)
    spent = time.process_time() - began
    run = Run(samples=count, notes={"us": spent / count / len(FIVE) * 1e6, "findings": found})
    again = Record.of(of, [*record.decided.facts, *readings(of, 360, now, 1), *new])
    if record.newest() != again.newest() or not found:
        run.invalid = "the record judged is not the one that was sent"
    return run


def what_if(patients: int, each: int) -> Run:
    """Readings a second of the processor that are replayed against a changed limit, the record
    being built of its facts too."""
    now = datetime.now(UTC)
    before = replay.alone(known()[REPLAYED])
    trial = Trial(before, replay.with_defaults(before, {"systolic_red_high": Decimal(150)}))
    several = []
    for number in range(patients):
        of = UUID(int=number + 1)
        several.append((of, [*_enrolled(of, now, (REPLAYED,)), *readings(of, each, now, number)]))
    new = 0
    gc.collect()
    began = time.process_time()
    for of, facts in several:
        record = Record.of(of, facts)
        new += len(replay.difference(trial, record, now - timedelta(days=DAYS), now).new)
    spent = time.process_time() - began
    run = Run(rate=patients * each / spent, samples=patients * each, notes={"new": new})
    if not new:
        run.invalid = "a lower limit made no new alert"
    return run


def _enrolled(of: UUID, now: datetime, slugs: tuple[str, ...]) -> list[Fact]:
    start = now - timedelta(days=DAYS + 10)
    return [
        _fact(of, "enrolled", "", start, {
            "enrolment_id": str(uuid4()), "programme": slug, "unit_id": str(uuid4()), "plan": [],
        })
        for slug in slugs
    ]  # fmt: skip


def _reading(of: UUID, number: int, at: datetime, chance: random.Random) -> Fact:
    values: dict[str, Any]
    match number % 4:
        case 0:
            kind, values = "body_weight", {"value": Decimal(820 + chance.randint(-4, 4)) / 10}
        case 1:
            kind = "blood_pressure"
            values = {
                "systolic": Decimal(chance.randint(112, 148) + (40 if number % 97 == 1 else 0)),
                "diastolic": Decimal(chance.randint(68, 88)),
            }
        case 2:
            kind, values = "heart_rate", {"value": Decimal(chance.randint(58, 84))}
        case _:
            kind, values = "spo2", {"value": Decimal(chance.randint(94, 99))}
    return _fact(of, "reading", kind, at, {"v": 1, "values": values})


def _fact(of: UUID, type_: str, kind: str, at: datetime, body: dict[str, Any]) -> Fact:
    id_ = uuid4()
    return Fact(
        org="bench", id=id_, patient_id=of, type=type_, kind=kind, at=at,
        received_at=at + timedelta(seconds=2), source="c-bench", body=body, origin=id_,
    )  # fmt: skip
