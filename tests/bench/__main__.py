"""`make bench`, or BENCH=quick in under 90 seconds: floors and scenarios, then the ratios."""

import asyncio
import json
import os
import platform as machine
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import httpx

from tests.bench import floors, scenarios
from tests.bench.platform import Platform, bare_broker, rss_megabytes, running

# What each scenario is divided by, and the least it must reach (PERFORMANCE: the entry bar).
BARS = {
    "http-single-64": ("noop", 0.25),
    "http-batch-500": ("copy", 0.50),
    "mqtt-max": ("broker", 0.50),
    "http-single-64 / naive": ("naive", 20.0),
}
LATENCY_BARS = {"mqtt-20ps p50": 15.0, "mqtt-20ps p99": 40.0}


def main() -> None:
    quick = os.environ.get("BENCH") == "quick"
    rounds = 1 if quick else 5
    seconds = 2.0 if quick else 3.0
    with running(patients=40) as platform, _served("tests.bench.noop:app") as noop_port:
        url = platform.owner_url.replace("postgresql://", "postgresql+asyncpg://")
        naive = _served("tests.bench.naive:create", factory=True, NAIVE_DATABASE=url)
        with naive as naive_port, bare_broker() as broker:
            report = asyncio.run(
                _rounds(platform, noop_port, naive_port, broker, rounds, seconds, quick)
            )
    _print(report)
    with open(f"bench-{time.strftime('%Y%m%d-%H%M%S')}.json", "w") as file:
        json.dump(report, file, indent=1)
    sys.exit(1 if report["invalid"] else 0)


async def _rounds(
    platform: Platform,
    noop_port: int,
    naive_port: int,
    broker: str | None,
    rounds: int,
    seconds: float,
    quick: bool,
) -> dict[str, Any]:
    await _refuse_unsafe(platform.owner_url)
    report: dict[str, Any] = {"machine": _machine(), "rounds": [], "invalid": []}
    idle = rss_megabytes(platform.addresses["pids"])
    for number in range(rounds):
        sys.stderr.write(f"Round {number + 1} of {rounds} …\n")
        row: dict[str, Any] = {}
        steps = [
            ("fsync_us", lambda: asyncio.to_thread(floors.fsync_microseconds)),
            ("commit_ms", lambda: floors.commit_milliseconds(platform.owner_url)),
            ("copy", lambda: floors.copy_rows_per_second(platform.owner_url)),
            ("noop", lambda: scenarios.noop(noop_port, seconds)),
            ("broker", lambda: asyncio.to_thread(_broker, broker, 5_000 if quick else 20_000)),
            ("http-single-64", lambda n=number: scenarios.http(platform, 64, 1, seconds, f"s{n}")),
            ("http-batch-500", lambda n=number: scenarios.http(platform, 4, 500, seconds, f"b{n}")),
            ("mqtt-max", lambda n=number: scenarios.mqtt_max(
                platform, 5_000 if quick else 30_000, f"m{n}")),
            ("mqtt-20ps", lambda n=number: scenarios.mqtt_slow(
                platform, 100 if quick else 300, f"l{n}")),
            ("naive", lambda n=number: asyncio.to_thread(
                scenarios.naive, f"http://127.0.0.1:{naive_port}/v1/observations", seconds,
                f"n{n}")),
        ]  # fmt: skip
        for turn in range(len(steps)):
            name, step = steps[(turn + number) % len(steps)]
            row[name] = _plain(await step())
        report["rounds"].append(row)
    killed = await scenarios.kill(platform, 1_200 if quick else 6_000, "kill")
    report["kill"] = _plain(killed)
    report["rss_mb"] = {"idle": idle, "loaded": rss_megabytes(platform.addresses["pids"])}
    for number, row in enumerate(report["rounds"]):
        for name, run in row.items():
            if isinstance(run, dict) and run["invalid"]:
                report["invalid"].append(f"round {number + 1} {name}: {run['invalid']}")
    if killed.invalid:
        report["invalid"].append(f"kill: {killed.invalid}")
    return report


