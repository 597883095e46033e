"""Which other patients of the record are the same person. Written by the record, read here."""

from uuid import UUID

import asyncpg


async def others(tx: asyncpg.Connection, org: str, patient_id: UUID) -> list[UUID]:
    """All who are linked with this patient, without himself."""
    rows = await tx.fetch(
        "select id from patients.same_person($1, $2) as id where id <> $2 order by id",
        org,
        patient_id,
    )
    return [row["id"] for row in rows]
