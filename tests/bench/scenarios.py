"""What is measured of the platform, and with the same load of its floors.

A run counts only if sent = stored = judged.
"""

import asyncio
import contextlib
import math
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.bench import load, readings
from tests.bench.load import Plan, User
from tests.bench.platform import Platform
from tests.bench.servers import Broker

PATH = "/v1/observations"
CONNECTIONS = 64
BATCH = 500
JUDGED_WITHIN = 30.0
OUTAGE = 10 * 60 * 50
"Readings that come in ten minutes at 50 a second."
RED_EVERY = 20
"At half the greatest rate; each of these readings raises a red whose time is taken."


@dataclass
class Run:
    """One measurement: a rate (readings or requests a second) or latencies in milliseconds."""

    rate: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    samples: int = 0
    invalid: str = ""
    core: float = 0.0
    "Share of a core that the generator used."
    cpu_per_1000: dict[str, float] = field(default_factory=dict)
    "Seconds, by process, the generator too."
    notes: dict[str, Any] = field(default_factory=dict)

    def take(self, milliseconds: Sequence[float]) -> None:
        ordered = sorted(milliseconds)
        self.samples = len(ordered)
        if ordered:
            self.p50, self.p90, self.p99 = (
                ordered[math.ceil(len(ordered) * part) - 1] for part in (0.5, 0.9, 0.99)
            )


# --- floors under load --------------------------------------------------------------------------


async def application(users: list[User], url: str, seconds: float, mark: str) -> Run:
    """Single readings to an application that is not the platform."""
    plan = Plan("floor", url, users, mark, seconds=seconds, connections=CONNECTIONS)
    return _compared(await load.generate(plan))


async def broker(
    platform: Platform, users: list[User], broker: Broker, by: str, count: int, mark: str
) -> Run:
    """Through a broker to one subscriber that only acknowledges, `by` one client or another."""
    plan = Plan(by, broker.devices, users, mark, org=platform.org, inner=broker.inner, count=count)
    return _compared(await load.generate(plan))


def _compared(done: load.Done) -> Run:
    run = Run(rate=done.rate, core=done.core, cpu_per_1000={"generator": done.cpu_per_1000})
    run.take([seconds * 1000 for seconds in done.seconds])
    if done.acknowledged != done.sent:
        run.invalid = f"{done.sent} sent, {done.acknowledged} answered"
    return run


# --- the platform -------------------------------------------------------------------------------


async def http_single(platform: Platform, users: list[User], seconds: float, mark: str) -> Run:
    url = f"{platform.addresses['ingest']}{PATH}"
    plan = Plan("http", url, users, mark, seconds=seconds, connections=CONNECTIONS)
    return await _measured(platform, plan)


async def http_batch(platform: Platform, users: list[User], readings_in_all: int, mark: str) -> Run:
    url, requests = f"{platform.addresses['ingest']}{PATH}", readings_in_all // BATCH
    plan = Plan("http", url, users, mark, count=requests, connections=4, size=BATCH)
    return await _measured(platform, plan)


async def mqtt_max(platform: Platform, users: list[User], count: int, mark: str) -> Run:
    """The time counts until the last reading is judged."""
    run = await _measured(platform, _mqtt(platform, users, mark, count=count))
    run.rate = run.notes["judged_rate"]
    return run


async def mqtt_paced(
    platform: Platform, users: list[User], rate: float, count: int, red_every: int, mark: str
) -> Run:
    """So many a second; of the reds, from publishing to the commit of the alert's finding."""
    plan = _mqtt(platform, users, mark, count=count, rate=rate, red_every=red_every)
    run = await _measured(platform, plan)
    taken = await _until_alerted(platform, mark)
    run.take(taken)
    run.rate = None
    if unraised := math.ceil(count / red_every) - len(taken):
        run.invalid = run.invalid or f"{unraised} red readings raised no finding"
    return run


async def kill(platform: Platform, users: list[User], count: int, mark: str) -> Run:
    """kill -9 of ingest and of alerts in mid-stream: every acknowledged reading is stored once."""

    async def strike() -> None:
        for name in ("ingest", "alerts"):
            await asyncio.sleep(1.0)
            os.kill(platform.pids[name], signal.SIGKILL)

    striking = asyncio.create_task(strike())
    done = await load.generate(_mqtt(platform, users, mark, count=count, rate=count / 6))
    await striking
    async with _database(platform) as connection:
        unjudged, _ = await _judged(connection, platform.org)
        stored = await _stored(connection, mark)
    kept = {int(each.removeprefix(readings.name(mark))) for each in stored}
    lost = set(range(done.sent)) - set(done.missing) - kept
    twice = len(stored) - len(kept)
    run = Run(
        notes={"sent": done.sent, "acknowledged": done.acknowledged, "stored": len(kept),
               "lost": len(lost), "twice": twice, "unjudged": unjudged},
    )  # fmt: skip
    if lost or twice or unjudged or done.missing:
        run.invalid = (
            f"{len(lost)} lost, {twice} stored twice, {unjudged} not judged, "
            f"{len(done.missing)} without a receipt"
        )
    return run


