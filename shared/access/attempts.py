"""Verb: how often something may be tried from one address before it is shut there for a while.

Counted before it is tried and in PostgreSQL, so that many tries at once, or at many replicas, are
many tries. What succeeds is not held against anybody.
"""

import hashlib

import asyncpg

from shared.access import store
from shared.access.caller import TooManyRequests
from shared.database import Database

MOST = 5
LOG_INS = 20  # of a whole hospital behind one address
SECONDS = 600.0


def place(what: str, where: str) -> bytes:
    """Of an address only this is kept."""
    return hashlib.sha256(f"{what} {where}".encode()).digest()


async def count(database: Database, at: bytes, most: int = MOST) -> None:
    """One try. TooManyRequests."""
    async with database.transaction() as tx:
        number, left = await store.count_attempt(tx, at, SECONDS)
    if number > most:
        raise TooManyRequests(left)


async def succeeded(tx: asyncpg.Connection, at: bytes) -> None:
    await store.forget_attempt(tx, at)
