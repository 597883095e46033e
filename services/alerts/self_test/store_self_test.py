"""Every statement about the self-test. What it is about stands in an organisation of its own."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

SELF_TEST = "system:selftest"
PASSED, LATE = "passed", "late"


class Seen(NamedTuple):
    """When the last reading was stored, when the last one had come all the way, and whether the
    test's unit has somebody to tell."""

    now: datetime
    sent_at: datetime | None
    passed_at: datetime | None
    tells: bool


async def seen(tx: asyncpg.Connection, org: str, patient_id: UUID) -> Seen:
    row = await tx.fetchrow(
        """
        select clock_timestamp() as now,
            (select received_at from ledger.reading
             where org = $1 and patient_id = $2 and at > clock_timestamp() - interval '1 day'
             order by at desc limit 1) as sent_at,
            (select max(m.at) from alerts.move m
             where m.org = $1 and m.patient_id = $2 and m.by = $3 and m.body ->> 'self_test' = $4
               and m.at > clock_timestamp() - interval '1 day') as passed_at,
            exists (select from patients.ladder l where l.org = $1 and l.body is not null) as tells
        """,
        org,
        patient_id,
        SELF_TEST,
        PASSED,
    )
    assert row is not None
    return Seen(*row)


async def may_send(tx: asyncpg.Connection, org: str) -> bool:
    """Whether nobody else sends just now; until the end of the transaction."""
    mine: bool = await tx.fetchval(
        "select pg_try_advisory_xact_lock(hashtextextended('self-test ' || $1, 0))", org
    )
    return mine


async def has_arrived(
    tx: asyncpg.Connection, org: str, patient_id: UUID, since: datetime, tells: bool
) -> bool:
    """Whether a red alert was opened since then, stands on the list and, if the unit has somebody
    to tell, was delivered to one."""
    found: bool = await tx.fetchval(
        """
        select exists (
            select from alerts.alert a
            join alerts.worklist_row w on w.org = a.org and w.patient_id = a.patient_id
                and w.body -> 'alerts' @> jsonb_build_array(jsonb_build_object('id', a.id::text))
            where a.org = $1 and a.patient_id = $2 and a.state <> 'closed' and a.colour = 'red'
              and a.lane = 'clinical' and a.opened_at >= $3
              and (not $4 or exists (
                  select from alerts.notification n
                  where n.org = $1 and n.alerts @> array[a.id] and n.state = 'delivered')))
        """,
        org,
        patient_id,
        since,
        tells,
    )
    return found
