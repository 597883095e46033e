"""A real PostgreSQL for the tests: one server, one migrated template, a fresh database each."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from deploy import migrate
from deploy.local import postgres as launcher

pytest_plugins = ["tests.journeys.system"]

TEMPLATE = "hjemvakt_test_template"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class DatabaseUrls:
    """One fresh database, as each role sees it."""

    owner: str
    ingest: str
    patients: str
    alerts: str


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop of our own, so that fixtures without one can reach the database."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def postgres(portal: BlockingPortal) -> Iterator[launcher.Server]:
    """The embedded server, with the migrated template. Fast instead of durable."""
    with tempfile.TemporaryDirectory(prefix="hjv-test-", dir=_in_memory()) as directory:
        server = launcher.Server(
            Path(directory),
            settings={
                "fsync": "off",
                "full_page_writes": "off",
                "shared_buffers": "64MB",
                "scram_iterations": "1",  # thousands of log-ins, of which none is to be hard
            },
        )
        server.start()
        try:
            owner = server.url("hjemvakt", "postgres")
            portal.call(_execute, owner, f"create database {TEMPLATE}")
            portal.call(migrate.upgrade, server.url("hjemvakt", TEMPLATE))
            yield server
        finally:
            server.stop()


@pytest.fixture
def database_urls(postgres: launcher.Server, portal: BlockingPortal) -> Iterator[DatabaseUrls]:
    """A fresh, migrated and empty database."""
    name = f"hjemvakt_test_{os.getpid()}_{next(_numbers)}"
    owner = postgres.url("hjemvakt", "postgres")
    portal.call(_execute, owner, f"create database {name} template {TEMPLATE} strategy file_copy")
    yield DatabaseUrls(
        owner=postgres.url("hjemvakt", name),
        ingest=postgres.url("hjv_ingest", name),
        patients=postgres.url("hjv_patients", name),
        alerts=postgres.url("hjv_alerts", name),
    )
    # As the superuser: only he may end an autovacuum worker that is in there.
    superuser = postgres.url(launcher.SUPERUSER, "postgres")
    portal.call(_execute, superuser, f"drop database {name} with (force)")


@pytest.fixture
def database_url(database_urls: DatabaseUrls) -> str:
    """The same, for a test that only needs the owner."""
    return database_urls.owner


def _in_memory() -> Path | None:
    """Where there is room in memory a fresh database takes 20 ms, on a busy disk up to a second."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 * 1024**3
    return memory if roomy and os.access(memory, os.W_OK) else None


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
