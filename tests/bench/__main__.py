"""`make bench`, or BENCH=quick in under 90 seconds: floors and scenarios, then the ratios.

Ends with 1 if a run was invalid or, of five rounds, a ratio missed its goal in every one.
"""

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, replace
from typing import Any

from tests.bench import about, platform, report, servers
from tests.bench.goals import GOALS, LARGE, Verdict
from tests.bench.rounds import QUICK, Bench, Measured, Size


def main() -> None:
    size = QUICK if os.environ.get("BENCH") == "quick" else Size()
    if os.environ.get("BENCH_GROW") == "20m":
        size = replace(size, facts=20_000_000)
    is_quick = size.rounds == QUICK.rounds
    patients = size.rounds * size.patients
    sys.stderr.write(f"Starting everything, with {patients} patients …\n")
    with (
        platform.running(patients) as running,
        servers.no_op() as no_op,
        servers.naive(running.database) as naive,
        servers.second_broker(running.broker_credentials) as broker,
    ):
        bench = Bench(running, no_op, naive, broker, size)
        measured, versions = asyncio.run(_measure(bench))
    print("\n".join(report.lines(measured)))
    verdicts = {goal.name: goal.verdict(measured.rows, measured.foreign) for goal in GOALS}
    verdicts |= {goal.name: goal.verdict([measured.large], measured.foreign) for goal in LARGE}
    name = f"bench-{time.strftime('%Y%m%d-%H%M%S')}.json"
    with open(name, "w") as file:
        settings = {"about": versions, "size": asdict(size), "goals": verdicts}
        json.dump(settings | measured.as_json(), file, indent=1)
    print(f"All of it: {name}")
    missed = [goal for goal, verdict in verdicts.items() if verdict is Verdict.MISSED]
    if not is_quick and missed:
        print(f"Missed in every round: {', '.join(missed)}")
    sys.exit(1 if measured.invalid or (missed and not is_quick) else 0)


async def _measure(bench: Bench) -> tuple[Measured, dict[str, Any]]:
    await platform.refuse_unsafe(bench.platform)
    return await bench.measure(), await about.everything(bench.platform)


if __name__ == "__main__":
    main()
