"""Every statement about what waits at the set-up desk, and how devices fare. Never commits."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Quiet:
    """A device that somebody has, and that has been silent. `heard_at` None: never heard."""

    cred: str
    label: str
    heard_at: datetime | None
    held_since: datetime


@dataclass(frozen=True, slots=True)
class Doubted:
    """A device whose readings wait because it is in doubt who measured."""

    cred: str
    label: str
    waiting: int


async def quiet(
    tx: asyncpg.Connection,
    org: str,
    unit_ids: list[UUID] | None,
    now: datetime,
    before: datetime,
    limit: int,
) -> tuple[list[Quiet], int]:
    """Held now, and neither heard nor handed out since `before`: the longest silent first, and how
    many they are."""
    rows = await tx.fetch(
        """
        select c.cred, c.label, t.heard_at, b.since, count(*) over () as number
        from patients.credential c
        cross join lateral (
            select min(lower(b.valid)) as since from patients.binding b
            where b.org = c.org and b.cred = c.cred and b.valid @> $3::timestamptz) b
        left join lateral (
            -- By its newest hour: a month of hours of each device would be read for every look.
            select max(t.last_at) as heard_at from ledger.traffic t
            where t.org = c.org and t.cred = c.cred and t.hour = (
                select max(newest.hour) from ledger.traffic newest
                where newest.org = c.org and newest.cred = c.cred)) t on true
        where c.org = $1 and c.kind in ('device', 'app') and c.revoked_at is null
          and ($2::uuid[] is null or c.unit_id = any($2))
          and greatest(t.heard_at, b.since) < $4
        order by t.heard_at nulls first, c.cred limit $5
        """,
        org, unit_ids, now, before, limit,
    )  # fmt: skip
    found = [Quiet(row["cred"], row["label"], row["heard_at"], row["since"]) for row in rows]
    return found, int(rows[0]["number"]) if rows else 0


async def doubted(
    tx: asyncpg.Connection, org: str, unit_ids: list[UUID] | None, codes: list[str], limit: int
) -> tuple[list[Doubted], int]:
    """Those with the most that waits for such a reason, and how many devices they are."""
    rows = await tx.fetch(
        """
        select q.cred, c.label, count(*) as waiting, count(*) over () as number
        from ledger.quarantine q
        join patients.credential c on c.org = q.org and c.cred = q.cred
        where q.org = $1 and q.state in ('waiting', 'replaying') and q.code = any($3)
          and c.kind in ('device', 'app')
          and ($2::uuid[] is null or q.unit_id is null or q.unit_id = any($2))
        group by q.cred, c.label order by count(*) desc, q.cred limit $4
        """,
        org, unit_ids, codes, limit,
    )  # fmt: skip
    found = [Doubted(row["cred"], row["label"], row["waiting"]) for row in rows]
    return found, int(rows[0]["number"]) if rows else 0
