"""The key of the national numbers is exchanged while the services work.

A number stands in the record under each key: one row with its keyed hash, sealed with that key. So
it does not matter by which of the two a service looks it up.
"""

from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from shared import identity
from shared.identity import Keys, SealIsBroken

BATCH = 500


@dataclass(slots=True)
class Done:
    """`by_hand`: staff, and relatives as their patient and what lets them in, whose number is known
    by a hash only, under the key that goes."""

    kept: int = 0
    broken: int = 0
    by_hand: list[str] = field(default_factory=list)
    relatives: list[str] = field(default_factory=list)


async def rotate(connection: asyncpg.Connection, keys: Keys, batch: int = BATCH) -> Done:
    """Every number under both keys. Safe to repeat, and to break off."""
    done = Done()
    ids = [identity.key_id(key) for key in keys.all]
    after = ("", b"")
    while rows := await _page(connection, after, batch):
        async with connection.transaction():
            for row in rows:
                try:
                    value = keys.unseal(row["system"], row["sealed"])
                except SealIsBroken:
                    done.broken += 1
                    continue
                done.kept += row["key"] != ids[1]
                for made in keys.rows(row["system"], value):
                    await _keep(connection, row, made)
        after = (rows[-1]["org"], bytes(rows[-1]["hash"]))
    done.by_hand = await _known_by_hash(connection, ids[1])
    done.relatives = await _relatives(connection, ids[1])
    return done


async def finish(connection: asyncpg.Connection, keys: Keys, batch: int = BATCH) -> Done:
    """Only under the first key. A number that is not there yet is left, and said."""
    done = Done()
    first = identity.key_id(keys.first)
    after = ("", b"")
    while rows := await _page(connection, after, batch):
        async with connection.transaction():
            for row in rows:
                if row["key"] == first:
                    done.kept += 1
                    continue
                try:
                    value = keys.unseal(row["system"], row["sealed"])
                except SealIsBroken:
                    done.broken += 1
                    continue
                await _keep(connection, row, identity.row(keys.first, row["system"], value))
                await connection.execute(
                    "delete from patients.identifier where org = $1 and hash = $2 and key <> $3",
                    row["org"],
                    row["hash"],
                    first,
                )
        after = (rows[-1]["org"], bytes(rows[-1]["hash"]))
    done.broken += await _seal_phones_anew(connection, keys, batch)
    done.by_hand = await _known_by_hash(connection, first)
    done.relatives = await _relatives(connection, first)
    return done


async def _seal_phones_anew(connection: asyncpg.Connection, keys: Keys, batch: int) -> int:
    """Telephone numbers are looked up by nobody: each is kept once, under the first key from now
    on. Answers how many could not be opened."""
    broken = 0
    after = ("", UUID(int=0))
    while rows := await connection.fetch(
        """
        select org, id, phone from patients.patient
        where phone is not null and (org, id) > ($1, $2) order by org, id limit $3
        """,
        *after,
        batch,
    ):
        for row in rows:
            of = identity.phone_of(row["id"])
            try:
                sealed = keys.seal(of, keys.unseal(of, row["phone"]))
            except SealIsBroken:
                broken += 1
                continue
            # Not over a number that was given in the meantime.
            await connection.execute(
                "update patients.patient set phone = $3 where org = $1 and id = $2 and phone = $4",
                row["org"], row["id"], sealed, row["phone"],
            )  # fmt: skip
        after = (rows[-1]["org"], rows[-1]["id"])
    return broken


async def _page(
    connection: asyncpg.Connection, after: tuple[str, bytes], batch: int
) -> list[asyncpg.Record]:
    return await connection.fetch(
        """
        select org, hash, system, sealed, patient_id, created_at, key from patients.identifier
        where (org, hash) > ($1, $2) order by org, hash limit $3
        """,
        *after,
        batch,
    )


async def _keep(connection: asyncpg.Connection, known: asyncpg.Record, made: identity.Row) -> None:
    await connection.execute(
        """
        insert into patients.identifier (org, hash, system, sealed, patient_id, created_at, key)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (org, hash) do update set sealed = excluded.sealed, key = excluded.key
        where patients.identifier.key is distinct from excluded.key
        """,
        known["org"], made.hash, known["system"], made.sealed, known["patient_id"],
        known["created_at"], made.key,
    )  # fmt: skip


async def _known_by_hash(connection: asyncpg.Connection, key: str) -> list[str]:
    """Staff of whom nothing is known under this key."""
    rows = await connection.fetch(
        """
        select s.org, s.id from patients.staff s
        where s.left_at is null and exists (
            select from patients.staff_number n where n.org = s.org and n.staff_id = s.id)
          and not exists (
            select from patients.staff_number n
            where n.org = s.org and n.staff_id = s.id and n.key = $1)
        order by s.org, s.id
        """,
        key,
    )
    return [f"{row['org']} {row['id']}" for row in rows]


async def _relatives(connection: asyncpg.Connection, key: str) -> list[str]:
    """Relatives who are let in, or will be, and of whom nothing is known under this key."""
    rows = await connection.fetch(
        """
        select x.org, x.patient_id, x.id from patients.proxy x
        where x.ended_at is null and upper(x.valid) > clock_timestamp() and not exists (
            select from patients.proxy_number n
            where n.org = x.org and n.proxy_id = x.id and n.key = $1)
        order by x.org, x.patient_id, x.id
        """,
        key,
    )
    return [f"{row['org']} {row['patient_id']} {row['id']}" for row in rows]
