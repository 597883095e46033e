"""Every statement about what a patient has shut, and what was opened in an emergency.

Functions receive the transaction and never commit.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients.nouns import Emergency, Shield
from shared.access.table import Standing


async def standing(
    tx: asyncpg.Connection, org: str, patient_id: UUID, staff_id: str, units: Collection[UUID]
) -> Standing:
    """How a member of staff of these units stands to the patient."""
    row = await tx.fetchrow(
        """
        select exists (
                   select from patients.patient
                   where org = $1 and id = $2 and unit_id = any($4)
                   union all
                   select from patients.enrolment
                   where org = $1 and patient_id = $2 and ended_at is null and unit_id = any($4)
               ),
               coalesce(bool_or(s.staff_id = $3), false),
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
        list(units),
    )
    assert row is not None  # an aggregate has a row
    return Standing(*row)


async def add_shield(
    tx: asyncpg.Connection, org: str, patient_id: UUID, shield: Shield, by: str
) -> bool:
    """False if it is there already."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.shield (org, id, patient_id, staff_id, at, by)
            values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning true
            """,
            org, shield.id, patient_id, shield.staff, shield.at, by,
        )
    )  # fmt: skip


async def end_shield(
    tx: asyncpg.Connection, org: str, patient_id: UUID, shield_id: UUID, at: datetime, by: str
) -> bool:
    return bool(
        await tx.fetchval(
            """
            update patients.shield set ended_at = $4, ended_by = $5
            where org = $1 and patient_id = $2 and id = $3 and ended_at is null returning true
            """,
            org, patient_id, shield_id, at, by,
        )
    )  # fmt: skip


async def shields(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[Shield]:
    """In force, oldest first."""
    rows = await tx.fetch(
        """
        select id, staff_id, at from patients.shield
        where org = $1 and patient_id = $2 and ended_at is null order by at, id
        """,
        org,
        patient_id,
    )
    return [Shield(*row) for row in rows]


async def emergencies(
    tx: asyncpg.Connection, org: str, *, unit_ids: Collection[UUID] | None, limit: int
) -> list[Emergency]:
    """Newest first; of the patients of some units, or of all."""
    rows = await tx.fetch(
        """
        select e.id, e.patient_id, e.staff_id, s.name, e.role, e.reason, e.text, e.at, e.until
        from patients.emergency e
        left join patients.staff s on s.org = e.org and s.id::text = e.staff_id
        where e.org = $1 and ($2::uuid[] is null or exists (
            select from patients.patient p
            where p.org = e.org and p.id = e.patient_id and p.unit_id = any($2)
            union all
            select from patients.enrolment n
            where n.org = e.org and n.patient_id = e.patient_id and n.ended_at is null
              and n.unit_id = any($2)))
        order by e.at desc, e.id desc limit $3
        """,
        org,
        list(unit_ids) if unit_ids is not None else None,
        limit,
    )
    return [Emergency(*row) for row in rows]
