"""One running system for journeys and browser: PostgreSQL, a broker, three processes, seeded.

A plugin and not a conftest.py, so that both folders share one system.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local import broker, ports
from tests.journeys import hospital as toolkit
from tests.journeys.hospital import Hospital, Patient

PATIENTS = 40


@pytest.fixture(scope="session")
def running() -> Iterator[Hospital]:
    if broker.find_mosquitto() is None:
        reason = "Mosquitto is not installed: no journey through the running system was made"
        if os.environ.get("HJEMVAKT_CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with started() as hospital:
        yield hospital


@contextmanager
def started(**settings: str) -> Iterator[Hospital]:
    """`hjemvakt up` in a folder of its own; what it says on standard error is kept beside it."""
    with tempfile.TemporaryDirectory(prefix="hjv-journeys-") as directory:
        data = Path(directory) / "data"
        own = Path(directory) / "gateways.toml"  # the hospital's own, still empty
        own.write_text("gateway = []\n")
        with (Path(directory) / "up.log").open("w+") as log:
            process = subprocess.Popen(
                [
                    *toolkit.COMMAND, "up", "--json",
                    "--data-dir", str(data), "--port-base", str(ports.free_base()),
                ],
                stdout=subprocess.PIPE, stderr=log, text=True,
                env=toolkit.environment() | {"HJEMVAKT_GATEWAYS": str(own)} | settings,
            )  # fmt: skip
            try:
                assert process.stdout
                line = process.stdout.readline()
                assert line, f"It does not start:\n{_tail(Path(log.name))}\n{_logs(data)}"
                hospital = Hospital(data, json.loads(line))
                yield hospital
                hospital.close()
            finally:
                process.terminate()
                rest, _ = process.communicate(timeout=60)
            assert rest == "", "standard output carries exactly one line"
            assert process.returncode == 0, _tail(Path(log.name))


@pytest.fixture(scope="session")
def hospital(running: Hospital) -> Hospital:
    running.seed(PATIENTS)
    return running


@pytest.fixture
def patient(hospital: Hospital) -> Patient:
    """A patient on home dialysis whom no other test uses."""
    return hospital.patient()


def _tail(log: Path) -> str:
    return log.read_text()[-3000:]


def _logs(data: Path) -> str:
    return "\n".join(f"--- {log.name}\n{_tail(log)}" for log in (data / "logs").glob("*.log"))
