"""The platform under test: `hjemvakt up` on a PostgreSQL that notes when each commit took place."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local import ports
from deploy.local import postgres as launcher

HJEMVAKT = Path(sys.executable).with_name("hjemvakt")


@dataclass
class Platform:
    addresses: dict[str, Any]
    seeded: dict[str, Any]
    run_file: Path

    @property
    def owner_url(self) -> str:
        return str(self.addresses["database"])

    @property
    def users(self) -> list[tuple[str, str]]:
        return [(each["cred"], each["secret"]) for each in self.seeded["patients"]]

    @property
    def secrets(self) -> list[str]:
        return [secret for _, secret in self.users]


@contextlib.contextmanager
def running(patients: int) -> Iterator[Platform]:
    """The whole platform, seeded; stopped at the end whatever happened."""
    with tempfile.TemporaryDirectory(prefix="hjv-bench-") as directory:
        data = Path(directory) / "data"
        _note_commit_times(data / "postgres")
        up = subprocess.Popen(
            [
                str(HJEMVAKT), "up", "--json",
                "--data-dir", str(data),
                "--port-base", str(_free_base()),
            ],
            stdout=subprocess.PIPE,
            stderr=sys.stderr if os.environ.get("BENCH_VERBOSE") else subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        try:
            assert up.stdout is not None
            line = up.stdout.readline()
            if not line:
                raise RuntimeError("The platform did not start; try `hjemvakt doctor`.")
            addresses = json.loads(line)
            yield Platform(addresses, _seed(data, patients), data / "run.json")
        finally:
            up.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                up.wait(20)
            up.kill()


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


@contextlib.contextmanager
def bare_broker() -> Iterator[str | None]:
    """A Mosquitto with nothing but a listener, for the floor. None where there is no Mosquitto."""
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        yield None
        return
    port = ports.free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
            "max_inflight_messages 0\nmax_queued_messages 0\n"
        )
        config.flush()
        os.chmod(config.name, 0o644)
        process = subprocess.Popen(
            [program, "-c", config.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            time.sleep(0.5)
            yield f"mqtt://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(5)


def _seed(data: Path, patients: int) -> dict[str, Any]:
    done = subprocess.run(
        [
            *(str(HJEMVAKT), "seed", "--json", "--data-dir", str(data)),
            *("--patients", str(patients), "--programme", "home_dialysis"),
        ],
        stdout=subprocess.PIPE,
        stderr=sys.stderr if os.environ.get("BENCH_VERBOSE") else subprocess.DEVNULL,
        check=True,
        text=True,
    )
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system time so far, with the process's children (PostgreSQL's backends)."""
    ticks = os.sysconf("SC_CLK_TCK")
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name stands in parentheses and may hold spaces.
            fields = stat.read_text().rpartition(")")[2].split()
            pid = int(stat.parent.name)
            parents.setdefault(int(fields[1]), []).append(pid)
            # Times of children that ended are counted with their parent.
            spent[pid] = sum(int(field) for field in fields[11:15]) / ticks

    def tree(pid: int) -> float:
        return spent.get(pid, 0.0) + sum(tree(child) for child in parents.get(pid, ()))

    return {name: tree(pid) for name, pid in pids.items()}


def rss_megabytes(pids: Mapping[str, int]) -> dict[str, float]:
    sizes = {}
    for name in ("ingest", "patients", "alerts"):
        with contextlib.suppress(OSError, KeyError):
            pages = int(Path(f"/proc/{pids[name]}/statm").read_text().split()[1])
            sizes[name] = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return sizes


def _free_base() -> int:
    return next(
        base
        for base in range(18_000, 30_000, 100)
        if all(ports.is_free(base + offset) for offset in range(1, 12))
    )
