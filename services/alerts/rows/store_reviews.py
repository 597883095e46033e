"""Every statement about greens that a nurse has looked at. Nothing here commits."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg


async def lock(tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]) -> list[UUID]:
    """State rows in id order, waiting for whoever holds them. Those there are."""
    await tx.execute("set local lock_timeout = '2s'")
    rows = await tx.fetch(
        """
        select patient_id from alerts.state where org = $1 and patient_id = any($2)
        order by org, patient_id for update
        """,
        org,
        list(patient_ids),
    )
    return [row["patient_id"] for row in rows]


async def not_green(tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]) -> set[UUID]:
    rows = await tx.fetch(
        """
        select distinct patient_id from alerts.alert
        where org = $1 and patient_id = any($2) and state <> 'closed'
        """,
        org,
        list(patient_ids),
    )
    return {row["patient_id"] for row in rows}


async def alerted_since(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID], as_of: datetime
) -> set[UUID]:
    """Who was not green at or after `as_of`, though he may be green again."""
    rows = await tx.fetch(
        """
        select distinct patient_id from alerts.alert
        where org = $1 and patient_id = any($2) and (closed_at is null or closed_at > $3)
        """,
        org,
        list(patient_ids),
        as_of,
    )
    return {row["patient_id"] for row in rows}


async def mark(
    tx: asyncpg.Connection,
    org: str,
    marks: Sequence[tuple[UUID, UUID]],
    *,
    by: str,
    by_name: str,
    at: datetime,
    as_of: datetime,
) -> None:
    """(patient, unit) each: looked at. The version is counted on: a copy in memory is old."""
    patients = [patient for patient, _ in marks]
    await tx.execute(
        """
        insert into alerts.review (org, patient_id, at, unit_id, by, by_name, as_of)
        select $1, n.patient_id, $4, n.unit_id, $5, $6, $7
        from unnest($2::uuid[], $3::uuid[]) as n(patient_id, unit_id)
        on conflict do nothing
        """,
        org,
        patients,
        [unit for _, unit in marks],
        at,
        by,
        by_name,
        as_of,
    )
    await tx.execute(
        """
        update alerts.state set seen_at = $3, seen_by = $4, version = version + 1
        where org = $1 and patient_id = any($2)
        """,
        org,
        patients,
        at,
        by,
    )


async def take_back(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID], *, by: str, at: datetime
) -> list[UUID]:
    """The standing mark of each is undone, and stays written down as undone."""
    rows = await tx.fetch(
        """
        update alerts.review r set undone_at = $3, undone_by = $4
        from alerts.state s
        where r.org = $1 and r.patient_id = any($2) and r.undone_at is null
          and s.org = r.org and s.patient_id = r.patient_id and s.seen_at = r.at
        returning r.patient_id
        """,
        org,
        list(patient_ids),
        at,
        by,
    )
    undone = [row["patient_id"] for row in rows]
    await tx.execute(
        """
        update alerts.state set seen_at = null, seen_by = null, version = version + 1
        where org = $1 and patient_id = any($2)
        """,
        org,
        undone,
    )
    return undone
