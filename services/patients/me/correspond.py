"""Verb: what a patient and his unit have written to each other, and what became of each message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients import look, store
from services.patients.look import Looker
from services.patients.me import store_messages, store_mine, watched
from services.patients.me.store_messages import Fate
from services.patients.me.store_mine import Seen
from services.patients.nouns import Unit
from shared import attachments, ledger, messages, watching
from shared.contracts import Fact, Watch
from shared.database import Database

WHAT = "messages"
MOST = 200
SENT = ("reading", "answers", "attachment")


@dataclass(frozen=True, slots=True)
class Correspondence:
    """`facts` oldest first. `promised`: by when what is written now is answered; None: nobody is
    ever there to read it."""

    facts: Sequence[Fact]
    fates: Mapping[UUID, Fate]
    photos: Sequence[Fact]
    unit: Unit | None
    watch: Watch
    promised: datetime | None
    more: bool


@dataclass(frozen=True, slots=True)
class Sent:
    facts: Sequence[Fact]
    seen: Mapping[UUID, Seen]


async def read(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    now: datetime,
    *,
    before: tuple[datetime, UUID] | None = None,
    limit: int = MOST,
) -> Correspondence:
    async with look.opened(database, looker, patient_id, WHAT) as seen:
        return await gather(
            seen.tx, seen.org, patient_id, seen.patient.unit_id, now, before=before, limit=limit
        )


async def gather(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    unit_id: UUID,
    now: datetime,
    *,
    before: tuple[datetime, UUID] | None = None,
    limit: int = MOST,
) -> Correspondence:
    """In the transaction that has written the look down."""
    found = await ledger.facts(
        tx, org, patient_id, types=[messages.TYPE], newest_first=True, after=before,
        limit=limit + 1,
    )  # fmt: skip
    unit = await store.unit(tx, org, unit_id)
    own = [fact.id for fact in found if messages.is_from_patient(fact)]
    named = sorted({one for fact in found for one in messages.photos(fact)})
    photos = [
        fact
        for fact in (await ledger.read(tx, org, named) if named else [])
        if fact.patient_id == patient_id and fact.type == attachments.TYPE
    ]
    hours = unit.watching if unit else None
    return Correspondence(
        found[:limit][::-1],
        await store_messages.fates(tx, org, patient_id, own),
        photos,
        unit,
        await watched.by(tx, org, patient_id, unit, now),
        watching.promised(hours, now),
        len(found) > limit,
    )


async def sent(
    database: Database, looker: Looker, patient_id: UUID, since: datetime, limit: int
) -> Sent:
    """What was measured and sent since then, newest first, and who of the unit has seen it."""
    async with look.opened(database, looker, patient_id, "readings") as seen:
        found = [
            fact
            for fact in await ledger.facts(
                seen.tx, seen.org, patient_id, types=SENT, since=since, newest_first=True,
                limit=limit,
            )
            if "split_from" not in fact.body
        ]  # fmt: skip
        by = await store_mine.seen(
            seen.tx, seen.org, patient_id, [(one.id, one.received_at) for one in found]
        )
    return Sent(found, by)
