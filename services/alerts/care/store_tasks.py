"""Every statement about tasks and reminders. Nothing here commits."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg

_TASK = """
id, patient_id, unit_id, alert_id, text, due_at, version, made_at, made_by, made_by_name, told_at,
offered_to, done_at, done_by, done_by_name, history,
(select a.programme from alerts.alert a where a.org = t.org and a.id = t.alert_id) as programme
"""


async def add(tx: asyncpg.Connection, org: str, task: Mapping[str, Any]) -> None:
    await tx.execute(
        """
        insert into alerts.task (
            org, id, patient_id, unit_id, alert_id, text, due_at, made_at, made_by, made_by_name,
            offered_to, history)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        org,
        task["id"],
        task["patient_id"],
        task["unit_id"],
        task["alert_id"],
        task["text"],
        task["due_at"],
        task["made_at"],
        task["made_by"],
        task["made_by_name"],
        task["offered_to"],
        task["history"],
    )


async def task(tx: asyncpg.Connection, org: str, task_id: UUID) -> asyncpg.Record | None:
    return await tx.fetchrow(
        f"select {_TASK} from alerts.task t where org = $1 and id = $2", org, task_id
    )


async def save(
    tx: asyncpg.Connection, org: str, task: Mapping[str, Any], line: Mapping[str, Any]
) -> None:
    """The task as it now is, its version counted on, with one more line of history."""
    await tx.execute(
        """
        update alerts.task
        set unit_id = $3, due_at = $4, told_at = $5, offered_to = $6, done_at = $7, done_by = $8,
            done_by_name = $9, version = version + 1, history = history || $10::jsonb
        where org = $1 and id = $2
        """,
        org,
        task["id"],
        task["unit_id"],
        task["due_at"],
        task["told_at"],
        task["offered_to"],
        task["done_at"],
        task["done_by"],
        task["done_by_name"],
        [line],
    )


async def tell_due(tx: asyncpg.Connection, org: str, limit: int) -> list[asyncpg.Record]:
    """Those that have become due, each once, whichever replica asks."""
    return await tx.fetch(
        """
        update alerts.task t set told_at = clock_timestamp()
        from (select org, id from alerts.task
              where org = $1 and told_at is null and done_at is null
                and due_at <= statement_timestamp()
              order by due_at limit $2 for update skip locked) due
        where t.org = due.org and t.id = due.id
        returning t.id, t.patient_id, t.unit_id, t.offered_to
        """,
        org,
        limit,
    )


async def tasks(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    *,
    patient_id: UUID | None = None,
    due: bool = False,
    done: bool = False,
    limit: int = 200,
) -> list[asyncpg.Record]:
    """Those of the units, and those offered to them; the oldest due first. `due`: only those that
    are to be done now."""
    return await tx.fetch(
        f"""
        select {_TASK} from alerts.task t
        where org = $1
          and (unit_id = any($2) or (offered_to = any($2) and done_at is null)
               or $3::uuid is not null)
          and ($3::uuid is null or patient_id = $3)
          and (not $4 or (done_at is null and due_at <= clock_timestamp()))
          and (done_at is not null) = $5
        order by due_at, id
        limit $6
        """,
        org,
        list(units),
        patient_id,
        due,
        done,
        limit,
    )
