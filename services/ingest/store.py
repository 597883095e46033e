"""What ingest reads of the patients' schema, and its own statements: replay, what came in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from services.ingest.devices.discovery import Suggestion


async def credential_by_secret(
    connection: asyncpg.Connection, secret_hash: bytes
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        """
        select c.org, c.cred, c.kind, c.unit_id
        from patients.secret s
        join patients.credential c on c.org = s.org and c.cred = s.cred
        where s.secret_hash = $1 and c.revoked_at is null and c.thumbprint is null
          and (s.until is null or s.until > clock_timestamp())
        """,
        secret_hash,
    )


async def credential_by_bound_secret(
    connection: asyncpg.Connection, secret_hash: bytes
) -> asyncpg.Record | None:
    """One whose secret serves only with a proof made with its own key."""
    return await connection.fetchrow(
        """
        select c.org, c.cred, c.kind, c.unit_id, c.thumbprint
        from patients.secret s
        join patients.credential c on c.org = s.org and c.cred = s.cred
        where s.secret_hash = $1 and c.revoked_at is null and c.thumbprint is not null
          and (s.until is null or s.until > clock_timestamp())
        """,
        secret_hash,
    )


async def credential_by_name(
    connection: asyncpg.Connection, org: str, cred: str
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        """
        select org, cred, kind, unit_id, revoked_at is not null as is_revoked, (
            select jsonb_agg(jsonb_build_object('topic', s.topic, 'path', s.path, 'unit', s.unit,
                                                'kind', s.kind, 'slot', s.slot) order by s.id)
            from ledger.suggestion s
            where s.org = c.org and s.cred = c.cred and s.state = 'taken' and s.read_by is null
        ) as topics
        from patients.credential c
        where org = $1 and cred = $2
        """,
        org,
        cred,
    )


async def watching_hours(
    connection: asyncpg.Connection, org: str, unit_ids: Sequence[UUID]
) -> dict[UUID, Mapping[str, Any]]:
    rows = await connection.fetch(
        "select id, watching from patients.unit where org = $1 and id = any($2)",
        org,
        list(unit_ids),
    )
    return {row["id"]: row["watching"] for row in rows}


async def followed_elsewhere(
    connection: asyncpg.Connection, org: str
) -> dict[UUID, tuple[UUID, ...]]:
    """By patient: the units that follow him, of those whom not their own unit alone follows."""
    rows = await connection.fetch(
        "select id, followed_by from patients.patient where org = $1 and followed_by is not null",
        org,
    )
    return {row["id"]: tuple(row["followed_by"]) for row in rows}


async def not_followed(
    connection: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> set[UUID]:
    """Those whom nobody follows: enrolled in nothing, or dead."""
    rows = await connection.fetch(
        """
        select id from patients.patient
        where org = $1 and id = any($2) and not (followed and deceased_at is null)
        """,
        org,
        list(patient_ids),
    )
    return {row["id"] for row in rows}


class Mended(NamedTuple):
    """What the second reading made of an item: facts, or a code and why it waits on."""

    id: UUID
    at: datetime | None
    clock_good: bool
    extra: Mapping[str, Any] | None
    drafts: Sequence[Mapping[str, Any]] | None
    code: str | None
    errors: Sequence[Mapping[str, str]] | None


async def reads_again(tx: asyncpg.Connection, org: str) -> bool:
    """Whether this replica is the one that does, until the transaction ends: two would decode the
    same, and one of them for nothing."""
    return bool(
        await tx.fetchval(
            "select pg_try_advisory_xact_lock(hashtextextended('replay:' || $1, 0))", org
        )
    )


async def to_read_again(
    tx: asyncpg.Connection, org: str, limit: int, most_bytes: int
) -> list[asyncpg.Record]:
    """Quarantined items that staff asked to have read again, with their raw bytes, the oldest
    first: the first, and so many more as fit."""
    rows: list[asyncpg.Record] = await tx.fetch(
        """
        select asked.id, asked.cred, asked.received_at, r.media_type, r.raw, (
            select jsonb_agg(jsonb_build_object('topic', s.topic, 'path', s.path, 'unit', s.unit,
                                                'kind', s.kind, 'slot', s.slot) order by s.id)
            from ledger.suggestion s
            where s.org = asked.org and s.cred = asked.cred and s.state = 'taken'
              and s.read_by is null
        ) as topics
        from (
            select q.*, row_number() over place as number,
                   sum(octet_length(r.raw)) over place as bytes
            from (
                select org, id, cred, message_id, reuse, received_at from ledger.quarantine
                where org = $1 and state = 'replaying' order by received_at, id limit $2
            ) q
            join ledger.receipt r using (org, cred, message_id, reuse)
            window place as (order by q.received_at, q.id)
        ) asked
        join ledger.receipt r using (org, cred, message_id, reuse)
        where asked.number = 1 or asked.bytes <= $3
        order by asked.received_at, asked.id
        """,
        org,
        limit,
        most_bytes,
    )
    return rows


async def mend(tx: asyncpg.Connection, org: str, mended: Sequence[Mended]) -> list[str]:
    """What became of each, in the order of their ids: 'released', 'waiting' or 'gone'."""
    rows = await tx.fetch(
        "select outcome from ledger.mend_many($1, $2, $3, $4, $5, $6)",
        org, [one.id for one in mended], [one.at for one in mended],
        [one.clock_good for one in mended], [one.code for one in mended],
        [_read(one) for one in mended],
    )  # fmt: skip
    return [row["outcome"] for row in rows]


def _read(one: Mended) -> dict[str, Any]:
    told = {"extra": one.extra, "drafts": one.drafts, "errors": one.errors}
    return {name: value for name, value in told.items() if value is not None}


async def add_traffic(
    tx: asyncpg.Connection,
    counted: Sequence[tuple[tuple[str, str, str, str, str], int]],
    now: datetime,
) -> None:
    """`counted`: how many of each (org, cred, kind, result, code), in order: replicas do it too."""
    org, cred, kind, result, code = zip(*(key for key, _ in counted), strict=True)
    await tx.execute(
        """
        insert into ledger.traffic as t (
            org, cred, hour, kind, result, code, number, last_at)
        select org, cred, date_trunc('hour', $7::timestamptz), kind, result, code, number, $7
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
            as n(org, cred, kind, result, code, number)
        on conflict (org, cred, hour, kind, result, code) do update
        set number = t.number + excluded.number, last_at = greatest(t.last_at, excluded.last_at)
        """,
        list(org), list(cred), list(kind), list(result), list(code),
        [number for _, number in counted], now,
    )  # fmt: skip


async def clear_traffic(tx: asyncpg.Connection, before: datetime) -> None:
    await tx.execute(
        """
        delete from ledger.traffic t using ledger.organisation o
        where t.org = o.org and t.hour < $1
        """,
        before,
    )


async def add_suggestion(
    tx: asyncpg.Connection, org: str, cred: str, heard: Suggestion, now: datetime, most: int
) -> None:
    """What a device announced. Of one credential not more than `most`. What staff have decided
    stands, but for one that is read and now says another unit: it is to be decided anew, and
    until then nothing of its topic is read."""
    was_read = await tx.fetchval(
        """
        insert into ledger.suggestion as s (
            org, id, cred, topic, path, name, unit, kinds, likely, manufacturer, model, serial,
            read_by, first_at, last_at)
        select $1, gen_random_uuid(), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13
        where (select count(*) from ledger.suggestion where org = $1 and cred = $2) < $14
           or exists (select from ledger.suggestion
                      where org = $1 and cred = $2 and topic = $3 and path = $4)
        on conflict (org, cred, topic, path) do update set
            last_at = excluded.last_at, name = excluded.name, unit = excluded.unit,
            kinds = excluded.kinds, likely = excluded.likely,
            manufacturer = excluded.manufacturer, model = excluded.model,
            serial = excluded.serial, read_by = excluded.read_by,
            state = case when s.state = 'taken' and s.unit <> excluded.unit then 'open'
                         else s.state end
        returning state = 'open' and decided_at is not null
        """,
        org, cred, heard.topic, heard.path, heard.name, heard.unit, list(heard.kinds), heard.kind,
        heard.manufacturer, heard.model, heard.serial, heard.read_by, now, most,
    )  # fmt: skip
    if was_read:
        await tx.execute("select pg_notify('credentials', $1)", org)
