"""A patient's own telephone number: kept sealed, opened when he is to be called or sent to."""

from uuid import UUID

import asyncpg
import structlog

from services.alerts.judging import store_forms
from shared import identity
from shared.identity import Keys

log = structlog.get_logger()


async def number(
    tx: asyncpg.Connection, org: str, patient_id: UUID, keys: Keys | None
) -> str | None:
    """To call, for who has opened the patient's page: the look is written down with the page's."""
    return opened(keys, patient_id, await store_forms.phone(tx, org, patient_id))


def opened(keys: Keys | None, patient_id: UUID, sealed: bytes | None) -> str | None:
    """None when there is none, when he has taken it back, or when it cannot be opened."""
    if sealed is None or keys is None:
        return None
    try:
        return keys.unseal(identity.phone_of(patient_id), sealed)
    except identity.SealIsBroken:
        log.error("A patient's number cannot be opened.", patient=str(patient_id))
        return None
