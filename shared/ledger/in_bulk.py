"""Many items of quarantine at once: a run is one act of one person on all that wait for one reason.

A run has a name before its first item is touched, and each item keeps the name of its last: so how
far it has come is counted, never remembered, and a run that broke off half way goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

import asyncpg

Act = Literal["replay", "release", "reject"]

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Which:
    """What waits for one reason, of one sender or all, of one unknown topic or all."""

    code: str
    cred: str | None = None
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    id: UUID
    act: Act
    by: str
    at: datetime
    code: str
    cred: str | None
    topic: str | None
    reason: str | None
    number: int
    undone_at: datetime | None
    undone_by: str | None


@dataclass(frozen=True, slots=True)
class Left:
    """What became of a run's items: `codes` of those that wait, each with how many."""

    replaying: int
    released: int
    rejected: int
    waiting: int
    codes: Mapping[str, int]


async def begin(
    tx: asyncpg.Connection,
    org: str,
    act: Act,
    which: Which,
    *,
    by: str,
    reason: str | None = None,
    run: UUID | None = None,
) -> UUID:
    run = run or uuid4()
    await tx.execute(
        """
        insert into ledger.run (org, id, act, by, code, cred, topic, reason)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        org, run, act, by, which.code, which.cred, which.topic, reason,
    )  # fmt: skip
    return run


async def add(tx: asyncpg.Connection, org: str, run: UUID, number: int) -> None:
    await tx.execute(
        "update ledger.run set number = number + $3 where org = $1 and id = $2", org, run, number
    )


async def ask_replay(
    tx: asyncpg.Connection, org: str, items: Sequence[UUID], *, by: str, run: UUID
) -> int:
    """Have these read again; what somebody has settled meanwhile is passed over. How many."""
    return int(
        await tx.fetchval(
            "select ledger.ask_replay_many($1, $2, $3, $4)", org, list(items), by, run
        )
    )


async def reject(
    tx: asyncpg.Connection, org: str, items: Sequence[UUID], *, by: str, reason: str, run: UUID
) -> int:
    return int(
        await tx.fetchval(
            "select ledger.reject_many($1, $2, $3, $4, $5)", org, list(items), by, reason, run
        )
    )


async def reopen(tx: asyncpg.Connection, org: str, items: Sequence[UUID], *, by: str) -> int:
    """Let what was rejected wait again; by whom and why it was rejected stays with it. How many."""
    return int(await tx.fetchval("select ledger.reopen($1, $2, $3)", org, list(items), by))


async def undone(tx: asyncpg.Connection, org: str, run: UUID, *, by: str) -> None:
    await tx.execute(
        """
        update ledger.run set undone_at = clock_timestamp(), undone_by = $3
        where org = $1 and id = $2 and undone_at is null
        """,
        org, run, by,
    )  # fmt: skip


async def run(tx: asyncpg.Connection, org: str, id: UUID) -> Run | None:
    row = await tx.fetchrow("select * from ledger.run where org = $1 and id = $2", org, id)
    return _run(row) if row else None


async def newest(
    tx: asyncpg.Connection, org: str, since: datetime, limit: int, unit_ids: Sequence[UUID]
) -> list[tuple[Run, int]]:
    """Those that concern these units, each with how many of it are being read again just now."""
    rows = await tx.fetch(
        """
        select r.*, (select count(*) from ledger.quarantine q
                     where q.org = r.org and q.run = r.id and q.state = 'replaying') as replaying
        from ledger.run r where r.org = $1 and r.at >= $2 and r.number > 0 and exists (
            select from ledger.quarantine q where q.org = r.org and q.run = r.id
              and (q.unit_id is null or q.unit_id = any($4)))
        order by r.at desc, r.id desc limit $3
        """,
        org, since, limit, list(unit_ids),
    )  # fmt: skip
    return [(_run(row), int(row["replaying"])) for row in rows]


async def concerns(tx: asyncpg.Connection, org: str, run: UUID, unit_ids: Sequence[UUID]) -> bool:
    """Whether any of its items is of these units, or of none that is known."""
    return bool(
        await tx.fetchval(
            """
            select exists (
                select from ledger.quarantine where org = $1 and run = $2
                  and (unit_id is null or unit_id = any($3)))
            """,
            org,
            run,
            list(unit_ids),
        )
    )


async def left(tx: asyncpg.Connection, org: str, run: UUID) -> Left:
    rows = await tx.fetch(
        """
        select state, code, count(*) as number from ledger.quarantine
        where org = $1 and run = $2 group by state, code order by number desc, code
        """,
        org,
        run,
    )

    def of(state: str) -> int:
        return sum(row["number"] for row in rows if row["state"] == state)

    return Left(
        of("replaying"), of("released"), of("rejected"), of("waiting"),
        {row["code"]: row["number"] for row in rows if row["state"] == "waiting"},
    )  # fmt: skip


def _run(row: asyncpg.Record) -> Run:
    return Run(
        id=row["id"], act=row["act"], by=row["by"], at=row["at"], code=row["code"],
        cred=row["cred"], topic=row["topic"], reason=row["reason"], number=row["number"],
        undone_at=row["undone_at"], undone_by=row["undone_by"],
    )  # fmt: skip
