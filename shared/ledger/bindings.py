"""When a device changes hands: keep the appends out, and file again what it changes."""

import uuid
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.ledger.waking import wake


class BindingsAreBusy(Exception):
    """The bindings are being read by a batch just now; try again in a moment"""


@dataclass(frozen=True, slots=True)
class Refiled:
    moved: int
    released: int
    quarantined: int


async def lock_bindings(tx: asyncpg.Connection, org: str) -> None:
    """Keep every append of the organisation out until this transaction ends. BindingsAreBusy."""
    await tx.execute("set local lock_timeout = '2s'")
    try:
        await tx.execute(
            "select pg_advisory_xact_lock(hashtextextended('bindings:' || $1, 0))", org
        )
    except asyncpg.LockNotAvailableError as error:
        raise BindingsAreBusy from error


async def refile(
    tx: asyncpg.Connection,
    org: str,
    cred: str,
    span: tuple[datetime, datetime | None],
    *,
    by: str,
) -> Refiled:
    """File again what changed bindings of the credential change, in the transaction that changed
    them and after `lock_bindings`."""
    row = await tx.fetchrow(
        "select * from ledger.refile($1, $2, $3, $4, $5, $6)",
        org, cred, span[0], span[1], by, uuid.uuid4(),
    )  # fmt: skip
    await wake(tx, org)
    assert row is not None
    return Refiled(row["moved"], row["released"], row["quarantined"])
