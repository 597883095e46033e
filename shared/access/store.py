"""Every statement about who is asking: proofs that were used, people by number.

Functions receive the connection or transaction and never commit.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

# --- proofs -----------------------------------------------------------------------------------


async def use_proof(connection: asyncpg.Connection, proof: bytes, seconds: int) -> bool:
    """False if the proof has been used before, here or in another replica."""
    return bool(
        await connection.fetchval(
            # A proof lost in a crash could be used once more within its minute by whoever has the
            # token too; to wait for the disk at every request would cost more than that is worth.
            """
            insert into access.proof (id, until)
            select $1, clock_timestamp() + make_interval(secs => $2)
            from set_config('synchronous_commit', 'off', true)
            on conflict (id) do nothing
            returning true
            """,
            proof,
            seconds,
        )
    )


async def forget_proofs(connection: asyncpg.Connection) -> None:
    await connection.execute("delete from access.proof where until < clock_timestamp()")


# --- people -----------------------------------------------------------------------------------

STAFF = "s.id, s.name, s.role, s.units, s.hpr, s.groups"


async def staff_by_hpr(connection: asyncpg.Connection, org: str, hpr: str) -> list[asyncpg.Record]:
    return await connection.fetch(
        f"select {STAFF} from patients.staff s where s.org = $1 and s.hpr = $2"
        " and s.left_at is null limit 2",
        org,
        hpr,
    )


async def staff_by_number(
    connection: asyncpg.Connection, org: str, hashes: Sequence[bytes]
) -> list[asyncpg.Record]:
    return await connection.fetch(
        f"""
        select distinct {STAFF} from patients.staff_number n
        join patients.staff s on s.org = n.org and s.id = n.staff_id
        where n.org = $1 and n.hash = any($2) and s.left_at is null
        limit 2
        """,
        org,
        hashes,
    )


async def staff_by_id(
    connection: asyncpg.Connection, org: str, staff_id: UUID
) -> list[asyncpg.Record]:
    return await connection.fetch(
        f"select {STAFF} from patients.staff s where s.org = $1 and s.id = $2"
        " and s.left_at is null",
        org,
        staff_id,
    )


async def patient_by_number(
    connection: asyncpg.Connection, org: str, hashes: Sequence[bytes]
) -> UUID | None:
    found: UUID | None = await connection.fetchval(
        "select patient_id from patients.identifier where org = $1 and hash = any($2) limit 1",
        org,
        hashes,
    )
    return found


async def first_proxy_of(
    connection: asyncpg.Connection, org: str, hashes: Sequence[bytes]
) -> UUID | None:
    """By which this person is known where he asks on nobody's behalf: the oldest that is in force
    just now; it is the same under every key."""
    found: UUID | None = await connection.fetchval(
        """
        select x.id from patients.proxy x
        where x.org = $1 and x.ended_at is null and x.valid @> clock_timestamp() and x.id in (
            select proxy_id from patients.proxy_number where org = $1 and hash = any($2))
        order by x.given_at, x.id limit 1
        """,
        org,
        hashes,
    )
    return found


async def proxy(
    connection: asyncpg.Connection, org: str, hashes: Sequence[bytes], patient_id: UUID
) -> asyncpg.Record | None:
    """What the patient lets this person see, just now."""
    return await connection.fetchrow(
        """
        select x.id, x.name, x.may from patients.proxy x
        where x.org = $1 and x.patient_id = $3 and x.ended_at is null
          and x.valid @> clock_timestamp() and x.id in (
            select proxy_id from patients.proxy_number where org = $1 and hash = any($2))
        order by x.given_at desc limit 1
        """,
        org,
        hashes,
        patient_id,
    )


async def system(
    connection: asyncpg.Connection, org: str, *, cred: str | None, client: str
) -> asyncpg.Record | None:
    """The system credential in force with this name, or without one with this client id."""
    return await connection.fetchrow(
        """
        select cred, label from patients.credential
        where org = $1 and kind = 'system' and revoked_at is null
          and case when $2::text is null then client_id = $3 else cred = $2 end
        """,
        org,
        cred,
        client,
    )


# --- emergencies ------------------------------------------------------------------------------


async def add_emergency(
    tx: asyncpg.Connection,
    org: str,
    id: UUID,
    patient_id: UUID,
    by: str,
    role: str,
    reason: str,
    text: str,
    at: datetime,
    until: datetime,
) -> None:
    await tx.execute(
        """
        insert into patients.emergency
            (org, id, patient_id, staff_id, role, reason, text, at, until)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        org, id, patient_id, by, role, reason, text, at, until,
    )  # fmt: skip


# --- attempts ---------------------------------------------------------------------------------


async def count_attempt(
    connection: asyncpg.Connection, place: bytes, seconds: float
) -> tuple[int, float]:
    """How many with this one, and in how many seconds they are forgotten; that runs from the
    first."""
    await connection.execute(
        "delete from access.attempt where until < clock_timestamp() - interval '1 hour'"
    )
    row = await connection.fetchrow(
        """
        insert into access.attempt as a (place, number, until)
        values ($1, 1, clock_timestamp() + make_interval(secs => $2))
        on conflict (place) do update set
            number = case when a.until > clock_timestamp() then a.number + 1 else 1 end,
            until = case when a.until > clock_timestamp() then a.until else excluded.until end
        returning number, extract(epoch from until - clock_timestamp())::float8 as left
        """,
        place,
        seconds,
    )
    assert row is not None  # an insert or update returns its row
    return row["number"], row["left"]


async def forget_attempt(connection: asyncpg.Connection, place: bytes) -> None:
    await connection.execute(
        "update access.attempt set number = number - 1 where place = $1 and number > 0", place
    )
