"""Verbs: seal each day that is over, find what was changed since, take the digests outside."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date

import asyncpg

from shared.audit import chain, store
from shared.audit.chain import Fault
from shared.database import Database
from shared.loop import Loop

EVERY = 600.0  # seconds
BATCH = 5000

Anchors = Mapping[tuple[str, date], bytes]


class Sealing(Loop):
    """Looks every ten minutes whether a day is over. Any replica may do it; one at a time does."""

    def __init__(self, database: Database) -> None:
        super().__init__("sealing", database, every=EVERY)

    async def turn(self) -> None:
        await seal_all(self._database)


async def seal_all(database: Database) -> int:
    """How many days were sealed."""
    async with database.connection() as connection:
        return await seal(connection)


async def seal(connection: asyncpg.Connection) -> int:
    sealed = 0
    for org, day in await store.unsealed(connection):
        async with connection.transaction():
            if not await store.lock_sealing(connection):
                return sealed
            before = await store.day_before(connection, org, day)
            previous = bytes(before["digest"]) if before else chain.BEGINNING
            made = chain.seal(org, day, await leaves(connection, org, day), previous)
            with contextlib.suppress(asyncpg.UniqueViolationError):  # another replica was quicker
                async with connection.transaction():
                    await store.seal(connection, org, day, asdict(made))
                sealed += 1
    return sealed


async def leaves(tx: asyncpg.Connection, org: str, day: date) -> bytes:
    return b"".join([chain.leaf(event) async for event in store.of_day(tx, org, day)])


async def verify(connection: asyncpg.Connection, anchors: Anchors | None = None) -> list[Fault]:
    """Every sealed day against its rows, the day before, and the digests that were kept outside."""
    faults: list[Fault] = []
    previous: dict[str, bytes] = {}
    known: dict[tuple[str, date], bytes] = {}
    for row in await store.days(connection):
        org, day = row["org"], row["day"]
        known[org, day] = bytes(row["digest"])
        if bytes(row["previous"]) != previous.get(org, chain.BEGINNING):
            faults.append(Fault(org, day, "does not follow the day before; one has been removed"))
        whole = chain.digest(org, day, row["rows"], row["root"], row["previous"])
        if whole != bytes(row["digest"]):
            faults.append(Fault(org, day, "the day's seal has been changed"))
        previous[org] = bytes(row["digest"])
        if row["leaves"] is None:
            continue
        kept = chain.seal(org, day, bytes(row["leaves"]), bytes(row["previous"]))
        if kept.root != bytes(row["root"]) or kept.rows != row["rows"]:
            faults.append(Fault(org, day, "the digests of the day's rows have been changed"))
        async with connection.transaction():
            found = await leaves(connection, org, day)
        faults += chain.compare(org, day, bytes(row["leaves"]), found)
    for (org, day), digest in (anchors or {}).items():
        if known.get((org, day)) != digest:
            faults.append(Fault(org, day, "is not as it was when its digest was taken outside"))
    return faults


async def expire(connection: asyncpg.Connection, before: date) -> int:
    """Delete what is older, in batches, only of sealed days. How many rows."""
    gone = 0
    while True:
        async with connection.transaction():
            now = await store.expire(connection, before, BATCH)
        gone += now
        if now < BATCH:
            break
    async with connection.transaction():
        await store.forget_leaves(connection, before)
    return gone


def anchors_of(lines: Sequence[Mapping[str, str]]) -> Anchors:
    return {
        (line["org"], date.fromisoformat(line["day"])): bytes.fromhex(line["digest"])
        for line in lines
    }
