"""What ingest reads of the patients' schema, and its own statements: replay, what came in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg


async def credential_by_secret(
    connection: asyncpg.Connection, secret_hash: bytes
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        """
        select c.org, c.cred, c.kind, c.unit_id
        from patients.secret s
        join patients.credential c on c.org = s.org and c.cred = s.cred
        where s.secret_hash = $1 and c.revoked_at is null
          and (s.until is null or s.until > clock_timestamp())
        """,
        secret_hash,
    )


async def credential_by_name(
    connection: asyncpg.Connection, org: str, cred: str
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        """
        select org, cred, kind, unit_id from patients.credential
        where org = $1 and cred = $2 and revoked_at is null
        """,
        org,
        cred,
    )


async def watching_hours(
    connection: asyncpg.Connection, org: str, unit_ids: Sequence[UUID]
) -> dict[UUID, Mapping[str, Any]]:
    rows = await connection.fetch(
        "select id, watching from patients.unit where org = $1 and id = any($2)",
        org,
        list(unit_ids),
    )
    return {row["id"]: row["watching"] for row in rows}


async def not_followed(
    connection: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> set[UUID]:
    """Those whom nobody follows: enrolled in nothing, or dead."""
    rows = await connection.fetch(
        """
        select id from patients.patient
        where org = $1 and id = any($2) and not (followed and deceased_at is null)
        """,
        org,
        list(patient_ids),
    )
    return {row["id"] for row in rows}


async def to_read_again(
    connection: asyncpg.Connection, org: str, limit: int
) -> list[asyncpg.Record]:
    """Quarantined items that staff asked to have read again, with their raw bytes."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """
        select q.id, q.cred, q.received_at, r.media_type, r.raw
        from ledger.quarantine q
        join ledger.receipt r using (org, cred, message_id, reuse)
        where q.org = $1 and q.state = 'replaying'
        limit $2
        """,
        org,
        limit,
    )
    return rows


async def mend(
    connection: asyncpg.Connection,
    org: str,
    item: UUID,
    *,
    at: Any,
    clock_good: bool,
    extra: Mapping[str, Any] | None,
    drafts: Sequence[Mapping[str, Any]] | None,
    code: str | None,
    errors: Sequence[Mapping[str, str]] | None,
) -> str:
    """What the second reading made of the item; 'released', 'waiting' or 'gone'."""
    return str(
        await connection.fetchval(
            "select ledger.mend($1, $2, $3, $4, $5, $6, $7, $8)",
            org, item, at, clock_good, extra, drafts, code, errors,
        )
    )  # fmt: skip


async def add_traffic(
    tx: asyncpg.Connection,
    counted: Sequence[tuple[tuple[str, str, str, str, str], int]],
    now: datetime,
) -> None:
    """`counted`: how many of each (org, cred, kind, result, code), in order: replicas do it too."""
    org, cred, kind, result, code = zip(*(key for key, _ in counted), strict=True)
    await tx.execute(
        """
        insert into ledger.traffic as t (
            org, cred, hour, kind, result, code, number, last_at)
        select org, cred, date_trunc('hour', $7::timestamptz), kind, result, code, number, $7
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
            as n(org, cred, kind, result, code, number)
        on conflict (org, cred, hour, kind, result, code) do update
        set number = t.number + excluded.number, last_at = greatest(t.last_at, excluded.last_at)
        """,
        list(org), list(cred), list(kind), list(result), list(code),
        [number for _, number in counted], now,
    )  # fmt: skip


async def clear_traffic(tx: asyncpg.Connection, before: datetime) -> None:
    await tx.execute(
        """
        delete from ledger.traffic t using ledger.organisation o
        where t.org = o.org and t.hour < $1
        """,
        before,
    )
