"""Every statement of the quarantine desk beside the ledger's own: which connections have something
waiting, who had a device when, and who somebody is. Never commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Connection:
    """A credential with something that waits."""

    cred: str
    label: str
    kind: str
    waiting: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who has or had a device, in that time. `until` None: still."""

    binding_id: UUID
    patient_id: UUID
    slot: str
    since: datetime
    until: datetime | None


async def connections(
    tx: asyncpg.Connection, org: str, unit_ids: list[UUID] | None, limit: int
) -> list[Connection]:
    rows = await tx.fetch(
        """
        select q.cred, coalesce(c.label, q.cred), coalesce(c.kind, 'system'), count(*)
        from ledger.quarantine q
        left join patients.credential c on c.org = q.org and c.cred = q.cred
        where q.org = $1 and q.state in ('waiting', 'replaying')
          and ($2::uuid[] is null or q.unit_id is null or q.unit_id = any($2))
        group by q.cred, c.label, c.kind order by 2, 1 limit $3
        """,
        org,
        unit_ids,
        limit,
    )
    return [Connection(*row) for row in rows]


async def labels(tx: asyncpg.Connection, org: str, creds: Sequence[str]) -> dict[str, str]:
    rows = await tx.fetch(
        "select cred, label from patients.credential where org = $1 and cred = any($2)",
        org,
        list(creds),
    )
    return {row["cred"]: row["label"] for row in rows}


async def slot(tx: asyncpg.Connection, org: str, item_id: UUID) -> str:
    """Behind a shared gateway: which of the devices there it came from."""
    found: str | None = await tx.fetchval(
        """
        select coalesce(extra ->> 'slot', extra ->> 'serial') from ledger.quarantine
        where org = $1 and id = $2
        """,
        org,
        item_id,
    )
    return found or ""


async def holders(tx: asyncpg.Connection, org: str, cred: str, limit: int) -> list[Holder]:
    """Newest first."""
    rows = await tx.fetch(
        """
        select id, patient_id, slot, lower(valid), upper(valid) from patients.binding
        where org = $1 and cred = $2 and withdrawn_at is null
        order by lower(valid) desc, id limit $3
        """,
        org,
        cred,
        limit,
    )
    return [Holder(*row) for row in rows]


async def names(tx: asyncpg.Connection, org: str, ids: Sequence[str]) -> dict[str, str]:
    """Of staff, by the id under which they act."""
    rows = await tx.fetch(
        "select id::text, name from patients.staff where org = $1 and id::text = any($2)",
        org,
        list(ids),
    )
    return {row["id"]: row["name"] for row in rows}
