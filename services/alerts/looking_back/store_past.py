"""Every statement by which the past is asked: whom a programme follows, what became of a reading,
and what was told of a finding. Nothing here commits.
"""

from collections.abc import Sequence
from uuid import UUID

import asyncpg


async def followed(
    tx: asyncpg.Connection, org: str, units: Sequence[UUID], programme: str
) -> list[UUID]:
    """Who is on the list of these units in this programme, in id order."""
    rows = await tx.fetch(
        """
        select distinct patient_id from alerts.worklist_row
        where org = $1 and unit_id = any($2) and $3 = any(programmes)
        order by patient_id
        """,
        org,
        list(units),
        programme,
    )
    return [row["patient_id"] for row in rows]


async def superseded(tx: asyncpg.Connection, org: str, fact: UUID, origin: UUID) -> str | None:
    """correction, void or refiled; None while the fact is in force."""
    how: str | None = await tx.fetchval(
        """
        select s.how from ledger.superseded s
        where s.org = $1 and s.target_id in ($2, $3) and (s.how <> 'refiled' or s.target_id = $2)
        order by s.rank desc limit 1
        """,
        org,
        fact,
        origin,
    )
    return how


async def standings(
    tx: asyncpg.Connection, org: str, patient_id: UUID, findings: Sequence[UUID]
) -> dict[UUID, asyncpg.Record]:
    """Per finding: its alert as it stands, why it was told or not (`why`), and whether a close or
    an expiry has seen it."""
    rows = await tx.fetch(
        """
        select f.id, f.raised_at, f.gone_at, f.body ->> 'programme_version' as programme_version,
               a.id as alert_id, a.state, a.colour, a.snoozed_until, a.closed_at,
               (select m.body ->> 'why' from alerts.move m
                where m.org = f.org and m.alert_id = f.alert_id
                  and m.move in ('raise', 'worsen', 'repeat')
                  and m.body -> 'findings' ? f.id::text
                order by m.version limit 1) as why,
               exists (select from alerts.move m
                       where m.org = f.org and m.alert_id = f.alert_id
                         and m.move in ('close', 'expire') and f.id = any(m.seen)) as was_seen
        from alerts.finding f join alerts.alert a on a.org = f.org and a.id = f.alert_id
        where f.org = $1 and f.patient_id = $2 and f.id = any($3)
        """,
        org,
        patient_id,
        list(findings),
    )
    return {row["id"]: row for row in rows}
