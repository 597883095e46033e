"""Statements about what patients ask to have corrected or erased."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients.nouns import Claim

_FIELDS = """id, patient_id, kind, facts, text, made_at, made_by, state, ground, reason,
    decided_at, decided_by, confirmed_at, confirmed_by"""


async def add(tx: asyncpg.Connection, org: str, claim: Claim) -> None:
    await tx.execute(
        """
        insert into patients.claim (org, id, patient_id, kind, facts, text, made_at, made_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        org, claim.id, claim.patient_id, claim.kind, claim.facts, claim.text, claim.made_at,
        claim.made_by,
    )  # fmt: skip


async def claims(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[Claim]:
    rows = await tx.fetch(
        f"""
        select {_FIELDS} from patients.claim
        where org = $1 and patient_id = $2 order by made_at desc, id
        """,
        org,
        patient_id,
    )
    return [Claim(*row) for row in rows]


async def claim(tx: asyncpg.Connection, org: str, patient_id: UUID, id: UUID) -> Claim | None:
    """Locked, so that it is decided once."""
    row = await tx.fetchrow(
        f"""
        select {_FIELDS} from patients.claim
        where org = $1 and patient_id = $2 and id = $3 for update
        """,
        org,
        patient_id,
        id,
    )
    return None if row is None else Claim(*row)


async def decide(
    tx: asyncpg.Connection,
    org: str,
    id: UUID,
    state: str,
    *,
    ground: str,
    reason: str,
    by: str,
    now: datetime,
) -> None:
    await tx.execute(
        """
        update patients.claim set state = $3, ground = $4, reason = $5, decided_by = $6,
            decided_at = $7
        where org = $1 and id = $2
        """,
        org, id, state, ground, reason, by, now,
    )  # fmt: skip


async def confirm(tx: asyncpg.Connection, org: str, id: UUID, by: str, now: datetime) -> None:
    await tx.execute(
        "update patients.claim set confirmed_by = $3, confirmed_at = $4 where org = $1 and id = $2",
        org,
        id,
        by,
        now,
    )


async def done(tx: asyncpg.Connection, org: str, id: UUID) -> None:
    await tx.execute("update patients.claim set state = 'done' where org = $1 and id = $2", org, id)


async def erase(tx: asyncpg.Connection, org: str, id: UUID) -> Sequence[UUID]:
    """Blank what the claim names, in the ledger and in the alerts that rest on it."""
    erased: Sequence[UUID] = await tx.fetchval("select ledger.erase($1, $2)", org, id)
    await tx.execute("select alerts.erase($1, $2, $3)", org, id, erased)
    return erased
