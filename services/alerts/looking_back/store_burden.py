"""Every statement by which the burden of alerts is counted: counts and times, nobody's name and no
value. Nothing here commits.

What is counted was raised from one moment (included) to another, in some units and one programme
or all of them.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

_ALERTS = """
a.org = $1 and a.unit_id = any($2) and ($3::text is null or a.programme = $3)
"""
# When a person first took it on, whatever became of it afterwards.
_TAKEN_ON = """
m.move in ('acknowledge', 'snooze', 'close') and m.by <> 'system'
"""


async def alerts(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    programme: str | None,
    since: datetime,
    until: datetime,
) -> asyncpg.Record:
    """`handled` were closed by the system: expired, or `by_rule`. `rated` by the person who closed
    them. `sampled` were left open for a person though a rule would have closed them."""
    row = await tx.fetchrow(
        f"""
        select count(*) as alerts,
               count(*) filter (where a.colour = 'red') as red,
               count(*) filter (where a.colour = 'yellow') as yellow,
               count(*) filter (where a.lane = 'clinical') as clinical,
               count(*) filter (where a.lane = 'technical') as technical,
               count(*) filter (where a.state = 'closed') as closed,
               count(*) filter (where a.state = 'closed' and ended.by = 'system') as handled,
               count(*) filter (
                   where a.state = 'closed' and ended.outcome = 'handled-by-rule') as by_rule,
               count(*) filter (where a.body ? 'sample') as sampled,
               count(*) filter (
                   where a.body ? 'sample' and a.state = 'closed'
                     and ended.outcome = 'useful') as sampled_useful,
               count(*) filter (
                   where a.state = 'closed' and ended.outcome in ('useful', 'not-useful')) as rated,
               count(*) filter (where a.state = 'closed' and ended.outcome = 'useful') as useful,
               percentile_cont(0.5) within group (
                   order by extract(epoch from taken.at - a.opened_at)) as acknowledged_after
        from alerts.alert a
        left join lateral (
            select m.by, m.outcome from alerts.move m
            where m.org = a.org and m.alert_id = a.id
              and m.move in ('close', 'expire', 'handled-by-rule')
            order by m.version desc limit 1) ended on true
        left join lateral (
            select m.at from alerts.move m
            where m.org = a.org and m.alert_id = a.id and {_TAKEN_ON}
            order by m.version limit 1) taken on true
        where {_ALERTS} and a.opened_at >= $4 and a.opened_at < $5
        """,
        org,
        list(units),
        programme,
        since,
        until,
    )
    assert row is not None
    return row


async def rules(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    programme: str | None,
    since: datetime,
    until: datetime,
) -> list[asyncpg.Record]:
    """A firing is a finding that was raised; it is rated by the first close that has seen it and
    says whether it was useful."""
    return await tx.fetch(
        f"""
        select f.programme, f.rule, min(f."group") as "group", min(f.colour) as colour,
               min(f.lane) as lane, count(*) as firings,
               count(rated.outcome) as rated,
               count(*) filter (where rated.outcome = 'useful') as useful,
               percentile_cont(0.5) within group (
                   order by extract(epoch from taken.at - f.raised_at)) as acknowledged_after
        from alerts.finding f
        join alerts.alert a on a.org = f.org and a.id = f.alert_id
        left join lateral (
            select m.outcome from alerts.move m
            where m.org = f.org and m.alert_id = f.alert_id and m.move = 'close'
              and m.outcome is not null and f.id = any(m.seen)
            order by m.version limit 1) rated on true
        left join lateral (
            select m.at from alerts.move m
            where m.org = f.org and m.alert_id = f.alert_id and {_TAKEN_ON}
              and m.at >= f.raised_at
            order by m.version limit 1) taken on true
        where {_ALERTS} and f.raised_at >= $4 and f.raised_at < $5
        group by f.programme, f.rule
        order by count(*) desc, f.programme, f.rule
        """,
        org,
        list(units),
        programme,
        since,
        until,
    )


async def followed(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    programme: str | None,
    since: datetime,
    until: datetime,
) -> asyncpg.Record:
    """How many patients were enrolled in the time, and for how many seconds together. Somebody in
    two programmes is there once."""
    row = await tx.fetchrow(
        """
        with enrolment as (
            select d.patient_id, d.body ->> 'enrolment_id' as id, min(d.at) as began,
                   (array_agg(d.body ->> 'unit_id' order by d.at desc, d.recorded_at desc))[1]
                       as unit
            from ledger.decision d
            where d.org = $1 and d.type = 'enrolled' and d.at < $5
              and ($3::text is null or d.body ->> 'programme' = $3)
            group by d.patient_id, d.body ->> 'enrolment_id'
        ), ended as (
            select d.patient_id, d.body ->> 'enrolment_id' as id, min(d.at) as at
            from ledger.decision d
            where d.org = $1 and d.type = 'enrolment-ended'
            group by d.patient_id, d.body ->> 'enrolment_id'
        ), followed as (
            select patient_id, range_agg(tstzrange(
                       greatest(began, $4), least(coalesce(ended.at, $5), $5))) as spans
            from enrolment left join ended using (patient_id, id)
            where unit = any($2::text[]) and greatest(began, $4) < coalesce(ended.at, $5)
            group by patient_id
        )
        select count(distinct patient_id) as patients,
               coalesce(sum(extract(epoch from upper(span) - lower(span))), 0) as seconds
        from followed, unnest(spans) as span
        """,
        org,
        [str(unit) for unit in units],
        programme,
        since,
        until,
    )
    assert row is not None
    return row
