"""When a device changes hands: keep the appends out, and file again what it changes."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.contracts import Code
from shared.ledger import in_bulk
from shared.ledger.waking import wake

AT_ONCE = 1000


class BindingsAreBusy(Exception):
    """The bindings are being read by a batch just now; try again in a moment"""


@dataclass(frozen=True, slots=True)
class Refiled:
    """`reading_again`: so many more that waited follow in batches, as the run of that id."""

    moved: int
    released: int
    quarantined: int
    reading_again: int = 0
    run: UUID | None = None


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
    them and after `lock_bindings`. It keeps every append out: of very many that wait, all but the
    newest are only asked for, and follow when it has committed."""
    run = uuid.uuid4()
    rest = await tx.fetchval(
        "select ledger.defer_release($1, $2, $3, $4, $5, $6, $7)",
        org, cred, span[0], span[1], by, run, AT_ONCE,
    )  # fmt: skip
    if rest:
        which = in_bulk.Which(Code.UNBOUND.value, cred)
        await in_bulk.begin(tx, org, "release", which, by=by, run=run)
        await in_bulk.add(tx, org, run, rest)
    row = await tx.fetchrow(
        "select * from ledger.refile($1, $2, $3, $4, $5, $6)",
        org, cred, span[0], span[1], by, uuid.uuid4(),
    )  # fmt: skip
    await wake(tx, org)
    assert row is not None
    return Refiled(row["moved"], row["released"], row["quarantined"], rest, run if rest else None)
