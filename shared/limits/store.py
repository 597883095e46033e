"""Every statement about limits of a patient's own, his SpO2 scale, and what waits for a second."""

from datetime import datetime
from uuid import UUID

import asyncpg

from shared.limits.nouns import PersonalLimit, Proposal, Proposed, Scale, Waiting

_PROPOSAL = """
    p.id, p.patient_id, p.about, nullif(p.programme, ''), p.name, p.before, p.value, p.rules,
    p.reason, p.prescriber, p.wanted_from, p.proposed_at, p.by, a.name, p.role, p.state,
    p.settled_at, p.settled_by, b.name, p.settled_why
"""
_PEOPLE = """
    left join patients.staff a on a.org = p.org and a.id::text = p.by
    left join patients.staff b on b.org = p.org and b.id::text = p.settled_by
"""


async def add_limit(
    tx: asyncpg.Connection, org: str, patient_id: UUID, limit: PersonalLimit
) -> datetime:
    """When it was written down."""
    recorded: datetime = await tx.fetchval(
        """
        insert into patients.personal_limit
            (org, id, patient_id, programme, name, value, reason, valid_from, by, confirmed_by)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning recorded_at
        """,
        org, limit.id, patient_id, limit.programme, limit.name, limit.value, limit.reason,
        limit.since, limit.by, limit.confirmed_by,
    )  # fmt: skip
    return recorded


async def limits(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[PersonalLimit]:
    """Every decision about every limit, the one that stands longest last within its name."""
    rows = await tx.fetch(
        """
        select p.id, p.programme, p.name, p.value, p.reason, p.valid_from, p.by, a.name as author,
               p.confirmed_by, b.name as second, p.recorded_at
        from patients.personal_limit p
        left join patients.staff a on a.org = p.org and a.id::text = p.by
        left join patients.staff b on b.org = p.org and b.id::text = p.confirmed_by
        where p.org = $1 and p.patient_id = $2
        order by p.programme, p.name, p.valid_from, p.recorded_at
        """,
        org,
        patient_id,
    )
    return [PersonalLimit(*row) for row in rows]


async def add_scale(tx: asyncpg.Connection, org: str, patient_id: UUID, scale: Scale) -> datetime:
    """When it was written down."""
    recorded: datetime = await tx.fetchval(
        """
        insert into patients.spo2_scale
            (org, id, patient_id, scale, reason, valid_from, by, confirmed_by, prescriber)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning recorded_at
        """,
        org, scale.id, patient_id, scale.scale, scale.reason, scale.since, scale.by,
        scale.confirmed_by, scale.prescriber,
    )  # fmt: skip
    return recorded


async def scales(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[Scale]:
    rows = await tx.fetch(
        """
        select p.id, p.scale, p.reason, p.valid_from, p.by, a.name as author,
               p.confirmed_by, b.name as second, p.prescriber, p.recorded_at
        from patients.spo2_scale p
        left join patients.staff a on a.org = p.org and a.id::text = p.by
        left join patients.staff b on b.org = p.org and b.id::text = p.confirmed_by
        where p.org = $1 and p.patient_id = $2 order by p.valid_from, p.recorded_at
        """,
        org,
        patient_id,
    )
    return [Scale(*row) for row in rows]


async def propose(tx: asyncpg.Connection, org: str, proposal: Proposal) -> bool:
    """False if something about this limit waits already."""
    return bool(
        await tx.fetchval(
            """
            insert into patients.proposal
                (org, id, patient_id, about, programme, name, before, value, rules, reason,
                 prescriber, wanted_from, proposed_at, by, role)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
            on conflict (org, patient_id, about, programme, name)
                where state = 'awaiting-second' do nothing
            returning true
            """,
            org, proposal.id, proposal.patient_id, proposal.about, proposal.programme or "",
            proposal.name, proposal.before, proposal.value, proposal.rules, proposal.reason,
            proposal.prescriber, proposal.since, proposal.proposed_at, proposal.by, proposal.role,
        )
    )  # fmt: skip


async def settle(
    tx: asyncpg.Connection,
    org: str,
    proposal_id: UUID,
    state: Proposed,
    *,
    at: datetime,
    by: str,
    why: str | None,
) -> bool:
    """False if it has been confirmed or withdrawn already."""
    return bool(
        await tx.fetchval(
            """
            update patients.proposal
            set state = $3, settled_at = $4, settled_by = $5, settled_why = $6
            where org = $1 and id = $2 and state = 'awaiting-second' returning true
            """,
            org, proposal_id, state, at, by, why,
        )
    )  # fmt: skip


async def proposals(
    tx: asyncpg.Connection, org: str, patient_id: UUID, about: str
) -> list[Proposal]:
    """All that was ever proposed for the patient, newest first."""
    rows = await tx.fetch(
        f"""
        select {_PROPOSAL} from patients.proposal p {_PEOPLE}
        where p.org = $1 and p.patient_id = $2 and p.about = $3
        order by p.proposed_at desc, p.id
        """,
        org,
        patient_id,
        about,
    )
    return [Proposal(*row) for row in rows]


async def waiting(
    tx: asyncpg.Connection, org: str, unit_id: UUID, *, after: UUID | None, limit: int
) -> list[Waiting]:
    """What waits for a second clinician of the unit, the oldest first."""
    rows = await tx.fetch(
        f"""
        select t.id, t.name, t.number, t.born, {_PROPOSAL}
        from patients.proposal p
        join patients.patient t on t.org = p.org and t.id = p.patient_id
        {_PEOPLE}
        where p.org = $1 and p.state = 'awaiting-second'
          and (t.unit_id = $2 or exists (
              select from patients.enrolment e
              where e.org = p.org and e.patient_id = p.patient_id
                and e.unit_id = $2 and e.ended_at is null))
          and ($3::uuid is null or (p.proposed_at, p.id) > (
              select last.proposed_at, last.id from patients.proposal last
              where last.org = $1 and last.id = $3))
        order by p.proposed_at, p.id
        limit $4
        """,
        org, unit_id, after, limit,
    )  # fmt: skip
    return [Waiting(row[0], row[1], row[2], row[3], Proposal(*tuple(row)[4:])) for row in rows]


async def lock(tx: asyncpg.Connection, org: str, patient_id: UUID) -> datetime:
    """Two who change one patient's limits take turns: each compares with what is in force.

    Answers the moment of one's turn: what is decided now is in force from then, and not from when
    it was asked for, or it would fall behind what the other has decided meanwhile.
    """
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended('limits ' || $1 || ' ' || $2::text, 0))",
        org,
        str(patient_id),
    )
    turn: datetime = await tx.fetchval("select clock_timestamp()")
    return turn
