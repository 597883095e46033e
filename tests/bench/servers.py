"""What the platform is compared with: its broker alone, an application that does nothing, and the
one somebody would write first."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.local import broker, ports, process


@dataclass(frozen=True)
class Broker:
    """The addresses of its two listeners; the inner one has its user and password."""

    devices: str
    inner: str


@contextlib.contextmanager
def second_broker(credentials: Path) -> Iterator[Broker | None]:
    """A Mosquitto like the platform's own, with its configuration and its devices' passwords and
    rights, which nobody of the platform is connected to; None where there is none."""
    program = broker.find_mosquitto()
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="hjv-bench-") as directory:
        second = broker.Mosquitto(program, Path(directory), ports.free_port(), ports.free_port())
        shutil.copytree(credentials, second.credentials)
        second.start()
        try:
            yield Broker(f"mqtt://127.0.0.1:{second.port}", second.inner_url)
        finally:
            second.stop()


@contextlib.contextmanager
def no_op() -> Iterator[str]:
    """Without uvicorn's reading of a proxy's headers, which ingest does not use either."""
    with _application("tests.bench.noop:app", "--no-proxy-headers") as address:
        yield address


@contextlib.contextmanager
def naive(database: str) -> Iterator[str]:
    url = database.replace("postgresql://", "postgresql+asyncpg://")
    with _application("tests.bench.naive:create", "--factory", NAIVE_DATABASE=url) as address:
        yield address


@contextlib.contextmanager
def service(name: str, **environment: str) -> Iterator[str]:
    """One service of the platform, with these settings only; ready when it is yielded."""
    port = ports.free_port()
    command = [sys.executable, "-P", "-m", f"services.{name}", "--port", str(port)]
    ours = {key: value for key, value in os.environ.items() if not key.startswith("HJEMVAKT_")}
    address = f"http://127.0.0.1:{port}"
    with _started(command, {**ours, **environment}):
        for _ in range(200):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{address}/livez", trust_env=False).status_code == 200:
                    break
            time.sleep(0.1)
        yield address


@contextlib.contextmanager
def _application(name: str, *more: str, **environment: str) -> Iterator[str]:
    port = ports.free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", name, "--port", str(port)),
        *("--log-level", "error", "--no-access-log", *more),
    ]
    address = f"http://127.0.0.1:{port}/v1/observations"
    with _started(command, {**os.environ, **environment}):
        for _ in range(100):
            with contextlib.suppress(httpx.TransportError):
                httpx.post(address, json={}, trust_env=False)
                break
            time.sleep(0.1)
        yield address


@contextlib.contextmanager
def _started(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    """Ends with us, also when we are killed."""
    with tempfile.TemporaryDirectory(prefix="hjv-bench-") as directory:
        running = process.start(command, log=Path(directory) / "log", env=environment)
        try:
            yield
        finally:
            process.stop(running, ((signal.SIGTERM, 5.0),))
