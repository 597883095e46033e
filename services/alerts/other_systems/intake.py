"""Verbs: how a connection fares, for whoever looks after it. Nothing of any patient."""

from dataclasses import dataclass
from typing import Any

import asyncpg

from services.alerts import store, telling
from services.alerts.other_systems import store_intake
from shared.database import Database

Json = dict[str, Any]

KINDS = ("system", "device")
FAULTS = 50
ANNOUNCED = 50
_PATHS = 5


class NoSuchSender(Exception):
    """There is no such connection"""


@dataclass(frozen=True, slots=True)
class Page:
    senders: list[Json]
    next: str | None


async def senders(
    database: Database,
    org: str,
    *,
    kinds: tuple[str, ...],
    after: str | None,
    limit: int,
    find: str | None = None,
) -> Page:
    async with database.transaction() as tx:
        now = await store.now(tx)
        rows = await store_intake.senders(
            tx, org, now, kinds=kinds, after=after, limit=limit + 1, find=find
        )
    shown = [_sender(row) for row in rows[:limit]]
    return Page(shown, shown[-1]["cred"] if len(rows) > limit else None)


async def failing(
    database: Database, org: str, *, kinds: tuple[str, ...], limit: int
) -> tuple[list[Json], bool]:
    """The worst first, and whether there are more."""
    async with database.transaction() as tx:
        now = await store.now(tx)
        rows = await store_intake.senders(
            tx, org, now, kinds=kinds, after=None, limit=limit + 1, failing=True
        )
    return [_sender(row) for row in rows[:limit]], len(rows) > limit


async def one(database: Database, org: str, cred: str) -> Json:
    """With its results of a week, its last 24 hours, its faults as samples, and what devices behind
    it announced that nobody has taken yet. NoSuchSender."""
    async with database.transaction() as tx:
        now = await store.now(tx)
        rows = await store_intake.senders(tx, org, now, kinds=(*KINDS, "app"), cred=cred, limit=1)
        if not rows:
            raise NoSuchSender
        results = await store_intake.results(tx, org, cred, now)
        hours = await store_intake.hours(tx, org, cred, now)
        faults = await store_intake.faults(tx, org, cred, FAULTS)
        announced = await store_intake.suggestions(tx, org, cred, ANNOUNCED)
    return {
        **_sender(rows[0]),
        "results": [
            {
                **{name: row[name] for name in ("kind", "result", "code")},
                "number": int(row["number"]),
                "last_at": telling.iso(row["last_at"]),
            }
            for row in results
        ],
        "hours": [
            {"hour": telling.iso(row["hour"]), "number": int(row["number"])} for row in hours
        ],
        "faults": [_fault(row) for row in faults],
        "suggestions": [
            {**dict(row), "id": str(row["id"]), "last_at": telling.iso(row["last_at"])}
            for row in announced
        ],
    }


def _sender(row: asyncpg.Record) -> Json:
    return {
        **{name: row[name] for name in ("cred", "kind", "label")},
        "last_at": telling.iso(row["last_at"]),
        "revoked_at": telling.iso(row["revoked_at"]),
        **{name: int(row[name] or 0) for name in ("hour", "day", "set_aside", "refused")},
        "waiting": int(row["waiting"]),
    }


def _fault(row: asyncpg.Record) -> Json:
    return {
        "code": row["code"],
        "paths": [one["path"] for one in row["errors"] or ()][:_PATHS],
        "number": int(row["number"]),
        "last_at": telling.iso(row["last_at"]),
        "last": str(row["last"]),
    }
