"""Every statement about enrolment codes. Functions receive the transaction and never commit."""

from datetime import datetime

import asyncpg


async def add(
    tx: asyncpg.Connection,
    org: str,
    hash: bytes,
    cred: str,
    at: datetime,
    until: datetime,
    *,
    by: str,
) -> None:
    await tx.execute(
        """
        insert into patients.enrolment_code (org, hash, cred, made_at, made_by, until)
        values ($1, $2, $3, $4, $5, $6)
        """,
        org, hash, cred, at, by, until,
    )  # fmt: skip


async def withdraw(tx: asyncpg.Connection, org: str, cred: str, at: datetime) -> None:
    """The codes of a credential that nobody has redeemed."""
    await tx.execute(
        """
        update patients.enrolment_code set withdrawn_at = $3
        where org = $1 and cred = $2 and redeemed_at is null and withdrawn_at is null
        """,
        org,
        cred,
        at,
    )


async def redeem(tx: asyncpg.Connection, hash: bytes, at: datetime) -> tuple[str, str] | None:
    """Organisation and credential, the first time only: of two at once the second finds nothing.
    Whose a code is, is not known before; so this one statement asks all organisations."""
    row = await tx.fetchrow(
        """
        update patients.enrolment_code set redeemed_at = $2
        where hash = $1 and redeemed_at is null and withdrawn_at is null and until > $2
        returning org, cred
        """,
        hash,
        at,
    )
    return (row["org"], row["cred"]) if row else None
