"""Verb: put patients' reminders in the outbox, in the transaction that found them due."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import asyncpg
import structlog

from services.alerts.delivery import reminding, store_climbs, store_outbox
from services.alerts.delivery.escalating import routes
from services.alerts.delivery.message import CALM
from services.alerts.delivery.store_outbox import HowReminded
from services.alerts.judging.patient import Patient
from shared.contracts import Json
from shared.ladders import PATIENT, PUSH, Ladder, LadderIsUnusable

log = structlog.get_logger()


async def remind(
    tx: asyncpg.Connection, org: str, patient: Patient, now: datetime, since: datetime
) -> int:
    """How many were put there. Who has no device that wants notices is reminded by his unit's
    channels; a unit whose ladder names none for patients reminds nobody else."""
    reminders = reminding.due(patient, now, since)
    if not reminders:
        return 0
    id_, held = patient.state.patient_id, reminding.credentials(patient)
    ladders = await store_climbs.ladders(tx, org, [one.unit_id for one in reminders])
    how = await store_outbox.how_reminded(tx, org, id_)
    made = 0
    for one in reminders:
        channels = ways(ladders.get(one.unit_id), how, held)
        if not channels:
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
            language=how.language,
            routes=channels,
            now=now,
            spacing=timedelta(0),
            body={"dues": one.body, "credentials": held},
        )
    return made


def ways(stored: Json | None, how: HowReminded, held: Sequence[str]) -> list[dict[str, str]]:
    """How this patient is told something, in order: on the devices where he has asked for it, then
    by his unit's channels for patients, those that can reach him."""
    found = [{"name": PUSH, "medium": PUSH, "to": PATIENT}] if how.by_push else []
    return found + [
        way for way in _channels(stored) if (how.by_sms if way["to"] == PATIENT else held)
    ]


def _channels(stored: Json | None) -> list[dict[str, str]]:
    if stored is None:
        return []
    try:
        ladder = Ladder.of(stored)
    except LadderIsUnusable:
        log.error("A ladder cannot be read; patients are not reminded.")
        return []
    return routes(ladder, ladder.reminders)
