"""Verbs: who has looked at whom, for the auditor and the patient himself. Each look at the log is
a line in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.patients import look
from services.patients.look import Looker
from services.patients.privacy import snooping, store_audit
from services.patients.privacy.snooping import Suspicion
from shared.audit import Event, store
from shared.audit.event import NOBODY
from shared.audit.store import Place, Wanted
from shared.database import Database

WHAT = "access-log"
LONGEST = timedelta(days=92)


class TooLongASpan(Exception):
    """A report is over three months at most"""


@dataclass(frozen=True, slots=True)
class Found:
    events: list[Event]
    next: Place | None


async def of_patient(
    database: Database, looker: Looker, patient_id: UUID, *, after: Place | None, limit: int
) -> Found:
    """NoSuchPatient."""
    async with look.opened(database, looker, patient_id, WHAT) as seen:
        found = await store.events(
            seen.tx, seen.org, Wanted(patient=patient_id), after=after, limit=limit + 1
        )
    return _page(found, limit)


async def acts(
    database: Database,
    looker: Looker,
    wanted: Wanted,
    *,
    strangers: bool = False,
    after: Place | None,
    limit: int,
) -> Found:
    """Acts of the auditor's organisation; `strangers`: attempts by nobody we know, of all."""
    async with database.transaction() as tx:
        org = NOBODY if strangers else looker.org
        found = await store.events(tx, org, wanted, after=after, limit=limit + 1)
        about = [wanted.patient] if wanted.patient else []
        await look.logged(tx, looker, about, WHAT)
    return _page(found, limit)


async def act(database: Database, looker: Looker, place: Place) -> Event | None:
    async with database.transaction() as tx:
        found = await store.event(tx, looker.org, place)
        await look.logged(tx, looker, [], WHAT)
    return found


async def patients_seen(
    database: Database, looker: Looker, by: str, since: datetime, until: datetime
) -> list[Mapping[str, Any]]:
    """Whose records somebody has seen: what a breach is reported with."""
    async with database.transaction() as tx:
        found = await store.patients_seen(tx, looker.org, by, since, until)
        await look.logged(tx, looker, [], WHAT)
    return [dict(row) for row in found]


async def suspicions(
    database: Database,
    looker: Looker,
    rules: snooping.Rules,
    since: datetime,
    until: datetime,
) -> list[Suspicion]:
    """TooLongASpan."""
    if until - since > LONGEST:
        raise TooLongASpan
    async with database.transaction() as tx:
        reads = await store_audit.reads(tx, looker.org, since, until)
        hours = await store_audit.hours(tx, looker.org)
        found = snooping.judge(reads, hours, rules)
        await look.logged(tx, looker, list({one.patient for one in found if one.patient}), WHAT)
    return found


def _page(found: list[Event], limit: int) -> Found:
    shown = found[:limit]
    return Found(shown, (shown[-1].at, shown[-1].id) if len(found) > limit else None)
