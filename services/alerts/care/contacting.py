"""Verb: write down that somebody has been in contact with a patient, outside the messages.

A contact is a decision in the patient's ledger: it is never changed, it is told to him with the
rest of his record, and it stands in his timeline.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from services.alerts import reader, store
from services.alerts.clinical import decided
from services.alerts.reader import Reader
from services.alerts.stream import Notifier
from shared import ledger
from shared.contracts import Fact
from shared.database import Database

Json = dict[str, Any]

TYPE = "contact-logged"
WHAT = "contacts"
Way = Literal["phone", "video", "visit"]
Outcome = Literal["reached", "relative", "no-answer", "cancelled"]
AHEAD = timedelta(minutes=5)
LONGEST = 24 * 60
SHOWN = 20


class ContactIsInTheFuture(Exception):
    """A contact is written down when it has been"""


class ProgrammeNotFollowed(Exception):
    """The patient is not in this programme, or it is not open to you"""


@dataclass(frozen=True, slots=True)
class Contact:
    """What was tried and what came of it. `programme` says who else may read the note."""

    way: Way
    outcome: Outcome
    at: datetime
    note: str | None = None
    minutes: int | None = None
    programme: str | None = None


async def log(
    database: Database, notifier: Notifier, by: Reader, patient_id: UUID, contact: Contact
) -> Json:
    """ContactIsInTheFuture, ProgrammeNotFollowed, NoSuchPatient, NotYourUnit."""
    async with reader.opened(database, by, patient_id, WHAT) as tx:
        now = await store.now(tx)
        if contact.at > now + AHEAD:
            raise ContactIsInTheFuture
        known = (await ledger.decisions(tx, by.org, [patient_id]))[patient_id]
        followed = {
            one.programme for one in decided.read(known).enrolments if one.covers(now)
        } - by.shut
        programme = contact.programme
        if programme is None and len(followed) == 1:
            (programme,) = followed
        if programme is not None and programme not in followed:
            raise ProgrammeNotFollowed
        body = {
            "way": contact.way,
            "outcome": contact.outcome,
            "note": (contact.note or "").strip() or None,
            "minutes": contact.minutes,
            "programme": programme,
            "by_name": by.name,
        }
        await reader.note(tx, by, [patient_id], WHAT, "changed")
        id_ = await ledger.decide(
            tx, by.org, patient_id, TYPE, body, by=by.id, at=min(contact.at, now)
        )
    notifier.tell(by.org, {unit: {patient_id} for unit in by.units})
    return {"id": str(id_), "patient": str(patient_id), "at": contact.at.isoformat(), **body}


async def of_patient(database: Database, by: Reader, patient_id: UUID) -> list[Json]:
    async with reader.opened(database, by, patient_id, WHAT) as tx:
        known = (await ledger.decisions(tx, by.org, [patient_id]))[patient_id]
    return told(known, by.shut)


def told(decisions: list[Fact], shut: frozenset[str]) -> list[Json]:
    """Newest first. Of a contact in a programme that is shut for the reader only that it was."""
    found = [one for one in reversed(decisions) if one.type == TYPE]
    return [_told(one, one.body.get("programme") in shut) for one in found[:SHOWN]]


def _told(fact: Fact, closed: bool) -> Json:
    body = fact.body
    return {
        "id": str(fact.id),
        "at": fact.at.isoformat(),
        "way": body["way"],
        "outcome": None if closed else body["outcome"],
        "note": None if closed else body.get("note"),
        "minutes": None if closed else body.get("minutes"),
        "programme": None if closed else body.get("programme"),
        "by": {"id": body["by"], "name": body.get("by_name") or ""},
        "closed": closed,
    }


def room(template: str, keys: bytes, org: str, patient_id: UUID) -> str | None:
    """The address of the patient's video room: always the same one, and nobody can tell from it
    whose it is. None where no video service is set up."""
    if not template:
        return None
    name = hmac.new(keys, f"video {org} {patient_id}".encode(), hashlib.sha256).hexdigest()[:32]
    return template.replace("{room}", name)
