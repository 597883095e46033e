"""Every statement by which the list is kept: what is expected, worklist rows, heartbeats. Nothing
here commits.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts.judging.patient import Expected, State
from services.alerts.judging.store_together import Together
from services.alerts.rows.row import Row
from services.alerts.store import STATE
from shared import exact
from shared.contracts import Json

NEVER = datetime.max.replace(tzinfo=UTC)
MUCH = 1000  # hand-over rows

# --- what is expected -----------------------------------------------------------------------


async def expected(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID], since: datetime
) -> list[tuple[UUID, Expected]]:
    rows = await tx.fetch(
        """
        select patient_id, plan, local_day, slot, kind, opens_at, due_at, grace_until,
               satisfied_by, missed_at
        from alerts.due where org = $1 and patient_id = any($2) and due_at >= $3
        """,
        org,
        list(patient_ids),
        since,
    )
    return [
        (
            row["patient_id"],
            Expected(
                UUID(row["plan"]),
                row["local_day"],
                row["slot"],
                row["kind"],
                row["opens_at"],
                row["due_at"],
                row["grace_until"],
                row["satisfied_by"],
                row["missed_at"],
            ),
        )
        for row in rows
    ]


def save_expected(
    together: Together,
    org: str,
    wanted: Sequence[tuple[UUID, Expected]],
    unwanted: Sequence[tuple[UUID, Expected]],
) -> None:
    if unwanted:
        together.add(
            """
            delete from alerts.due d
            using unnest($2::uuid[], $3::text[], $4::date[], $5::text[])
                as n(patient_id, plan, local_day, slot)
            where d.org = $1 and d.patient_id = n.patient_id and d.plan = n.plan
              and d.local_day = n.local_day and d.slot = n.slot
            """,
            org,
            [patient_id for patient_id, _ in unwanted],
            [str(one.plan) for _, one in unwanted],
            [one.local_day for _, one in unwanted],
            [one.slot for _, one in unwanted],
        )
    if not wanted:
        return
    last = {(patient_id, one.key): (patient_id, one) for patient_id, one in wanted}
    rows = list(last.values())
    together.add(
        """
        insert into alerts.due (
            org, patient_id, plan, local_day, slot, kind, opens_at, due_at, grace_until,
            satisfied_by, missed_at
        )
        select $1, * from unnest(
            $2::uuid[], $3::text[], $4::date[], $5::text[], $6::text[], $7::timestamptz[],
            $8::timestamptz[], $9::timestamptz[], $10::uuid[], $11::timestamptz[])
        on conflict (org, patient_id, plan, local_day, slot) do update set
            kind = excluded.kind, opens_at = excluded.opens_at, due_at = excluded.due_at,
            grace_until = excluded.grace_until, satisfied_by = excluded.satisfied_by,
            missed_at = excluded.missed_at
        """,
        org,
        [patient_id for patient_id, _ in rows],
        [str(one.plan) for _, one in rows],
        [one.local_day for _, one in rows],
        [one.slot for _, one in rows],
        [one.kind for _, one in rows],
        [one.opens_at for _, one in rows],
        [one.due_at for _, one in rows],
        [one.grace_until for _, one in rows],
        [one.satisfied_by for _, one in rows],
        [one.missed_at for _, one in rows],
    )


# --- worklist rows --------------------------------------------------------------------------


async def units_of_rows(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> list[tuple[UUID, UUID]]:
    rows = await tx.fetch(
        "select patient_id, unit_id from alerts.worklist_row"
        " where org = $1 and patient_id = any($2)",
        org,
        list(patient_ids),
    )
    return [(row["patient_id"], row["unit_id"]) for row in rows]


def save_rows(
    together: Together,
    org: str,
    rows: Sequence[tuple[UUID, Row]],
    left: Sequence[tuple[UUID, UUID]],
) -> None:
    if left:
        together.add(
            """
            delete from alerts.worklist_row r
            using unnest($2::uuid[], $3::uuid[]) as n(patient_id, unit_id)
            where r.org = $1 and r.patient_id = n.patient_id and r.unit_id = n.unit_id
            """,
            org,
            [patient_id for patient_id, _ in left],
            [unit_id for _, unit_id in left],
        )
    if not rows:
        return
    together.add(
        """
        insert into alerts.worklist_row (
            org, patient_id, unit_id, rank, waiting_since, calm, technical, programmes,
            assignees, states, body
        )
        select $1, patient_id, unit_id, rank, waiting_since, calm, technical,
               programmes::text[], assignees::text[], states::text[], body
        from unnest(
            $2::uuid[], $3::uuid[], $4::smallint[], $5::timestamptz[], $6::smallint[],
            $7::boolean[], $8::text[], $9::text[], $10::text[], $11::jsonb[]
        ) as n(patient_id, unit_id, rank, waiting_since, calm, technical, programmes, assignees,
               states, body)
        on conflict (org, unit_id, patient_id) do update set
            rank = excluded.rank, waiting_since = excluded.waiting_since, calm = excluded.calm,
            technical = excluded.technical, programmes = excluded.programmes,
            assignees = excluded.assignees, states = excluded.states, body = excluded.body
        """,
        org,
        [patient_id for patient_id, _ in rows],
        [one.unit_id for _, one in rows],
        [one.rank for _, one in rows],
        [one.waiting_since or NEVER for _, one in rows],
        [one.calm for _, one in rows],
        [one.technical for _, one in rows],
        [_array(one.programmes) for _, one in rows],
        [_array(one.assignees) for _, one in rows],
        [_array(one.states) for _, one in rows],
        [one.body for _, one in rows],
    )


def _array(texts: Iterable[str]) -> str:
    """One row's texts as PostgreSQL writes an array: unnest cannot carry arrays of arrays."""
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"


