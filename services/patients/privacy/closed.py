"""Verb: which of a patient's forms this caller's access groups do not open."""

from collections.abc import Mapping
from uuid import UUID

import asyncpg

from services.patients.followup import store_care
from shared import sensitive
from shared.access import Caller, Role
from shared.ledger import Quarantined
from shared.programmes import Programme


async def forms(
    tx: asyncpg.Connection, caller: Caller, patient_id: UUID, programmes: Mapping[str, Programme]
) -> frozenset[str]:
    """By name, of the programmes he is or was in. To the patient himself nothing is closed."""
    if caller.role is Role.PATIENT or not sensitive.closed(programmes, caller.groups):
        return frozenset()
    enrolments = await store_care.enrolments(tx, caller.org, patient_id)
    followed = {one.programme for one in enrolments}
    return sensitive.hidden_forms(programmes, followed, caller.groups)


async def is_held(
    tx: asyncpg.Connection, caller: Caller, item: Quarantined, programmes: Mapping[str, Programme]
) -> bool:
    """Whether what waits in quarantine is such a form. Of nobody known, any of them could be."""
    if item.patient_id is not None:
        shut = await forms(tx, caller, item.patient_id, programmes)
    else:
        shut = sensitive.hidden_forms(programmes, programmes, caller.groups)
    sent = item.raw.lower()
    return any(name.encode() in sent for name in shut)
