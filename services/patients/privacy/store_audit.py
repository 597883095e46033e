"""Statements for the auditor: looks that want an explanation, numbers of patients, sealed days."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.patients.privacy.snooping import Read
from shared.audit import store as trail


async def reads(tx: asyncpg.Connection, org: str, since: datetime, until: datetime) -> list[Read]:
    """Looks into one record each, by staff, with what ties the two people together. A list is
    no look: who is on it was not chosen by whoever reads it."""
    rows = await tx.fetch(
        """
        select e.by, s.name as name, e.units, e.at, e.what, e.why, e.outcome,
               p.id as patient, p.name as patient_name, p.unit_id as patient_unit,
               exists (
                   select from patients.identifier i
                   join patients.staff_number n on n.org = i.org and n.hash = i.hash
                   where i.org = p.org and i.patient_id = p.id and n.staff_id = s.id) as is_own,
               exists (
                   select from patients.identifier i
                   join patients.staff_number n on n.org = i.org and n.hash = i.hash
                   where i.org = p.org and i.patient_id = p.id) as is_colleague
        from audit.event e
        join patients.staff s on s.org = e.org and s.id::text = e.by
        join patients.patient p on p.org = e.org and p.id = e.patients[1]
        where e.org = $1 and e.at >= $2 and e.at < $3 and cardinality(e.patients) = 1
          and e.what <> all ('{worklist,list,search,stream,alerts,tasks,proposals,access-log}')
        order by e.at, e.id
        """,
        org,
        since,
        until,
    )
    return [Read(**dict(row)) for row in rows]


async def hours(tx: asyncpg.Connection, org: str) -> Mapping[UUID, Mapping[str, Any]]:
    rows = await tx.fetch("select id, watching from patients.unit where org = $1", org)
    return {row["id"]: row["watching"] for row in rows}


async def numbers(tx: asyncpg.Connection, org: str, ids: Collection[UUID]) -> dict[UUID, str]:
    """The patients' local numbers: how they are named where names do not belong."""
    rows = await tx.fetch(
        "select id, number from patients.patient where org = $1 and id = any($2)", org, list(ids)
    )
    return {row["id"]: row["number"] for row in rows}


async def by_number(tx: asyncpg.Connection, org: str, number: str) -> UUID | None:
    found: UUID | None = await tx.fetchval(
        "select id from patients.patient where org = $1 and number = $2", org, number.upper()
    )
    return found


async def days(tx: asyncpg.Connection, org: str, limit: int) -> list[asyncpg.Record]:
    """The newest sealed days, with how many acts each holds."""
    return await tx.fetch(
        "select day, rows, digest from audit.day where org = $1 order by day desc limit $2",
        org,
        limit,
    )


async def unsealed(tx: asyncpg.Connection, org: str) -> list[date]:
    """Days that are over for longer than sealing takes, and are not sealed."""
    return [day for whose, day in await trail.unsealed(tx) if whose == org]
