"""Every statement about suggestions: what devices announced, and what staff made of it."""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients.equipment import store_devices
from services.patients.nouns import Suggestion

_SUGGESTION = """
s.id, s.cred, s.topic, s.path, s.name, s.unit, s.kinds, s.likely, s.manufacturer, s.model, s.serial,
s.read_by, s.first_at, s.last_at, s.state, s.kind, s.device_id
"""


async def suggestions(
    tx: asyncpg.Connection,
    org: str,
    *,
    state: str,
    cred: str | None,
    unit_ids: list[UUID] | None,
    after: UUID | None,
    limit: int,
) -> list[Suggestion]:
    """Who announced itself last is first; of credentials of these units, if any are named."""
    rows = await tx.fetch(
        f"""
        select {_SUGGESTION} from ledger.suggestion s
        join patients.credential c on c.org = s.org and c.cred = s.cred
        where s.org = $1 and s.state = $2 and ($3::text is null or s.cred = $3)
          and ($4::uuid[] is null or c.unit_id = any($4)) and c.revoked_at is null
          and ($5::uuid is null or (s.first_at, s.id) < (
              select p.first_at, p.id from ledger.suggestion p where p.org = $1 and p.id = $5))
        order by s.first_at desc, s.id desc limit $6
        """,
        org, state, cred, unit_ids, after, limit,
    )  # fmt: skip
    return [_read(row) for row in rows]


async def shown(
    tx: asyncpg.Connection, org: str, suggestion_id: UUID, unit_ids: list[UUID] | None
) -> Suggestion | None:
    """Of a credential of these units, if any are named, that can still send."""
    row = await tx.fetchrow(
        f"""
        select {_SUGGESTION} from ledger.suggestion s
        join patients.credential c on c.org = s.org and c.cred = s.cred
        where s.org = $1 and s.id = $2 and ($3::uuid[] is null or c.unit_id = any($3))
          and c.revoked_at is null
        """,
        org, suggestion_id, unit_ids,
    )  # fmt: skip
    return _read(row) if row else None


async def waiting(
    tx: asyncpg.Connection, org: str, unit_ids: list[UUID] | None, cred: str | None = None
) -> int:
    """How many nobody has decided on yet."""
    return int(
        await tx.fetchval(
            """
            select count(*) from ledger.suggestion s
            join patients.credential c on c.org = s.org and c.cred = s.cred
            where s.org = $1 and s.state = 'open' and ($2::uuid[] is null or c.unit_id = any($2))
              and c.revoked_at is null and ($3::text is null or s.cred = $3)
            """,
            org,
            unit_ids,
            cred,
        )
    )


async def suggestion(tx: asyncpg.Connection, org: str, suggestion_id: UUID) -> Suggestion | None:
    """Locked: two people may decide at once."""
    row = await tx.fetchrow(
        f"select {_SUGGESTION} from ledger.suggestion s where org = $1 and id = $2 for update",
        org,
        suggestion_id,
    )
    return _read(row) if row else None


async def decide(
    tx: asyncpg.Connection,
    org: str,
    suggestion_id: UUID,
    state: str,
    *,
    kind: str | None = None,
    slot: str | None = None,
    device_id: UUID | None = None,
    at: datetime,
    by: str,
) -> None:
    """The intake learns of it at once: it remembers what a credential's topics are."""
    await tx.execute(
        """
        update ledger.suggestion
        set state = $3, kind = $4, slot = $5, device_id = $6, decided_at = $7, decided_by = $8
        where org = $1 and id = $2
        """,
        org, suggestion_id, state, kind, slot, device_id, at, by,
    )  # fmt: skip
    await tx.execute("select pg_notify($1, $2)", store_devices.CHANNEL, org)


async def device_known(
    tx: asyncpg.Connection, org: str, manufacturer: str, model: str, serial: str
) -> UUID | None:
    """The device that is registered under that make, model and serial number."""
    found: UUID | None = await tx.fetchval(
        """
        select id from patients.device
        where org = $1 and manufacturer = $2 and model = $3 and serial = $4
        """,
        org,
        manufacturer,
        model,
        serial,
    )
    return found


def _read(row: asyncpg.Record) -> Suggestion:
    return Suggestion(**{name: value for name, value in row.items()})
