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
    tx: asyncpg.Connection,
    org: str,
    cred: str,
    certificate: Certificate,
    at: datetime,
    *,
    authority: str,
) -> None:
    await tx.execute(
        """
        insert into patients.certificate (org, serial, cred, made_at, until, authority)
        values ($1, $2, $3, $4, $5, $6)
        """,
        org, certificate.serial, cred, at, certificate.until, authority,
    )  # fmt: skip


async def is_in_force(
    tx: asyncpg.Connection, org: str, cred: str, serial: str, now: datetime
) -> bool:
    return bool(
        await tx.fetchval(
            """
            select true from patients.certificate
            where org = $1 and cred = $2 and serial = $3 and withdrawn_at is null
              and until > $4 and (ends_at is null or ends_at > $4)
            """,
            org,
            cred,
            serial,
            now,
        )
    )


async def made_since(tx: asyncpg.Connection, org: str, cred: str, since: datetime) -> int:
    found: int = await tx.fetchval(
        "select count(*) from patients.certificate where org = $1 and cred = $2 and made_at > $3",
        org,
        cred,
        since,
    )
    return found


async def end_later(tx: asyncpg.Connection, org: str, serial: str, at: datetime) -> None:
    """It serves beside the next one until then; asked for again, no longer than at first."""
    await tx.execute(
        """
        update patients.certificate set ends_at = least(ends_at, $3)
        where org = $1 and serial = $2
        """,
        org,
        serial,
        at,
    )


async def withdraw(
    tx: asyncpg.Connection, org: str, cred: str, at: datetime, *, but: str | None = None
) -> bool:
    """All that the credential has, or all `but` one. False if none was in force."""
    rows = await tx.fetch(
        """
        update patients.certificate set withdrawn_at = $3
        where org = $1 and cred = $2 and withdrawn_at is null and serial is distinct from $4
        returning serial
        """,
        org,
        cred,
        at,
        but,
    )
    return bool(rows)


async def withdraw_ended(tx: asyncpg.Connection, org: str, now: datetime) -> bool:
    """Those whose successor has served beside them for long enough."""
    rows = await tx.fetch(
        """
        update patients.certificate set withdrawn_at = $2
        where org = $1 and withdrawn_at is null and ends_at <= $2 returning serial
        """,
        org,
        now,
    )
    return bool(rows)


async def withdraw_of_others(
    tx: asyncpg.Connection, org: str, authorities: list[str], now: datetime
) -> bool:
    """Those of authorities that are not there any more."""
    rows = await tx.fetch(
        """
        update patients.certificate set withdrawn_at = $3
        where org = $1 and withdrawn_at is null and authority <> all($2) returning serial
        """,
        org,
        authorities,
        now,
    )
    return bool(rows)


async def adopt(tx: asyncpg.Connection, org: str, authority: str) -> None:
    """Certificates of before it was written down who has signed them."""
    await tx.execute(
        "update patients.certificate set authority = $2 where org = $1 and authority is null",
        org,
        authority,
    )


async def withdrawn(tx: asyncpg.Connection, org: str, authority: str, now: datetime) -> list[str]:
    """The serial numbers of an authority's that were withdrawn before their end."""
    rows = await tx.fetch(
        """
        select serial from patients.certificate
        where org = $1 and authority = $2 and withdrawn_at is not null and until > $3
        order by serial
        """,
        org,
        authority,
        now,
    )
    return [row["serial"] for row in rows]


async def going_by(tx: asyncpg.Connection, org: str, authority: str) -> list[str]:
    """The credentials whose newest certificate is this authority's."""
    rows = await tx.fetch(
        """
        select cred from patients.certificate
        where org = $1 and authority = $2 and withdrawn_at is null and ends_at is null
          and until > now()
        order by cred
        """,
        org,
        authority,
    )
    return [row["cred"] for row in rows]


async def organisations(tx: asyncpg.Connection) -> list[str]:
    return [row["org"] for row in await tx.fetch("select org from patients.authority order by org")]


async def kept(tx: asyncpg.Connection, org: str) -> str | None:
    """The authorities that the broker was told of."""
    found: str | None = await tx.fetchval(
        "select certificate from patients.authority where org = $1", org
    )
    return found


async def keep(
    tx: asyncpg.Connection, org: str, certificate: str, withdrawn: str, at: datetime
) -> None:
    """What the broker needs: who signs, and what is withdrawn; of each authority one, in PEM."""
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
