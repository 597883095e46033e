"""Who watches what the patient sends: the units that follow him, each by its hours.

An alert goes to the unit of its enrolment, wherever else he is a patient: what another unit's hours
say is no promise to him. Nobody watches whom nobody follows.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients import store
from services.patients.followup import store_care
from services.patients.nouns import Unit
from shared import watching
from shared.contracts import Watch

NOBODY = Watch(now=False, followed=False)


async def units(tx: asyncpg.Connection, org: str, patient_id: UUID, now: datetime) -> list[Unit]:
    """Those that have him on their lists, by name. None: nobody follows him."""
    if not await store.is_followed(tx, org, patient_id):
        return []
    running = {
        one.unit_id
        for one in await store_care.enrolments(tx, org, patient_id)
        if one.started_at <= now and (one.ended_at is None or one.ended_at > now)
    }
    found = [await store.unit(tx, org, one) for one in running]
    return sorted((one for one in found if one), key=lambda one: (one.name, one.id.int))


def each(following: Sequence[Unit], now: datetime) -> list[tuple[Unit, Watch]]:
    return [(one, watching.watching(one.watching, now)) for one in following]


def least(following: Sequence[Unit], now: datetime) -> Watch:
    """What may be promised of anything he sends, whichever of the units it concerns."""
    if not following:
        return NOBODY
    return watching.least([watch for _, watch in each(following, now)])


async def watch(tx: asyncpg.Connection, org: str, patient_id: UUID, now: datetime) -> Watch:
    return least(await units(tx, org, patient_id, now), now)


async def by(
    tx: asyncpg.Connection, org: str, patient_id: UUID, unit: Unit | None, now: datetime
) -> Watch:
    """What is addressed to one unit, as a message is, is seen by that unit's hours."""
    if not await store.is_followed(tx, org, patient_id):
        return NOBODY
    return watching.watching(unit.watching if unit else None, now)
