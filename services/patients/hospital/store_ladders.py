"""Every statement about a unit's ladder: whom its alerts are told to. Append-only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.patients.nouns import KeptLadder

_LADDER = "version, body, reason, valid_from, recorded_at, by"


async def lock_unit(tx: asyncpg.Connection, org: str, unit_id: UUID) -> bool:
    """Two who save at once get a version each. False if there is no such unit."""
    return bool(
        await tx.fetchval(
            "select true from patients.unit where org = $1 and id = $2 for update", org, unit_id
        )
    )


async def ladders(tx: asyncpg.Connection, org: str, unit_id: UUID) -> list[KeptLadder]:
    """All that were ever saved, newest first."""
    rows = await tx.fetch(
        f"""
        select {_LADDER} from patients.ladder where org = $1 and unit_id = $2
        order by version desc
        """,
        org,
        unit_id,
    )
    return [KeptLadder(*row) for row in rows]


async def add(
    tx: asyncpg.Connection,
    org: str,
    unit_id: UUID,
    *,
    body: Mapping[str, Any] | None,
    reason: str,
    valid_from: datetime,
    by: str,
) -> None:
    await tx.execute(
        """
        insert into patients.ladder (org, unit_id, version, body, reason, valid_from, by)
        select $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6
        from patients.ladder where org = $1 and unit_id = $2
        """,
        org,
        unit_id,
        dict(body) if body is not None else None,
        reason,
        valid_from,
        by,
    )
