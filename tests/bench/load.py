"""A plan for the generator and what it did; the process between them."""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

User = tuple[str, str, str]
"A patient's credential, secret and usual weight."


@dataclass
class Plan:
    """One load."""

    what: str
    "http, floor (HTTP whose answers are not receipts), mqtt, fan-through or fan-through-paho"
    url: str
    users: list[User]
    mark: str
    "What sets this run's message ids apart."
    org: str = ""
    inner: str = ""
    "MQTT, fan-through: the listener of the subscriber, with user and password."
    count: int = 10**9
    "Messages or requests at most."
    seconds: float = 60.0
    "HTTP: no request after that long."
    rate: float = 0.0
    "MQTT: messages a second; 0: as many as the windows let through."
    red_every: int = 0
    "MQTT: every n-th reading is one that raises a red."
    connections: int = 1
    "HTTP."
    size: int = 1
    "HTTP: readings to a body."


@dataclass
class Done:
    """Times are seconds of the wall clock, the same as the database's."""

    sent: int
    acknowledged: int
    began: float
    ended: float
    cpu: float
    "Seconds that the generator used between them."
    seconds: list[float] = field(default_factory=list)
    "HTTP: how long each request took."
    missing: list[int] = field(default_factory=list)
    "MQTT: numbers of the readings without a good receipt."

    @property
    def rate(self) -> float:
        return self.acknowledged / (self.ended - self.began)

    @property
    def core(self) -> float:
        return round(self.cpu / (self.ended - self.began), 3)

    @property
    def cpu_per_1000(self) -> float:
        return round(self.cpu / max(self.sent, 1) * 1000, 4)


class Watch:
    """When the load began and ended, and what it cost us."""

    def __init__(self) -> None:
        self.began, self._cpu = time.time(), time.process_time()
        self.lap()

    def lap(self) -> None:
        self.ended, self._cpu_then = time.time(), time.process_time()

    def done(self, sent: int, acknowledged: int, **more: Any) -> Done:
        cpu = self._cpu_then - self._cpu
        return Done(sent, acknowledged, self.began, self.ended, cpu, **more)


class GeneratorFailed(Exception):
    """The generator ended without a result."""


async def generate(plan: Plan) -> Done:
    """Run the load in a process of its own; returns as soon as everything is answered."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.generator"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 26,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(asdict(plan)).encode())
    process.stdin.write_eof()
    line = await process.stdout.readline()
    if not line:
        raise GeneratorFailed(plan.what)
    # Its last breath is not waited for: what follows a load is timed.
    _ending.add(ending := asyncio.create_task(process.wait()))
    ending.add_done_callback(_ending.discard)
    return Done(**json.loads(line))


_ending: set[asyncio.Task[int]] = set()
