"""Verb: a reading that staff enter on the patient's page, and the correction or withdrawal of one.

Appended through the same function as every other fact, in one transaction with the access log.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.alerts import reader
from services.alerts.reader import Reader
from shared import exact, kinds, ledger, values
from shared.contracts import Draft, Fact, How, Item
from shared.database import Database

AHEAD = timedelta(minutes=5)
KEPT = ("context", "device", "split_from")  # of a corrected reading's body


class NoSuchReading(Exception):
    """The patient has no such reading"""


class ReadingHasChanged(Exception):
    """This reading has been corrected, withdrawn or filed elsewhere in the meantime"""


class ReadingIsInTheFuture(Exception):
    """A reading cannot have been taken in the future"""


class ReadingIsNotUsable(Exception):
    """The values are not those of this kind of reading"""


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
    body: dict[str, Any] = {"v": 1, "entered": "manual"}
    if entry.note:
        body["note"] = entry.note
    drafts = _drafts(entry, body, now)
    async with reader.opened(database, by, patient_id, "readings") as tx:
        await reader.note(tx, by, [patient_id], "readings", "changed")
        await _append(tx, by, patient_id, item(drafts, entry.at, now), None)


async def correct(
    database: Database, by: Reader, patient_id: UUID, fact_id: UUID, entry: Entry, now: datetime
) -> None:
    """A new fact takes the place of a reading; what was sent stays readable."""
    async with reader.opened(database, by, patient_id, "readings") as tx:
        old = await _standing(tx, by.org, patient_id, fact_id)
        kept = {
            key: old.body[key] for key in ("context", "device", "split_from") if key in old.body
        }
        origin = old.origin or old.id
        body = {"v": 1, "entered": "manual", **kept, "reason": entry.note, "corrects": str(origin)}
        chosen = Entry(old.kind, entry.at, entry.values)
        drafts = _drafts(chosen, body, now)[:1]
        await reader.note(tx, by, [patient_id], "readings", "changed")
        made = item(drafts, entry.at, now, "correction", origin, until=old.until)
        await _append(tx, by, patient_id, made, origin)


async def void(
    database: Database, by: Reader, patient_id: UUID, fact_id: UUID, reason: str, now: datetime
) -> None:
    """Withdraw a reading: nobody measured it, or not this patient. The original stays on file."""
    async with reader.opened(database, by, patient_id, "readings") as tx:
        old = await _standing(tx, by.org, patient_id, fact_id)
        origin = old.origin or old.id
        await reader.note(tx, by, [patient_id], "readings", "changed")
        made = item((), old.at, now, "void", origin, reason=reason)
        await _append(tx, by, patient_id, made, origin)


async def _append(
    tx: asyncpg.Connection, by: Reader, patient_id: UUID, item: Item, target: UUID | None
) -> None:
    answers = await ledger.append_as_staff(
        tx, by.org, by=by.id, patient_id=patient_id, items=[item], target=target
    )
    if answers[0].fact_id is None:
        raise ReadingIsNotUsable


async def _standing(tx: asyncpg.Connection, org: str, patient_id: UUID, fact_id: UUID) -> Fact:
    known = [one for one in await ledger.read(tx, org, [fact_id]) if one.patient_id == patient_id]
    if not known:
        raise NoSuchReading
    in_force = await ledger.in_force(tx, org, [(known[0].id, known[0].at)])
    if not in_force:
        raise ReadingHasChanged
    return in_force[0]


def _drafts(entry: Entry, body: Mapping[str, Any], now: datetime) -> tuple[Draft, ...]:
    """The reading and what is split from it, in the catalogue's order."""
    if entry.at > now + AHEAD:
        raise ReadingIsInTheFuture
    kind = kinds.CATALOGUE.get(entry.kind)
    if kind is None:
        raise ReadingIsNotUsable
    reading = values.read(kind, entry.values)
    if reading.faults:
        raise ReadingIsNotUsable
    return tuple(
        Draft("reading", name, {**body, **_values(part)})
        for name, part in values.parts(kind, reading)
    )


def _values(reading: values.Reading) -> dict[str, Any]:
    original = {"original": reading.original} if reading.original else {}
    return {"values": reading.values, **original}


def item(
    drafts: tuple[Draft, ...],
    at: datetime,
    now: datetime,
    how: How | None = None,
    origin: UUID | None = None,
    *,
    until: datetime | None = None,
    reason: str | None = None,
) -> Item:
    # The id begins with the time: of two corrections of one reading the later one stands.
    message = f"{now:%Y%m%dT%H%M%S%f}-{uuid4().hex}"
    told = {
        "id": message,
        "at": at.isoformat(),
        "facts": [{"kind": draft.kind, "body": draft.body} for draft in drafts],
        "how": how,
        "replaces": str(origin) if origin else None,
        "reason": reason,
    }
    raw = exact.canonical(told)
    return Item(
        message_id=message,
        content=hashlib.sha256(raw).digest(),
        raw=raw,
        media_type="application/json",
        drafts=drafts,
        at=at,
        until=until,
        clock="synced",
        how=how,
        replaces=str(origin) if origin else None,
    )
