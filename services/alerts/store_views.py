"""Every statement by which people read: the list, counts, alerts with their history, who may see
whom, and the access log. Nothing here commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts.delivery import store_climbs, store_outbox
from services.alerts.judging.patient import PLATFORM, Alert
from services.alerts.store import alert_of
from shared.contracts import Json

NONE = "none"  # the assignee of a row that nobody has


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list leaves out. Red rows it leaves out are counted and named all the same."""

    programme: str | None = None
    rank: int | None = None
    assignee: str | None = None
    state: str | None = None

    @property
    def is_open(self) -> bool:
        return self == Filter()


_WAITING = "state in ('waiting', 'replaying')"  # in quarantine

Place = tuple[int, datetime, int, UUID, UUID]  # rank, waiting since, calm, patient, unit

_SEEN = "s.seen_at, s.seen_by, s.seen_by_name"
# Who looked at a green and when; her name as it was then.
_STATE = """
left join lateral (
    select s.seen_at, s.seen_by,
           (select v.by_name from alerts.review v
            where v.org = s.org and v.patient_id = s.patient_id and v.at = s.seen_at)
           as seen_by_name
    from alerts.state s where s.org = r.org and s.patient_id = r.patient_id) s on true
"""

_MATCHES = """
($3::text is null or $3 = any(programmes))
and ($4::smallint is null or rank = $4)
and ($5::text is null or $5 = any(assignees) or ($5 = 'none' and assignees = '{}' and rank < 2))
and ($6::text is null or $6 = any(states))
"""


async def one_moment(tx: asyncpg.Connection) -> None:
    """All that this transaction reads is of one moment: counts that fit the rows. First of all."""
    await tx.execute("set transaction isolation level repeatable read")


async def rows(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    wanted: Filter,
    *,
    after: Place | None = None,
    limit: int,
    bare: bool = False,
) -> list[asyncpg.Record]:
    """In the list's own order: colour, then the longest unacknowledged wait, then trend. `bare`
    ones without their bodies, which most have read before (`written` says whether)."""
    given: list[Any] = [org, list(units), *_filter(wanted), *(after or (None,) * 5), limit]
    return await tx.fetch(
        f"""
        select unit_id, patient_id, rank, waiting_since, calm,
               {"null::jsonb as" if bare else ""} body, r.xmin::text as written, {_SEEN}
        from alerts.worklist_row r {_STATE}
        where org = $1 and unit_id = any($2) and {_MATCHES}
          and ($7::smallint is null or
               (rank, waiting_since, calm, patient_id, unit_id)
               > ($7, $8::timestamptz, $9::smallint, $10::uuid, $11::uuid))
        order by rank, waiting_since, calm, patient_id, unit_id
        limit $12
        """,
        *given,
    )


async def bodies(
    tx: asyncpg.Connection, org: str, rows: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Json]:
    """Of rows that were read bare in the same transaction, by (unit, patient)."""
    if not rows:
        return {}
    found = await tx.fetch(
        """
        select r.unit_id, r.patient_id, r.body from alerts.worklist_row r
        join unnest($2::uuid[], $3::uuid[]) as n(unit_id, patient_id) using (unit_id, patient_id)
        where r.org = $1
        """,
        org,
        [unit for unit, _ in rows],
        [patient for _, patient in rows],
    )
    return {(row["unit_id"], row["patient_id"]): row["body"] for row in found}


async def hidden_reds(
    tx: asyncpg.Connection, org: str, units: Sequence[UUID], shown: Sequence[UUID], wanted: Filter
) -> list[asyncpg.Record]:
    """Red rows of all the reader's units that this filter, or the choice of unit, leaves out."""
    return await tx.fetch(
        f"""
        select unit_id, patient_id, body, {_SEEN} from alerts.worklist_row r {_STATE}
        where org = $1 and unit_id = any($2) and rank = 0
          and not (unit_id = any($7) and {_MATCHES})
        order by waiting_since, calm, patient_id
        """,
        org,
        list(units),
        *_filter(wanted),
        list(shown),
    )


def _filter(wanted: Filter) -> tuple[Any, ...]:
    return (wanted.programme, wanted.rank, wanted.assignee, wanted.state)


