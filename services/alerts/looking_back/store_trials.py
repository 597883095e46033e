"""Every statement about what has been tried on the past. Append-only; nothing here commits."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Trial:
    """`before` and `after` are how many alerts there were, and would have been."""

    by: str
    by_name: str
    role: str
    programme: str
    what: Literal["version", "limits", "rules"]
    version: str | None
    digest: str
    scope: Literal["patient", "unit", "units"]
    unit_id: UUID | None
    days: int
    patients: int
    before: int
    after: int


async def add(tx: asyncpg.Connection, org: str, made: Trial) -> UUID:
    found: UUID = await tx.fetchval(
        """
        insert into alerts.trial (org, by, by_name, role, programme, what, version, digest, scope,
            unit_id, days, patients, before, after)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning id
        """,
        org, made.by, made.by_name, made.role, made.programme, made.what, made.version,
        made.digest, made.scope, made.unit_id, made.days, made.patients, made.before, made.after,
    )  # fmt: skip
    return found