async def lock_next_to_check(tx: asyncpg.Connection, org: str, again: timedelta) -> State | None:
    """Whose row was made again longest ago, of those nobody holds, if that is longer ago
    than `again`; marked as looked at."""
    row = await tx.fetchrow(
        f"""
        update alerts.state set checked_at = clock_timestamp()
        where (org, patient_id) = (
            select org, patient_id from (
                select org, patient_id, checked_at from alerts.state
                where org = $1 and judged_at is not null
                  and (rests_until is null or rests_until <= statement_timestamp())
                order by checked_at nulls first limit 1
                for update skip locked) first
            where checked_at is null or checked_at <= statement_timestamp() - $2::interval)
        returning {STATE}
        """,
        org,
        again,
    )
    return State(*row) if row else None


async def stored_rows(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[asyncpg.Record]:
    return await tx.fetch(
        """
        select unit_id, rank, waiting_since, calm, technical, body from alerts.worklist_row
        where org = $1 and patient_id = $2
        """,
        org,
        patient_id,
    )


async def withdrawals_wait(tx: asyncpg.Connection, org: str) -> bool:
    """Whether a correction or withdrawal waits, which may take a fact from anybody: whose it is,
    the take finds out. Also when so much waits that it is not looked through."""
    first = await tx.fetch(
        """
        select type from ledger.handover where org = $1 and consumer = 'alerts'
        order by seq limit $2
        """,
        org,
        MUCH,
    )
    return len(first) == MUCH or any(row["type"] == "void" for row in first)


def plain(body: Json) -> Any:
    """A body as it comes back from the table."""
    return exact.decode(exact.dumps(body))


# --- heartbeats -----------------------------------------------------------------------------


async def beat(tx: asyncpg.Connection, org: str, worker: str, body: Json) -> None:
    """After real work only; at most once a second per worker."""
    await tx.execute(
        """
        insert into alerts.heartbeat as h (org, worker, at, body)
        values ($1, $2, clock_timestamp(), $3)
        on conflict (org, worker) do update
        set at = excluded.at, body = h.body || excluded.body
        where h.at < excluded.at - interval '1 second' or h.body || excluded.body <> h.body
        """,
        org,
        worker,
        body,
    )


async def heartbeats(tx: asyncpg.Connection, org: str) -> dict[str, tuple[datetime, Json]]:
    rows = await tx.fetch("select worker, at, body from alerts.heartbeat where org = $1", org)
    return {row["worker"]: (row["at"], row["body"]) for row in rows}


async def portals_heard(tx: asyncpg.Connection, org: str) -> dict[str, datetime]:
    """When each system that speaks for patients last brought anything."""
    rows = await tx.fetch(
        """
        select substr(worker, 8) as cred, at from alerts.heartbeat
        where org = $1 and worker like 'portal:%'
        """,
        org,
    )
    return {row["cred"]: row["at"] for row in rows}


async def quiet_portals(tx: asyncpg.Connection, org: str) -> list[asyncpg.Record]:
    """(portal, patients, since): whose silence is put down to a portal that has brought nothing,
    for anybody, since the first of them was called silent."""
    return await tx.fetch(
        """
        select a.body ->> 'portal' as portal, count(*) as patients, min(a.opened_at) as since
        from alerts.alert a
        left join alerts.heartbeat h
            on h.org = a.org and h.worker = 'portal:' || (a.body ->> 'portal')
        where a.org = $1 and a.state <> 'closed' and a.cause = 'portal'
          and (h.at is null or h.at < a.opened_at)
        group by 1 order by 1
        """,
        org,
    )


async def software_since(tx: asyncpg.Connection, org: str, made_by: str) -> datetime:
    """Since when this software has judged this organisation's patients."""
    since: datetime = await tx.fetchval(
        """
        insert into alerts.heartbeat as h (org, worker, at)
        values ($1, $2, clock_timestamp())
        on conflict (org, worker) do update set body = h.body
        returning at
        """,
        org,
        f"software {made_by}",
    )
    return since


async def platform(tx: asyncpg.Connection, org: str) -> asyncpg.Record:
    """How the organisation's loops and queues stand."""
    row = await tx.fetchrow(
        """
        select
            clock_timestamp() as now,
            (select (body ->> 'received_at')::timestamptz from alerts.heartbeat
             where org = $1 and worker = 'consumer') as received_at,
            waiting.overdue,
            waiting.since as waits_since,
            (select received_at from ledger.handover
             where org = $1 and consumer = 'alerts' order by seq limit 1) as oldest,
            (select at from alerts.heartbeat
             where org = $1 and worker = 'consumer') as follower_at
        from (
            select count(distinct patient_id) as overdue, min(grace_until) as since
            from alerts.due
            where org = $1 and satisfied_by is null and missed_at is null
              and grace_until <= statement_timestamp()
        ) waiting
        """,
        org,
    )
    assert row is not None
    return row


async def months_ahead(tx: asyncpg.Connection) -> int:
    """For how many whole months to come readings can be stored."""
    return int(await tx.fetchval("select ledger.months_ahead()"))