async def rows_of_patients(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> list[asyncpg.Record]:
    return await tx.fetch(
        f"""
        select unit_id, patient_id, rank, body, {_SEEN} from alerts.worklist_row r {_STATE}
        where org = $1 and patient_id = any($2)
        """,
        org,
        list(patient_ids),
    )


async def order(tx: asyncpg.Connection, org: str, units: Sequence[UUID]) -> list[UUID]:
    """Whom the list names, in its order: for stepping from one patient's page to the next."""
    found = await tx.fetch(
        """
        select patient_id from alerts.worklist_row where org = $1 and unit_id = any($2)
        order by rank, waiting_since, calm, patient_id, unit_id limit 1000
        """,
        org,
        list(units),
    )
    return list(dict.fromkeys(row["patient_id"] for row in found))


async def counts(tx: asyncpg.Connection, org: str, units: Sequence[UUID]) -> dict[str, int]:
    """Of whole units, whatever the filter. A patient in two of them is counted in each.

    `only_technical` of the yellow ones have nothing clinical, `only_quarantined` of the green ones
    have nothing but items that wait in quarantine, and of `only_behind` of them something expected
    has not come.
    """
    row = await tx.fetchrow(
        f"""
        with listed as (
            select rank, technical, paused, clinical,
                   patient_id in (
                       select patient_id from ledger.quarantine
                       where org = $1 and {_WAITING} and patient_id is not null) as held,
                   patient_id in (
                       select patient_id from alerts.due
                       where org = $1 and satisfied_by is null and missed_at is null
                         and grace_until <= statement_timestamp()) as behind
            from alerts.worklist_row where org = $1 and unit_id = any($2)
        )
        select count(*) filter (where rank = 0) as red,
               count(*) filter (where rank = 1) as yellow,
               count(*) filter (where rank = 1 and not clinical) as only_technical,
               count(*) filter (where rank = 2) as green,
               count(*) filter (where technical or held or behind) as technical,
               count(*) filter (where rank = 2 and held and not technical and not paused)
                   as only_quarantined,
               count(*) filter (where rank = 2 and behind and not held
                                and not technical and not paused) as only_behind,
               count(*) filter (where paused) as paused
        from listed
        """,
        org,
        list(units),
    )
    assert row is not None
    return dict(row)


async def programmes_followed(tx: asyncpg.Connection, org: str, units: Sequence[UUID]) -> set[str]:
    """Slugs of the programmes that anybody on these units' lists is in."""
    rows = await tx.fetch(
        """
        select distinct unnest(programmes) as slug from alerts.worklist_row
        where org = $1 and unit_id = any($2)
        """,
        org,
        list(units),
    )
    return {row["slug"] for row in rows}


async def expected_today(
    tx: asyncpg.Connection, org: str, units: Sequence[UUID], today: date
) -> dict[str, int]:
    """What was due by now, what of it came, and what is missing."""
    row = await tx.fetchrow(
        """
        select count(*) as due,
               count(*) filter (where satisfied_by is not null) as received,
               count(*) filter (where satisfied_by is null) as missing
        from alerts.due d
        where d.org = $1 and d.local_day = $3 and d.due_at <= clock_timestamp()
          and exists (select from alerts.worklist_row r
                      where r.org = d.org and r.patient_id = d.patient_id and r.unit_id = any($2))
        """,
        org,
        list(units),
        today,
    )
    assert row is not None
    return dict(row)


async def version(tx: asyncpg.Connection, org: str, patient_id: UUID) -> int:
    """Another one whenever the patient has been judged, woken or moved."""
    found: int | None = await tx.fetchval(
        "select version from alerts.state where org = $1 and patient_id = $2", org, patient_id
    )
    return found or 0


async def quarantined(
    tx: asyncpg.Connection, org: str, units: Sequence[UUID]
) -> tuple[int, datetime | None]:
    """How many items wait in quarantine, and since when. Those of no known unit are everybody's."""
    row = await tx.fetchrow(
        f"""
        select count(*) as n, min(received_at) as oldest from ledger.quarantine
        where org = $1 and {_WAITING}
          and (unit_id is null or unit_id = any($2))
        """,
        org,
        list(units),
    )
    assert row is not None
    return row["n"], row["oldest"]


@dataclass(frozen=True, slots=True)
class Held:
    """What waits in quarantine of one patient: how much, since when, and why."""

    n: int
    oldest: datetime
    codes: tuple[str, ...]


async def held(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID] | None = None
) -> dict[UUID, Held]:
    """Of these patients, or of all. Only what intake has put down to a patient."""
    rows = await tx.fetch(
        f"""
        select patient_id, count(*) as n, min(received_at) as oldest,
               array_agg(distinct code order by code) as codes
        from ledger.quarantine
        where org = $1 and {_WAITING} and patient_id is not null
          and ($2::uuid[] is null or patient_id = any($2))
        group by patient_id
        """,
        org,
        list(patient_ids) if patient_ids is not None else None,
    )
    return {row["patient_id"]: Held(row["n"], row["oldest"], tuple(row["codes"])) for row in rows}


# --- who ------------------------------------------------------------------------------------


async def units(tx: asyncpg.Connection, org: str) -> dict[UUID, asyncpg.Record]:
    found = await tx.fetch(
        "select id, name, short, watching from patients.unit where org = $1 order by name", org
    )
    return {row["id"]: row for row in found}


async def staff(tx: asyncpg.Connection, org: str | None) -> list[asyncpg.Record]:
    return await tx.fetch(
        """
        select s.org, s.id, s.name, s.role, s.units, s.hpr, s.groups,
               (select u.name from patients.unit u
                where u.org = s.org and u.id = any(s.units) order by u.name limit 1) as unit
        from patients.staff s
        where ($1::text is null or s.org = $1) and s.left_at is null
        order by s.org, s.name
        """,
        org,
    )


