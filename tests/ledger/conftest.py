"""One migrated database for all of these tests, an organisation of its own for each.

Every key starts with the organisation, so tests cannot meet. Units, patients, credentials and
bindings are inserted by the owner; everything else goes through the roles the services have.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from anyio.from_thread import BlockingPortal

from deploy.local import postgres as launcher
from tests.conftest import TEMPLATE, DatabaseUrls
from tests.ledger.hospital import Databases, Hospital, founded, opened

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def ledger_urls(postgres: launcher.Server, portal: BlockingPortal) -> Iterator[DatabaseUrls]:
    name = f"hjemvakt_ledger_{os.getpid()}"
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


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all of these tests, so that they can share their connections."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def databases(ledger_urls: DatabaseUrls) -> AsyncIterator["Databases"]:
    async with opened(ledger_urls) as databases:
        yield databases


@pytest_asyncio.fixture(loop_scope="session")
async def hospital(databases: "Databases") -> "Hospital":
    return await founded(databases)


@pytest_asyncio.fixture(loop_scope="session")
async def alone(database_urls: DatabaseUrls) -> AsyncIterator["Hospital"]:
    """A hospital in a database that nobody else uses, for a test that changes its tables."""
    async with opened(database_urls) as databases:
        yield await founded(databases)
