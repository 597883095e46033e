"""What a patient has shut for a member of staff, and what she has opened in an emergency."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.access.table import Standing

ANYBODY = "system:downtime"  # who reads a sheet of paper: nothing that is shut to anybody


async def standing(
    tx: asyncpg.Connection, org: str, patient_id: UUID, staff_id: str, *, treats: bool
) -> Standing:
    row = await tx.fetchrow(
        """
        select coalesce(bool_or(s.staff_id = $3), false),
               coalesce(bool_or(s.staff_id is null), false),
               (
                   select reason from patients.emergency
                   where org = $1 and patient_id = $2 and staff_id = $3
                     and until > clock_timestamp()
                   order by until desc limit 1
               )
        from patients.shield s
        where s.org = $1 and s.patient_id = $2 and s.ended_at is null
          and (s.staff_id is null or s.staff_id = $3)
        """,
        org,
        patient_id,
        staff_id,
    )
    assert row is not None  # an aggregate has a row
    return Standing(treats, *row)


async def shut(
    tx: asyncpg.Connection,
    org: str,
    patient_ids: Collection[UUID],
    staff_id: str,
    *,
    emergency_counts: bool,
) -> dict[UUID, str]:
    """Which of these patients have shut the record for her: `blocked`, or `locked` and not open.
    For ANYBODY, all that have shut it for somebody."""
    rows = await tx.fetch(
        """
        select s.patient_id, coalesce(bool_or(s.staff_id = $3), false) as blocked,
               $4 and exists (
                   select from patients.emergency e
                   where e.org = $1 and e.patient_id = s.patient_id and e.staff_id = $3
                     and e.until > clock_timestamp()
               ) as is_open
        from patients.shield s
        where s.org = $1 and s.patient_id = any($2) and s.ended_at is null
          and (s.staff_id is null or s.staff_id = $3 or $3 = $5)
        group by s.patient_id
        """,
        org,
        list(patient_ids),
        staff_id,
        emergency_counts,
        ANYBODY,
    )
    return {
        row["patient_id"]: "blocked" if row["blocked"] else "locked"
        for row in rows
        if row["blocked"] or not row["is_open"]
    }


async def open_until(
    tx: asyncpg.Connection, org: str, patient_ids: Collection[UUID], staff_id: str
) -> datetime | None:
    """When the first of her emergency accesses to these patients ends."""
    until: datetime | None = await tx.fetchval(
        """
        select min(until) from (
            select max(until) as until from patients.emergency
            where org = $1 and patient_id = any($2) and staff_id = $3
              and until > clock_timestamp()
            group by patient_id) of_each
        """,
        org,
        list(patient_ids),
        staff_id,
    )
    return until
