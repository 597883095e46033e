"""CPU time is counted with that of children, and what others do is told from what we do."""

import os
import subprocess
import sys

import pytest

from tests.bench import machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
BURN = "import time\nwhile time.process_time() < 0.3: pass"


def test_time_of_children_that_ended_counts_and_is_not_foreign() -> None:
    ours = {"tests": os.getpid()}
    before, foreign = machine.cpu_seconds(ours)["tests"], machine.Foreign()
    subprocess.run([sys.executable, "-c", BURN], check=True)
    assert machine.cpu_seconds(ours)["tests"] - before >= 0.25
    assert 0.0 <= foreign.share() <= 1.0


def test_a_service_that_is_gone_has_no_memory() -> None:
    assert machine.rss_megabytes({"ingest": os.getpid()})["ingest"] > 10
    assert machine.rss_megabytes({"ingest": 2**22 + 1}) == {}
