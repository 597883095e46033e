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


async def ask_replay(
    tx: asyncpg.Connection,
    org: str,
    code: str,
    cred: str | None,
    unit_ids: list[UUID],
    by: str,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Ask that these be read again, from the oldest on: (received_at, id, patient_id) of each.
    `after` goes on, so that one that is set aside again is not met twice. What was somebody's
    until a binding changed comes by itself when it has a holder."""
    return await tx.fetch(
        """
        with waiting as materialized (
            select q.received_at, q.id, q.patient_id from ledger.quarantine q
            where q.org = $1 and q.state = 'waiting' and q.code = $2
              and ($3::text is null or q.cred = $3)
              and (q.unit_id is null or q.unit_id = any($4))
              and q.drafts #> '{0,origin}' is null
              and ($6::timestamptz is null or (q.received_at, q.id) > ($6, $7::uuid))
            order by q.received_at, q.id limit $8)
        select w.received_at, w.id, w.patient_id, ledger.ask_replay($1, w.id, $5)
        from waiting w order by w.received_at, w.id
        """,
        org, code, cred, unit_ids, by, after[0] if after else None, after[1] if after else None,
        limit,
    )  # fmt: skip
