"""The platform under test: `hjemvakt up` on a PostgreSQL that notes when each commit took place."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local import ports
from deploy.local import postgres as launcher
from tests.bench import machine
from tests.bench.load import User

HJEMVAKT = Path(sys.executable).with_name("hjemvakt")
UNSAFE_WITHOUT = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass
class Platform:
    addresses: dict[str, Any]
    seeded: dict[str, Any]
    run_file: Path

    @property
    def database(self) -> str:
        """The owner's address."""
        return str(self.addresses["database"])

    @property
    def development_key(self) -> Path:
        return self.run_file.with_name("development.jwk")

    async def some_row(self) -> dict[str, Any]:
        """What a row of the list looks like: that of somebody who has an alert."""
        connection = await asyncpg.connect(self.database)
        try:
            text = await connection.fetchval(
                "select body::text from alerts.worklist_row order by rank, waiting_since limit 1"
            )
        finally:
            await connection.close()
        row: dict[str, Any] = json.loads(text)
        return row

    @property
    def broker_credentials(self) -> Path:
        """Where Mosquitto finds who may connect, and what each may do."""
        return self.run_file.with_name("broker") / "credentials"

    @property
    def org(self) -> str:
        return str(self.seeded["org"])

    def users(self, group: int = 0, groups: int = 1) -> list[User]:
        """Every round has patients of its own: judging costs more, the more a patient has sent,
        and nobody sends in a week what a load sends in a minute."""
        return [
            (each["cred"], each["secret"], each["dry_weight"])
            for each in self.seeded["patients"][group::groups]
        ]

    @property
    def pids(self) -> dict[str, int]:
        """As they are now: what was killed has another one."""
        pids: dict[str, int] = self._run()["pids"]
        return pids

    @property
    def has_mosquitto(self) -> bool:
        """The demonstration broker knows no MQTT 3.1.1 and is not worth measuring."""
        return bool(self._run()["shared_subscription"])

    def cpu_seconds(self) -> dict[str, float]:
        return machine.cpu_seconds(self.pids)

    def rss_megabytes(self) -> dict[str, float]:
        return machine.rss_megabytes(self.pids)

    def _run(self) -> dict[str, Any]:
        run: dict[str, Any] = json.loads(self.run_file.read_text())
        return run


@contextlib.contextmanager
def running(patients: int) -> Iterator[Platform]:
    """The whole platform, seeded; stopped at the end whatever happened."""
    with tempfile.TemporaryDirectory(prefix="hjv-bench-") as directory:
        data = Path(directory) / "data"
        _note_commit_times(data / "postgres")
        up = subprocess.Popen(
            [
                *(str(HJEMVAKT), "up", "--json"),
                *("--data-dir", str(data), "--port-base", str(ports.free_base())),
            ],
            stdout=subprocess.PIPE,
            stderr=_errors(),
            text=True,
        )
        try:
            assert up.stdout is not None
            line = up.stdout.readline()
            if not line:
                raise RuntimeError("The platform did not start; try `hjemvakt doctor`.")
            yield Platform(json.loads(line), _seed(data, patients), data / "run.json")
        finally:
            up.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                up.wait(20)
            up.kill()


async def refuse_unsafe(platform: Platform) -> None:
    """A rate without durability would be no rate of this platform."""
    connection = await asyncpg.connect(platform.database)
    try:
        for setting in UNSAFE_WITHOUT:
            if await connection.fetchval(f"show {setting}") != "on":
                raise SystemExit(f"{setting} is off: such a measurement says nothing.")
    finally:
        await connection.close()


def _note_commit_times(directory: Path) -> None:
    """Have PostgreSQL note when each commit took place; kept for the start that follows."""
    server = launcher.Server(directory)
    server.start()

    async def alter() -> None:
        connection = await asyncpg.connect(server.url(launcher.SUPERUSER, "postgres"))
        await connection.execute("alter system set track_commit_timestamp = on")
        await connection.close()

    try:
        asyncio.run(alter())
    finally:
        server.stop()


def _seed(data: Path, patients: int) -> dict[str, Any]:
    done = subprocess.run(
        [
            *(str(HJEMVAKT), "seed", "--json", "--data-dir", str(data)),
            *("--patients", str(patients), "--programme", "home_dialysis"),
        ],
        stdout=subprocess.PIPE,
        stderr=_errors(),
        check=True,
        text=True,
    )
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def _errors() -> Any:
    return sys.stderr if os.environ.get("BENCH_VERBOSE") else subprocess.DEVNULL
