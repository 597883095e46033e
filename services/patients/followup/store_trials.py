"""Every statement about whose trial readings are to be looked at next. Functions never commit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Due:
    """An enrolment whose readings are to be looked at. `every`: how long since the last look."""

    org: str
    enrolment_id: UUID
    patient_id: UUID
    programme: str
    started_at: datetime
    every: timedelta


async def next_due(tx: asyncpg.Connection, now: datetime) -> Due | None:
    """The one that has waited longest in its organisation, and that nobody else holds."""
    row = await tx.fetchrow(
        """
        select due.* from ledger.organisation o cross join lateral (
            select e.org, e.id, e.patient_id, e.programme, e.started_at, e.look_every
            from patients.enrolment e
            where e.org = o.org and e.ended_at is null and e.look_at <= $1
            order by e.look_at limit 1
            for no key update skip locked
        ) due
        limit 1
        """,
        now,
    )
    return Due(*row) if row else None


async def looked(
    tx: asyncpg.Connection, org: str, enrolment_id: UUID, again: datetime | None, every: timedelta
) -> None:
    await tx.execute(
        """
        update patients.enrolment set look_at = $3, look_every = $4
        where org = $1 and id = $2
        """,
        org, enrolment_id, again, every,
    )  # fmt: skip
