"""Every statement about messages to people on their way. Nothing here commits."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import asyncpg

from shared.contracts import Json


async def add_notification(
    tx: asyncpg.Connection,
    org: str,
    *,
    id_: UUID,
    kind: str,
    key: str,
    unit_id: UUID,
    rank: int,
    language: str,
    routes: Sequence[Mapping[str, str]],
    now: datetime,
    spacing: timedelta,
    alerts: Sequence[UUID] = (),
    patient_id: UUID | None = None,
    step: int | None = None,
    who: str | None = None,
    sensitive: bool = False,
    body: Json | None = None,
) -> UUID | None:
    """Joins what already waits for the same place; not before `spacing` after the last that went
    there and was at least as grave. The id of what waits; None if this id was made before."""
    found: UUID | None = await tx.fetchval(
        """
        insert into alerts.notification as n (
            org, id, kind, key, unit_id, patient_id, alerts, step, who, rank, sensitive, language,
            routes, body, made_at, changed_at, next_at
        )
        select $1, $2::uuid, $3, $4, $5::uuid, $6::uuid, $7::uuid[], $8::integer, $9,
               $10::smallint, $11::boolean, $12, $13::jsonb, $14::jsonb, $15::timestamptz, $15,
               greatest($15::timestamptz, (
                   select max(sent_at) + $16::interval from alerts.notification
                   where org = $1 and key = $4 and rank <= $10::smallint
                     and sent_at > $15::timestamptz - $16::interval))
        where not exists (select from alerts.notification where org = $1 and id = $2::uuid)
        on conflict (org, key) where state = 'waiting' do update set
            alerts = array(select distinct unnest(n.alerts || excluded.alerts)),
            rank = least(n.rank, excluded.rank), sensitive = n.sensitive or excluded.sensitive,
            body = n.body || excluded.body,
            next_at = least(n.next_at, excluded.next_at), changed_at = excluded.changed_at
        returning n.id
        """,
        org, id_, kind, key, unit_id, patient_id, list(alerts), step, who, rank, sensitive,
        language, list(routes), body or {}, now, spacing,
    )  # fmt: skip
    return found


async def wants_to_be_sent(tx: asyncpg.Connection, org: str) -> bool:
    return bool(
        await tx.fetchval(
            """
            select exists (
                select from alerts.notification
                where org = $1 and state in ('waiting', 'sending', 'failed')
                  and next_at <= statement_timestamp())
            """,
            org,
        )
    )


async def take_notifications(
    tx: asyncpg.Connection, org: str, limit: int, lease: timedelta
) -> list[asyncpg.Record]:
    """Whose moment has come, new ones before retries, the gravest first; one whose sender died
    comes again when its lease is over. `still`: how many of what it is about want to be told yet,
    `gravest`: the gravest of them as it stands now. `phone` is sealed, and only there while he has
    agreed to be reminded by it."""
    return await tx.fetch(
        """
        with due as materialized (
            select id from alerts.notification
            where org = $1 and state in ('waiting', 'sending', 'failed')
              and next_at <= statement_timestamp()
            order by attempts > 0, rank, next_at limit $2
            for update skip locked),
        taken as (
            update alerts.notification n
            set state = 'sending', attempts = n.attempts + 1, changed_at = clock_timestamp(),
                sent_at = clock_timestamp(), next_at = clock_timestamp() + $3::interval
            from due where n.org = $1 and n.id = due.id
            returning n.*)
        select t.id, t.kind, t.patient_id, t.unit_id, t.alerts, t.step, t.who, t.rank, t.sensitive,
               t.language, t.routes, t.place, t.body, t.attempts, t.tries, t.made_at,
               coalesce((select u.name from patients.unit u
                         where u.org = t.org and u.id = t.unit_id), '') as unit,
               case t.kind when 'alert' then a.n when 'reminder' then d.n else 1 end as still,
               a.gravest,
               case when t.patient_id is not null then (
                   select p.phone from patients.patient p
                   where p.org = t.org and p.id = t.patient_id and p.sms_reminders) end as phone,
               case when t.patient_id is not null then array(
                   select (s.hash, s.endpoint, s.p256dh, s.auth)
                   from patients.push_subscription s
                   where s.org = t.org and s.patient_id = t.patient_id) end as devices
        from taken t
        cross join lateral (
            select count(*) as n,
                   min(case when colour = 'yellow' then 2
                            when emergency and lane = 'clinical' then 0 else 1 end) as gravest
            from alerts.alert
            where org = t.org and id = any(t.alerts)
              and (state = 'open' or state <> 'closed' and t.body ? 'escalated')) as a
        cross join lateral (
            select count(*) as n
            from jsonb_to_recordset(coalesce(t.body -> 'dues', '[]'))
                as k(plan text, day date, slot text)
            join alerts.due w on w.org = t.org and w.patient_id = t.patient_id and w.plan = k.plan
                and w.local_day = k.day and w.slot = k.slot
                and w.satisfied_by is null and w.missed_at is null) as d
        """,
        org,
        limit,
        lease,
    )


async def settle_notification(
    tx: asyncpg.Connection,
    org: str,
    id_: UUID,
    *,
    attempt: int,
    state: str,
    place: int,
    next_at: datetime | None,
    tried: Json | None,
) -> bool:
    """What the attempt came to. False when somebody else has taken it meanwhile."""
    return bool(
        await tx.fetchval(
            """
            update alerts.notification
            set state = $4, place = $5::smallint, next_at = $6,
                tries = tries || $7::jsonb, changed_at = clock_timestamp(),
                settled_at = case when $6::timestamptz is null then clock_timestamp() end
            where org = $1 and id = $2 and attempts = $3 and state = 'sending'
            returning true
            """,
            org, id_, attempt, state, place, next_at, [tried] if tried else [],
        )
    )  # fmt: skip


async def retry_notification(tx: asyncpg.Connection, org: str, id_: UUID) -> str | None:
    """Begins with the first channel again. The state it was in; None if there is none such."""
    row = await tx.fetchrow(
        "select state from alerts.notification where org = $1 and id = $2 for update", org, id_
    )
    if row is None:
        return None
    if row["state"] in ("failed", "undeliverable", "superseded"):
        await tx.execute(
            """
            update alerts.notification
            set state = 'failed', place = 0, next_at = clock_timestamp(), settled_at = null,
                changed_at = clock_timestamp(), made_at = clock_timestamp(),
                body = body || jsonb_build_object('tries_before', jsonb_array_length(tries))
            where org = $1 and id = $2
            """,
            org,
            id_,
        )
    return str(row["state"])


_SHOWN = """
id, kind, unit_id, alerts, step, who, state, place, routes, attempts, tries, made_at, next_at,
settled_at
"""


async def notification(tx: asyncpg.Connection, org: str, id_: UUID) -> asyncpg.Record | None:
    return await tx.fetchrow(
        f"select {_SHOWN} from alerts.notification where org = $1 and id = $2", org, id_
    )


async def notifications(
    tx: asyncpg.Connection,
    org: str,
    *,
    units: Sequence[UUID] | None,
    states: Sequence[str],
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Newest first; of all units when none are named."""
    return await tx.fetch(
        f"""
        select {_SHOWN} from alerts.notification
        where org = $1 and ($2::uuid[] is null or unit_id = any($2)) and state = any($3)
          and ($4::timestamptz is null or (made_at, id) < ($4, $5::uuid))
        order by made_at desc, id desc limit $6
        """,
        org,
        list(units) if units is not None else None,
        list(states),
        before[0] if before else None,
        before[1] if before else None,
        limit,
    )


