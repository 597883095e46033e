"""What the supervisor runs: parts that are one process each, and when one may start again."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGTERM
from typing import Protocol

from deploy.local import process
from deploy.local.broker import BrokerDoesNotStart
from deploy.local.postgres import DatabaseDoesNotStart

STOPPING = ((SIGTERM, 10.0),)
LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0

Say = Callable[[str], None]


class Part(Protocol):
    """Something that runs as one process and can be started again when it died."""

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Command:
    """A command of our own as a part."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._command = [sys.executable, "-P", "-m", *arguments]
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        self._process = process.start(self._command, log=self.log, env=self._env)

    def stop(self) -> None:
        if self._process is not None:
            process.stop(self._process, STOPPING)

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()


class Watched:
    """A part and when it may be started again."""

    def __init__(self, name: str, part: Part) -> None:
        self.name = name
        self.part = part
        self._pause = 0.0
        self._since = time.monotonic()
        self._retry_at: float | None = None

    def look(self, say: Say) -> bool:
        """Start the part again if it is dead and its pause is over; True when it was started."""
        now = time.monotonic()
        if self.part.pid is not None:
            if now - self._since > STEADY_AFTER:
                self._pause = 0.0
            return False
        if self._retry_at is None:
            say(f"{self.name} has stopped and is being started again.")
            self._retry_at = now + self._pause
            self._pause = min(max(0.5, self._pause * 2), LONGEST_PAUSE)
        if now < self._retry_at:
            return False
        self._retry_at, self._since = None, now
        try:
            self.part.start()
        except (DatabaseDoesNotStart, BrokerDoesNotStart, OSError) as error:
            say(f"{self.name} does not start: {error}")
            return False
        return True
