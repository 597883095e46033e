"""What is measured of the platform. A run counts only if sent = stored = judged."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.bench.platform import Platform, cpu_seconds

PATH = "/v1/observations"


@dataclass
class Run:
    """One measurement: a rate (readings or requests a second) or latencies in milliseconds."""

    rate: float | None = None
    p50: float | None = None
    p99: float | None = None
    samples: int = 0
    invalid: str = ""
    cpu_per_1000: dict[str, float] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


def generate(what: str, plan: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.generator", what, json.dumps(plan)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    made: dict[str, Any] = json.loads(done.stdout)
    return made


async def noop(port: int, seconds: float) -> float:
    plan = {
        "url": f"http://127.0.0.1:{port}{PATH}",
        "secrets": ["none"],
        "connections": 64,
        "seconds": seconds,
        "size": 0,
        "mark": "noop",
    }
    return float((await asyncio.to_thread(generate, "http", plan))["rate"])


async def http(platform: Platform, connections: int, size: int, seconds: float, mark: str) -> Run:
    plan = {
        "url": f"{platform.addresses['ingest']}{PATH}",
        "secrets": platform.secrets,
        "connections": connections,
        "seconds": seconds,
        "size": size,
        "mark": mark,
    }
    return await _measured(platform, "http", plan, mark)


async def mqtt_max(platform: Platform, count: int, mark: str) -> Run:
    # Few connections: the generator's threads would otherwise wait for each other.
    plan = _mqtt(platform, count, 0, mark) | {"users": platform.users[:2]}
    return await _measured(platform, "mqtt", plan, mark)


async def mqtt_slow(platform: Platform, count: int, mark: str) -> Run:
    """20 a second, every one a red: publish to the commit of the alert's finding."""
    plan = _mqtt(platform, count, 20, mark) | {"red": True}
    run = await _measured(platform, "mqtt", plan, mark)
    connection = await asyncpg.connect(platform.owner_url)
    try:
        rows = await connection.fetch(
            """
            select extract(epoch from pg_xact_commit_timestamp(f.xmin) - r.at) * 1000 as ms
            from ledger.reading r
            join lateral (
                select f.xmin from alerts.finding f
                where f.org = r.org and f.patient_id = r.patient_id and r.id = any(f.facts)
                order by f.raised_at limit 1
            ) f on true
            where r.message_id like $1
            """,
            f"bench-{mark}-%",
        )
    finally:
        await connection.close()
    taken = sorted(float(row["ms"]) for row in rows)
    if len(taken) < count:
        run.invalid = run.invalid or f"{count - len(taken)} readings raised no finding"
    if taken:
        run.p50, run.p99 = taken[len(taken) // 2], taken[int(len(taken) * 0.99)]
        run.samples = len(taken)
    run.rate = None
    return run


async def kill(platform: Platform, count: int, mark: str) -> Run:
    """kill -9 of ingest and of alerts in mid-stream: every acknowledged reading is stored once."""

    async def strike() -> None:
        for name in ("ingest", "alerts"):
            await asyncio.sleep(1.0)
            run = json.loads(platform.run_file.read_text())
            os.kill(run["pids"][name], signal.SIGKILL)

    striking = asyncio.create_task(strike())
    plan = _mqtt(platform, count, count / 6, mark)
    done = await asyncio.to_thread(generate, "mqtt", plan)
    await striking
    stored, twice = await _stored(platform, mark)
    lost = done["acknowledged"] - stored
    waiting = await _drained(platform, 60)
    run = Run(notes={"acknowledged": done["acknowledged"], "stored": stored, "unjudged": waiting})
    if lost > 0 or twice or waiting:
        run.invalid = f"{max(lost, 0)} lost, {twice} stored twice, {waiting} not judged"
    return run


def naive(url: str, seconds: float, mark: str) -> Run:
    done = generate("naive", {"url": url, "connections": 64, "seconds": seconds, "mark": mark})
    return Run(rate=done["rate"], p50=done["ms"].get("p50"), p99=done["ms"].get("p99"))


def _mqtt(platform: Platform, count: int, rate: float, mark: str) -> dict[str, Any]:
    return {
        "url": platform.addresses["mqtt"],
        "users": platform.users[:20],
        "org": platform.seeded["org"],
        "count": count,
        "rate": rate,
        "mark": mark,
    }


async def _measured(platform: Platform, what: str, plan: dict[str, Any], mark: str) -> Run:
    """Run the load; the time counts until the last reading is judged."""
    before = cpu_seconds(platform.addresses["pids"])
    began = time.perf_counter()
    done = await asyncio.to_thread(generate, what, plan)
    sent_by = time.perf_counter()
    waiting = await _drained(platform, 60)
    drained = time.perf_counter() - sent_by
    stored, twice = await _stored(platform, mark)
    after = cpu_seconds(platform.addresses["pids"])
    run = Run(
        rate=stored / (done["seconds"] + drained) if what == "mqtt" else done["rate"],
        p50=done["ms"].get("p50"),
        p99=done["ms"].get("p99"),
        samples=done["samples"],
        notes={"drain_seconds": round(drained, 2), "seconds": round(sent_by - began, 2)},
    )
    if done["other"] or stored != done["acknowledged"] or twice or waiting:
        run.invalid = (
            f"{done['other']} not answered as stored, {done['acknowledged']} acknowledged, "
            f"{stored} stored, {twice} twice, {waiting} not judged"
        )
    if stored:
        run.cpu_per_1000 = {
            name: round((after.get(name, 0) - spent) / stored * 1000, 4)
            for name, spent in before.items()
        }
    return run


async def _drained(platform: Platform, seconds: float) -> int:
    """Wait until nothing waits to be judged; how much still does after that long."""
    connection = await asyncpg.connect(platform.owner_url)
    try:
        until = time.perf_counter() + seconds
        while True:
            waiting = await connection.fetchval("select count(*) from ledger.handover")
            if not waiting or time.perf_counter() > until:
                return int(waiting)
            await asyncio.sleep(0.01)
    finally:
        await connection.close()


async def _stored(platform: Platform, mark: str) -> tuple[int, int]:
    """How many messages of this run are stored, and how many of them more than once."""
    connection = await asyncpg.connect(platform.owner_url)
    try:
        row = await connection.fetchrow(
            """
            select count(*) as all, count(distinct message_id) as different
            from ledger.reading where message_id like $1
            """,
            f"bench-{mark}-%",
        )
        assert row is not None
        return int(row["different"]), int(row["all"] - row["different"])
    finally:
        await connection.close()
