"""Reading facts back: a patient's, by id, or those still in force."""

from collections.abc import Sequence
from datetime import datetime
from sys import intern
from uuid import UUID

import asyncpg

from shared.contracts import Fact

_NONE: frozenset[str] = frozenset()  # each empty one of its own would weigh 200 bytes
_HEAD = "org, id, patient_id, type, kind, at, received_at, cred, until, day_only, flags, origin"
_FACT = f"{_HEAD}, body"
# Beside the values: shown to people, never judged. Judging reads many facts and keeps them.
_ASIDE = "array['device', 'claimed_at', 'claimed_until', 'original', 'note', 'entered']"
_BARE = f"{_HEAD}, case when type = 'reading' then body - {_ASIDE} else body end as body"


async def facts(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    *,
    kinds: Sequence[str] | None = None,
    types: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: tuple[datetime, UUID] | None = None,
    newest_first: bool = False,
    limit: int | None = None,
    bare: bool = False,
) -> list[Fact]:
    """The patient's facts in force, `since <= at < until`, by (at, id). `after` pages.

    `bare` leaves out what stands beside the values of a reading.
    """
    direction, beyond = ("desc", "<") if newest_first else ("asc", ">")
    rows = await tx.fetch(
        f"""
        select {_BARE if bare else _FACT} from ledger.current
        where org = $1 and patient_id = $2
          and ($3::text[] is null or kind = any($3))
          and ($4::text[] is null or type = any($4))
          and at >= coalesce($5, '-infinity'::timestamptz)
          and at < coalesce($6, 'infinity'::timestamptz)
          and ($7::timestamptz is null or (at, id) {beyond} ($7, $8::uuid))
        order by at {direction}, id {direction}
        limit $9
        """,
        org, patient_id, list(kinds) if kinds is not None else None,
        list(types) if types is not None else None, since, until,
        after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return [_fact(row) for row in rows]


async def answers(
    tx: asyncpg.Connection,
    org: str,
    patient_ids: Sequence[UUID],
    since: datetime,
    until: datetime,
) -> list[Fact]:
    """These patients' answers in force, since <= at < until. They have an index of their own:
    their readings of that time, of which there may be very many, are not looked at."""
    rows = await tx.fetch(
        f"""
        select {_FACT} from ledger.current
        where org = $1 and patient_id = any($2) and type = 'answers' and at >= $3 and at < $4
        order by at, id
        """,
        org,
        list(patient_ids),
        since,
        until,
    )
    return [_fact(row) for row in rows]


async def read(tx: asyncpg.Connection, org: str, ids: Sequence[UUID]) -> list[Fact]:
    """Facts by id, whether in force or not (an alert's evidence stays readable)."""
    rows = await tx.fetch(
        f"select {_FACT} from ledger.reading where org = $1 and id = any($2)",
        org,
        list(ids),
    )
    return [_fact(row) for row in rows]


async def in_force(
    tx: asyncpg.Connection,
    org: str,
    taken: Sequence[tuple[UUID, datetime]],
    *,
    bare: bool = False,
) -> list[Fact]:
    """Those of the (id, at) pairs that are facts in force."""
    if not taken:
        return []
    moments = [at for _, at in taken]
    # A list of ids walks the key whatever the statistics say; joined with the pairs, the planner
    # may read every reading the organisation has. The span spares the other months.
    rows = await tx.fetch(
        f"""
        select {_BARE if bare else _FACT} from ledger.current
        where org = $1 and id = any($2) and at between $3 and $4
        """,
        org,
        [fact for fact, _ in taken],
        min(moments),
        max(moments),
    )
    return [_fact(row) for row in rows]


def _fact(row: asyncpg.Record) -> Fact:
    # The same few words in every fact: many facts are kept, so each word is kept once.
    return Fact(
        org=intern(row["org"]),
        id=row["id"],
        patient_id=row["patient_id"],
        type=intern(row["type"]),
        kind=intern(row["kind"]),
        at=row["at"],
        received_at=row["received_at"],
        source=intern(row["cred"]),
        body=row["body"],
        until=row["until"],
        precision="day" if row["day_only"] else "instant",
        flags=frozenset(row["flags"]) if row["flags"] else _NONE,
        origin=row["id"] if row["origin"] == row["id"] else row["origin"],
    )
