"""Every statement about logging in and the pages' sessions.

Functions receive the connection or transaction and never commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from shared.access.store import STAFF


@dataclass(frozen=True, slots=True)
class Their:
    """How an issuer names the session and the person, by hashes; and, sealed, the id token with
    which it is told that the session is over."""

    sid: bytes | None = None
    subject: bytes | None = None
    hint: bytes | None = None


UNKNOWN = Their()
_WHOSE = """a.org, coalesce(a.staff_id, a.patient_id) as by, case
            when a.staff_id is null then 'patient'
            else (select s.role from patients.staff s where s.org = a.org and s.id = a.staff_id)
            end as role"""


async def begin_login(
    tx: asyncpg.Connection, browser: bytes, kept: Mapping[str, Any], seconds: int
) -> None:
    await tx.execute("delete from access.login where until < clock_timestamp()")
    await tx.execute(
        """
        insert into access.login (browser, kept, until)
        values ($1, $2, clock_timestamp() + make_interval(secs => $3))
        """,
        browser,
        kept,
        seconds,
    )


async def take_login(tx: asyncpg.Connection, browser: bytes) -> Mapping[str, Any] | None:
    """What was kept for this browser's log-in; once only."""
    found: Mapping[str, Any] | None = await tx.fetchval(
        "delete from access.login where browser = $1 and until > clock_timestamp() returning kept",
        browser,
    )
    return found


async def begin_session(
    tx: asyncpg.Connection,
    id: bytes,
    org: str,
    *,
    staff_id: UUID | None,
    patient_id: UUID | None,
    issuer: str,
    hpr: str | None,
    seconds: int,
    there: Their = UNKNOWN,
) -> None:
    await tx.execute(
        "delete from access.session where until < clock_timestamp() - interval '1 day'"
    )
    await tx.execute(
        """
        insert into access.session
            (id, org, staff_id, patient_id, issuer, hpr, until, sid, subject, hint)
        values ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(secs => $7), $8, $9, $10)
        """,
        id, org, staff_id, patient_id, issuer, hpr, seconds, there.sid, there.subject, there.hint,
    )  # fmt: skip


async def session(connection: asyncpg.Connection, id: bytes, idle: int) -> asyncpg.Record | None:
    """The person as he stands now: who has left, or was used too long ago, is not logged in."""
    return await connection.fetchrow(
        f"""
        select {STAFF}, a.org, a.issuer, a.hpr as vouched, a.until,
               a.seen_at, a.seen_at < clock_timestamp() - interval '30 s' as was_seen_long_ago
        from access.session a join patients.staff s on s.org = a.org and s.id = a.staff_id
        where a.id = $1 and a.ended_at is null and a.until > clock_timestamp()
          and a.seen_at > clock_timestamp() - make_interval(secs => $2)
          and s.left_at is null
        """,
        id,
        idle,
    )


async def patient_session(
    connection: asyncpg.Connection, id: bytes, idle: int
) -> asyncpg.Record | None:
    """The patient himself, on his own page."""
    return await connection.fetchrow(
        """
        select p.id, p.name, 'patient' as role, a.org, a.issuer, a.hpr as vouched, a.until,
               a.seen_at < clock_timestamp() - interval '30 s' as was_seen_long_ago
        from access.session a join patients.patient p on p.org = a.org and p.id = a.patient_id
        where a.id = $1 and a.ended_at is null and a.until > clock_timestamp()
          and a.seen_at > clock_timestamp() - make_interval(secs => $2)
          and p.deceased_at is null
        """,
        id,
        idle,
    )


async def seen(connection: asyncpg.Connection, id: bytes) -> None:
    await connection.execute(
        """
        update access.session a set seen_at = clock_timestamp()
        from set_config('synchronous_commit', 'off', true) where a.id = $1
        """,
        id,
    )


async def end_session(tx: asyncpg.Connection, id: bytes) -> asyncpg.Record | None:
    """Whose it was, staff's or a patient's; None if it was over already."""
    return await tx.fetchrow(
        f"""
        update access.session a set ended_at = clock_timestamp()
        where a.id = $1 and a.ended_at is null
        returning {_WHOSE}, a.issuer, a.hint
        """,
        id,
    )


async def end_sessions(tx: asyncpg.Connection, issuer: str, there: Their) -> list[asyncpg.Record]:
    """Whose they were. A session of which the issuer has given no name is known by its person."""
    return await tx.fetch(
        f"""
        update access.session a set ended_at = clock_timestamp()
        where a.issuer = $1 and a.ended_at is null and case
            when $2::bytea is null or a.sid is null then a.subject = $3::bytea
            else a.sid = $2 and ($3 is null or a.subject = $3) end
        returning {_WHOSE}
        """,
        issuer,
        there.sid,
        there.subject,
    )
