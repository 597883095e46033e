"""Take: the facts a consumer has not judged yet, locked for its transaction and deleted in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.ledger.ids import NOBODY

ALERTS = "alerts"

# The take must walk its key: statistics of a mostly empty queue make the planner sort the whole
# backlog instead. One plan for all takes: made anew for each it costs five times what it saves,
# since every month of readings is planned. Given when a connection is opened, so that no use of it
# can be without.
TAKE_SETTINGS = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "plan_cache_mode": "force_generic_plan",
}


@dataclass(slots=True)  # not frozen, which would triple the time to make one
class Taken:
    """A hand-over row, locked for this transaction.

    `type` is the fact's type, a decision's type, or 'void' / 'gone': facts of this patient have
    been taken away, judge again from scratch.
    """

    ctid: tuple[int, int]
    seq: int
    patient_id: UUID
    fact_id: UUID
    type: str
    kind: str
    at: datetime
    received_at: datetime


async def waiting_patients(
    connection: asyncpg.Connection, org: str, consumer: str, limit: int
) -> list[UUID]:
    """Whose rows wait, unlocked, in id order: a hint for making state rows before the take."""
    rows = await connection.fetch(
        """
        select distinct patient_id from (
            select patient_id from ledger.handover
            where org = $1 and consumer = $2 and seq > 0 order by seq limit $3
        ) waiting order by patient_id
        """,
        org,
        consumer,
        limit,
    )
    return [row["patient_id"] for row in rows if row["patient_id"] != NOBODY]


async def take(
    tx: asyncpg.Connection, org: str, consumer: str, *, floor: int = 0, limit: int = 1000
) -> list[Taken]:
    """Lock rows that nobody else holds, oldest first.

    Delete those whose effects are written with `done`, in the same transaction. `floor` skips
    dead rows only; go back to 0 at least once a second, since a lower seq may commit later.
    """
    rows = await tx.fetch(
        """
        select ctid, seq, patient_id, fact_id, type, kind, at, received_at
        from ledger.handover
        where org = $1 and consumer = $2 and seq > $3
        order by seq limit $4
        for update skip locked
        """,
        org, consumer, floor, limit,
    )  # fmt: skip
    return await _routed(tx, org, consumer, [Taken(*row) for row in rows])


async def take_rest(
    tx: asyncpg.Connection,
    org: str,
    consumer: str,
    patient_ids: Sequence[UUID],
    *,
    after: int,
    limit: int,
) -> list[Taken]:
    """Lock what else waits of these patients, behind the seq `after`, patient by patient. To be
    asked when their state is locked: to read a patient costs far more than to judge one row more.

    Each patient's rows by themselves, not a join: that would walk the whole backlog.
    """
    rows = await tx.fetch(
        """
        select h.* from unnest($3::uuid[]) as wanted(patient_id)
        cross join lateral (
            select ctid, seq, patient_id, fact_id, type, kind, at, received_at
            from ledger.handover h
            where h.org = $1 and h.patient_id = wanted.patient_id and h.consumer = $2
              and h.seq > $4
            for update skip locked) h
        limit $5
        """,
        org, consumer, list(patient_ids), after, limit,
    )  # fmt: skip
    return await _routed(tx, org, consumer, [Taken(*row) for row in rows])


async def _routed(
    tx: asyncpg.Connection, org: str, consumer: str, taken: list[Taken]
) -> list[Taken]:
    """Rows to judge: a withdrawal is told to whoever loses by it, and nobody's is done with."""
    withdrawals = [row for row in taken if row.type == "void"]
    if not withdrawals:
        return taken
    await _route(tx, org, consumer, withdrawals)
    nobodys = [row.ctid for row in withdrawals if row.patient_id == NOBODY]
    await done(tx, nobodys)
    return [row for row in taken if row.patient_id != NOBODY]


async def _route(
    tx: asyncpg.Connection, org: str, consumer: str, withdrawals: Sequence[Taken]
) -> None:
    """Hand what a correction or withdrawal takes away to the patients who lose it."""
    await tx.execute(
        """
        insert into ledger.handover
            (org, consumer, shard, patient_id, fact_id, type, kind, at, received_at)
        select $1, $2, ledger.shard(lost.patient_id), lost.patient_id, lost.by_id, 'gone', '',
               told.at, told.received_at
        from ledger.route($1, $3) lost
        join unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[])
            as told(by_id, patient_id, at, received_at) using (by_id)
        where lost.patient_id <> told.patient_id
        """,
        org,
        consumer,
        [row.fact_id for row in withdrawals],
        [row.patient_id for row in withdrawals],
        [row.at for row in withdrawals],
        [row.received_at for row in withdrawals],
    )


# The same as `done`, to be sent together with the effects.
DONE = "delete from ledger.handover where ctid = any($1::tid[])"


async def done(tx: asyncpg.Connection, ctids: Sequence[tuple[int, int]]) -> None:
    """Delete taken rows whose effects this transaction has written."""
    if ctids:
        await tx.execute(DONE, list(ctids))


async def patients_with_rows(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> set[UUID]:
    """Which of these patients have facts not yet judged: their silence cannot be decided."""
    rows = await tx.fetch(
        "select distinct patient_id from ledger.handover where org = $1 and patient_id = any($2)",
        org,
        list(patient_ids),
    )
    return {row["patient_id"] for row in rows}


async def oldest_waiting(tx: asyncpg.Connection, org: str, consumer: str) -> datetime | None:
    """When the oldest fact not yet judged was received; None when all are."""
    found: datetime | None = await tx.fetchval(
        """
        select received_at from ledger.handover
        where org = $1 and consumer = $2 order by seq limit 1
        """,
        org,
        consumer,
    )
    return found
