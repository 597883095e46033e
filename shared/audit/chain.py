"""Pure: what makes a row of the audit trail, or a day of it, impossible to change unseen.

Each row has a digest; a day's root is over them in order; a day's digest is over its root and the
day before. Who can write to the database could make it all anew, except what was taken outside.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date
from uuid import UUID

from shared.audit.event import Event

BEGINNING = bytes(32)
LEAF = 16  # bytes of id, and of digest


@dataclass(frozen=True, slots=True)
class Sealed:
    """A day of one organisation."""

    rows: int
    leaves: bytes
    root: bytes
    previous: bytes
    digest: bytes


def leaf(event: Event) -> bytes:
    """The row's id and half a SHA-256 over everything in it."""
    parts = [
        event.org, event.at.astimezone(UTC).isoformat(), str(event.id), event.by, event.role,
        event.hpr, [str(one) for one in event.units],
        str(event.on_behalf) if event.on_behalf else None,
        [str(one) for one in event.patients], event.what, event.why, event.outcome, event.about,
        event.address, event.door, event.request_id, event.times,
    ]  # fmt: skip
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return event.id.bytes + hashlib.sha256(text.encode()).digest()[:LEAF]


def seal(org: str, day: date, leaves: bytes, previous: bytes) -> Sealed:
    rows = len(leaves) // (2 * LEAF)
    root = hashlib.sha256(leaves).digest()
    return Sealed(rows, leaves, root, previous, digest(org, day, rows, root, previous))


def digest(org: str, day: date, rows: int, root: bytes, previous: bytes) -> bytes:
    text = f"hjemvakt audit|{org}|{day.isoformat()}|{rows}|"
    return hashlib.sha256(text.encode() + root + previous).digest()


def pairs(leaves: bytes) -> Iterator[tuple[UUID, bytes]]:
    for at in range(0, len(leaves), 2 * LEAF):
        yield UUID(bytes=leaves[at : at + LEAF]), leaves[at + LEAF : at + 2 * LEAF]


@dataclass(frozen=True, slots=True)
class Fault:
    """What was found; `event` is the row, where it is one."""

    org: str
    day: date
    what: str
    event: UUID | None = None

    def __str__(self) -> str:
        row = f", row {self.event}" if self.event else ""
        return f"{self.org or 'nobody'}, {self.day.isoformat()}{row}: {self.what}"


def compare(org: str, day: date, sealed: bytes, found: bytes) -> list[Fault]:
    """The rows as they were sealed against the rows as they are."""
    was, now = dict(pairs(sealed)), dict(pairs(found))
    faults = [Fault(org, day, "has been deleted", one) for one in was if one not in now]
    faults += [Fault(org, day, "was written in afterwards", one) for one in now if one not in was]
    faults += [
        Fault(org, day, "has been changed", one)
        for one, value in was.items()
        if one in now and now[one] != value
    ]
    if not faults and sealed != found:
        faults.append(Fault(org, day, "the rows stand in another order"))
    return faults
