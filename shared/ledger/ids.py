"""Ids made from names: the same in every process, in SQL, and after a restore."""

import hashlib
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as QuickUUID

NOBODY = UUID(int=0)

# A message becomes at most this many facts: the item and what is split from it (kinds.toml).
PARTS = 2

# The seventh and ninth byte of a UUID of version 8, by what was there.
_VERSION = [bytes([byte & 0x0F | 0x80]) for byte in range(256)]
_VARIANT = [bytes([byte & 0x3F | 0x80]) for byte in range(256)]


def named_id(name: str) -> UUID:
    """UUID version 8 of a name: the same in every process, and after a restore."""
    # Half of a surrogate pair cannot be stored; PostgreSQL shall say so, for that one item.
    d = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return QuickUUID(d[:6] + _VERSION[d[6]] + d[7:8] + _VARIANT[d[8]] + d[9:16])


def fact_id(org: str, cred: str, message_id: str, part: int = 0, reuse: str = "") -> UUID:
    """Part 0 is the item, 1… what was split from it; never the place in the sender's array."""
    return named_id(f"{org}|{cred}|{message_id}|{reuse}|{part}")
