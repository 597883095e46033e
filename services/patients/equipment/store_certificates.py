"""Every statement about certificates of devices. Functions receive the transaction and never
commit."""

from datetime import datetime

import asyncpg

from shared.access.certificates import Certificate


async def lock(tx: asyncpg.Connection, org: str) -> None:
    """One at a time makes the organisation's list of withdrawn certificates."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtext('patients.authority'), hashtext($1))", org
    )


async def add(
    tx: asyncpg.Connection, org: str, cred: str, certificate: Certificate, at: datetime
) -> None:
    await tx.execute(
        """
        insert into patients.certificate (org, serial, cred, made_at, until)
        values ($1, $2, $3, $4, $5)
        """,
        org, certificate.serial, cred, at, certificate.until,
    )  # fmt: skip


async def withdraw(tx: asyncpg.Connection, org: str, cred: str, at: datetime) -> bool:
    """False if the credential had no certificate in force."""
    return bool(
        await tx.fetchval(
            """
            update patients.certificate set withdrawn_at = $3
            where org = $1 and cred = $2 and withdrawn_at is null
            returning true
            """,
            org,
            cred,
            at,
        )
    )


async def withdrawn(tx: asyncpg.Connection, org: str, now: datetime) -> list[str]:
    """The serial numbers of those that were withdrawn before their end."""
    rows = await tx.fetch(
        """
        select serial from patients.certificate
        where org = $1 and withdrawn_at is not null and until > $2
        order by serial
        """,
        org,
        now,
    )
    return [row["serial"] for row in rows]


async def keep(
    tx: asyncpg.Connection, org: str, certificate: str, withdrawn: str, at: datetime
) -> None:
    """What the broker needs: who signs, and what is withdrawn."""
    await tx.execute(
        """
        insert into patients.authority (org, certificate, withdrawn, changed_at)
        values ($1, $2, $3, $4)
        on conflict (org) do update
            set certificate = excluded.certificate, withdrawn = excluded.withdrawn,
                changed_at = excluded.changed_at
        """,
        org, certificate, withdrawn, at,
    )  # fmt: skip
