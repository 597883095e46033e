"""Verb: let the patient know that his unit has answered, in the transaction of the answer.

Neutral as every message to a telephone: that there is an answer, never what, by whom or about what.
"""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg

from services.alerts.delivery import prompting, reminding, store_climbs, store_outbox
from services.alerts.delivery.message import CALM
from shared import ledger


async def answered(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    unit_id: UUID,
    fact_id: UUID,
    now: datetime,
) -> bool:
    """Whether there was any way to tell him."""
    decided = (await ledger.decisions(tx, org, [patient_id]))[patient_id]
    held = reminding.held(decided)
    how = await store_outbox.how_reminded(tx, org, patient_id)
    ladders = await store_climbs.ladders(tx, org, [unit_id])
    ways = prompting.ways(ladders.get(unit_id), how, held)
    if not ways:
        return False
    key = f"answer|{patient_id}"
    made = await store_outbox.add_notification(
        tx,
        org,
        id_=uuid5(NAMESPACE_URL, f"{org}|{key}|{fact_id}"),
        kind="answer",
        key=key,
        unit_id=unit_id,
        patient_id=patient_id,
        rank=CALM,
        language=how.language,
        routes=ways,
        now=now,
        spacing=timedelta(0),
        body={"credentials": held},
    )
    return made is not None
