"""`hjemvakt up`: everything runs from one command, heals, ends clean, and finds its data again."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from anyio.from_thread import BlockingPortal

from deploy.local import ports
from tests.deploy.mqtt_client import eventually

SERVICES = ("ingest", "patients", "alerts")


class Up:
    """One `hjemvakt up --json`."""

    def __init__(self, data_dir: Path, base: int) -> None:
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "MQTT_URL"} and not name.startswith("HJEMVAKT_")
        }
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [
                *(Path(sys.executable).parent / "hjemvakt", "up", "--json"),
                *("--data-dir", data_dir, "--port-base", str(base)),
            ],
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        assert self.line, "it ended before it was ready; standard error says why"
        self.said: dict[str, Any] = json.loads(self.line)

    def pids(self) -> dict[str, int]:
        found: dict[str, int] = json.loads((self.data_dir / "run.json").read_text())["pids"]
        return found

    def ready(self, service: str) -> bool:
        try:
            return httpx.get(f"{self.said[service]}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def end(self) -> tuple[int, str]:
        """The exit code, and what else came to standard output."""
        assert self.process.stdout is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        rest = self.process.stdout.read()
        self.process.stdout.close()
        return code, rest


@contextmanager
def up(data_dir: Path, base: int) -> Iterator[Up]:
    running = Up(data_dir, base)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end()


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Path, int]]:
    with tempfile.TemporaryDirectory(prefix="hjv up ") as directory:
        yield Path(directory) / "data", ports.free_base()


def test_up_from_nothing_to_ready_and_back(place: tuple[Path, int], portal: BlockingPortal) -> None:
    data_dir, base = place
    with up(data_dir, base) as system:
        ways_in = {"ingest", "patients", "alerts", "mqtt", "mqtts", "mllp", "database", "issuer"}
        assert set(system.said) == {*ways_in, "pids"}
        assert set(system.said["pids"]) == {*SERVICES, "postgres", "broker", "issuer"}
        assert all(system.ready(service) for service in SERVICES)
        assert is_private(data_dir)
        portal.call(execute, system.said["database"], "create table public.kept as select 1 as n")

        os.kill(system.pids()["ingest"], signal.SIGKILL)
        eventually(lambda: not system.ready("ingest"))
        eventually(lambda: system.ready("ingest"), patience=30)
        assert system.pids()["ingest"] != system.said["pids"]["ingest"]

        os.kill(system.pids()["postgres"], signal.SIGKILL)
        eventually(lambda: system.pids()["postgres"] != system.said["pids"]["postgres"], 30)
        for service in SERVICES:
            eventually(lambda service=service: system.ready(service), patience=30)  # type: ignore[misc]

        last = system.pids().values()
        code, rest = system.end()

    assert code == 0
    assert rest == "", "standard output carries one line"
    assert not any(Path(f"/proc/{pid}").exists() for pid in last)
    assert all(map(ports.is_free, ports.Ports(base).by_part().values()))


def test_a_second_start_finds_its_data(place: tuple[Path, int], portal: BlockingPortal) -> None:
    data_dir, base = place
    with up(data_dir, base) as system:
        portal.call(execute, system.said["database"], "drop table public.kept")


def is_private(data_dir: Path) -> bool:
    return data_dir.stat().st_mode & 0o077 == 0 and all(
        path.stat().st_mode & 0o077 == 0 for path in data_dir.iterdir()
    )


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
