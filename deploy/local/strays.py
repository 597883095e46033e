"""What a killed PostgreSQL leaves in its data directory: processes, and a file with its number."""

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from signal import Signals


def clear(data: Path, signals: Iterable[tuple[Signals, float]]) -> None:
    """End what is left of an older server. Only whoever holds the directory's lock may call."""
    if sys.platform != "linux" or not pid_file(data):
        return  # elsewhere PostgreSQL's own check has to do
    for number, patience in signals:
        if _all_gone(data, 2):
            break
        for pid in _processes_in(data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        _all_gone(data, patience)
    # The number may by now be another program's, and PostgreSQL would refuse to start. That no
    # old backend still writes, which the file also guards, was seen above.
    if not _processes_in(data):
        (data / "postmaster.pid").unlink(missing_ok=True)


def pid_file(data: Path) -> list[str]:
    """Its lines: process id first, on the eighth `ready` once the server takes connections."""
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except OSError:
        return []


def _all_gone(data: Path, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while _processes_in(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _processes_in(data: Path) -> list[int]:
    """PostgreSQL processes whose working directory is the data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cwd").samefile(data) and (entry / "comm").read_text() == "postgres\n":
                    found.append(int(entry.name))
    return found
