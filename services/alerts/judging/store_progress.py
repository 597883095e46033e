"""What the plans have made of patients' modules: how far each is. Nothing here commits."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

import asyncpg


async def modules(
    tx: asyncpg.Connection, org: str, patient_ids: Sequence[UUID], slots: Collection[str]
) -> dict[UUID, list[asyncpg.Record]]:
    """The rows of these plan items, of each patient's latest plan that has any of them."""
    if not patient_ids or not slots:
        return {}
    rows = await tx.fetch(
        """
        select patient_id, plan, slot, opens_at, due_at, satisfied_by, missed_at
        from alerts.due
        where org = $1 and patient_id = any($2) and slot = any($3)
        order by patient_id, opens_at
        """,
        org,
        list(patient_ids),
        list(slots),
    )
    found: dict[UUID, list[asyncpg.Record]] = {}
    for row in rows:
        found.setdefault(row["patient_id"], []).append(row)
    return {patient: _latest(several) for patient, several in found.items()}


def _latest(rows: Iterable[asyncpg.Record]) -> list[asyncpg.Record]:
    several = list(rows)
    return [row for row in several if row["plan"] == several[-1]["plan"]]
