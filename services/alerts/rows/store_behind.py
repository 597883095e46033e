"""Of whom something expected has not come and nobody has said so yet: behind a silence of the
platform or of a portal, or because we have not looked. Nothing here commits.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.alerts.judging.patient import PLATFORM


async def quiet(tx: asyncpg.Connection, org: str) -> dict[str | None, UUID]:
    """The alarms that are not over, by portal; None: the platform hears nobody."""
    rows = await tx.fetch(
        """
        select id, nullif(substr("group", length(rule) + 2), '') as portal from alerts.alert
        where org = $1 and patient_id = $2 and state <> 'closed' and not basis_changed
          and rule in ('portal-quiet', 'platform-quiet')
        """,
        org,
        PLATFORM,
    )
    return {row["portal"]: row["id"] for row in rows}


async def behind(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    *,
    portal: str | None,
    limit: int,
    patient_ids: Sequence[UUID] | None = None,
) -> list[asyncpg.Record]:
    """(patient_id, since, alert_id) in these units, who waits longest first: of whom something is
    overdue and was last brought by the portal (None: by anybody), and who has been called silent
    for its sake, with that alert."""
    return await tx.fetch(
        """
        with overdue as (
            select patient_id, min(due_at) as since from alerts.due
            where org = $1 and satisfied_by is null and missed_at is null
              and grace_until <= statement_timestamp()
            group by patient_id
        ), silent as (
            select patient_id, id as alert_id, opened_at from alerts.alert
            where org = $1 and state <> 'closed' and cause = 'portal' and body ->> 'portal' = $3
        )
        select patient_id, coalesce(o.since, s.opened_at) as since, s.alert_id
        from overdue o full join silent s using (patient_id)
        where ($4::uuid[] is null or patient_id = any($4))
          and exists (
              select from alerts.worklist_row w
              where w.org = $1 and w.patient_id = coalesce(o.patient_id, s.patient_id)
                and w.unit_id = any($2))
          and (s.alert_id is not null or $3::text is null or $3 = (
              select r.cred from ledger.reading r
              where r.org = $1 and r.patient_id = o.patient_id and r.type <> 'device-event'
              order by r.at desc limit 1))
        order by since, patient_id
        limit $5
        """,
        org,
        list(units),
        portal,
        list(patient_ids) if patient_ids is not None else None,
        limit,
    )


async def overdue(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    *,
    limit: int,
    patient_ids: Sequence[UUID] | None = None,
) -> list[asyncpg.Record]:
    """(patient_id, since) in these units, who waits longest first: what was expected has not come
    in its grace, and it has neither been called missed nor satisfied."""
    return await tx.fetch(
        """
        select d.patient_id, min(d.due_at) as since from alerts.due d
        where d.org = $1 and d.satisfied_by is null and d.missed_at is null
          and d.grace_until <= statement_timestamp()
          and ($3::uuid[] is null or d.patient_id = any($3))
          and exists (
              select from alerts.worklist_row w
              where w.org = $1 and w.patient_id = d.patient_id and w.unit_id = any($2))
        group by d.patient_id
        order by since, patient_id
        limit $4
        """,
        org,
        list(units),
        list(patient_ids) if patient_ids is not None else None,
        limit,
    )


async def told_silent(tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]) -> set[UUID]:
    """Of these, who has an open alert that stands in the technical lane."""
    rows = await tx.fetch(
        """
        select distinct patient_id from alerts.alert
        where org = $1 and patient_id = any($2) and state <> 'closed' and lane = 'technical'
        """,
        org,
        list(patient_ids),
    )
    return {row["patient_id"] for row in rows}
