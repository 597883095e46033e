"""Every statement about what came in of each connection: how much, and how it went. No patients."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


async def senders(
    tx: asyncpg.Connection,
    org: str,
    now: datetime,
    *,
    kinds: Sequence[str],
    cred: str | None = None,
    after: str | None = None,
    limit: int,
    failing: bool = False,
    find: str | None = None,
) -> list[asyncpg.Record]:
    """Credentials in force or heard within a month, by name, with what came of them. `hour` is of
    the hour that is under way, `day` of it and the 23 before. `failing`: only those of which
    something waits, or was set aside or refused in that day, the worst first. `find`: a part of the
    name, or the credential."""
    return await tx.fetch(
        """
        select c.cred, c.kind, c.label, c.revoked_at, t.*,
               coalesce((select count(*) from ledger.quarantine q
                         where q.org = c.org and q.cred = c.cred and q.state = 'waiting'), 0)
                   as waiting
        from patients.credential c
        left join lateral (
            -- Of the day only: a month of hours of each would be read for every look. The newest
            -- hour tells when it was last heard.
            select (select max(last.last_at) from ledger.traffic last
                    where last.org = c.org and last.cred = c.cred and last.hour = (
                        select max(newest.hour) from ledger.traffic newest
                        where newest.org = c.org and newest.cred = c.cred)) as last_at,
                   coalesce(sum(number) filter (
                       where hour = date_trunc('hour', $2::timestamptz)), 0) as hour,
                   coalesce(sum(number), 0) as day,
                   coalesce(sum(number) filter (where result = 'quarantined'), 0) as set_aside,
                   coalesce(sum(number) filter (where result = 'refused'), 0) as refused
            from ledger.traffic
            where org = c.org and cred = c.cred and hour > $2::timestamptz - $7::interval) t on true
        where c.org = $1 and c.kind = any($3) and ($4::text is null or c.cred = $4)
          and ($5::text is null or c.cred > $5)
          and (c.revoked_at is null or t.last_at is not null)
          and ($9::text is null or c.cred = $9 or strpos(lower(c.label), lower($9)) > 0)
          and (not $8 or c.cred in (
              select cred from ledger.traffic
              where org = $1 and result in ('quarantined', 'refused')
                and hour > $2::timestamptz - $7::interval
              union
              select cred from ledger.quarantine where org = $1 and state = 'waiting'))
        order by case when $8 then -(t.refused + t.set_aside) end, c.cred limit $6
        """,
        org, now, list(kinds), cred, after, limit, DAY, failing, find,
    )  # fmt: skip


async def results(
    tx: asyncpg.Connection, org: str, cred: str, now: datetime
) -> list[asyncpg.Record]:
    """Of the last seven days, by what was measured and what became of it."""
    return await tx.fetch(
        """
        select kind, result, code, sum(number) as number, max(last_at) as last_at
        from ledger.traffic
        where org = $1 and cred = $2 and hour > $3::timestamptz - $4::interval
        group by kind, result, code order by number desc, kind, result, code
        """,
        org,
        cred,
        now,
        WEEK,
    )


async def hours(tx: asyncpg.Connection, org: str, cred: str, now: datetime) -> list[asyncpg.Record]:
    """How many in each of the last 24 hours, the oldest first; hours of silence too."""
    return await tx.fetch(
        """
        select h as hour, coalesce(sum(t.number), 0) as number
        from generate_series(date_trunc('hour', $3::timestamptz) - interval '23 hours',
                             date_trunc('hour', $3::timestamptz), interval '1 hour') as h
        left join ledger.traffic t on t.org = $1 and t.cred = $2 and t.hour = h
        group by h order by h
        """,
        org,
        cred,
        now,
    )


async def faults(tx: asyncpg.Connection, org: str, cred: str, limit: int) -> list[asyncpg.Record]:
    """What waits in quarantine of it, as samples: each fault once, with how often and the last of
    them. A fault is where and why, never the value."""
    return await tx.fetch(
        """
        select code, errors, count(*) as number, max(received_at) as last_at,
               (array_agg(id order by received_at desc))[1] as last
        from ledger.quarantine
        where org = $1 and cred = $2 and state = 'waiting'
        group by code, errors order by number desc, code limit $3
        """,
        org,
        cred,
        limit,
    )


async def suggestions(
    tx: asyncpg.Connection, org: str, cred: str, limit: int
) -> list[asyncpg.Record]:
    """What devices behind it announced of themselves, and nobody has decided."""
    return await tx.fetch(
        """
        select id, name, topic, unit, kinds, likely, manufacturer, model, last_at
        from ledger.suggestion
        where org = $1 and cred = $2 and state = 'open' order by last_at desc, id limit $3
        """,
        org,
        cred,
        limit,
    )
