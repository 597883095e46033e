"""Every statement about the audit trail. Functions receive the connection and never commit."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.audit.event import Event, Outcome, Who

# --- writing ----------------------------------------------------------------------------------


async def add(
    tx: asyncpg.Connection,
    who: Who,
    patients: Sequence[UUID],
    what: str,
    why: str,
    outcome: Outcome,
    *,
    about: str | None = None,
    times: int = 1,
) -> None:
    await tx.execute(
        """
        insert into audit.event (
            org, by, role, hpr, units, on_behalf, patients, what, why, outcome, about, address,
            door, request_id, times
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        """,
        who.org, who.by, who.role, who.hpr, who.units, who.on_behalf, patients, what, why, outcome,
        about, who.address, who.door, who.request_id, times,
    )  # fmt: skip


# --- reading ----------------------------------------------------------------------------------

Place = tuple[datetime, UUID]
_FIELDS = """e.org, e.at, e.id, e.by, e.role, e.hpr, e.units, e.on_behalf, e.patients, e.what,
    e.why, e.outcome, e.about, e.address, e.door, e.request_id, e.times"""
# A relative's name as the patient has given it, for what the relative did on that patient's behalf.
_NAMES = """left join patients.staff s on s.org = e.org and s.id::text = e.by
        left join patients.proxy x on x.org = e.org and x.patient_id = e.on_behalf
            and x.id::text = e.by"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which acts; None is any. `since` counts, `until` does not."""

    by: str | None = None
    patient: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None
    what: str | None = None


async def events(
    tx: asyncpg.Connection, org: str, wanted: Wanted, *, after: Place | None, limit: int
) -> list[Event]:
    """Newest first."""
    at, id = after or (None, None)
    # Each wish is in the statement only when there is one: a plan for all of them reads the table.
    wishes = {
        "e.by = {}": wanted.by,
        "e.patients @> array[{}::uuid]": wanted.patient,
        "e.at >= {}": wanted.since,
        "e.at < {}": wanted.until,
        "e.outcome = {}": wanted.outcome,
        "e.what = {}": wanted.what,
        "e.at <= {}": at,
    }
    given = [(text, value) for text, value in wishes.items() if value is not None]
    where = "".join(f" and {text.format(f'${n}')}" for n, (text, _) in enumerate(given, 5))
    rows = await tx.fetch(
        f"""
        select {_FIELDS}, coalesce(s.name, x.name)
        from (
            select * from audit.event e
            where e.org = $1 and ($2::timestamptz is null or (e.at, e.id) < ($2, $3)){where}
            order by e.at desc, e.id desc
            limit $4
        ) e
        {_NAMES}
        order by e.at desc, e.id desc
        """,
        org, at, id, limit, *(value for _, value in given),
    )  # fmt: skip
    return [Event(*row) for row in rows]


async def event(tx: asyncpg.Connection, org: str, place: Place) -> Event | None:
    row = await tx.fetchrow(
        f"""
        select {_FIELDS}, coalesce(s.name, x.name)
        from audit.event e
        {_NAMES}
        where e.org = $1 and e.at = $2 and e.id = $3
        """,
        org, *place,
    )  # fmt: skip
    return None if row is None else Event(*row)


async def patients_seen(
    tx: asyncpg.Connection, org: str, by: str, since: datetime, until: datetime
) -> list[asyncpg.Record]:
    """Whose data somebody has seen or changed, how often, first and last."""
    return await tx.fetch(
        """
        select patient_id as id, count(*) as times, min(e.at) as first, max(e.at) as last,
               array_agg(distinct e.what order by e.what) as what
        from audit.event e, unnest(e.patients) as patient_id
        where e.org = $1 and e.by = $2 and e.at >= $3 and e.at < $4
          and e.outcome in ('shown', 'changed')
        group by patient_id
        order by min(e.at), patient_id
        """,
        org, by, since, until,
    )  # fmt: skip


# --- the chain --------------------------------------------------------------------------------

NOT_YET = "10 minutes"  # longer than any transaction may last, so no row of the day can still come


async def unsealed(connection: asyncpg.Connection) -> list[tuple[str, date]]:
    """Days that are over and not sealed, oldest first."""
    rows = await connection.fetch(
        f"""
        with recursive whose as (
            select org from ledger.organisation union all select ''
        ), place as (
            select first.org, first.day
            from whose cross join lateral (
                select e.org, (e.at at time zone 'UTC')::date as day from audit.event e
                where e.org = whose.org and e.at >= coalesce(
                    (select (max(d.day) + 1)::timestamp at time zone 'UTC' from audit.day d
                     where d.org = whose.org), '-infinity')
                order by e.at limit 1
            ) first
            union all
            select later.org, later.day
            from place cross join lateral (
                select e.org, (e.at at time zone 'UTC')::date as day from audit.event e
                where e.org = place.org
                  and e.at >= (place.day + 1)::timestamp at time zone 'UTC'
                order by e.at limit 1
            ) later
        )
        select org, day from place
        where (day + 1)::timestamp at time zone 'UTC' < clock_timestamp() - interval '{NOT_YET}'
        order by org, day
        """
    )
    return [(row["org"], row["day"]) for row in rows]


async def of_day(tx: asyncpg.Connection, org: str, day: date) -> AsyncIterator[Event]:
    """In the order of the chain."""
    async for row in tx.cursor(
        f"""
        select {_FIELDS} from audit.event e
        where e.org = $1 and e.at >= $2::date::timestamp at time zone 'UTC'
          and e.at < ($2::date + 1)::timestamp at time zone 'UTC'
        order by e.at, e.id
        """,
        org, day, prefetch=1000,
    ):  # fmt: skip
        yield Event(*row)


async def day_before(tx: asyncpg.Connection, org: str, day: date) -> asyncpg.Record | None:
    return await tx.fetchrow(
        """
        select day, digest from audit.day where org = $1 and day < $2 order by day desc limit 1
        """,
        org,
        day,
    )


async def days(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    return await connection.fetch(
        """
        select org, day, rows, leaves, root, previous, digest from audit.day order by org, day
        """
    )


async def seal(tx: asyncpg.Connection, org: str, day: date, sealed: Mapping[str, Any]) -> None:
    await tx.execute(
        """
        insert into audit.day (org, day, rows, leaves, root, previous, digest)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        org, day, sealed["rows"], sealed["leaves"], sealed["root"], sealed["previous"],
        sealed["digest"],
    )  # fmt: skip


async def lock_sealing(tx: asyncpg.Connection) -> bool:
    """False while another replica seals."""
    return bool(await tx.fetchval("select pg_try_advisory_xact_lock(hashtext('audit.day'))"))


# --- what the owner does ----------------------------------------------------------------------


async def older(connection: asyncpg.Connection, before: date) -> int:
    """How many rows would expire."""
    return int(
        await connection.fetchval(
            """
            select count(*) from audit.event e
            where e.at < $1::date::timestamp at time zone 'UTC' and exists (
                select from audit.day d
                where d.org = e.org and d.day = (e.at at time zone 'UTC')::date)
            """,
            before,
        )
    )


async def expire(tx: asyncpg.Connection, before: date, limit: int) -> int:
    """Delete rows of sealed days, oldest first; the chain keeps the days' digests."""
    return int(
        await tx.fetchval(
            """
            with gone as (
                delete from audit.event e
                using (
                    select e.org, e.at, e.id from audit.event e
                    where e.at < $1::date::timestamp at time zone 'UTC' and exists (
                        select from audit.day d
                        where d.org = e.org and d.day = (e.at at time zone 'UTC')::date)
                    order by e.at limit $2
                ) old
                where e.org = old.org and e.at = old.at and e.id = old.id
                returning 1
            )
            select count(*) from gone
            """,
            before,
            limit,
        )
    )


async def forget_leaves(tx: asyncpg.Connection, before: date) -> None:
    await tx.execute(
        "update audit.day set leaves = null where day < $1 and leaves is not null", before
    )