async def of_alerts(
    tx: asyncpg.Connection, org: str, alerts: Sequence[UUID]
) -> tuple[list[asyncpg.Record], list[asyncpg.Record]]:
    """Every message about these alerts, and how far each has climbed."""
    messages = await tx.fetch(
        f"""
        select {_SHOWN} from alerts.notification
        where org = $1 and alerts && $2 order by made_at, id
        """,
        org,
        list(alerts),
    )
    climbed = await tx.fetch(
        """
        select alert_id, unit_id, step, ended, at_last, stepped_at, next_at from alerts.climb
        where org = $1 and alert_id = any($2)
        """,
        org,
        list(alerts),
    )
    return messages, climbed


async def undelivered(
    tx: asyncpg.Connection, org: str, older_than: timedelta
) -> list[asyncpg.Record]:
    """By unit: messages that are too long on their way, or that reached nobody while what they are
    about still waits."""
    return await tx.fetch(
        """
        select unit_id, count(*) as n, min(made_at) as since from alerts.notification n
        where org = $1 and kind <> 'test' and made_at > clock_timestamp() - interval '7 days'
          and (state in ('waiting', 'sending', 'failed')
               and made_at < clock_timestamp() - $2::interval
               and next_at < clock_timestamp() + interval '1 hour'
               or state = 'undeliverable' and exists (
                   select from alerts.alert a
                   where a.org = n.org and a.id = any(n.alerts) and a.state = 'open'))
        group by unit_id
        """,
        org,
        older_than,
    )


class HowReminded(NamedTuple):
    """By SMS: he has given a number and agreed to it. By push: a device of his has asked for it."""

    language: str = "nb"
    by_sms: bool = False
    by_push: bool = False


async def how_reminded(tx: asyncpg.Connection, org: str, patient_id: UUID) -> HowReminded:
    row = await tx.fetchrow(
        """
        select p.language, p.phone is not null and p.sms_reminders as by_sms,
               exists (select from patients.push_subscription s
                       where s.org = p.org and s.patient_id = p.id) as by_push
        from patients.patient p where p.org = $1 and p.id = $2
        """,
        org,
        patient_id,
    )
    return HowReminded(*row) if row else HowReminded()


async def forget_pushes(
    tx: asyncpg.Connection, org: str, patient_id: UUID, gone: Sequence[bytes]
) -> None:
    """Devices that the push service knows no more."""
    await tx.execute(
        "delete from patients.push_subscription "
        "where org = $1 and patient_id = $2 and hash = any($3)",
        org,
        patient_id,
        list(gone),
    )
