"""Every statement about the register's messages, the stays they tell of, and links."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients.nouns import Link

_LINK = "id, kept_id, other_id, reason, at, by, undone_at, undone_by, undone_why"


@dataclass(frozen=True, slots=True)
class Noted:
    """A fact of the register that waits to be acted on, locked for this transaction."""

    org: str
    fact_id: UUID
    patient_id: UUID
    cred: str
    event: str
    at: datetime
    tries: int


async def next_noted(tx: asyncpg.Connection) -> Noted | None:
    """The oldest that nobody else holds, of any organisation."""
    row = await tx.fetchrow(
        """
        select org, fact_id, patient_id, cred, event, at, tries from patients.administration
        where state = 'waiting' order by seq limit 1 for update skip locked
        """
    )
    return Noted(*row) if row else None


async def settle(
    tx: asyncpg.Connection, org: str, fact_id: UUID, outcome: str, now: datetime
) -> None:
    await tx.execute(
        """
        update patients.administration set state = 'done', outcome = $3, applied_at = $4
        where org = $1 and fact_id = $2
        """,
        org, fact_id, outcome, now,
    )  # fmt: skip


async def failed(tx: asyncpg.Connection, org: str, fact_id: UUID, fault: str, most: int) -> None:
    """It is tried again, `most` times; then it is set aside and shown as failed."""
    await tx.execute(
        """
        update patients.administration
        set tries = tries + 1, outcome = $3,
            state = case when tries + 1 >= $4 then 'failed' else 'waiting' end
        where org = $1 and fact_id = $2 and state = 'waiting'
        """,
        org, fact_id, fault, most,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeptStay:
    """The stay as it was last acted on: its pause, and whether that was ended for its end."""

    since: datetime
    left_at: datetime | None
    pause_id: UUID


async def kept_stay(
    tx: asyncpg.Connection, org: str, patient_id: UUID, visit: str
) -> KeptStay | None:
    row = await tx.fetchrow(
        """
        select since, left_at, pause_id from patients.stay
        where org = $1 and patient_id = $2 and visit = $3
        """,
        org,
        patient_id,
        visit,
    )
    return KeptStay(*row) if row else None


async def keep_stay(
    tx: asyncpg.Connection, org: str, patient_id: UUID, visit: str, stay: KeptStay
) -> None:
    await tx.execute(
        """
        insert into patients.stay (org, patient_id, visit, since, left_at, pause_id)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (org, patient_id, visit) do update
        set since = excluded.since, left_at = excluded.left_at, pause_id = excluded.pause_id
        """,
        org, patient_id, visit, stay.since, stay.left_at, stay.pause_id,
    )  # fmt: skip


async def free_span(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    since: datetime,
    until: datetime,
    but: UUID | None = None,
) -> tuple[datetime, datetime] | None:
    """What of that time no other pause covers: its first stretch; None if all is covered."""
    row = await tx.fetchrow(
        """
        with free as (
            select tstzmultirange(tstzrange($3, $4)) - coalesce(range_agg(p.span), '{}') as spans
            from patients.pause p
            where p.org = $1 and p.patient_id = $2 and p.id is distinct from $5
              and p.span && tstzrange($3, $4)
        )
        select lower(span) as since, upper(span) as until
        from free, unnest(free.spans) as span order by 1 limit 1
        """,
        org, patient_id, since, until, but,
    )  # fmt: skip
    return (row["since"], row["until"]) if row else None


async def extend_pause(tx: asyncpg.Connection, org: str, pause_id: UUID, until: datetime) -> bool:
    """False if it is over, or lasts as long already."""
    return bool(
        await tx.fetchval(
            """
            update patients.pause set span = tstzrange(lower(span), $3)
            where org = $1 and id = $2 and ended_at is null and upper(span) < $3
            returning true
            """,
            org, pause_id, until,
        )
    )  # fmt: skip


# --- links ------------------------------------------------------------------------------------


async def link(tx: asyncpg.Connection, org: str, new: Link) -> bool:
    """False if the other is linked to somebody already."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.link (org, id, kept_id, other_id, reason, at, by)
            values ($1, $2, $3, $4, $5, $6, $7)
            on conflict (org, other_id) where undone_at is null do nothing returning true
            """,
            org, new.id, new.kept_id, new.other_id, new.reason, new.at, new.by,
        )
    )  # fmt: skip


async def unlink(
    tx: asyncpg.Connection, org: str, link_id: UUID, patient_id: UUID, by: str, why: str,
    now: datetime,
) -> Link | None:  # fmt: skip
    """None if there is none in force that this patient is part of."""
    row = await tx.fetchrow(
        f"""
        update patients.link set undone_at = $4, undone_by = $5, undone_why = $6
        where org = $1 and id = $2 and $3 in (kept_id, other_id) and undone_at is null
        returning {_LINK}
        """,
        org, link_id, patient_id, now, by, why,
    )  # fmt: skip
    return Link(*row) if row else None


async def links(tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]) -> list[Link]:
    """Those of any of these patients, newest first, the undone ones too."""
    rows = await tx.fetch(
        f"""
        select {_LINK} from patients.link
        where org = $1 and (kept_id = any($2) or other_id = any($2)) order by at desc, id
        """,
        org,
        list(patient_ids),
    )
    return [Link(*row) for row in rows]


async def same_person(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[UUID]:
    """All who are linked with this patient, himself first."""
    rows = await tx.fetch("select patients.same_person($1, $2) as id", org, patient_id)
    return [patient_id, *(row["id"] for row in rows if row["id"] != patient_id)]


async def lock_both(tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]) -> int:
    """Both rows, in id order. How many there are."""
    rows = await tx.fetch(
        "select id from patients.patient where org = $1 and id = any($2) order by id for update",
        org,
        list(patient_ids),
    )
    return len(rows)
