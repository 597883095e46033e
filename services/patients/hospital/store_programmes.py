"""Every statement about which version of a programme an organisation judges by."""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients.nouns import Activation, Shown, Signature


async def lock_versions(tx: asyncpg.Connection, org: str, *, alone: bool = False) -> datetime:
    """Keep the versions in force as they are until this transaction ends; the moment it is so.

    Enrolling takes this lock together with others, activating takes it `alone`: otherwise a
    patient enrolled meanwhile would follow the version before for ever.
    """
    how = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    await tx.execute(f"select {how}(hashtextextended('programmes:' || $1, 0))", org)
    # A statement of its own: the moment must lie after the lock was given.
    moment: datetime = await tx.fetchval("select clock_timestamp()")
    return moment


async def add(tx: asyncpg.Connection, org: str, activation: Activation) -> None:
    await tx.execute(
        """
        insert into patients.activation (org, id, programme, version, reason, at, by)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        org, activation.id, activation.programme, activation.version, activation.reason,
        activation.since, activation.by,
    )  # fmt: skip


async def active(tx: asyncpg.Connection, org: str) -> dict[str, Activation]:
    """The activation in force of each programme that has one."""
    rows = await tx.fetch(
        """
        select distinct on (p.programme)
               p.id, p.programme, p.version, p.reason, p.at, p.by, a.name
        from patients.activation p
        left join patients.staff a on a.org = p.org and a.id::text = p.by
        where p.org = $1
        order by p.programme, p.at desc, p.id
        """,
        org,
    )
    return {row["programme"]: Activation(*row) for row in rows}


async def enrolled_in(tx: asyncpg.Connection, org: str, programme: str) -> list[UUID]:
    rows = await tx.fetch(
        """
        select patient_id from patients.enrolment
        where org = $1 and programme = $2 and ended_at is null order by patient_id
        """,
        org,
        programme,
    )
    return [row["patient_id"] for row in rows]


async def shown(
    tx: asyncpg.Connection, org: str, programme: str, version: str, digest: str, since: datetime
) -> Shown | None:
    """The last time that exactly this was tried on the patients of a unit or of several."""
    row = await tx.fetchrow(
        """
        select at, by_name, days, patients, before, after from alerts.trial
        where org = $1 and programme = $2 and version = $3 and digest = $4 and scope <> 'patient'
          and at >= $5
        order by at desc limit 1
        """,
        org, programme, version, digest, since,
    )  # fmt: skip
    return Shown(*row) if row else None


_SIGNATURE = "id, programme, version, digest, seat, words, at, by, by_name, hpr"


async def sign(tx: asyncpg.Connection, org: str, new: Signature) -> bool:
    """False if this person has signed exactly this before."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.programme_signature
                (org, id, programme, version, digest, seat, words, at, by, by_name, hpr)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            on conflict do nothing returning true
            """,
            org, new.id, new.programme, new.version, new.digest, new.seat, new.words, new.at,
            new.by, new.by_name, new.hpr,
        )
    )  # fmt: skip


async def signatures(
    tx: asyncpg.Connection, org: str, programme: str | None = None
) -> list[Signature]:
    """The oldest first; of one programme or of all of them."""
    rows = await tx.fetch(
        f"""
        select {_SIGNATURE} from patients.programme_signature
        where org = $1 and ($2::text is null or programme = $2)
        order by programme, at, id
        """,
        org,
        programme,
    )
    return [Signature(*row) for row in rows]


async def activations(tx: asyncpg.Connection, org: str, programme: str) -> list[Activation]:
    """All there have been, the newest first."""
    rows = await tx.fetch(
        """
        select p.id, p.programme, p.version, p.reason, p.at, p.by, a.name
        from patients.activation p
        left join patients.staff a on a.org = p.org and a.id::text = p.by
        where p.org = $1 and p.programme = $2
        order by p.at desc, p.id
        """,
        org,
        programme,
    )
    return [Activation(*row) for row in rows]
