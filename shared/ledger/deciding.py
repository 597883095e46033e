"""What staff decided about a patient: facts of their own, handed over like readings."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.contracts import Fact, Json
from shared.ledger.waking import wake


async def decide(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    type: str,
    body: Json,
    *,
    by: str,
    at: datetime,
) -> UUID:
    """Write down what staff decided about a patient, in force from `at`, and hand it over."""
    decision = uuid.uuid4()
    await tx.execute(
        """
        insert into ledger.decision (org, id, patient_id, type, at, by, body)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        org, decision, patient_id, type, at, by, {**body, "by": by},
    )  # fmt: skip
    await tx.execute(
        """
        insert into ledger.handover
            (org, consumer, shard, patient_id, fact_id, type, kind, at, received_at)
        values ($1, 'alerts', ledger.shard($2), $2, $3, $4, '', $5, clock_timestamp())
        """,
        org, patient_id, decision, type, at,
    )  # fmt: skip
    await wake(tx, org)
    return decision


async def decisions(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID]
) -> dict[UUID, list[Fact]]:
    """All that staff decided about each patient, by (at, recorded, id)."""
    rows = await tx.fetch(
        """
        select org, id, patient_id, type, at, recorded_at, by, body from ledger.decision
        where org = $1 and patient_id = any($2)
        order by patient_id, at, recorded_at, id
        """,
        org,
        list(patient_ids),
    )
    found: dict[UUID, list[Fact]] = {patient: [] for patient in patient_ids}
    for row in rows:
        found[row["patient_id"]].append(
            Fact(
                org=row["org"],
                id=row["id"],
                patient_id=row["patient_id"],
                type=row["type"],
                kind="",
                at=row["at"],
                received_at=row["recorded_at"],
                source=f"staff:{row['by']}",
                body=row["body"],
                origin=row["id"],
            )
        )
    return found
