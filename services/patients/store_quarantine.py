"""How much waits in quarantine, and why."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Count:
    code: str
    waiting: int
    oldest: datetime


async def counts(tx: asyncpg.Connection, org: str, unit_ids: list[UUID] | None) -> list[Count]:
    """Waiting items by code. Those of no known unit are everybody's and count for each."""
    rows = await tx.fetch(
        """
        select code, count(*) as waiting, min(received_at) as oldest from ledger.quarantine
        where org = $1 and state in ('waiting', 'replaying')
          and ($2::uuid[] is null or unit_id is null or unit_id = any($2))
        group by code order by code
        """,
        org,
        unit_ids,
    )
    return [Count(*row) for row in rows]
