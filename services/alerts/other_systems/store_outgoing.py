"""Every statement about what is sent to other systems. Nothing here commits."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts.judging.store_together import Together

_CONNECTION = "id, kind, name, url, unit_id, receiver, made_at, made_by, ended_at"


def note_readings(
    together: Together, org: str, readings: Sequence[tuple[UUID, UUID, UUID | None]]
) -> None:
    """Readings of a take (fact, patient and his unit), for whoever is sent readings, in the take's
    own transaction."""
    together.add(
        """
        insert into alerts.outgoing (org, connection_id, event, about, patient_id)
        select $1, c.id, 'reading', told.fact, told.patient
        from alerts.connection c
        cross join unnest($2::uuid[], $3::uuid[], $4::uuid[]) as told(fact, patient, unit)
        where c.org = $1 and c.kind = 'pmd' and c.ended_at is null
          and (c.unit_id is null or c.unit_id = told.unit)
        on conflict do nothing
        """,
        org,
        [fact for fact, _, _ in readings],
        [patient for _, patient, _ in readings],
        [unit for _, _, unit in readings],
    )


async def note_withdrawn(tx: asyncpg.Connection, org: str, by: Sequence[UUID]) -> None:
    """What was sent and has been withdrawn is sent once more, as entered in error."""
    await tx.execute(
        """
        insert into alerts.outgoing (org, connection_id, event, about, patient_id)
        select o.org, o.connection_id, 'withdrawn', o.about, o.patient_id
        from ledger.superseded s
        join alerts.outgoing o on o.org = s.org and o.about = s.target_id and o.event = 'reading'
        where s.org = $1 and s.by_id = any($2) and s.how <> 'correction'
        on conflict do nothing
        """,
        org,
        list(by),
    )


async def is_due(tx: asyncpg.Connection, org: str) -> bool:
    return bool(
        await tx.fetchval(
            """
            select exists (
                select from alerts.outgoing
                where org = $1 and state in ('waiting', 'sending', 'failed')
                  and next_at <= statement_timestamp())
            """,
            org,
        )
    )


async def take(
    tx: asyncpg.Connection, org: str, limit: int, lease: timedelta
) -> list[asyncpg.Record]:
    """Ours to send while the lease lasts, with where to."""
    return await tx.fetch(
        """
        with due as (
            select o.id from alerts.outgoing o
            where o.org = $1 and o.state in ('waiting', 'sending', 'failed')
              and o.next_at <= statement_timestamp()
            order by o.next_at limit $2 for update skip locked)
        update alerts.outgoing o
        set state = 'sending', attempts = o.attempts + 1, next_at = clock_timestamp() + $3
        from due, alerts.connection c
        where o.org = $1 and o.id = due.id and c.org = $1 and c.id = o.connection_id
        returning o.id, o.connection_id, o.event, o.about, o.version, o.patient_id, o.attempts,
                  o.made_at, c.kind, c.url, c.receiver, c.ended_at
        """,
        org,
        limit,
        lease,
    )


async def settle(
    tx: asyncpg.Connection,
    org: str,
    ids: Sequence[UUID],
    *,
    state: str,
    why: str,
    next_at: datetime | None,
) -> None:
    await tx.execute(
        """
        update alerts.outgoing
        set state = $3, why = $4, next_at = $5,
            settled_at = case when $5::timestamptz is null then clock_timestamp() end
        where org = $1 and id = any($2) and state = 'sending'
        """,
        org,
        list(ids),
        state,
        why,
        next_at,
    )


async def retry(tx: asyncpg.Connection, org: str, ids: Sequence[UUID] | None) -> int:
    """What was given up is tried once more: those named, or all. How many."""
    return int(
        await tx.fetchval(
            """
            with again as (
                update alerts.outgoing
                set state = 'waiting', attempts = 0, next_at = clock_timestamp(),
                    made_at = clock_timestamp(), settled_at = null
                where org = $1 and state in ('undeliverable', 'failed')
                  and ($2::uuid[] is null or id = any($2))
                returning 1)
            select count(*) from again
            """,
            org,
            list(ids) if ids is not None else None,
        )
    )


async def connect(tx: asyncpg.Connection, org: str, made: dict[str, Any], by: str) -> None:
    await tx.execute(
        """
        insert into alerts.connection (org, id, kind, name, url, unit_id, receiver, made_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        org, made["id"], made["kind"], made["name"], made["url"], made["unit_id"],
        made["receiver"], by,
    )  # fmt: skip


async def disconnect(tx: asyncpg.Connection, org: str, connection_id: UUID, by: str) -> bool:
    """False if it has ended already. What waits for it is no longer sent."""
    return bool(
        await tx.fetchval(
            """
            update alerts.connection set ended_at = clock_timestamp(), ended_by = $3
            where org = $1 and id = $2 and ended_at is null returning true
            """,
            org,
            connection_id,
            by,
        )
    )


async def connections(tx: asyncpg.Connection, org: str) -> list[asyncpg.Record]:
    """With how it goes: how many of each state, the last delivery and the last fault."""
    return await tx.fetch(
        f"""
        select {_CONNECTION}, told.*
        from alerts.connection c
        cross join lateral (
            select count(*) filter (where state in ('waiting', 'sending')) as waiting,
                   count(*) filter (where state = 'failed') as failed,
                   count(*) filter (where state = 'undeliverable') as undeliverable,
                   count(*) filter (where state = 'delivered') as delivered,
                   max(settled_at) filter (where state = 'delivered') as delivered_at,
                   min(made_at) filter (where state not in ('delivered', 'undeliverable'))
                       as waiting_since
            from alerts.outgoing o where o.org = c.org and o.connection_id = c.id) told
        where c.org = $1 order by c.made_at desc, c.id
        """,
        org,
    )


async def outgoing(
    tx: asyncpg.Connection,
    org: str,
    *,
    states: Sequence[str] | None,
    connection_id: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Newest first; without patients."""
    return await tx.fetch(
        """
        select id, connection_id, event, about, state, attempts, why, made_at, next_at, settled_at
        from alerts.outgoing
        where org = $1 and ($2::text[] is null or state = any($2))
          and ($3::uuid is null or connection_id = $3)
          and ($4::timestamptz is null or (made_at, id) < ($4, $5::uuid))
        order by made_at desc, id desc limit $6
        """,
        org,
        list(states) if states else None,
        connection_id,
        before[0] if before else None,
        before[1] if before else None,
        limit,
    )


async def numbers(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[str, bytes]]]:
    """Each patient's numbers, sealed, oldest first."""
    rows = await tx.fetch(
        "select patient_id, system, sealed from alerts.numbers_of($1, $2)", org, list(patient_ids)
    )
    found: dict[UUID, list[tuple[str, bytes]]] = {}
    for row in rows:
        found.setdefault(row["patient_id"], []).append((row["system"], row["sealed"]))
    return found


async def standing(tx: asyncpg.Connection, org: str, facts: Sequence[UUID]) -> set[UUID]:
    """Those of these facts that are in force."""
    rows = await tx.fetch(
        "select id from ledger.current where org = $1 and id = any($2)", org, list(facts)
    )
    return {row["id"] for row in rows}
