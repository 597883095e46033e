"""Verb: greens looked at together, and that taken back. Never a red or a yellow.

The law: what the nurse saw was of `as_of`. Who has not been green all the time since, of whom a
reading waits to be judged or mended, of whom what was expected has not come (whoever is silent:
he, his portal or we), or who is paused, is not taken and is named with the reason. A green stays
looked at for the day; it must be looked at again when an alert was raised, not for each reading
inside the limits.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from services.alerts import reader, store, store_views
from services.alerts.care import store_shields
from services.alerts.reader import Reader
from services.alerts.rows import store_behind, store_reviews
from services.alerts.stream import Notifier
from shared import ledger
from shared.database import Database

Why = Literal[
    "not-yours",
    "not-green",
    "changed-since",
    "reading-waits",
    "not-received",
    "quarantined",
    "paused",
]


@dataclass(slots=True)
class Taken:
    """`at` is the moment that the marks carry."""

    at: datetime
    taken: list[UUID] = field(default_factory=list)
    refused: dict[UUID, Why] = field(default_factory=dict)


async def take(
    database: Database,
    notifier: Notifier,
    by: Reader,
    wanted: Iterable[tuple[UUID, UUID]],
    as_of: datetime | None,
) -> Taken:
    """(patient, unit) each, as they stood on the screen. Nobody has seen what is yet to come: an
    `as_of` ahead of the clock is now."""
    asked = dict(wanted)
    async with database.transaction() as tx:
        units, paused = await _of_reader(tx, by, list(asked))
        ids = await store_reviews.lock(tx, by.org, sorted(units, key=lambda one: one.int))
        now = await store.now(tx)
        saw = min(as_of or now, now)
        result = Taken(now, refused=dict.fromkeys(asked.keys() - set(ids), "not-yours"))
        overdue = await store_behind.overdue(
            tx, by.org, sorted(by.units), limit=len(ids), patient_ids=ids
        )
        against: tuple[tuple[Why, Container[UUID]], ...] = (
            ("not-green", await store_reviews.not_green(tx, by.org, ids)),
            ("changed-since", await store_reviews.alerted_since(tx, by.org, ids, saw)),
            ("reading-waits", await ledger.patients_with_rows(tx, by.org, ids)),
            ("paused", paused),
            ("quarantined", await store_views.held(tx, by.org, ids)),
            ("not-received", {row["patient_id"] for row in overdue}),
        )
        for id_ in ids:
            why = next((why for why, of in against if id_ in of), None)
            if why is not None:
                result.refused[id_] = why
            else:
                result.taken.append(id_)
        marks = [
            (id_, asked[id_] if asked[id_] in units[id_] else min(units[id_]))
            for id_ in result.taken
        ]
        await store_reviews.mark(tx, by.org, marks, by=by.id, by_name=by.name, at=now, as_of=saw)
        await reader.note(tx, by, result.taken, "green", "changed")
    _tell(notifier, by, units, result.taken)
    return result


async def take_back(
    database: Database, notifier: Notifier, by: Reader, patients: Iterable[UUID]
) -> list[UUID]:
    """Whose mark was undone."""
    async with database.transaction() as tx:
        units, _ = await _of_reader(tx, by, list(patients))
        ids = await store_reviews.lock(tx, by.org, sorted(units, key=lambda one: one.int))
        now = await store.now(tx)
        undone = await store_reviews.take_back(tx, by.org, ids, by=by.id, at=now)
        await reader.note(tx, by, undone, "green", "changed")
    _tell(notifier, by, units, undone)
    return undone


async def _of_reader(
    tx: asyncpg.Connection, by: Reader, patients: list[UUID]
) -> tuple[dict[UUID, set[UUID]], set[UUID]]:
    """Of these patients, those whom the reader may look at on her lists: in which of her units; and
    of whom nothing is expected just now."""
    units: dict[UUID, set[UUID]] = {}
    paused: set[UUID] = set()
    shut = await store_shields.shut(tx, by.org, patients, by.id, emergency_counts=by.in_emergency)
    for row in await store_views.rows_of_patients(tx, by.org, patients):
        if row["unit_id"] in by.units and row["patient_id"] not in shut:
            units.setdefault(row["patient_id"], set()).add(row["unit_id"])
            if row["body"]["paused"]:
                paused.add(row["patient_id"])
    return units, paused


def _tell(
    notifier: Notifier, by: Reader, units: dict[UUID, set[UUID]], patients: list[UUID]
) -> None:
    changed: dict[UUID, set[UUID]] = {}
    for id_ in patients:
        for unit in units[id_]:
            changed.setdefault(unit, set()).add(id_)
    notifier.tell(by.org, changed)