def _broker(url: str | None, count: int) -> float | None:
    if url is None:
        return None
    plan = {"url": url, "topic": "hjv/1/floor/c-floor/obs", "count": count}
    return float(scenarios.generate("fan-through", plan)["rate"])


def _plain(value: Any) -> Any:
    return vars(value) if isinstance(value, scenarios.Run) else value


async def _refuse_unsafe(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            if await connection.fetchval(f"show {setting}") != "on":
                raise SystemExit(f"{setting} is off: such a measurement says nothing.")
    finally:
        await connection.close()


@contextmanager
def _served(application: str, *, factory: bool = False, **environment: str) -> Iterator[int]:
    from deploy.local import ports

    port = ports.free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", application, "--port", str(port)),
        *("--log-level", "error", "--no-access-log"),
        *(["--factory"] if factory else []),
    ]
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        for _ in range(100):
            try:
                httpx.post(f"http://127.0.0.1:{port}/v1/observations", json={})
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _machine() -> dict[str, Any]:
    return {
        "python": machine.python_version(),
        "cores": os.cpu_count(),
        "system": machine.system(),
    }


def _print(report: dict[str, Any]) -> None:
    rows = report["rounds"]
    print("\nFloors, every round")
    for name, unit in (("fsync_us", "µs"), ("commit_ms", "ms"), ("copy", "rows/s"),
                       ("noop", "req/s"), ("broker", "msg/s")):  # fmt: skip
        print(f"  {name:16} {_values([row[name] for row in rows], unit)}")
    print("\nScenarios, every round")
    for name in ("http-single-64", "http-batch-500", "mqtt-max", "naive"):
        shown = [row[name]["rate"] if not row[name]["invalid"] else None for row in rows]
        print(f"  {name:16} {_values(shown, '/s')}")
    print("\nRatios to the floor of the same round")
    for name, (floor, bar) in BARS.items():
        scenario = name.split(" ")[0]
        ratios = [_ratio(row[scenario], row[floor]) for row in rows]
        print(f"  {name:24} {_values(ratios, 'x')}  {_verdict(ratios, bar, least=True)}")
    for name, bar in LATENCY_BARS.items():
        part = name.split(" ")[1]
        ratios = [
            row["mqtt-20ps"][part] / row["commit_ms"] if row["mqtt-20ps"][part] else None
            for row in rows
        ]
        print(f"  {name:24} {_values(ratios, 'commits')}  {_verdict(ratios, bar, least=False)}")
    print(f"\nKill -9 of ingest and alerts in mid-stream: {report['kill']['notes']}")
    print(f"Memory, MB: {_rounded(report['rss_mb'])}")
    print(f"CPU s per 1 000 readings (mqtt-max): {rows[-1]['mqtt-max']['cpu_per_1000']}")
    for sentence in report["invalid"]:
        print(f"INVALID {sentence}")


def _ratio(run: dict[str, Any], floor: Any) -> float | None:
    below = floor["rate"] if isinstance(floor, dict) else floor
    return run["rate"] / below if run["rate"] and below and not run["invalid"] else None


def _values(values: list[float | None], unit: str) -> str:
    if any(value is None for value in values):
        return "INVALID"
    known = [value for value in values if value is not None]
    each = " ".join(f"{value:,.3g}" if value < 1000 else f"{value:,.0f}" for value in known)
    middle = statistics.median(known)
    return (
        f"{each}  median {middle:,.3g} {unit}"
        if middle < 1000
        else (f"{each}  median {middle:,.0f} {unit}")
    )


def _verdict(ratios: list[float | None], bar: float, *, least: bool) -> str:
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < len(ratios):
        return f"bar {bar:g}: INVALID"
    met = [ratio >= bar if least else ratio <= bar for ratio in known]
    sign = "≥" if least else "≤"
    return f"bar {sign} {bar:g}: " + (
        "met" if all(met) else "missed" if not any(met) else "undecided"
    )


def _rounded(sizes: dict[str, dict[str, float]]) -> dict[str, dict[str, int]]:
    return {
        when: {name: round(size) for name, size in each.items()} for when, each in sizes.items()
    }


if __name__ == "__main__":
    main()
