"""Verb: the rows of the list for the page, of which most were read and drawn before.

A body is read where nobody has read it since it was written, where the row must be drawn again,
and where something of it is shut for this reader; of the others it is known what they are about.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import store_views
from services.alerts.reader import Reader
from services.alerts.rows import drawn, neutral
from services.alerts.rows.drawn import Drawn, Key, Row

Json = dict[str, Any]


async def known(
    tx: asyncpg.Connection, kept: Drawn, org: str, bare: Iterable[asyncpg.Record]
) -> list[Json]:
    """Rows with what is known of their bodies, or the body itself where nothing is."""
    rows = [{**one, "body": kept.stored(org, one)} for one in bare]
    unread = [one for one in rows if one["body"] is None]
    await _read(tx, org, unread)
    for one in unread:
        kept.learn(org, one)
    return rows


async def drawn_before(
    tx: asyncpg.Connection,
    kept: Drawn,
    by: Reader,
    rows: Sequence[Json],
    *,
    shut: Collection[UUID],
    held: Mapping[UUID, Any],
    progress: Mapping[UUID, Sequence[Json]],
    behind: Mapping[UUID, Json],
    lang: str,
    now: datetime,
) -> dict[tuple[UUID, UUID], tuple[Key, Row | None]]:
    """By (unit, patient), for those that may be kept: under which key, and as they were drawn. All
    others get their bodies."""
    found: dict[tuple[UUID, UUID], tuple[Key, Row | None]] = {}
    unread = []
    for one in rows:
        patient = one["patient_id"]
        row = None
        if patient not in shut and neutral.row(one, by.shut) is one:
            beside = (held.get(patient), progress.get(patient, ()), behind.get(patient))
            key = drawn.key_of(by, one, *beside, lang)
            row = kept.find(key, now)
            found[one["unit_id"], patient] = (key, row)
        if row is None and "reason" not in one["body"]:
            unread.append(one)
    await _read(tx, by.org, unread)
    return found


async def _read(tx: asyncpg.Connection, org: str, rows: Sequence[Json]) -> None:
    bodies = await store_views.bodies(
        tx, org, [(one["unit_id"], one["patient_id"]) for one in rows]
    )
    for one in rows:
        one["body"] = bodies[one["unit_id"], one["patient_id"]]
