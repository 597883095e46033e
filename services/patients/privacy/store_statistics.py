"""Counts over many patients, of months that are over. Functions receive the transaction and never
commit."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import asyncpg

from services.patients.privacy.aggregates import Cell


async def followed(
    tx: asyncpg.Connection,
    org: str,
    *,
    first: date,
    last: date,
    programmes: Sequence[str] | None,
    unit_ids: Sequence[UUID] | None,
) -> list[Cell]:
    """How many people a programme followed at a unit in each month, from first to last (their
    first days): in it on any day of it, in Norwegian time."""
    rows = await tx.fetch(
        """
        select e.programme, e.unit_id, m.month::date as month,
               count(distinct e.patient_id)::int as patients
        from generate_series($2::date::timestamp, $3::date::timestamp, interval '1 month')
             as m (month)
        join patients.enrolment e on e.org = $1
         and e.started_at < (m.month + interval '1 month') at time zone 'Europe/Oslo'
         and (e.ended_at is null or e.ended_at > m.month at time zone 'Europe/Oslo')
        where ($4::text[] is null or e.programme = any($4))
          and ($5::uuid[] is null or e.unit_id = any($5))
        group by e.programme, e.unit_id, m.month
        """,
        org,
        first,
        last,
        list(programmes) if programmes is not None else None,
        list(unit_ids) if unit_ids is not None else None,
    )
    return [Cell(*row) for row in rows]
