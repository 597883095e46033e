"""What waits for an answer, as a lane of the list: read in the transaction of the look at it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import store_views
from services.alerts.care import store_messages, store_shields, telling_messages
from services.alerts.reader import Reader

Json = dict[str, Any]


async def lane(tx: asyncpg.Connection, by: Reader, units: Sequence[UUID]) -> list[Json]:
    rows = await store_messages.waiting(tx, by.org, units)
    if not rows:
        return []
    ids = [row["patient_id"] for row in rows]
    shut = await store_shields.shut(tx, by.org, ids, by.id, emergency_counts=by.in_emergency)
    newest = [
        (row["newest"], row["newest_at"])
        for row in rows
        if row["newest"] and row["patient_id"] not in shut
    ]
    known = await store_views.units(tx, by.org)
    names = await store_views.names(tx, by.org, ids)
    words = await store_messages.words(tx, by.org, newest)
    return [
        telling_messages.waiting(row, known, names, words, by, shut.get(row["patient_id"]))
        for row in rows
    ]
