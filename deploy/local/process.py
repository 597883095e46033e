"""Child processes that leave nothing behind.

Each one gets its own session, writes to a file instead of a pipe, and is signalled by the kernel
when the process that started it is killed (Linux only; elsewhere an orphan is met at next start).
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    uid: int | None = None,
    orphaned: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a process as user `uid` (None: as ourselves). Call it on the main thread.

    The kernel sends `orphaned` when the *thread* that called ends, not only the process.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        log.chmod(0o600)
        return subprocess.Popen(
            [os.fspath(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env),
            cwd=cwd,
            user=uid,
            group=None if uid is None else group_of(uid),
            extra_groups=None if uid is None else [],
            start_new_session=True,
            # Runs after the change of user, which would clear the wish again.
            preexec_fn=_die_with_parent(orphaned),  # noqa: PLW1509 (calls prctl only)
        )


def stop(
    process: subprocess.Popen[bytes], signals: Sequence[tuple[signal.Signals, float]]
) -> int | None:
    """Send each signal and wait that many seconds for it; the last resort is SIGKILL."""
    for number, patience in signals:
        if process.poll() is not None:
            break
        process.send_signal(number)
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    if process.poll() is None:
        process.kill()
    return process.wait()


def group_of(uid: int) -> int:
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    parent = os.getpid()
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # killed between fork and prctl
            os.kill(os.getpid(), number)

    return ask
