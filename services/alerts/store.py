"""Every statement by which patients are judged: state, findings, alerts, moves. Nothing here
commits.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts.clinical.lifecycle import State as Life
from services.alerts.judging.patient import Alert, Kept, Moved, State
from services.alerts.judging.raising import Changes, values_of
from services.alerts.judging.store_together import Together
from shared.contracts import Json

# --- state ----------------------------------------------------------------------------------

STATE = """
patient_id, version, name, born, number, unit_id, deceased, judged_at, listened_at, wakes_at,
seen_at, seen_by, crashes, rests_until
"""


async def make_states(tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]) -> None:
    """In id order, in a transaction of its own: two replicas that meet a new patient wait for
    nothing but this."""
    await tx.execute(
        """
        insert into alerts.state (org, patient_id)
        select $1, id from unnest($2::uuid[]) as new(id) order by id
        on conflict do nothing
        """,
        org,
        list(patient_ids),
    )


async def lock_states(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> dict[UUID, State]:
    """Those nobody else holds and that are not resting after a failure."""
    states, _ = await lock_states_and_look_at_the_clock(tx, org, patient_ids)
    return states


async def lock_states_and_look_at_the_clock(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> tuple[dict[UUID, State], datetime | None]:
    """The same with database time, read after the last of them was locked; None if none was."""
    rows = await tx.fetch(
        f"""
        with locked as materialized (
            select {STATE} from alerts.state
            where org = $1 and patient_id = any($2)
              and (rests_until is null or rests_until <= clock_timestamp())
            order by org, patient_id
            for update skip locked
        )
        select {STATE}, clock_timestamp() as now from locked
        """,
        org,
        list(patient_ids),
    )
    states = {row["patient_id"]: State(*row[:-1]) for row in rows}
    return states, max((row["now"] for row in rows), default=None)


async def lock_state(tx: asyncpg.Connection, org: str, patient_id: UUID) -> State | None:
    """Waits for whoever holds it, for two seconds."""
    await tx.execute("set local lock_timeout = '2s'")
    row = await tx.fetchrow(
        f"select {STATE} from alerts.state where org = $1 and patient_id = $2 for update",
        org,
        patient_id,
    )
    return State(*row) if row else None


def save_states(together: Together, org: str, states: Sequence[State]) -> None:
    together.add(
        """
        update alerts.state s
        set version = n.version, name = n.name, born = n.born, number = n.number,
            unit_id = n.unit_id, deceased = n.deceased, judged_at = n.judged_at,
            listened_at = n.listened_at, wakes_at = n.wakes_at, seen_at = n.seen_at,
            seen_by = n.seen_by, crashes = n.crashes, rests_until = n.rests_until
        from unnest(
            $2::uuid[], $3::bigint[], $4::text[], $5::date[], $6::text[], $7::uuid[],
            $8::boolean[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[],
            $12::timestamptz[], $13::text[], $14::integer[], $15::timestamptz[]
        ) as n(patient_id, version, name, born, number, unit_id, deceased, judged_at,
               listened_at, wakes_at, seen_at, seen_by, crashes, rests_until)
        where s.org = $1 and s.patient_id = n.patient_id
        """,
        org,
        [one.patient_id for one in states],
        [one.version for one in states],
        [one.name for one in states],
        [one.born for one in states],
        [one.number for one in states],
        [one.unit_id for one in states],
        [one.deceased for one in states],
        [one.judged_at for one in states],
        [one.listened_at for one in states],
        [one.wakes_at for one in states],
        [one.seen_at for one in states],
        [one.seen_by for one in states],
        [one.crashes for one in states],
        [one.rests_until for one in states],
    )


async def rest(tx: asyncpg.Connection, org: str, patient_id: UUID, least: timedelta) -> None:
    """Leave a patient alone for a while, twice as long each time, to an hour."""
    await tx.execute(
        """
        update alerts.state
        set crashes = crashes + 1, version = version + 1,
            rests_until = clock_timestamp()
                + least(interval '1 hour', $3::interval * power(2, least(crashes, 6)))
        where org = $1 and patient_id = $2
        """,
        org,
        patient_id,
        least,
    )


async def to_wake(
    tx: asyncpg.Connection, org: str, limit: int, but: Sequence[UUID] = ()
) -> list[UUID]:
    """Whom time alone may have changed, who is due longest first: read unlocked, to be asked again
    under the lock. `but` those, who would otherwise stand before everybody else for as long as they
    are due.

    Each part walks its own index in order and ends early. Of one patient several things may be
    expected."""
    rows = await tx.fetch(
        """
        select patient_id from (
            (select patient_id from alerts.state
             where org = $1 and wakes_at <= statement_timestamp()
               and (rests_until is null or rests_until <= statement_timestamp())
               and patient_id <> all($3::uuid[])
             order by wakes_at limit $2)
            union
            (select patient_id from alerts.due
             where org = $1 and satisfied_by is null and missed_at is null
               and grace_until <= statement_timestamp()
               and patient_id <> all($3::uuid[])
             order by grace_until limit 4 * $2)
        ) due
        limit $2
        """,
        org,
        limit,
        list(but),
    )
    return [row["patient_id"] for row in rows]


async def oldest_to_judge(
    tx: asyncpg.Connection, org: str, versions: Sequence[str]
) -> datetime | None:
    """When the oldest fact was received that could be judged now and is not: not one of a patient
    who rests after a failure, nor one that says a version we do not know. Those lie on, and each is
    an alarm of its own."""
    found: datetime | None = await tx.fetchval(
        """
        select h.received_at from ledger.handover h
        where h.org = $1 and h.consumer = 'alerts'
          and not exists (
              select from alerts.state s
              where s.org = h.org and s.patient_id = h.patient_id
                and s.rests_until > clock_timestamp())
          and not exists (
              select from ledger.reading r
              where r.org = h.org and r.id = h.fact_id and r.at = h.at
                and r.body ->> 'v' <> all($2::text[]))
        order by h.seq limit 1
        """,
        org,
        list(versions),
    )
    return found


async def waits_to_be_judged(
    tx: asyncpg.Connection, org: str, patient_id: UUID, versions: Sequence[str]
) -> bool:
    """Whether something lies there of this patient that is still to be judged: what says a version
    we do not know is not, or who sent it could fall silent unheard."""
    found: bool = await tx.fetchval(
        """
        select exists (
            select from ledger.handover h
            where h.org = $1 and h.consumer = 'alerts' and h.patient_id = $2
              and not exists (
                  select from ledger.reading r
                  where r.org = h.org and r.id = h.fact_id and r.at = h.at
                    and r.body ->> 'v' <> all($3::text[])))
        """,
        org,
        patient_id,
        list(versions),
    )
    return found


async def now(tx: asyncpg.Connection) -> datetime:
    """Database time, read after the locks were taken."""
    moment: datetime = await tx.fetchval("select clock_timestamp()")
    return moment


# --- facts taken away -----------------------------------------------------------------------


async def moments_taken_away(
    tx: asyncpg.Connection, org: str, by_ids: Sequence[UUID]
) -> dict[UUID, datetime]:
    """When the facts that each correction or withdrawal takes away were measured."""
    rows = await tx.fetch(
        """
        select s.by_id, min(r.at) as at
        from ledger.superseded s
        join ledger.reading r on r.org = s.org and r.id = s.target_id
        where s.org = $1 and s.by_id = any($2)
        group by s.by_id
        """,
        org,
        list(by_ids),
    )
    return {row["by_id"]: row["at"] for row in rows}


# --- findings and alerts --------------------------------------------------------------------

_ALERT = """
id, patient_id, unit_id, programme, "group", lane, rule, colour, opened_at, changed_at,
notified_at, emergency, state, version, oldest_unacknowledged, acknowledged_at, acknowledged_by,
acknowledged_until, snoozed_until, assignee, assignee_name, assigned_at, basis_changed, late,
retake, cause, closed_at, body
"""


async def open_alerts(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> dict[UUID, list[Alert]]:
    rows = await tx.fetch(
        f"""
        select {_ALERT} from alerts.alert
        where org = $1 and patient_id = any($2) and state <> 'closed'
        """,
        org,
        list(patient_ids),
    )
    found: dict[UUID, list[Alert]] = {}
    for row in rows:
        found.setdefault(row["patient_id"], []).append(alert_of(row))
    return found


async def alert(tx: asyncpg.Connection, org: str, alert_id: UUID) -> Alert | None:
    row = await tx.fetchrow(
        f"select {_ALERT} from alerts.alert where org = $1 and id = $2", org, alert_id
    )
    return alert_of(row) if row else None


def alert_of(row: asyncpg.Record) -> Alert:
    values = {name: value for name, value in row.items() if name != "org"}
    return Alert(**{**values, "state": Life(values["state"])})


async def findings(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID], since: datetime | None
) -> list[tuple[UUID, Kept]]:
    """Every finding ever raised from `since` on, gone ones too, and those of open alerts."""
    rows = await tx.fetch(
        """
        select f.patient_id, f.id, f.alert_id, f.programme, f.rule, f."group", f.at, f.gone_at,
            (f.body ->> 'score')::int as score
        from alerts.finding f
        where f.org = $1 and f.patient_id = any($2)
          and (f.at >= coalesce($3, '-infinity'::timestamptz) or exists (
              select from alerts.alert a
              where a.org = f.org and a.id = f.alert_id and a.state <> 'closed'))
        """,
        org,
        list(patient_ids),
        since,
    )
    return [
        (
            row["patient_id"],
            Kept(
                row["id"],
                row["alert_id"],
                row["programme"],
                row["rule"],
                row["group"],
                row["at"],
                row["gone_at"],
                row["score"],
            ),
        )
        for row in rows
    ]


async def findings_of(tx: asyncpg.Connection, org: str, alert_id: UUID) -> list[asyncpg.Record]:
    """The findings on an alert: what stood on the screen at its version."""
    return await tx.fetch(
        "select id from alerts.finding where org = $1 and alert_id = $2 order by at, id",
        org,
        alert_id,
    )


def save_findings(
    together: Together, org: str, at: datetime, changes: Iterable[tuple[UUID, Changes]]
) -> None:
    raised: list[Json] = []
    gone: list[tuple[UUID, UUID]] = []
    back: list[tuple[UUID, UUID]] = []
    for patient_id, change in changes:
        for one, alert_id in change.raised:
            raised.append(
                {
                    "patient_id": patient_id,
                    "id": one.id,
                    "alert_id": alert_id,
                    "programme": one.programme,
                    "rule": one.rule,
                    "group": one.group,
                    "colour": one.colour,
                    "lane": one.lane,
                    "emergency": one.emergency,
                    "at": one.at,
                    "facts": one.facts,
                    "late": one.late,
                    "body": {
                        "programme_version": one.programme_version,
                        "reason": one.reason,
                        "patient_text": one.patient_text,
                        "values": values_of(one),
                        "limits": [[name, limit] for name, limit in one.limits],
                        "marks": list(one.marks),
                        **({} if one.score is None else {"score": one.score}),
                        "retake": one.retake,
                        "doubts": list(one.doubts),
                    },
                }
            )
        gone += [(patient_id, id_) for id_ in change.gone]
        back += [(patient_id, id_) for id_ in change.back]
    if raised:
        together.add(
            """
            insert into alerts.finding (
                org, patient_id, id, alert_id, programme, rule, "group", colour, lane, emergency,
                at, facts, body, late, raised_at
            )
            select
                $1, n.patient_id, n.id, n.alert_id, n.programme, n.rule, n."group", n.colour,
                n.lane, n.emergency, n.at, n.facts, n.body, n.late, $3
            from jsonb_to_recordset($2) as n(
                patient_id uuid, id uuid, alert_id uuid, programme text, rule text, "group" text,
                colour text, lane text, emergency boolean, at timestamptz, facts uuid[],
                body jsonb, late boolean)
            """,
            org,
            raised,
            at,
        )
    if gone or back:
        together.add(
            """
            update alerts.finding f set gone_at = n.gone_at
            from unnest($2::uuid[], $3::uuid[], $4::timestamptz[]) as n(patient_id, id, gone_at)
            where f.org = $1 and f.patient_id = n.patient_id and f.id = n.id
            """,
            org,
            [patient_id for patient_id, _ in (*gone, *back)],
            [id_ for _, id_ in (*gone, *back)],
            [at] * len(gone) + [None] * len(back),
        )


def save_alerts(together: Together, org: str, alerts: Sequence[Alert]) -> None:
    """Close before open: the index of one open alert per group is checked row by row."""
    if not alerts:
        return
    ordered = sorted(alerts, key=lambda one: (one.state != "closed", one.id.int))
    together.add(
        f"""
        insert into alerts.alert (org, {_ALERT})
        select $1, {_ALERT}
        from jsonb_populate_recordset(null::alerts.alert, $2)
        on conflict (org, id) do update set
            unit_id = excluded.unit_id, rule = excluded.rule, colour = excluded.colour,
            emergency = excluded.emergency,
            changed_at = excluded.changed_at, notified_at = excluded.notified_at,
            state = excluded.state, version = excluded.version,
            oldest_unacknowledged = excluded.oldest_unacknowledged,
            acknowledged_at = excluded.acknowledged_at,
            acknowledged_by = excluded.acknowledged_by,
            acknowledged_until = excluded.acknowledged_until,
            snoozed_until = excluded.snoozed_until, assignee = excluded.assignee,
            assignee_name = excluded.assignee_name, assigned_at = excluded.assigned_at,
            basis_changed = excluded.basis_changed, late = excluded.late,
            retake = excluded.retake, cause = excluded.cause, closed_at = excluded.closed_at,
            body = excluded.body
        """,
        org,
        [_plain(one) for one in ordered],
    )


def add_moves(together: Together, org: str, moves: Sequence[Moved]) -> None:
    if moves:
        together.add(
            """
            insert into alerts.move (
                org, alert_id, version, patient_id, move, by, by_name, at, seen, state, colour,
                note, outcome, until, assignee, body
            )
            select
                $1, alert_id, version, patient_id, move, by, by_name, at, seen, state, colour,
                note, outcome, until, assignee, body
            from jsonb_populate_recordset(null::alerts.move, $2)
            """,
            org,
            [_plain(one) for one in moves],
        )


def _plain(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}
