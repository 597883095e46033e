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
    """The one that has waited longest and that nobody else holds, of any organisation."""
    row = await tx.fetchrow(
        """
        select org, id, patient_id, programme, started_at, look_every from patients.enrolment
        where ended_at is null and look_at <= $1 order by look_at limit 1
        for no key update skip locked
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
