"""Every statement about whom a patient lets in. Functions receive the transaction and never
commit."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients.nouns import Proxy, Represented
from shared.identity import Row


async def add(
    tx: asyncpg.Connection, org: str, patient_id: UUID, number: Sequence[Row], proxy: Proxy
) -> None:
    """`number`: the relative's, under each key."""
    await tx.execute(
        """
        insert into patients.proxy
            (org, id, patient_id, name, relation, may, valid, given_at, given_by, given_role)
        values ($1, $2, $3, $4, $5, $6, tstzrange($7, $8), $9, $10, $11)
        """,
        org, proxy.id, patient_id, proxy.name, proxy.relation, proxy.may, proxy.since,
        proxy.until, proxy.given_at, proxy.given_by, proxy.given_role,
    )  # fmt: skip
    await tx.executemany(
        "insert into patients.proxy_number (org, hash, proxy_id, key) values ($1, $2, $3, $4)",
        [(org, row.hash, proxy.id, row.key) for row in number],
    )


async def is_his_own(
    tx: asyncpg.Connection, org: str, patient_id: UUID, hashes: Sequence[bytes]
) -> bool:
    return bool(
        await tx.fetchval(
            """
            select true from patients.identifier
            where org = $1 and hash = any($2) and patient_id = $3 limit 1
            """,
            org,
            hashes,
            patient_id,
        )
    )


async def count(tx: asyncpg.Connection, org: str, patient_id: UUID, now: datetime) -> int:
    """How many people are let in, or will be."""
    found: int = await tx.fetchval(
        """
        select count(*) from patients.proxy
        where org = $1 and patient_id = $2 and ended_at is null and upper(valid) > $3
        """,
        org,
        patient_id,
        now,
    )
    return found


async def end(
    tx: asyncpg.Connection, org: str, patient_id: UUID, proxy_id: UUID, at: datetime, *, by: str
) -> bool:
    """False if it had ended already."""
    return bool(
        await tx.fetchval(
            """
            update patients.proxy set ended_at = $4, ended_by = $5
            where org = $1 and patient_id = $2 and id = $3 and ended_at is null
              and upper(valid) > $4
            returning true
            """,
            org, patient_id, proxy_id, at, by,
        )
    )  # fmt: skip


async def proxies(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[Proxy]:
    """All there ever were, newest first."""
    rows = await tx.fetch(
        """
        select id, name, relation, may, lower(valid), upper(valid), given_at, given_by,
               given_role, ended_at
        from patients.proxy where org = $1 and patient_id = $2 order by given_at desc, id
        """,
        org,
        patient_id,
    )
    return [Proxy(*row) for row in rows]


async def represented(
    tx: asyncpg.Connection, org: str, hashes: Sequence[bytes]
) -> list[Represented]:
    """The patients who let this person in just now."""
    rows = await tx.fetch(
        """
        select p.id, p.name, x.relation, x.may, upper(x.valid)
        from patients.proxy x join patients.patient p on p.org = x.org and p.id = x.patient_id
        where x.org = $1 and x.ended_at is null and x.valid @> clock_timestamp()
          and x.id in (
              select proxy_id from patients.proxy_number where org = $1 and hash = any($2))
        order by p.name, p.id
        """,
        org,
        hashes,
    )
    return [Represented(*row) for row in rows]
