"""Every statement about how far alerts have climbed the units' ladders. Nothing here commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.alerts.judging.patient import PLATFORM, Alert, State
from services.alerts.judging.store_together import Together
from services.alerts.store import STATE
from shared.contracts import Json

# An alert of no unit, and what is told of it, is every unit's.
NO_UNIT = PLATFORM
# Why, when a person wants the next step at once.
ESCALATED = "escalate"


@dataclass(frozen=True, slots=True)
class Told:
    """An alert that somebody should hear of, and why."""

    alert: Alert
    why: str


def tell(together: Together, org: str, told: Sequence[Told], at: datetime) -> None:
    """In the transaction of what is told. A later reason takes the place of an earlier one, and
    begins at the foot of the ladder; who escalates goes on from where it stands."""
    if not told:
        return
    last = {one.alert.id: one for one in told}
    together.add(
        f"""
        insert into alerts.climb as c (
            org, alert_id, unit_id, patient_id, why, told_at, next_at, set_at, step, planned)
        select $1, alert_id, unit_id, patient_id, why, $6, $6, $6,
               (why = '{ESCALATED}')::integer, why = '{ESCALATED}'
        from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[])
            as n(alert_id, unit_id, patient_id, why)
        on conflict (org, alert_id, unit_id) do update set
            step = case when excluded.planned then greatest(c.step, 1) else 0 end,
            planned = excluded.planned, ended = false, at_last = false, why = excluded.why,
            told_at = excluded.told_at, stepped_at = null, next_at = excluded.next_at,
            set_at = excluded.set_at
        """,
        org,
        list(last),
        [one.alert.unit_id or NO_UNIT for one in last.values()],
        [one.alert.patient_id for one in last.values()],
        [one.why for one in last.values()],
        at,
    )


async def due_to_climb(tx: asyncpg.Connection, org: str, limit: int) -> list[UUID]:
    """Patients of whom an alert's moment has come; read unlocked, to be asked again."""
    rows = await tx.fetch(
        """
        select patient_id from alerts.climb
        where org = $1 and next_at <= statement_timestamp()
        group by patient_id order by min(next_at) limit $2
        """,
        org,
        limit,
    )
    return [row["patient_id"] for row in rows]


async def lock_patient(
    tx: asyncpg.Connection, org: str, patient_id: UUID
) -> tuple[State, datetime] | None:
    """If nobody else holds him, one who rests after a failure too: his alerts do not rest."""
    row = await tx.fetchrow(
        f"""
        with locked as materialized (
            select {STATE} from alerts.state where org = $1 and patient_id = $2
            for update skip locked)
        select {STATE}, clock_timestamp() as now from locked
        """,
        org,
        patient_id,
    )
    return (State(*row[:-1]), row["now"]) if row else None


async def climbs(
    tx: asyncpg.Connection, org: str, patient_id: UUID, now: datetime
) -> list[asyncpg.Record]:
    """Those of the patient whose moment has come, with their alerts as they stand."""
    return await tx.fetch(
        """
        select c.alert_id, c.unit_id, c.step, c.planned, c.told_at, c.why,
               a.state, a.colour, a.lane, a.emergency, a.programme, a.unit_id as of_unit
        from alerts.climb c
        left join alerts.alert a on a.org = c.org and a.id = c.alert_id
        where c.org = $1 and c.patient_id = $2 and c.next_at <= $3
        order by c.alert_id, c.unit_id
        """,
        org,
        patient_id,
        now,
    )


async def forget_climb(tx: asyncpg.Connection, org: str, alert_id: UUID, unit_id: UUID) -> None:
    await tx.execute(
        "delete from alerts.climb where org = $1 and alert_id = $2 and unit_id = $3",
        org,
        alert_id,
        unit_id,
    )


async def set_climb(
    tx: asyncpg.Connection,
    org: str,
    alert_id: UUID,
    unit_id: UUID,
    *,
    now: datetime,
    next_at: datetime | None,
    step: int,
    stepped: bool = False,
    planned: bool = True,
    ended: bool = False,
    at_last: bool = False,
) -> None:
    await tx.execute(
        f"""
        update alerts.climb
        set step = $5, planned = $7, ended = $8, at_last = $9, next_at = $6, set_at = $4,
            stepped_at = case when $10 then $4 else stepped_at end,
            why = case when $10 and why = '{ESCALATED}' then 'escalated' else why end
        where org = $1 and alert_id = $2 and unit_id = $3
        """,
        org, alert_id, unit_id, now, step, next_at, planned, ended, at_last, stepped,
    )  # fmt: skip


