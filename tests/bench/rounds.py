"""All floors and scenarios once, a round: each floor right before what is divided by it, and the
order turns so that none always comes last."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.bench import filled, floors, judging, large, scenarios
from tests.bench.load import User
from tests.bench.machine import Foreign
from tests.bench.platform import Platform
from tests.bench.scenarios import Run
from tests.bench.servers import Broker

Row = dict[str, Any]
"A round: floats for the small floors, a Run for everything else, None where nothing can be run."


@dataclass(frozen=True)
class Size:
    """How long it lasts: a few minutes, or for `BENCH=quick` under a minute and a half."""

    rounds: int = 5
    patients: int = 80
    "In each round."
    http_seconds: float = 2.0
    batch_readings: int = 10_000
    mqtt_readings: int = 10_000
    slow_readings: int = 120
    kill_readings: int = 2_400
    backlog: int = 6_000
    "Readings that wait for alerts in each round."
    judged_one_by_one: int = 2_000
    replayed: int = 20_000
    full_patients: int = 10_000
    full_alerts: int = 50_000
    facts: int = 1_000_000
    "BENCH_GROW=20m: twenty million, which takes long."
    page_seconds: float = 10.0
    grown: int = 20
    "Batches of 500 into the full database and into an empty one."


REPLAYED = 20
"Patients whose readings are replayed."
CHARTED = 2_160
"Facts of each patient in the full database: one of four series every day, 18 months."

QUICK = Size(
    rounds=1, backlog=3_000, judged_one_by_one=500, replayed=6_000, full_patients=2_000,
    full_alerts=10_000, facts=100_000, page_seconds=4.0, grown=6,
)  # fmt: skip


@dataclass
class Measured:
    rows: list[Row] = field(default_factory=list)
    kill: Run = field(default_factory=Run)
    idle: dict[str, float] = field(default_factory=dict)
    "Resident MB of each service before any load …"
    loaded: dict[str, float] = field(default_factory=dict)
    "… and the most that was seen during it."
    large: Row = field(default_factory=dict)
    "What was measured of a full database, once."
    foreign: float = 0.0
    "Share of the machine that others used, over all."

    @property
    def invalid(self) -> list[str]:
        runs = [("kill", self.kill)]
        for number, row in enumerate(self.rows, 1):
            runs += [
                (f"round {number} {name}", run) for name, run in row.items() if isinstance(run, Run)
            ]
        runs += [(name, run) for name, run in self.large.items() if isinstance(run, Run)]
        return [f"{name}: {run.invalid}" for name, run in runs if run.invalid]

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"invalid": self.invalid}


@dataclass
class Bench:
    platform: Platform
    no_op: str
    naive: str
    broker: Broker | None
    size: Size

    async def measure(self) -> Measured:
        measured = Measured(idle=self.platform.rss_megabytes())
        foreign = Foreign()
        async with self._watched(measured.loaded):
            for number in range(self.size.rounds):
                sys.stderr.write(f"Round {number + 1} of {self.size.rounds} …\n")
                measured.rows.append(await self._round(number))
        if self.platform.has_mosquitto:
            sys.stderr.write("Killing ingest and alerts …\n")
            measured.kill = await scenarios.kill(
                self.platform, self._users(0), self.size.kill_readings, "kill"
            )
        sys.stderr.write("Filling a database …\n")
        await self._large(measured.large)
        measured.foreign = round(foreign.share(), 3)
        return measured

    async def _round(self, number: int) -> Row:
        row: Row = {"foreign": {}, "seconds": {}}
        steps: list[Callable[[Row, int], Awaitable[None]]] = [
            self._latency, self._singles, self._batches, self._mqtt, self._judging, self._catchup,
        ]  # fmt: skip
        for turn in range(len(steps)):
            await steps[(turn + number) % len(steps)](row, number)
        return row

    async def _latency(self, row: Row, number: int) -> None:
        """One reading at a time, every one a red."""
        url, users = self.platform.database, self._users(number)
        await _note(row, "fsync_us", asyncio.to_thread(floors.fsync_microseconds))
        await _note(row, "commit_ms", floors.commit_milliseconds(url))
        row["mqtt-20ps"] = None
        if self.platform.has_mosquitto:
            slow = scenarios.mqtt_paced(
                self.platform, users, 20, self.size.slow_readings, 1, f"l{number}"
            )
            await _note(row, "mqtt-20ps", slow)

    async def _singles(self, row: Row, number: int) -> None:
        users, seconds = self._users(number), self.size.http_seconds
        for name, url in (("no-op", self.no_op), ("naive", self.naive)):
            run = scenarios.application(users, url, seconds, f"{name}{number}")
            await _note(row, name, run)
        single = scenarios.http_single(self.platform, users, seconds, f"s{number}")
        await _note(row, "http-single-64", single)

    async def _batches(self, row: Row, number: int) -> None:
        platform, count = self.platform, self.size.batch_readings
        await _note(row, "copy", floors.copy_rows_per_second(platform.database))
        batch = scenarios.http_batch(platform, self._users(number), count, f"b{number}")
        await _note(row, "http-batch-500", batch)

    async def _mqtt(self, row: Row, number: int) -> None:
        """Floor, greatest rate, and half of that rate, one right after the other."""
        row |= {"broker": None, "broker-paho": None, "mqtt-max": None, "mqtt-half-max": None}
        platform, users, count = self.platform, self._users(number), self.size.mqtt_readings
        if self.broker is None or not platform.has_mosquitto:
            return
        for name, by in (("broker", "fan-through"), ("broker-paho", "fan-through-paho")):
            floor = scenarios.broker(platform, users, self.broker, by, count, f"{name}{number}")
            await _note(row, name, floor)
        most = await _note(
            row, "mqtt-max", scenarios.mqtt_max(platform, users, count, f"m{number}")
        )
        rate = most.rate / 2
        half = scenarios.mqtt_paced(
            platform, users, rate, int(rate * 2), scenarios.RED_EVERY, f"h{number}"
        )
        await _note(row, "mqtt-half-max", half)

    async def _judging(self, row: Row, number: int) -> None:
        """No database: only what the rules cost."""
        one = asyncio.to_thread(judging.one_reading, self.size.judged_one_by_one)
        await _note(row, "judging", one)
        each = self.size.replayed // REPLAYED
        await _note(row, "what-if", asyncio.to_thread(judging.what_if, REPLAYED, each))

    async def _catchup(self, row: Row, number: int) -> None:
        row["catchup"] = None
        if self.platform.has_mosquitto:
            run = scenarios.catchup(
                self.platform, self.platform.users(), self.size.backlog, f"c{number}"
            )
            await _note(row, "catchup", run)

    async def _large(self, row: Row) -> None:
        """The nurse's list, a chart and storing, in databases of the bench's own."""
        size, owner = self.size, self.platform.database
        row |= {"foreign": {}, "seconds": {}}
        url = await filled.made(owner, "hjemvakt_bench_full")
        empty_url = await filled.made(owner, "hjemvakt_bench_empty")
        body = await self.platform.some_row()
        full, empty = await filled.opened(url), await filled.opened(empty_url)
        try:
            for one in (full, empty):
                await filled.people(one, size.full_patients)
            each = size.full_alerts // size.full_patients
            await filled.alerts(full, size.full_patients, each, body)
            await _note(row, "worklist", large.worklist(full, size.full_patients))
            with large.alerts_on(url, self.platform.development_key) as address:
                key, seconds = self.platform.development_key, size.page_seconds
                await large.page(address, key, size.full_patients, 2.0)  # until it is warm
                await _note(row, "page", large.page(address, key, size.full_patients, seconds))
            charted = max(size.facts // CHARTED, 1)
            await _note(row, "filling", filled.facts(full, charted, size.facts))
            expected = CHARTED * large.DAYS // (30 * filled.MONTHS)
            await _note(row, "chart", large.chart(full, charted, expected))
            seen = large.chart(full, charted, expected, audited=True)
            await _note(row, "audited-chart", seen)
            await _note(row, "grow", large.growing(empty, full, charted, size.grown))
        finally:
            await full.close()
            await empty.close()

    def _users(self, number: int) -> list[User]:
        return self.platform.users(number, self.size.rounds)

    @contextlib.asynccontextmanager
    async def _watched(self, most: dict[str, float]) -> AsyncIterator[None]:
        """Sample the services' memory into `most` meanwhile."""

        async def sample() -> None:
            while True:
                for name, size in self.platform.rss_megabytes().items():
                    most[name] = max(size, most.get(name, 0.0))
                await asyncio.sleep(0.2)

        sampling = asyncio.create_task(sample())
        try:
            yield
        finally:
            sampling.cancel()


async def _note(row: Row, name: str, work: Awaitable[Any]) -> Any:
    foreign, began = Foreign(), time.perf_counter()
    row[name] = await work
    row["foreign"][name] = round(foreign.share(), 3)
    row["seconds"][name] = round(time.perf_counter() - began, 1)
    return row[name]
