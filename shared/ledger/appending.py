"""Append: a batch of one organisation is stored whole, or it is halved down to the bad item."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from shared import exact
from shared.contracts import Code, Item, ItemError, Subject
from shared.database import Source
from shared.ledger.items import Answer, Entry, Sender, answer_of, columns, errors_of
from shared.ledger.waking import wake

log = structlog.get_logger()

DEFINITE = ("22", "23", "54")  # SQLSTATE classes a resend would meet again
PASSING = ("40001", "40P01")
LONGEST_ID = 1000  # bytes; with the rest of its key it has to fit in an index


class NotIndivisible(Exception):
    """One entry of the transaction cannot be stored, so nothing was"""

    def __init__(self, answers: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.errors = errors_of(answers[0]["errors"] if answers else ())
        self.position: int = answers[0]["position"] if answers else 1  # of the entry, from 1


_APPEND = f"select * from ledger.append({', '.join(f'${n}' for n in range(1, 19))})"


async def append(
    connection: asyncpg.Connection,
    org: str,
    entries: Sequence[Entry],
    *,
    hashed: Callable[[str, str], bytes] | None = None,
    indivisible: bool = False,
    target: UUID | None = None,
    waking: bool = False,
) -> list[Answer]:
    """Store a batch of one organisation: everything, or an error and nothing.

    `hashed` makes the keyed hash by which a subject's (system, number) is looked up. `target` is
    the origin that a member of staff corrects or withdraws. `waking` wakes the consumers in the
    same commit, at most once per 10 ms as `wake` does. Raises NotIndivisible.
    """
    arguments = columns(org, entries, hashed, target)
    try:
        rows = await connection.fetch(_APPEND, org, *arguments, indivisible, waking)
    except asyncpg.PostgresError as error:
        if error.sqlstate == "HJ001":
            raise NotIndivisible(exact.decode((error.detail or "[]").encode())) from None
        raise
    answers = [answer_of(row) for row in rows]
    if any(one.position != n for n, one in enumerate(answers, start=1)):
        answers.sort(key=attrgetter("position"))
    return answers


async def append_whatever_comes(
    database: Source,
    org: str,
    entries: Sequence[Entry],
    *,
    hashed: Callable[[str, str], bytes] | None = None,
    waking: bool = False,
) -> list[Answer]:
    """Append a batch; one that cannot be stored is halved down to the item, which is quarantined.

    Otherwise one bad item among a hundred would keep the other 99 away and be resent for ever.
    """
    for attempt in range(5):
        try:
            async with database.connection() as connection:
                return await append(connection, org, entries, hashed=hashed, waking=waking)
        except asyncpg.PostgresError as error:
            state = error.sqlstate or ""
            if state in PASSING and attempt < 4:
                await asyncio.sleep(0.01 * 2**attempt)
                continue
            if not state.startswith(DEFINITE):
                raise
            if len(entries) == 1:
                break
            middle = len(entries) // 2
            first, rest = [
                await append_whatever_comes(database, org, half, hashed=hashed, waking=waking)
                for half in (entries[:middle], entries[middle:])
            ]
            return first + [replace(a, position=a.position + middle) for a in rest]
    entry = entries[0]
    log.warning("An item could not be stored and is quarantined.", org=org, cred=entry.sender.cred)
    bare = replace(
        entry.item,
        message_id=_storable_id(entry.item),
        drafts=(),
        at=None,
        until=None,
        slot=None,
        serial=None,
        subject=None,
        how=None,
        replaces=None,
        errors=(ItemError("", Code.NOT_STORABLE),),
    )
    async with database.connection() as connection:
        return await append(connection, org, [Entry(entry.sender, bare)], waking=waking)


def _storable_id(item: Item) -> str:
    """The message id, unless it is itself what cannot be stored: a key has to fit in an index."""
    try:
        fits = "\0" not in item.message_id and len(item.message_id.encode()) <= LONGEST_ID
    except UnicodeEncodeError:
        fits = False
    return item.message_id if fits else f"sha256:{item.content.hex()}"


async def append_as_staff(
    tx: asyncpg.Connection,
    org: str,
    *,
    by: str,
    patient_id: UUID,
    items: Sequence[Item],
    target: UUID | None = None,
) -> list[Answer]:
    """A reading entered by staff, or the correction or withdrawal of the fact with that origin."""
    sender = Sender(f"staff:{by}", names_its_subject=True)
    entries = [
        Entry(sender, replace(item, subject=Subject(patient_id=patient_id))) for item in items
    ]
    answers = await append(tx, org, entries, target=target)
    await wake(tx, org)
    return answers


async def append_as_patient(
    tx: asyncpg.Connection, org: str, *, patient_id: UUID, items: Sequence[Item]
) -> list[Answer]:
    """What the patient writes on his own page: like an app's, with ids that he may send twice. He
    corrects what he sent himself and nothing else, because a target's id is made from its sender.
    """
    sender = Sender(f"patient:{patient_id}", names_its_subject=True)
    subject = Subject(patient_id=patient_id)
    answers = await append(
        tx, org, [Entry(sender, replace(item, subject=subject)) for item in items]
    )
    await wake(tx, org)
    return answers
