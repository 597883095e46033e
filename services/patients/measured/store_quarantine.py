"""How much waits in quarantine, and why."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.ledger.in_bulk import Which


@dataclass(frozen=True, slots=True)
class Count:
    code: str
    waiting: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item by its place in the list, and whose it may be."""

    received_at: datetime
    id: UUID
    patient_id: UUID | None


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


@dataclass(frozen=True, slots=True)
class Topic:
    """What a gateway said where no table knows: how often, and the announcement that fits it."""

    cred: str
    topic: str
    waiting: int
    replaying: int
    oldest: datetime
    newest: datetime
    suggestion: UUID | None


async def topics(
    tx: asyncpg.Connection,
    org: str,
    unit_ids: list[UUID] | None,
    cred: str | None,
    topic: str | None,
    skip: int,
    limit: int,
) -> list[Topic]:
    """One row per gateway and topic, those that said most first."""
    rows = await tx.fetch(
        """
        select t.*, (
            select s.id from ledger.suggestion s
            where s.org = $1 and s.cred = t.cred and s.topic = t.topic and s.state = 'open' limit 1)
        from (
            select cred, topic, count(*) as waiting,
                   count(*) filter (where state = 'replaying') as replaying,
                   min(received_at) as oldest, max(received_at) as newest
            from ledger.quarantine
            where org = $1 and topic is not null and state in ('waiting', 'replaying')
              and ($2::uuid[] is null or unit_id is null or unit_id = any($2))
              and ($3::text is null or cred = $3) and ($4::text is null or topic = $4)
            group by cred, topic
            order by waiting desc, cred, topic offset $5 limit $6
        ) t
        order by waiting desc, cred, topic
        """,
        org, unit_ids, cred, topic, skip, limit,
    )  # fmt: skip
    return [Topic(*row) for row in rows]


async def to_replay(
    tx: asyncpg.Connection,
    org: str,
    which: Which,
    unit_ids: list[UUID],
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Waiting]:
    """Those to be read again, from the oldest on. `after` goes on, so that one that is set aside
    again is not met twice. What was somebody's until a binding changed comes by itself when it has
    a holder."""
    return await _waiting(
        tx, org, which, unit_ids, None, after, limit, "q.drafts #> '{0,origin}' is null"
    )


async def to_reject(
    tx: asyncpg.Connection,
    org: str,
    which: Which,
    unit_ids: list[UUID],
    until: datetime,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Waiting]:
    """Those that may be rejected unread: no red answers, and nothing that a patient wrote."""
    return await _waiting(
        tx, org, which, unit_ids, until, after, limit,
        """
        not coalesce(q.extra ? 'alarm', false) and not coalesce(
            q.drafts @> '[{"body": {"foreign": {"category": ["communication"]}}}]', false)
        """,
    )  # fmt: skip


async def _waiting(
    tx: asyncpg.Connection,
    org: str,
    which: Which,
    unit_ids: list[UUID],
    until: datetime | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
    besides: str,
) -> list[Waiting]:
    rows = await tx.fetch(
        f"""
        select q.received_at, q.id, q.patient_id from ledger.quarantine q
        where q.org = $1 and q.state = 'waiting' and q.code = $2
          and ($3::text is null or q.cred = $3) and ($4::text is null or q.topic = $4)
          and (q.unit_id is null or q.unit_id = any($5))
          and ($6::timestamptz is null or q.received_at <= $6)
          and ($7::timestamptz is null or (q.received_at, q.id) > ($7, $8::uuid))
          and {besides}
        order by q.received_at, q.id limit $9
        """,
        org, which.code, which.cred, which.topic, unit_ids, until,
        after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return [Waiting(*row) for row in rows]


async def rejected_in(
    tx: asyncpg.Connection, org: str, run: UUID, unit_ids: list[UUID], limit: int
) -> list[Waiting]:
    """What a run has rejected, and nobody has taken back."""
    rows = await tx.fetch(
        """
        select received_at, id, patient_id from ledger.quarantine
        where org = $1 and run = $2 and state = 'rejected'
          and (unit_id is null or unit_id = any($3))
        order by received_at, id limit $4
        """,
        org,
        run,
        unit_ids,
        limit,
    )
    return [Waiting(*row) for row in rows]
