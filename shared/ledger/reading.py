"""Reading facts back: a patient's, by id, or those still in force."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from sys import intern
from typing import NamedTuple
from uuid import UUID

import asyncpg

from shared.contracts import Fact

_NONE: frozenset[str] = frozenset()  # each empty one of its own would weigh 200 bytes
_HEAD = "id, patient_id, type, kind, at, received_at, cred, until, day_only, flags, origin"
_FACT = f"{_HEAD}, body"
# Beside the values: shown to people, never judged. Judging reads many facts and keeps them.
_ASIDE = "array['device', 'claimed_at', 'claimed_until', 'original', 'note', 'entered']"
_BARE = f"{_HEAD}, case when type = 'reading' then body - {_ASIDE} else body end as body"
# Nothing was measured later than five minutes after it was received: `append` takes such a time for
# wrong. A statement that says so need not look into the months laid out ahead, of which there are
# more than months gone by. The room is for a server's clock that is set back.
AHEAD = timedelta(days=31)


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
    return _facts(org, rows)


async def answers(
    tx: asyncpg.Connection,
    org: str,
    patient_ids: Sequence[UUID],
    since: datetime,
    now: datetime,
) -> list[Fact]:
    """These patients' answers in force from `since` on. They have an index of their own:
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
        now + AHEAD,
    )
    return _facts(org, rows)


class Reach(NamedTuple):
    """How far back one patient's facts are wanted: readings of `kinds` from each its own moment,
    those of other kinds from `others` on, everything else from `since`. A kind of which nothing
    with a sure time is found from `seen` on is wanted from `since` on too."""

    patient_id: UUID
    since: datetime
    others: datetime
    seen: datetime
    kinds: Mapping[str, datetime] = {}


_IN_REACH = """
c.type <> 'reading' or c.at >= w.others or c.at >= (w.kinds ->> c.kind)::timestamptz
"""


async def in_reach(
    tx: asyncpg.Connection,
    org: str,
    reaches: Sequence[Reach],
    now: datetime,
    *,
    types: Sequence[str],
    bare: bool = False,
) -> list[Fact]:
    """Facts of these types in force, of several patients, each as far back as he is wanted. In one
    statement: to start one costs more than to read a patient.

    The span of them all is given as well: months outside it are left out before the statement
    starts. And whose they are, as a list: joined only, the planner may read everybody's.
    """
    if not reaches:
        return []
    rows = await tx.fetch(
        f"""
        with wanted as materialized (
            select * from unnest(
                $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::jsonb[]
            ) as w(patient_id, since, others, seen, kinds)),
        near as materialized (
            select c.* from wanted w
            join ledger.current c using (patient_id)
            where c.org = $1 and c.patient_id = any($2) and c.at >= $8 and c.at < $9
                and c.at >= w.since and c.type = any($7) and ({_IN_REACH})),
        seen as materialized (
            select distinct n.patient_id, n.kind from near n
            join wanted w using (patient_id)
            where n.type = 'reading' and n.at >= w.seen and not n.day_only
              and not n.flags @> '{{clock_suspect}}'),
        far as (
            select c.* from wanted w
            join ledger.current c using (patient_id)
            where c.org = $1 and c.patient_id = any($2) and c.at >= $8 and c.at < $10
                and c.at >= w.since and c.at < w.others and c.type = 'reading'
                and not coalesce(({_IN_REACH}), false)
                and (c.patient_id, c.kind) not in (select patient_id, kind from seen))
        select {_BARE if bare else _FACT}
        from (select * from near union all select * from far) as found
        """,
        org,
        [one.patient_id for one in reaches],
        [one.since for one in reaches],
        [one.others for one in reaches],
        [one.seen for one in reaches],
        [{kind: at.isoformat() for kind, at in one.kinds.items()} for one in reaches],
        list(types),
        min(one.since for one in reaches),
        now + AHEAD,
        max(one.others for one in reaches),
    )
    return _facts(org, rows)


async def read(tx: asyncpg.Connection, org: str, ids: Sequence[UUID]) -> list[Fact]:
    """Facts by id, whether in force or not (an alert's evidence stays readable)."""
    rows = await tx.fetch(
        f"select {_FACT} from ledger.reading where org = $1 and id = any($2)",
        org,
        list(ids),
    )
    return _facts(org, rows)


async def touched(
    tx: asyncpg.Connection, org: str, facts: Sequence[Fact]
) -> Mapping[UUID, datetime]:
    """When they were last withdrawn, corrected, filed on another patient, or filed at all after
    they had waited; nothing of those that stand as they came."""
    if not facts:
        return {}
    rows = await tx.fetch(
        """
        select asked.id, greatest(taken.at, made.at, filed.at) as at
        from unnest($2::uuid[], $3::uuid[], $4::timestamptz[]) as asked(id, origin, at)
        left join lateral (
            select max(s.recorded_at) as at from ledger.superseded s
            where s.org = $1 and s.target_id = any (array[asked.id, asked.origin])
              and s.target_id = case s.how when 'refiled' then asked.id else asked.origin end
        ) taken on true
        left join lateral (
            select max(s.recorded_at) as at from ledger.superseded s
            where s.org = $1 and s.by_id = asked.id and s.how = 'refiled'
        ) made on true
        left join lateral (
            select max(q.decided_at) as at
            from ledger.reading f
            join ledger.quarantine q on q.org = f.org and q.cred = f.cred
                and q.message_id = f.message_id and q.received_at = f.received_at
            where f.org = $1 and f.id = asked.id and f.at = asked.at and q.state = 'released'
        ) filed on true
        where coalesce(taken.at, made.at, filed.at) is not null
        """,
        org,
        [fact.id for fact in facts],
        [fact.origin or fact.id for fact in facts],
        [fact.at for fact in facts],
    )
    return {row["id"]: row["at"] for row in rows}


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
    return _facts(org, rows)


def _facts(org: str, rows: Iterable[asyncpg.Record]) -> list[Fact]:
    """Many are made at a time and many are kept: by place, and each word, each patient once."""
    org = intern(org)
    patients: dict[UUID, UUID] = {}
    return [
        Fact(
            org,
            id_,
            patients.setdefault(patient_id, patient_id),
            intern(type_),
            intern(kind),
            at,
            received_at,
            intern(cred),
            body,
            until,
            "day" if day_only else "instant",
            frozenset(flags) if flags else _NONE,
            id_ if origin == id_ else origin,
        )
        for (
            id_,
            patient_id,
            type_,
            kind,
            at,
            received_at,
            cred,
            until,
            day_only,
            flags,
            origin,
            body,
        ) in rows
    ]
