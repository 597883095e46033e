"""Every statement about what became of a patient's messages, and the devices he is told on.

What became of a message is alerts' to write; it is read here by column grants.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Fate:
    """`outcome`: answered, closed without an answer, or withdrawn; None: it waits."""

    promised_at: datetime | None
    seen_at: datetime | None
    seen_by: str | None
    settled_at: datetime | None
    outcome: str | None


async def fates(
    tx: asyncpg.Connection, org: str, patient_id: UUID, facts: Sequence[UUID]
) -> dict[UUID, Fate]:
    """By fact. One that is not there yet has been received, and no more."""
    rows = await tx.fetch(
        """
        select fact_id, promised_at, seen_at, seen_by_name, settled_at, outcome
        from alerts.message where org = $1 and patient_id = $2 and fact_id = any($3)
        """,
        org,
        patient_id,
        list(facts),
    )
    return {row[0]: Fate(*row[1:]) for row in rows}


# --- devices that are told --------------------------------------------------------------------


async def keep_device(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    hash: bytes,
    endpoint: str,
    keys: tuple[bytes, bytes],
    now: datetime,
) -> None:
    """A device belongs to whoever asked last: two people may share a telephone."""
    await tx.execute(
        """
        insert into patients.push_subscription
            (org, hash, patient_id, endpoint, p256dh, auth, made_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (org, hash) do update set
            patient_id = $3, p256dh = $5, auth = $6, made_at = $7
        """,
        org,
        hash,
        patient_id,
        endpoint,
        *keys,
        now,
    )


async def count_devices(tx: asyncpg.Connection, org: str, patient_id: UUID, but: bytes) -> int:
    found: int = await tx.fetchval(
        """
        select count(*) from patients.push_subscription
        where org = $1 and patient_id = $2 and hash <> $3
        """,
        org,
        patient_id,
        but,
    )
    return found


async def forget_device(tx: asyncpg.Connection, org: str, patient_id: UUID, hash: bytes) -> bool:
    return bool(
        await tx.fetchval(
            """
            delete from patients.push_subscription
            where org = $1 and patient_id = $2 and hash = $3 returning true
            """,
            org,
            patient_id,
            hash,
        )
    )
