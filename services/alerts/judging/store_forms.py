"""Every statement about forms: red answers that wait in quarantine, and whose bands depend on sex.
Nothing here commits.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class HeldRed:
    """A form that waits in quarantine, of whose answers some are red. `patient_id` None: nobody's
    yet."""

    id: UUID
    patient_id: UUID | None
    unit_id: UUID | None
    received_at: datetime
    alarm: dict[str, Any]


async def held_reds(tx: asyncpg.Connection, org: str) -> list[HeldRed]:
    rows = await tx.fetch(
        """
        select id, patient_id, unit_id, received_at, extra -> 'alarm' as alarm
        from ledger.quarantine
        where org = $1 and state in ('waiting', 'replaying') and extra ? 'alarm'
        order by received_at
        """,
        org,
    )
    return [HeldRed(*row) for row in rows]


async def sex(tx: asyncpg.Connection, org: str, patient_id: UUID) -> str | None:
    found: str | None = await tx.fetchval(
        "select sex from patients.patient where org = $1 and id = $2", org, patient_id
    )
    return found


async def phone(tx: asyncpg.Connection, org: str, patient_id: UUID) -> bytes | None:
    """His telephone number, sealed."""
    sealed: bytes | None = await tx.fetchval(
        "select phone from patients.patient where org = $1 and id = $2", org, patient_id
    )
    return sealed
