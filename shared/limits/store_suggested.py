"""Every statement about limits that a patient's own values suggest. Functions never commit."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from shared.limits.nouns import Suggested, SuggestedOf

Place = tuple[datetime, UUID]

_SUGGESTED = """s.programme, s.name, s.state, s.since, s.value, s.median, s.spread, s.n, s.first,
    s.last, s.settled_at, s.settled_by, b.name, s.why, s.again_at"""


async def of_patient(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[Suggested]:
    """Whatever became of them, by programme and name."""
    rows = await tx.fetch(
        f"""
        select {_SUGGESTED} from patients.suggested_limit s
        left join patients.staff b on b.org = s.org and b.id::text = s.settled_by
        where s.org = $1 and s.patient_id = $2 order by s.programme, s.name
        """,
        org,
        patient_id,
    )
    return [Suggested(*row) for row in rows]


async def waiting(
    tx: asyncpg.Connection,
    org: str,
    unit_ids: Collection[UUID],
    *,
    by: str,
    but: Collection[str],
    after: Place | None,
    limit: int,
) -> list[SuggestedOf]:
    """Patients of these units with limits that wait for a word, those who have waited longest
    first. Not those of programmes in `but`, nor of a record that is shut for `by`."""
    since, enrolment_id = after or (None, None)
    rows = await tx.fetch(
        """
        select p.id, p.name, p.number, p.born, e.unit_id, e.id as enrolment_id, s.programme,
               min(s.since) as since,
               array_agg(s.name order by s.name) as names,
               array_agg(s.value order by s.name) as "values"
        from patients.suggested_limit s
        join patients.enrolment e on e.org = s.org and e.patient_id = s.patient_id
            and e.programme = s.programme and e.ended_at is null
        join patients.patient p on p.org = s.org and p.id = s.patient_id
        where s.org = $1 and s.state = 'waiting' and s.programme <> all ($4)
          and (e.unit_id = any ($2) or p.unit_id = any ($2)) and p.deceased_at is null
          and not exists (
              select from patients.shield h
              where h.org = s.org and h.patient_id = s.patient_id and h.ended_at is null
                and (h.staff_id is null or h.staff_id = $3))
        group by p.id, p.name, p.number, p.born, e.unit_id, e.id, s.programme
        having $5::timestamptz is null or (min(s.since), e.id) > ($5, $6)
        order by min(s.since), e.id limit $7
        """,
        org, list(unit_ids), by, list(but), since, enrolment_id, limit,
    )  # fmt: skip
    return [_suggested_of(row) for row in rows]


async def put(tx: asyncpg.Connection, org: str, patient_id: UUID, one: Suggested) -> None:
    """As it is now, in the place of what was."""
    await tx.execute(
        """
        insert into patients.suggested_limit as s
            (org, patient_id, programme, name, state, since, value, median, spread, n, first, last)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        on conflict (org, patient_id, programme, name) do update
        set state = excluded.state, since = excluded.since, value = excluded.value,
            median = excluded.median, spread = excluded.spread, n = excluded.n,
            first = excluded.first, last = excluded.last
        """,
        org, patient_id, one.programme, one.name, one.state, one.since, one.value, one.median,
        one.spread, one.n, one.first, one.last,
    )  # fmt: skip


async def drop(
    tx: asyncpg.Connection, org: str, patient_id: UUID, programme: str, names: Sequence[str]
) -> None:
    await tx.execute(
        """
        delete from patients.suggested_limit
        where org = $1 and patient_id = $2 and programme = $3 and name = any ($4)
          and state = 'waiting'
        """,
        org, patient_id, programme, list(names),
    )  # fmt: skip


async def settle(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    programme: str,
    name: str | None,
    state: Literal["kept", "decided"],
    *,
    at: datetime,
    by: str,
    why: str,
    again_at: datetime | None = None,
) -> list[str]:
    """Which of those that wait this was a word on; `name` None is all of the programme."""
    rows = await tx.fetch(
        """
        update patients.suggested_limit
        set state = $5, settled_at = $6, settled_by = $7, why = $8, again_at = $9
        where org = $1 and patient_id = $2 and programme = $3 and ($4::text is null or name = $4)
          and (state = 'waiting' or (state = 'kept' and $5 = 'decided'))
        returning name
        """,
        org, patient_id, programme, name, state, at, by, why, again_at,
    )  # fmt: skip
    return sorted(row["name"] for row in rows)


async def reopen(
    tx: asyncpg.Connection, org: str, patient_id: UUID, programme: str, name: str, at: datetime
) -> None:
    """What was only proposed to a second clinician has come to nothing."""
    await tx.execute(
        """
        update patients.suggested_limit s
        set state = 'waiting', since = $5, settled_at = null, settled_by = null, why = null,
            again_at = null
        where s.org = $1 and s.patient_id = $2 and s.programme = $3 and s.name = $4
          and s.state = 'decided' and not exists (
              select from patients.personal_limit l
              where l.org = s.org and l.patient_id = s.patient_id
                and l.programme = s.programme and l.name = s.name)
        """,
        org, patient_id, programme, name, at,
    )  # fmt: skip


def _suggested_of(row: asyncpg.Record) -> SuggestedOf:
    limits = dict(zip(row["names"], row["values"], strict=True))
    return SuggestedOf(
        row["id"], row["name"], row["number"], row["born"], row["unit_id"], row["enrolment_id"],
        row["programme"], row["since"], limits,
    )  # fmt: skip
