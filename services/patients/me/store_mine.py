"""Every statement of the patient's own page about what alerts know: read only, by column grants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class Due:
    """What the plan expects today. `plan` is the enrolment's id, `slot` the plan item's."""

    plan: str
    slot: str
    kind: str
    opens_at: datetime
    due_at: datetime
    grace_until: datetime
    satisfied_by: UUID | None


@dataclass(frozen=True, slots=True)
class Told:
    """A clinical alert that is not closed, in the words meant for the patient, by language.

    `seen`: it is in hand, and somebody had what it shows now on the screen. `stands`: not all that
    it rests on has been corrected or voided since.
    """

    colour: str
    emergency: bool
    opened_at: datetime
    seen: bool
    stands: bool
    says: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """Staff of the unit had it on the screen and did something about it."""

    at: datetime
    by: str


async def dues(tx: asyncpg.Connection, org: str, patient_id: UUID, day: date) -> list[Due]:
    rows = await tx.fetch(
        """
        select plan, slot, kind, opens_at, due_at, grace_until, satisfied_by from alerts.due
        where org = $1 and patient_id = $2 and local_day = $3 order by due_at, plan, slot
        """,
        org,
        patient_id,
        day,
    )
    return [Due(*row) for row in rows]


async def told(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[Told]:
    """Red before yellow, the oldest first."""
    rows = await tx.fetch(
        """
        select a.colour, a.emergency, a.opened_at,
               a.state = 'acknowledged' and exists (
                   select from alerts.move m
                   where m.org = a.org and m.alert_id = a.id and m.by <> 'system'
                     and (a.body ->> 'finding')::uuid = any(m.seen)),
               -- Not of findings: nothing of it can be withdrawn.
               coalesce((select bool_or(f.gone_at is null) from alerts.finding f
                         where f.org = a.org and f.alert_id = a.id), true),
               coalesce(a.body -> 'patient_text', '{}'::jsonb)
        from alerts.alert a
        where a.org = $1 and a.patient_id = $2 and a.state <> 'closed' and a.lane = 'clinical'
        order by a.colour, a.opened_at
        """,
        org,
        patient_id,
    )
    return [Told(*row) for row in rows]


async def seen(
    tx: asyncpg.Connection, org: str, patient_id: UUID, facts: Sequence[tuple[UUID, datetime]]
) -> dict[UUID, Seen]:
    """By fact (id, received at): who first moved an alert that rests on it, or looked at the
    patient's green as it stood after it had come."""
    if not facts:
        return {}
    rows = await tx.fetch(
        """
        select asked.id, first.at, first.by_name
        from unnest($3::uuid[], $4::timestamptz[]) as asked (id, received_at)
        cross join lateral (
            select m.at, m.by_name
            from alerts.finding f
            join alerts.move m on m.org = f.org and m.alert_id = f.alert_id
            where f.org = $1 and f.patient_id = $2 and asked.id = any(f.facts)
              and f.id = any(m.seen) and m.by <> 'system'
            union all
            select r.at, r.by_name from alerts.review r
            where r.org = $1 and r.patient_id = $2 and r.undone_at is null
              and r.as_of >= asked.received_at
            order by at limit 1
        ) first
        """,
        org,
        patient_id,
        [id for id, _ in facts],
        [received_at for _, received_at in facts],
    )
    return {row[0]: Seen(row[1], row[2]) for row in rows}
