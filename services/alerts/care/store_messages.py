"""Every statement about what patients write and what the unit answers. Nothing here commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared import messages

_CONVERSATION = """
patient_id, unit_id, version, waiting_since, promised_at, assignee, assignee_name, assigned_at,
offered_to, changed_at, history
"""
_MESSAGE = """
fact_id, patient_id, at, received_at, promised_at, seen_at, seen_by, seen_by_name, settled_at,
settled_by, settled_by_name, outcome, answer_id
"""


@dataclass(frozen=True, slots=True)
class Come:
    """A message of a patient's that has just come, and by when it is answered."""

    fact_id: UUID
    patient_id: UUID
    at: datetime
    received_at: datetime
    promised_at: datetime | None


async def note(tx: asyncpg.Connection, org: str, come: Sequence[Come]) -> set[UUID]:
    """Those that were not known, each once. Whose they were."""
    rows = await tx.fetch(
        """
        insert into alerts.message (org, fact_id, patient_id, at, received_at, promised_at)
        select $1, * from unnest(
            $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[])
        on conflict do nothing
        returning patient_id
        """,
        org,
        [one.fact_id for one in come],
        [one.patient_id for one in come],
        [one.at for one in come],
        [one.received_at for one in come],
        [one.promised_at for one in come],
    )
    return {row["patient_id"] for row in rows}


async def withdraw(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID], now: datetime
) -> set[UUID]:
    """What waits and is no longer the patient's (withdrawn, corrected, filed elsewhere) waits no
    more. Whose it was."""
    rows = await tx.fetch(
        """
        update alerts.message m set settled_at = $3, outcome = 'withdrawn'
        where m.org = $1 and m.patient_id = any($2) and m.settled_at is null
          and not exists (select from ledger.current c
                          where c.org = m.org and c.id = m.fact_id and c.at = m.at)
        returning m.patient_id
        """,
        org,
        list(patient_ids),
        now,
    )
    return {row["patient_id"] for row in rows}


async def gather(
    tx: asyncpg.Connection, org: str, units: Mapping[UUID, UUID], now: datetime
) -> None:
    """Bring these patients' conversations in line with their messages. A new one, and one in which
    nobody is at work, is the unit's that follows the patient."""
    await tx.execute(
        """
        insert into alerts.conversation as c
            (org, patient_id, unit_id, changed_at, waiting_since, promised_at)
        select $1, p.id, p.unit_id, $4, w.since, w.promised
        from unnest($2::uuid[], $3::uuid[]) as p(id, unit_id)
        cross join lateral (
            select min(received_at) as since, min(promised_at) as promised from alerts.message
            where org = $1 and patient_id = p.id and settled_at is null) w
        on conflict (org, patient_id) do update set
            version = c.version + 1, changed_at = $4, waiting_since = excluded.waiting_since,
            promised_at = excluded.promised_at,
            unit_id = case when c.waiting_since is null then excluded.unit_id else c.unit_id end
        """,
        org,
        list(units),
        list(units.values()),
        now,
    )


async def watching_of(
    tx: asyncpg.Connection, org: str, units: Sequence[UUID]
) -> dict[UUID, Mapping[str, Any]]:
    rows = await tx.fetch(
        "select id, watching from patients.unit where org = $1 and id = any($2)", org, list(units)
    )
    return {row["id"]: row["watching"] for row in rows}


async def conversation(tx: asyncpg.Connection, org: str, patient_id: UUID) -> asyncpg.Record | None:
    return await tx.fetchrow(
        f"select {_CONVERSATION} from alerts.conversation where org = $1 and patient_id = $2",
        org,
        patient_id,
    )


async def waiting(
    tx: asyncpg.Connection, org: str, units: Sequence[UUID], limit: int = 500
) -> list[asyncpg.Record]:
    """Conversations of these units in which a message waits, and those offered to them; whose
    promise is first stands first. `first` is the fact of the newest message, `n` how many wait."""
    return await tx.fetch(
        f"""
        select {_CONVERSATION}, w.n, w.newest, w.newest_at
        from alerts.conversation c
        cross join lateral (
            select count(*) as n, (array_agg(fact_id order by received_at desc))[1] as newest,
                   (array_agg(at order by received_at desc))[1] as newest_at
            from alerts.message m
            where m.org = c.org and m.patient_id = c.patient_id and m.settled_at is null) w
        where c.org = $1 and c.waiting_since is not null
          and (c.unit_id = any($2) or c.offered_to = any($2))
        order by c.promised_at nulls first, c.waiting_since, c.patient_id
        limit $3
        """,
        org,
        list(units),
        limit,
    )


