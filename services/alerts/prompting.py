"""Verb: put patients' reminders in the outbox, in the transaction that found them due."""

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import asyncpg
import structlog

from services.alerts import reminding, store_climbs, store_outbox
from services.alerts.delivery.message import CALM
from services.alerts.escalating import routes
from services.alerts.patient import Patient
from shared.contracts import Json
from shared.ladders import PATIENT, Ladder, LadderIsUnusable

log = structlog.get_logger()


async def remind(
    tx: asyncpg.Connection, org: str, patient: Patient, now: datetime, since: datetime
) -> int:
    """How many were put there. A unit whose ladder names no channel for patients reminds nobody,
    and neither is one reminded who holds no app and has agreed to no SMS."""
    reminders = reminding.due(patient, now, since)
    if not reminders:
        return 0
    id_, held = patient.state.patient_id, reminding.credentials(patient)
    ladders = await store_climbs.ladders(tx, org, [one.unit_id for one in reminders])
    language, by_sms = await store_outbox.how_reminded(tx, org, id_)
    made = 0
    for one in reminders:
        ways = [
            way
            for way in _ways(ladders.get(one.unit_id))
            if (by_sms if way["to"] == PATIENT else held)
        ]
        if not ways:
            continue
        # The same however often this moment is looked at.
        key = f"reminder|{id_}|{one.at.isoformat()}"
        made += None is not await store_outbox.add_notification(
            tx,
            org,
            id_=uuid5(NAMESPACE_URL, f"{org}|{key}"),
            kind="reminder",
            key=key,
            unit_id=one.unit_id,
            patient_id=id_,
            rank=CALM,
            language=language,
            routes=ways,
            now=now,
            spacing=timedelta(0),
            body={"dues": one.body, "credentials": held},
        )
    return made


def _ways(stored: Json | None) -> list[dict[str, str]]:
    if stored is None:
        return []
    try:
        ladder = Ladder.of(stored)
    except LadderIsUnusable:
        log.error("A ladder cannot be read; patients are not reminded.")
        return []
    return routes(ladder, ladder.reminders)
