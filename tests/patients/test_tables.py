"""The tables described in code are those the migrations make."""

import asyncpg
from sqlalchemy.dialects import postgresql

from services.patients import tables
from tests.conftest import DatabaseUrls


async def test_the_tables_are_as_described(database_urls: DatabaseUrls) -> None:
    connection = await asyncpg.connect(database_urls.owner)
    try:
        rows = await connection.fetch(
            """
            select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) as type,
                   not a.attnotnull as nullable,
                   coalesce(a.attnum = any(i.indkey), false) as key
            from pg_class c
            join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            left join pg_index i on i.indrelid = c.oid and i.indisprimary
            where c.relnamespace = 'patients'::regnamespace and c.relkind = 'r'
              and c.relname <> 'version'
            """
        )
    finally:
        await connection.close()
    dialect = postgresql.dialect()
    described = {
        (
            table.name,
            column.name,
            column.type.compile(dialect).lower(),
            column.nullable,
            column.primary_key,
        )
        for table in tables.metadata.tables.values()
        for column in table.columns
    }
    assert {tuple(row) for row in rows} == described