async def messages_of(
    tx: asyncpg.Connection, org: str, patient_id: UUID
) -> dict[UUID, asyncpg.Record]:
    rows = await tx.fetch(
        f"select {_MESSAGE} from alerts.message where org = $1 and patient_id = $2",
        org,
        patient_id,
    )
    return {row["fact_id"]: row for row in rows}


async def see(
    tx: asyncpg.Connection, org: str, patient_id: UUID, by: str, name: str, now: datetime
) -> None:
    """All that has come of this patient has been seen. Who saw a message first stays."""
    await tx.execute(
        """
        update alerts.message set seen_at = $5, seen_by = $3, seen_by_name = $4
        where org = $1 and patient_id = $2 and seen_at is null and outcome is distinct from
            'withdrawn'
        """,
        org,
        patient_id,
        by,
        name,
        now,
    )


async def settle(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    by: str,
    name: str,
    outcome: str,
    answer_id: UUID | None,
    now: datetime,
) -> list[UUID]:
    """All that waits of this patient is answered, or needs no answer. Which facts."""
    rows = await tx.fetch(
        """
        update alerts.message
        set settled_at = $7, settled_by = $3, settled_by_name = $4, outcome = $5, answer_id = $6
        where org = $1 and patient_id = $2 and settled_at is null
        returning fact_id
        """,
        org,
        patient_id,
        by,
        name,
        outcome,
        answer_id,
        now,
    )
    return [row["fact_id"] for row in rows]


async def save(
    tx: asyncpg.Connection, org: str, after: Mapping[str, Any], line: Mapping[str, Any]
) -> None:
    """The conversation as it now is, its version counted on, with one more line of history. It is
    made where the unit writes first."""
    await tx.execute(
        """
        insert into alerts.conversation as c (
            org, patient_id, unit_id, waiting_since, promised_at, assignee, assignee_name,
            assigned_at, offered_to, changed_at, history)
        select $1, $2, $3, w.since, w.promised, $4, $5, $6, $7, $8, $9::jsonb
        from (select min(received_at) as since, min(promised_at) as promised from alerts.message
              where org = $1 and patient_id = $2 and settled_at is null) w
        on conflict (org, patient_id) do update set
            unit_id = excluded.unit_id, waiting_since = excluded.waiting_since,
            promised_at = excluded.promised_at, assignee = excluded.assignee,
            assignee_name = excluded.assignee_name, assigned_at = excluded.assigned_at,
            offered_to = excluded.offered_to, changed_at = excluded.changed_at,
            version = c.version + 1, history = c.history || excluded.history
        """,
        org,
        after["patient_id"],
        after["unit_id"],
        after["assignee"],
        after["assignee_name"],
        after["assigned_at"],
        after["offered_to"],
        line["at"],
        [line],
    )


async def words(
    tx: asyncpg.Connection, org: str, facts: Sequence[tuple[UUID, datetime]]
) -> dict[UUID, str]:
    """The text of these messages, where they are still in force."""
    rows = await tx.fetch(
        """
        select c.id, c.body ->> 'text' as text
        from unnest($2::uuid[], $3::timestamptz[]) as w(id, at)
        join ledger.current c on c.org = $1 and c.id = w.id and c.at = w.at
        where c.type = $4
        """,
        org,
        [id_ for id_, _ in facts],
        [at for _, at in facts],
        messages.TYPE,
    )
    return {row["id"]: row["text"] or "" for row in rows}


# --- past their promise -----------------------------------------------------------------------


async def past_promise(tx: asyncpg.Connection, org: str, limit: int) -> list[UUID]:
    """Patients whose message was to be answered by now, and of whom the unit has not been told."""
    rows = await tx.fetch(
        """
        select patient_id from alerts.message
        where org = $1 and settled_at is null and late_at is null
          and promised_at <= statement_timestamp()
        group by patient_id order by min(promised_at) limit $2
        """,
        org,
        limit,
    )
    return [row["patient_id"] for row in rows]


async def say_late(
    tx: asyncpg.Connection, org: str, patient_id: UUID, now: datetime
) -> asyncpg.Record | None:
    """Under the patient's lock: the oldest of those, all of them marked as told. None: somebody was
    quicker."""
    return await tx.fetchrow(
        """
        with late as (
            update alerts.message set late_at = $3
            where org = $1 and patient_id = $2 and settled_at is null and late_at is null
              and promised_at <= $3
            returning fact_id, received_at, promised_at)
        select l.fact_id, l.received_at, l.promised_at, c.unit_id
        from late l
        join alerts.conversation c on c.org = $1 and c.patient_id = $2
        order by l.promised_at limit 1
        """,
        org,
        patient_id,
        now,
    )
