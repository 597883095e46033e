"""Every statement about enrolments and pauses."""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients.nouns import Enrolment, Pause

_ENROLMENT = "id, patient_id, programme, unit_id, plan, started_at, ended_at, end_reason"


async def enrol(tx: asyncpg.Connection, org: str, enrolment: Enrolment, by: str) -> bool:
    """False if the patient is in that programme already."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.enrolment
                (org, id, patient_id, programme, unit_id, plan, started_at, started_by)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict (org, patient_id, programme) where ended_at is null do nothing
            returning true
            """,
            org, enrolment.id, enrolment.patient_id, enrolment.programme, enrolment.unit_id,
            enrolment.plan, enrolment.started_at, by,
        )
    )  # fmt: skip


async def end_enrolment(
    tx: asyncpg.Connection, org: str, enrolment_id: UUID, at: datetime, reason: str, by: str
) -> bool:
    """False if it has ended already."""
    return bool(
        await tx.fetchval(
            """
            update patients.enrolment set ended_at = $3, end_reason = $4, ended_by = $5
            where org = $1 and id = $2 and ended_at is null returning true
            """,
            org, enrolment_id, at, reason, by,
        )
    )  # fmt: skip


async def enrolments(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[Enrolment]:
    rows = await tx.fetch(
        f"""
        select {_ENROLMENT} from patients.enrolment
        where org = $1 and patient_id = $2 order by started_at desc, id
        """,
        org,
        patient_id,
    )
    return [Enrolment(*row) for row in rows]


async def add_pause(tx: asyncpg.Connection, org: str, patient_id: UUID, pause: Pause) -> None:
    """Raises asyncpg.ExclusionViolationError if another pause overlaps."""
    await tx.execute(
        """
        insert into patients.pause (org, id, patient_id, span, reason, by, kind)
        values ($1, $2, $3, tstzrange($4, $5), $6, $7, $8)
        """,
        org, pause.id, patient_id, pause.since, pause.until, pause.reason, pause.by, pause.kind,
    )  # fmt: skip


async def end_pause(
    tx: asyncpg.Connection, org: str, patient_id: UUID, pause_id: UUID, at: datetime, by: str
) -> bool:
    """False if it is over already. One that has not begun shrinks to nothing."""
    return bool(
        await tx.fetchval(
            """
            update patients.pause
            set span = tstzrange(lower(span), greatest($4, lower(span))),
                ended_at = $4, ended_by = $5
            where org = $1 and patient_id = $2 and id = $3
              and ended_at is null and upper(span) > $4
            returning true
            """,
            org, patient_id, pause_id, at, by,
        )
    )  # fmt: skip


async def pauses(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[Pause]:
    rows = await tx.fetch(
        """
        select id, coalesce(lower(span), ended_at) as since,
               coalesce(upper(span), ended_at) as until, reason, by, ended_at, kind
        from patients.pause where org = $1 and patient_id = $2 order by 2 desc, id
        """,
        org,
        patient_id,
    )
    return [Pause(*row) for row in rows]
