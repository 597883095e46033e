"""Who watches what the patient sends: his unit by its hours, and nobody if nobody follows him."""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients import store
from services.patients.nouns import Unit
from shared import watching
from shared.contracts import Watch

NOBODY = Watch(now=False, followed=False)


async def watch(
    tx: asyncpg.Connection, org: str, patient_id: UUID, unit: Unit | None, now: datetime
) -> Watch:
    if not await store.is_followed(tx, org, patient_id):
        return NOBODY
    return watching.watching(unit.watching if unit else None, now)
