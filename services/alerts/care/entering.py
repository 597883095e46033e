"""Verb: a reading that staff enter on the patient's page, and the correction or withdrawal of one.

Appended through the same function as every other fact, in one transaction with the access log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.alerts import reader
from services.alerts.reader import Reader
from shared import entered
from shared.database import Database


@dataclass(frozen=True, slots=True)
class Entry:
    """What was typed. `values` are texts as typed: a decimal comma is a decimal point."""

    kind: str
    at: datetime
    values: Mapping[str, Any]
    note: str | None = None


async def enter(
    database: Database, by: Reader, patient_id: UUID, entry: Entry, now: datetime
) -> None:
    entered.must_have_been(entry.at, now)
    of, message = entered.kind_of(entry.kind), entered.message_id(now)
    body: dict[str, Any] = {"v": 1, "entered": "manual"}
    if entry.note:
        body["note"] = entry.note
    drafts = entered.drafts(of, entered.read(of, entry.values), body, message)
    item = entered.item(message, drafts, entry.at, None)
    async with reader.opened(database, by, patient_id, "readings") as tx:
        await reader.note(tx, by, [patient_id], "readings", "changed")
        await entered.append(tx, by.org, by.id, patient_id, item, None)


async def correct(
    database: Database, by: Reader, patient_id: UUID, fact_id: UUID, entry: Entry, now: datetime
) -> None:
    """A new fact takes the place of a reading; what was sent stays readable."""
    entered.must_have_been(entry.at, now)
    async with reader.opened(database, by, patient_id, "readings") as tx:
        old = await entered.standing(tx, by.org, patient_id, fact_id)
        origin, of = old.origin or old.id, entered.kind_of(old.kind)
        drafts = entered.corrected(old, of, entry.values, {"reason": entry.note})
        item = entered.item(
            entered.message_id(now), drafts, entry.at, old.until, "correction", origin
        )
        await reader.note(tx, by, [patient_id], "readings", "changed")
        await entered.append(tx, by.org, by.id, patient_id, item, origin)


async def void(
    database: Database, by: Reader, patient_id: UUID, fact_id: UUID, reason: str, now: datetime
) -> None:
    """Withdraw a reading: nobody measured it, or not this patient. The original stays on file."""
    async with reader.opened(database, by, patient_id, "readings") as tx:
        old = await entered.standing(tx, by.org, patient_id, fact_id)
        origin = old.origin or old.id
        item = entered.item(entered.message_id(now), (), old.at, None, "void", origin, reason)
        await reader.note(tx, by, [patient_id], "readings", "changed")
        await entered.append(tx, by.org, by.id, patient_id, item, origin)
