"""What a patient has shut for a member of staff, and what she has opened in an emergency."""

from uuid import UUID

import asyncpg

from shared.access.table import Standing


async def standing(
    tx: asyncpg.Connection, org: str, patient_id: UUID, staff_id: str, *, treats: bool
) -> Standing:
    row = await tx.fetchrow(
        """
        select coalesce(bool_or(s.staff_id = $3), false),
               coalesce(bool_or(s.staff_id is null), false),
               exists (
                   select from patients.emergency
                   where org = $1 and patient_id = $2 and staff_id = $3
                     and until > clock_timestamp()
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
