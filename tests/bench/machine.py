"""What processes use of the machine, from /proc; where there is none, nothing is known."""

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

PROC = Path("/proc")


def cpu_seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """User and system time so far, with the process's children (PostgreSQL's backends)."""
    tick = os.sysconf("SC_CLK_TCK")
    parents: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name stands in parentheses and may hold spaces.
            fields = stat.read_text().rpartition(")")[2].split()
            pid = int(stat.parent.name)
            parents.setdefault(int(fields[1]), []).append(pid)
            # Times of children that ended are counted with their parent.
            spent[pid] = sum(int(field) for field in fields[11:15]) / tick

    def tree(pid: int) -> float:
        return spent.get(pid, 0.0) + sum(tree(child) for child in parents.get(pid, ()))

    return {name: tree(pid) for name, pid in pids.items()}


def rss_megabytes(pids: Mapping[str, int]) -> dict[str, float]:
    sizes = {}
    for name in ("ingest", "patients", "alerts"):
        with contextlib.suppress(OSError, KeyError):
            pages = int((PROC / str(pids[name]) / "statm").read_text().split()[1])
            sizes[name] = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    return sizes


class Foreign:
    """What everything that is not ours used of the machine since this was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._busy, self._ours = _busy_seconds(), _our_seconds()

    def share(self) -> float:
        busy, ours = _busy_seconds() - self._busy, _our_seconds() - self._ours
        available = (time.perf_counter() - self._began) * (os.cpu_count() or 1)
        return max(0.0, (busy - ours) / available)


def _our_seconds() -> float:
    """This process and all it started: the platform, the floors, the generator."""
    return cpu_seconds({"bench": os.getpid()})["bench"]


def _busy_seconds() -> float:
    """Of all processes, and what the host gave to other guests. Interrupts belong to nobody."""
    with contextlib.suppress(OSError):
        fields = (PROC / "stat").read_text().split(maxsplit=9)
        user, nice, system, _idle, _wait, _irq, _soft, stolen = map(int, fields[1:9])
        return (user + nice + system + stolen) / os.sysconf("SC_CLK_TCK")
    return 0.0
