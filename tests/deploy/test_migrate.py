"""Migrations can be repeated, and two at once do not collide."""

import asyncio

import asyncpg

from deploy import migrate
from tests.conftest import DatabaseUrls


async def test_a_second_migration_changes_nothing(database_urls: DatabaseUrls) -> None:
    before = await versions(database_urls.owner)

    await migrate.upgrade(database_urls.owner)

    assert await versions(database_urls.owner) == before
    assert before == {schema: head for schema, head in migrate.heads().items() if head}


async def test_two_migrations_at_once_take_turns(database_urls: DatabaseUrls) -> None:
    await asyncio.gather(*(migrate.upgrade(database_urls.owner) for _ in range(3)))


async def versions(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        found = {}
        for schema in migrate.HISTORIES:
            if await connection.fetchval("select to_regclass($1)", f"{schema}.version"):
                row = await connection.fetchval(f"select version_num from {schema}.version")
                if row is not None:
                    found[schema] = row
        return found
    finally:
        await connection.close()
