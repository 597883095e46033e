"""What is read of one patient for his page, in one transaction with the note that it was read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import reader, store, store_views, views
from services.alerts.care import store_messages, store_shields, store_tasks
from services.alerts.delivery import telephone
from services.alerts.judging import store_forms
from services.alerts.judging.patient import Patient
from services.alerts.reader import Reader
from services.alerts.rows import neutral
from services.alerts.store_views import Held, Story
from services.alerts.views import Parts
from shared import attachments, ledger
from shared.contracts import Fact
from shared.limits import store as store_limits
from shared.limits import store_suggested
from shared.limits.nouns import Proposal, Suggested

Json = dict[str, Any]

READINGS = 60
SENT = 24  # photos and documents


@dataclass(frozen=True, slots=True)
class Opened:
    """What was read of one patient in one transaction."""

    version: int
    patient: Patient
    stories: list[Story]
    names: asyncpg.Record | None
    linked: list[asyncpg.Record]
    sex: str | None
    units: dict[UUID, asyncpg.Record]
    staff: list[asyncpg.Record]
    counts: dict[str, int]
    readings: list[asyncpg.Record]
    sent: list[Fact]
    evidence: dict[UUID, Fact]
    decisions: list[Fact]
    proposals: list[Proposal]
    suggested: list[Suggested]
    order: list[UUID]
    held: Held | None
    tasks: list[asyncpg.Record]
    oldest: datetime | None
    as_of: datetime
    now: datetime
    open_until: datetime | None = None  # by emergency access
    conversation: asyncpg.Record | None = None
    behind: Json | None = None  # a silence that is not his
    phone: str | None = None


async def opened(parts: Parts, by: Reader, patient_id: UUID) -> Opened:
    """NoSuchPatient, NotYourUnit."""
    units = sorted(by.units, key=lambda one: one.int)
    async with reader.opened(parts.database, by, patient_id, "patient") as tx:
        # First: what is committed while the rest is read has another version.
        version = await store_views.version(tx, by.org, patient_id)
        now = await store.now(tx)
        same = await reader.same_person(tx, by, patient_id)
        if others := same[1:]:
            await reader.note(tx, by, others, "patient")
        alerts = await store_views.alerts(
            tx, by.org, units, patient_ids=same, states=views.STATES, before=None, limit=50
        )
        stories = neutral.stories(await store_views.stories(tx, by.org, alerts), by.shut)
        ids = {fact for story in stories for one in story.findings for fact in one["facts"]}
        names = await store_views.names(tx, by.org, same)
        return Opened(
            version=version,
            patient=await views.record_of(tx, by.org, patient_id, now),
            stories=stories,
            names=names.get(patient_id),
            linked=[names[other] for other in others if other in names],
            sex=await store_forms.sex(tx, by.org, patient_id),
            units=await store_views.units(tx, by.org),
            staff=await store_views.staff(tx, by.org),
            counts=await store_views.counts(tx, by.org, units),
            readings=await store_views.readings(tx, by.org, patient_id, READINGS),
            sent=await ledger.facts(
                tx, by.org, patient_id, types=[attachments.TYPE], newest_first=True, limit=SENT
            ),
            evidence={fact.id: fact for fact in await ledger.read(tx, by.org, list(ids))},
            decisions=(await ledger.decisions(tx, by.org, [patient_id]))[patient_id],
            proposals=await store_limits.proposals(tx, by.org, patient_id, "limit"),
            suggested=await store_suggested.of_patient(tx, by.org, patient_id),
            order=await store_views.order(tx, by.org, units),
            tasks=await store_tasks.tasks(tx, by.org, units, patient_id=patient_id),
            held=(await store_views.held(tx, by.org, [patient_id])).get(patient_id),
            oldest=await ledger.oldest_waiting(tx, by.org, ledger.ALERTS),
            as_of=await views.as_of(tx, by.org, now),
            now=now,
            conversation=await store_messages.conversation(tx, by.org, patient_id),
            open_until=await store_shields.open_until(tx, by.org, [patient_id], by.id),
            behind=(await views.behind(tx, by, units, [patient_id])).get(patient_id),
            phone=await telephone.number(tx, by.org, patient_id, parts.identity_keys),
        )
