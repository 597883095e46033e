"""Every statement by which follow-up is steered: what each week, unit and programme had of alerts,
of silence, and of limits that are patients' own. Counts and times, nobody's name and no value.
Nothing here commits.

Each answer holds the levels at once: one row per week, unit and programme; per week; per unit and
programme; and one of all. Where a level does not tell week, unit or programme, it is null. Weeks
are Norwegian, by their Monday.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

_ENROLMENTS = """
enrolment as materialized (
    select d.patient_id, d.body ->> 'enrolment_id' as id, min(d.at) as began,
           (array_agg((d.body ->> 'unit_id')::uuid order by d.at desc, d.recorded_at desc))[1]
               as unit,
           min(d.body ->> 'programme') as programme
    from ledger.decision d
    where d.org = $1 and d.type = 'enrolled' and d.at < $5
      and ($3::text is null or d.body ->> 'programme' = $3)
    group by d.patient_id, d.body ->> 'enrolment_id'
), ended as (
    select d.patient_id, d.body ->> 'enrolment_id' as id, min(d.at) as at
    from ledger.decision d
    where d.org = $1 and d.type = 'enrolment-ended'
    group by d.patient_id, d.body ->> 'enrolment_id'
)
"""
_WEEK = "date_trunc('week', {} at time zone 'Europe/Oslo')::date"


async def alerts(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    programme: str | None,
    since: datetime,
    until: datetime,
) -> list[asyncpg.Record]:
    """Of what was raised then. `put_off`: reds that a person put off. The times are medians in
    seconds, by colour, of what a person took on, and of what a person closed."""
    return await tx.fetch(
        f"""
        with raised as (
            select {_WEEK.format("a.opened_at")} as week, a.unit_id as unit, a.programme,
                   a.colour, a.lane, a.state, ended.by as ended_by, ended.outcome,
                   extract(epoch from taken.at - a.opened_at) as taken_after,
                   case when ended.by <> 'system'
                        then extract(epoch from ended.at - a.opened_at) end as closed_after,
                   put_off.put_off
            from alerts.alert a
            left join lateral (
                select m.by, m.outcome, m.at from alerts.move m
                where m.org = a.org and m.alert_id = a.id and a.state = 'closed'
                  and m.move in ('close', 'expire', 'handled-by-rule')
                order by m.version desc limit 1) ended on true
            left join lateral (
                select m.at from alerts.move m
                where m.org = a.org and m.alert_id = a.id
                  and m.move in ('acknowledge', 'snooze', 'close') and m.by <> 'system'
                order by m.version limit 1) taken on true
            left join lateral (
                select true as put_off from alerts.move m
                where m.org = a.org and m.alert_id = a.id and m.move = 'snooze'
                  and m.colour = 'red' and m.by <> 'system' limit 1) put_off on true
            where a.org = $1 and a.unit_id = any($2) and ($3::text is null or a.programme = $3)
              and a.opened_at >= $4 and a.opened_at < $5
        )
        select week, unit, programme, count(*) as alerts,
               count(*) filter (where lane = 'clinical' and colour = 'red') as red,
               count(*) filter (where lane = 'clinical' and colour = 'yellow') as yellow,
               count(*) filter (where lane = 'technical') as technical,
               count(*) filter (where state = 'closed') as closed,
               count(*) filter (where ended_by = 'system') as handled,
               count(*) filter (where outcome in ('useful', 'not-useful')) as rated,
               count(*) filter (where outcome = 'useful') as useful,
               count(*) filter (where put_off) as put_off,
               {_median("taken_after", "red")}, {_median("taken_after", "yellow")},
               {_median("taken_after", "technical")}, {_median("closed_after", "red")},
               {_median("closed_after", "yellow")}, {_median("closed_after", "technical")}
        from raised
        group by grouping sets ((week, unit, programme), (week), (unit, programme), ())
        """,
        org,
        list(units),
        programme,
        since,
        until,
    )


def _median(what: str, group: str) -> str:
    among = "lane = 'technical'" if group == "technical" else (
        f"lane = 'clinical' and colour = '{group}'"
    )  # fmt: skip
    return (
        f"percentile_cont(0.5) within group (order by {what}) filter (where {among}) "
        f"as {group}_{what}"
    )


async def followed(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    programme: str | None,
    since: datetime,
    until: datetime,
    *,
    defaulted: Sequence[str],
) -> list[asyncpg.Record]:
    """How many patients, and for how many seconds together. Somebody in two programmes is there
    once where the level does not tell programmes. `own`: how many have now a limit of
    their own in place of one of `defaulted` (programme/name): one without a default all have."""
    return await tx.fetch(
        f"""
        with {_ENROLMENTS}, own as (
            select distinct patient_id from (
                select distinct on (d.patient_id, d.body ->> 'programme', d.body ->> 'name')
                       d.patient_id, d.body ->> 'value' as value
                from ledger.decision d
                where d.org = $1 and d.type = 'limit-set' and d.at < $5
                  and ($3::text is null or d.body ->> 'programme' = $3)
                  and (d.body ->> 'programme') || '/' || (d.body ->> 'name') = any($6)
                order by d.patient_id, d.body ->> 'programme', d.body ->> 'name',
                         d.at desc, d.recorded_at desc) latest
            where value is not null
        ), weeks as materialized (
            select local::date as week,
                   tstzrange(local at time zone 'Europe/Oslo',
                             (local + interval '7 days') at time zone 'Europe/Oslo') as span
            from generate_series(
                date_trunc('week', $4::timestamptz at time zone 'Europe/Oslo'),
                $5::timestamptz at time zone 'Europe/Oslo', interval '7 days') as local
        ), held as materialized (
            select patient_id, unit, programme,
                   tstzrange(greatest(began, $4), least(coalesce(ended.at, $5), $5)) as span
            from enrolment left join ended using (patient_id, id)
            where unit = any($2) and greatest(began, $4) < least(coalesce(ended.at, $5), $5)
        ), spans as materialized (
            -- Of each patient once, whatever overlaps: in a unit's programme, and in any.
            select unit, programme, patient_id, unnest(range_agg(span)) as span
            from held group by grouping sets ((unit, programme, patient_id), (patient_id))
        ), each as (
            select null::date as week, unit, programme, patient_id, span from spans
            union all
            select week, unit, programme, patient_id, spans.span * weeks.span
            from spans join weeks on spans.span && weeks.span
        )
        select week, unit, programme, count(distinct each.patient_id) as patients,
               count(distinct own.patient_id) as own,
               sum(date_part('epoch', upper(span) - lower(span))) as seconds
        from each left join own on own.patient_id = each.patient_id
        group by week, unit, programme
        """,
        org,
        list(units),
        programme,
        since,
        until,
        list(defaulted),
    )


async def programmes(
    tx: asyncpg.Connection, org: str, units: Sequence[UUID], since: datetime, until: datetime
) -> list[str]:
    """Those in which somebody was followed then, by name."""
    rows = await tx.fetch(
        f"""
        with {_ENROLMENTS}
        select distinct programme from enrolment left join ended using (patient_id, id)
        where unit = any($2) and greatest(began, $4) < least(coalesce(ended.at, $5), $5)
        order by programme
        """,
        org,
        list(units),
        None,
        since,
        until,
    )
    return [row["programme"] for row in rows]


async def expected(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    programme: str | None,
    since: datetime,
    until: datetime,
) -> list[asyncpg.Record]:
    """What the plans expected and have decided: how much of it came, and how much did not."""
    return await tx.fetch(
        f"""
        with {_ENROLMENTS}, at_once as (
            -- What is expected of many is expected at the same moments: those are few.
            select due.due_at, e.unit, e.programme, count(*) as expected,
                   count(*) filter (where due.missed_at is not null) as missed
            from alerts.due due
            join enrolment e on e.patient_id = due.patient_id and e.id = due.plan
            where due.org = $1 and e.unit = any($2) and due.due_at >= $4 and due.due_at < $5
              and (due.satisfied_by is not null or due.missed_at is not null)
            group by due.due_at, e.unit, e.programme
        )
        select {_WEEK.format("due_at")} as week, unit, programme,
               coalesce(sum(expected), 0) as expected, coalesce(sum(missed), 0) as missed
        from at_once
        group by grouping sets (({_WEEK.format("due_at")}, unit, programme),
                                ({_WEEK.format("due_at")}), (unit, programme), ())
        """,
        org,
        list(units),
        programme,
        since,
        until,
    )