async def patient_units(
    tx: asyncpg.Connection, org: str, patient_id: UUID
) -> tuple[bool, frozenset[UUID]]:
    """Whether we know the patient, and the units that follow or followed him."""
    row = await tx.fetchrow(
        """
        select s.name is not null as known, array(
            select s.unit_id where s.unit_id is not null
            union select unit_id from alerts.worklist_row where org = $1 and patient_id = $2
            union select unit_id from alerts.alert
            where org = $1 and patient_id = $2 and unit_id is not null
            union select t.unit from alerts.task
            cross join lateral (values (unit_id), (offered_to)) as t(unit)
            where org = $1 and patient_id = $2 and t.unit is not null and done_at is null
            union select t.unit from alerts.conversation
            cross join lateral (values (unit_id), (offered_to)) as t(unit)
            where org = $1 and patient_id = $2 and t.unit is not null
                and waiting_since is not null
        ) as units
        from alerts.state s where s.org = $1 and s.patient_id = $2
        """,
        org,
        patient_id,
    )
    if row is None:
        return False, frozenset()
    return row["known"], frozenset(row["units"])


# --- alerts ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Story:
    """An alert with everything behind it."""

    alert: Alert
    findings: list[asyncpg.Record]
    moves: list[asyncpg.Record]
    messages: list[asyncpg.Record] = field(default_factory=list)
    climbs: list[asyncpg.Record] = field(default_factory=list)
    ladder: Json | None = None


async def alerts(
    tx: asyncpg.Connection,
    org: str,
    units: Sequence[UUID],
    *,
    patient_ids: Sequence[UUID] | None,
    states: Sequence[str],
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Alert]:
    """Newest first. Alerts of no unit are everybody's."""
    found = await tx.fetch(
        """
        select * from alerts.alert a
        where a.org = $1 and ($2::uuid[] is null or a.patient_id = any($2))
          and a.state = any($3)
          and ($8::uuid <> all($2) or a.unit_id is null or a.unit_id = any($4))
          and ($5::timestamptz is null or (a.opened_at, a.id) < ($5, $6::uuid))
        order by a.opened_at desc, a.id desc
        limit $7
        """,
        org,
        patient_ids,
        list(states),
        list(units),
        before[0] if before else None,
        before[1] if before else None,
        limit,
        PLATFORM,
    )
    return [alert_of(row) for row in found]


async def stories(tx: asyncpg.Connection, org: str, found: Sequence[Alert]) -> list[Story]:
    ids = [one.id for one in found]
    findings = await tx.fetch(
        """
        select id, alert_id, programme, rule, colour, lane, emergency, at, facts, body, late,
               raised_at, gone_at
        from alerts.finding where org = $1 and alert_id = any($2) order by alert_id, at, id
        """,
        org,
        ids,
    )
    moves = await tx.fetch(
        """
        select alert_id, version, move, by, by_name, at, seen, state, colour, note, outcome, until,
               assignee, body
        from alerts.move where org = $1 and alert_id = any($2) order by alert_id, version
        """,
        org,
        ids,
    )
    messages, climbs = await store_outbox.of_alerts(tx, org, ids)
    ladders = await store_climbs.ladders(tx, org)
    return [
        Story(
            one,
            [row for row in findings if row["alert_id"] == one.id],
            [row for row in moves if row["alert_id"] == one.id],
            [row for row in messages if one.id in row["alerts"]],
            [row for row in climbs if row["alert_id"] == one.id],
            # What is no unit's climbs the ladder of each; one is as good as another to tell of.
            ladders.get(one.unit_id) if one.unit_id else next(iter(ladders.values()), None),
        )
        for one in found
    ]


async def names(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> dict[UUID, asyncpg.Record]:
    found = await tx.fetch(
        """
        select patient_id, name, born, number, unit_id, deceased, seen_at from alerts.state
        where org = $1 and patient_id = any($2)
        """,
        org,
        list(patient_ids),
    )
    return {row["patient_id"]: row for row in found}


# --- a patient's readings -------------------------------------------------------------------


async def readings(
    tx: asyncpg.Connection, org: str, patient_id: UUID, limit: int
) -> list[asyncpg.Record]:
    """The newest, also those that were corrected or withdrawn, and what became of them."""
    return await tx.fetch(
        """
        select r.id, r.type, r.kind, r.at, r.received_at, r.cred, r.flags, r.day_only, r.body,
               (select s.how from ledger.superseded s
                where s.org = r.org and s.target_id in (r.id, r.origin)
                  and (s.how <> 'refiled' or s.target_id = r.id)
                order by s.rank desc limit 1) as how
        from ledger.reading r
        where r.org = $1 and r.patient_id = $2 and r.type in ('reading', 'answers')
        order by r.at desc, r.id desc
        limit $3
        """,
        org,
        patient_id,
        limit,
    )
