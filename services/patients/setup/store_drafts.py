"""Every statement about enrolments being prepared. Functions never commit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.patients.nouns import Draft

_DRAFT = "id, patient_id, typed, by, changed_at, began_at, enrolment_id, cred"


async def begin(tx: asyncpg.Connection, org: str, new: Draft) -> UUID:
    """Its id; of a patient whose enrolment is being prepared already, the id of that one."""
    found: UUID = await tx.fetchval(
        """
        insert into patients.enrolment_draft (org, id, patient_id, typed, by, changed_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (org, patient_id) where began_at is null
            do update set changed_at = excluded.changed_at
        returning id
        """,
        org, new.id, new.patient_id, new.typed, new.by, new.changed_at,
    )  # fmt: skip
    return found


async def draft(tx: asyncpg.Connection, org: str, id: UUID, *, lock: bool = False) -> Draft | None:
    row = await tx.fetchrow(
        f"select {_DRAFT} from patients.enrolment_draft where org = $1 and id = $2"
        + (" for update" if lock else ""),
        org,
        id,
    )
    return Draft(*row) if row else None


async def of_units(
    tx: asyncpg.Connection, org: str, unit_ids: Sequence[UUID], limit: int
) -> list[tuple[Draft, str]]:
    """Those that have not begun, of patients of these units, with the patient's name."""
    rows = await tx.fetch(
        """
        select d.id, d.patient_id, d.typed, d.by, d.changed_at, d.began_at, d.enrolment_id, d.cred,
               p.name
        from patients.enrolment_draft d
        join patients.patient p on p.org = d.org and p.id = d.patient_id
        where d.org = $1 and d.began_at is null and p.unit_id = any($2)
        order by d.changed_at desc limit $3
        """,
        org, list(unit_ids), limit,
    )  # fmt: skip
    return [(Draft(*tuple(row)[:-1]), row["name"]) for row in rows]


async def keep(
    tx: asyncpg.Connection, org: str, id: UUID, typed: dict[str, Any], by: str, at: datetime
) -> None:
    await tx.execute(
        """
        update patients.enrolment_draft set typed = $3, by = $4, changed_at = $5
        where org = $1 and id = $2 and began_at is null
        """,
        org, id, typed, by, at,
    )  # fmt: skip


async def began(
    tx: asyncpg.Connection, org: str, id: UUID, at: datetime, enrolment_id: UUID, cred: str | None
) -> None:
    await tx.execute(
        """
        update patients.enrolment_draft set began_at = $3, enrolment_id = $4, cred = $5
        where org = $1 and id = $2
        """,
        org, id, at, enrolment_id, cred,
    )  # fmt: skip


async def forget(tx: asyncpg.Connection, org: str, id: UUID) -> None:
    await tx.execute(
        "delete from patients.enrolment_draft where org = $1 and id = $2 and began_at is null",
        org,
        id,
    )