async def climb_for_units(
    tx: asyncpg.Connection, org: str, alert_id: UUID, units: Sequence[UUID], now: datetime
) -> None:
    """What is no unit's, or now another unit's, climbs the ladder of each of these."""
    await tx.execute(
        """
        insert into alerts.climb (
            org, alert_id, unit_id, patient_id, why, told_at, next_at, set_at)
        select c.org, c.alert_id, n.id, c.patient_id, c.why, c.told_at, $4, $4
        from unnest($3::uuid[]) as n(id)
        cross join lateral (
            select org, alert_id, patient_id, why, told_at from alerts.climb
            where org = $1 and alert_id = $2 limit 1) as c
        on conflict (org, alert_id, unit_id) do update set
            step = 0, planned = false, ended = false, at_last = false, next_at = $4, set_at = $4
        """,
        org,
        alert_id,
        list(units),
        now,
    )


async def hurry(
    tx: asyncpg.Connection, org: str, alerts: Sequence[UUID], unit_id: UUID, step: int
) -> None:
    """This step reached nobody: the turn of the next is now."""
    await tx.execute(
        """
        update alerts.climb set next_at = clock_timestamp(), set_at = clock_timestamp()
        where org = $1 and alert_id = any($2) and unit_id = $3 and step = $4 and not at_last
          and next_at > clock_timestamp()
        """,
        org,
        list(alerts),
        unit_id,
        step,
    )


async def look_again(tx: asyncpg.Connection, org: str) -> None:
    """Alerts of units that have got a ladder begin to climb, those that were handed over climb
    their new unit's; what nobody waits for is let go."""
    await tx.execute(
        """
        update alerts.climb c set next_at = clock_timestamp(), set_at = clock_timestamp()
        where c.org = $1 and c.next_at is null and c.step = 0 and not c.ended
          and exists (select from patients.ladder l
                      where l.org = c.org and l.valid_from <= clock_timestamp()
                        and (l.unit_id = c.unit_id or c.unit_id = $2))
        """,
        org,
        NO_UNIT,
    )
    await tx.execute(
        """
        update alerts.climb c set next_at = clock_timestamp(), set_at = clock_timestamp()
        from alerts.alert a
        where c.org = $1 and c.next_at is null and c.unit_id <> $2 and a.org = c.org
          and a.id = c.alert_id and a.state = 'open' and a.unit_id <> c.unit_id
        """,
        org,
        NO_UNIT,
    )
    await tx.execute(
        """
        delete from alerts.climb c
        where c.org = $1 and c.next_at is null and not exists (
            select from alerts.alert a
            where a.org = c.org and a.id = c.alert_id and a.state = 'open')
        """,
        org,
    )


async def mend_clock(tx: asyncpg.Connection, org: str) -> None:
    """A clock that was set back would put off what was reckoned before: it is reckoned anew."""
    await tx.execute(
        """
        update alerts.climb
        set next_at = clock_timestamp() + (next_at - set_at), set_at = clock_timestamp()
        where org = $1 and next_at is not null and set_at > clock_timestamp() + interval '5 s'
        """,
        org,
    )
    await tx.execute(
        """
        update alerts.notification set next_at = clock_timestamp(), changed_at = clock_timestamp()
        where org = $1 and state in ('waiting', 'sending', 'failed')
          and changed_at > clock_timestamp() + interval '5 s'
        """,
        org,
    )


async def unanswered(tx: asyncpg.Connection, org: str) -> list[asyncpg.Record]:
    """By unit: open alerts that have come to the end of the ladder."""
    return await tx.fetch(
        """
        select c.unit_id, count(*) as n, min(c.told_at) as since
        from alerts.climb c
        join alerts.alert a on a.org = c.org and a.id = c.alert_id
        where c.org = $1 and c.at_last and a.state = 'open'
        group by c.unit_id
        """,
        org,
    )


async def ladders(
    tx: asyncpg.Connection, org: str, units: Sequence[UUID] | None = None
) -> dict[UUID, Json]:
    """Those in force, by unit; of all units when none are named."""
    rows = await tx.fetch(
        """
        select distinct on (unit_id) unit_id, body from patients.ladder
        where org = $1 and ($2::uuid[] is null or unit_id = any($2))
          and valid_from <= clock_timestamp()
        order by unit_id, version desc
        """,
        org,
        list(units) if units is not None else None,
    )
    return {row["unit_id"]: row["body"] for row in rows if row["body"] is not None}