async def catchup(platform: Platform, users: list[User], count: int, mark: str) -> Run:
    """alerts stands still while so many readings come in, as fast as they go; then how long until
    all are judged, and what that comes to after ten minutes. So many that what a few cost, be it
    the first look at each patient, does not stand for all."""
    pid = platform.pids["alerts"]
    run = Run()
    async with _database(platform) as connection:
        os.kill(pid, signal.SIGSTOP)
        try:
            done = await load.generate(
                _mqtt(platform, users, mark, count=count, red_every=RED_EVERY)
            )
            waited = int(await connection.fetchval("select count(*) from ledger.handover"))
        finally:
            os.kill(pid, signal.SIGCONT)
        began = time.time()
        unjudged, judged_at = await _judged(connection, platform.org)
        stored = await _stored(connection, mark)
    drained = max(judged_at - began, 0.001)
    run.rate = waited / drained
    run.notes = {
        "waited": waited, "patients": len(users), "drained_seconds": round(drained, 3),
        "scaled_seconds": round(OUTAGE / run.rate, 2),
    }  # fmt: skip
    if unjudged or not done.sent == done.acknowledged == len(set(stored)) == len(stored):
        run.invalid = (
            f"{done.sent} sent, {done.acknowledged} acknowledged, {len(stored)} stored, "
            f"{unjudged} not judged"
        )
    elif waited < count // 2:
        run.invalid = f"only {waited} of {count} waited: alerts did not stand still"
    return run


def _mqtt(
    platform: Platform,
    users: list[User],
    mark: str,
    *,
    count: int,
    rate: float = 0.0,
    red_every: int = 0,
) -> Plan:
    return Plan("mqtt", str(platform.addresses["mqtt"]), users, mark, org=platform.org,
                count=count, rate=rate, red_every=red_every)  # fmt: skip


async def _measured(platform: Platform, plan: Plan) -> Run:
    """Run the load until the last reading is judged. The rate is that of the answers."""
    async with _database(platform) as connection:
        before = platform.cpu_seconds()
        done = await load.generate(plan)
        unjudged, judged_at = await _judged(connection, platform.org)
        after = platform.cpu_seconds()
        stored = await _stored(connection, plan.mark)
        found = await connection.fetchval(
            "select count(*) from alerts.finding where raised_at >= to_timestamp($1)", done.began
        )
    kept = len(set(stored))
    run = Run(rate=done.rate, core=done.core)
    run.take([seconds * 1000 for seconds in done.seconds])
    run.notes = {
        "sent": done.sent,
        "seconds": round(done.ended - done.began, 3),
        "drain_seconds": round(max(0.0, judged_at - done.ended), 3),
        "judged_rate": kept / (max(judged_at, done.ended) - done.began),
        "findings": found,
    }
    if not done.sent == done.acknowledged == kept == len(stored) or unjudged:
        run.invalid = (
            f"{done.sent} sent, {done.acknowledged} acknowledged, {kept} stored, "
            f"{len(stored) - kept} twice, {unjudged} not judged"
        )
    run.cpu_per_1000 = {"generator": done.cpu_per_1000} | {
        name: round((after.get(name, 0.0) - spent) / max(kept, 1) * 1000, 4)
        for name, spent in before.items()
    }
    return run


@contextlib.asynccontextmanager
async def _database(platform: Platform) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(platform.database)
    try:
        yield connection
    finally:
        await connection.close()


async def _judged(connection: asyncpg.Connection, org: str) -> tuple[int, float]:
    """Wait until nothing waits to be judged: how much still does after long, and the time."""
    until = time.time() + JUDGED_WITHIN
    while await connection.fetchval("select exists (select from ledger.handover where org = $1)",
                                    org):  # fmt: skip
        if time.time() > until:
            left = await connection.fetchval("select count(*) from ledger.handover")
            return int(left), time.time()
        await asyncio.sleep(0.005)
    return 0, time.time()


async def _stored(connection: asyncpg.Connection, mark: str) -> list[str]:
    """The message ids of this run in the ledger, one for every time each is stored."""
    rows = await connection.fetch(
        "select message_id from ledger.reading where message_id like $1",
        f"{readings.name(mark)}%",
    )
    return [row["message_id"] for row in rows]


async def _until_alerted(platform: Platform, mark: str) -> list[float]:
    """Milliseconds from publishing to commit, one for each reading that a finding stands on.

    `at` is the generator's clock when it published, and PostgreSQL's is the same. The time of a
    commit is that of its record; the flush that follows (fsync_us) is not in it. A finding that
    was touched again counts with its last transaction: too long, never too short.
    """
    async with _database(platform) as connection:
        rows = await connection.fetch(
            """
            select extract(epoch from pg_xact_commit_timestamp(f.xmin) - r.at) * 1000 as ms
            from ledger.reading r
            join lateral (
                select f.xmin from alerts.finding f
                where f.org = r.org and f.patient_id = r.patient_id and r.id = any(f.facts)
                order by f.raised_at limit 1
            ) f on true
            where r.message_id like $1 and r.kind = 'blood_pressure'
            """,
            f"{readings.name(mark)}%",
        )
    return [float(row["ms"]) for row in rows]
