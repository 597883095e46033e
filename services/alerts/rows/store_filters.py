"""Every statement about the filters that a nurse has saved for herself."""

import asyncpg

from shared.contracts import Json


async def filters(tx: asyncpg.Connection, org: str, staff_id: str) -> list[asyncpg.Record]:
    return await tx.fetch(
        """
        select name, query from alerts.saved_filter where org = $1 and staff_id = $2
        order by made_at, name
        """,
        org,
        staff_id,
    )


async def save(
    tx: asyncpg.Connection, org: str, staff_id: str, name: str, query: Json, most: int
) -> bool:
    """False when there are as many as there may be."""
    return bool(
        await tx.fetchval(
            """
            insert into alerts.saved_filter (org, staff_id, name, query)
            select $1, $2, $3, $4 where (
                select count(*) from alerts.saved_filter
                where org = $1 and staff_id = $2 and name <> $3) < $5
            on conflict (org, staff_id, name) do update set query = excluded.query
            returning true
            """,
            org,
            staff_id,
            name,
            query,
            most,
        )
    )


async def remove(tx: asyncpg.Connection, org: str, staff_id: str, name: str) -> None:
    await tx.execute(
        "delete from alerts.saved_filter where org = $1 and staff_id = $2 and name = $3",
        org,
        staff_id,
        name,
    )
