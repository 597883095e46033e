"""Verb: whoever reads or moves something about a patient may do so, and it is written down first.

The law: the access-log row commits with, and before, what is shown. A refusal is written too.
"""

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.alerts import store_views
from services.alerts.care import store_shields
from services.alerts.judging import store_links
from services.alerts.judging.patient import PLATFORM
from shared import audit
from shared.access import Blocked, Caller, Locked, NotRelated, table
from shared.access.table import Reach
from shared.database import Database

TREATS = "treatment"  # as shared/access/table.py says it


class NoSuchPatient(Exception):
    """There is no such patient"""


class NotYourUnit(Exception):
    """The patient is followed by another unit"""


class NotYourGroup(Exception):
    """This is for the access group of another programme"""


REFUSALS = (NotYourUnit, Locked, Blocked)


class Shown(Exception):
    """A refusal that shows something: what was written, the log first, is kept."""

    def __init__(self, refusal: Exception) -> None:
        super().__init__()
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, in which request."""

    id: str
    name: str
    role: str
    org: str
    units: frozenset[UUID]
    request_id: str | None = None
    in_emergency: bool = False  # whether emergency access counts for what she does
    shut: frozenset[str] = frozenset()  # the sensitive programmes that are not open to her

    @classmethod
    def of(
        cls,
        caller: Caller,
        request_id: str | None = None,
        shut: frozenset[str] = frozenset(),
    ) -> "Reader":
        return cls(
            caller.id,
            caller.name,
            caller.role.value,
            caller.org,
            caller.units,
            request_id,
            in_emergency=caller.in_emergency,
            shut=shut,
        )


@contextlib.asynccontextmanager
async def opened(
    database: Database, reader: Reader, patient_id: UUID, what: str
) -> AsyncIterator[asyncpg.Connection]:
    """A transaction in which the patient may be read, or NoSuchPatient, NotYourUnit."""
    refusal: Exception | None = None
    try:
        async with database.transaction() as tx:
            why = await check(tx, reader, patient_id)
            await note(tx, reader, [patient_id], what, why=why)
            try:
                yield tx
            except Shown as shown:
                refusal = shown.refusal
    except REFUSALS:
        async with database.transaction() as tx:
            await note(tx, reader, [patient_id], what, "refused")
        raise
    if refusal is not None:
        raise refusal


async def check(tx: asyncpg.Connection, reader: Reader, patient_id: UUID) -> str:
    """Why the patient may be read. NoSuchPatient, NotYourUnit, Locked, Blocked."""
    if patient_id == PLATFORM:
        return TREATS
    known, units = await store_views.patient_units(tx, reader.org, patient_id)
    if not known and not units:
        raise NoSuchPatient
    standing = await store_shields.standing(
        tx, reader.org, patient_id, reader.id, treats=bool(units & reader.units)
    )
    try:
        why = table.why(Reach.UNIT, standing, emergency_counts=reader.in_emergency)
    except NotRelated:
        raise NotYourUnit from None
    return why if why.startswith("emergency:") or not standing.treats else TREATS


async def same_person(tx: asyncpg.Connection, reader: Reader, patient_id: UUID) -> list[UUID]:
    """The patient, and those linked with him whom this reader may read as well."""
    found = [patient_id]
    for other in await store_links.others(tx, reader.org, patient_id):
        with contextlib.suppress(NoSuchPatient, *REFUSALS):
            await check(tx, reader, other)
            found.append(other)
    return found


async def note(
    tx: asyncpg.Connection,
    reader: Reader,
    patient_ids: Iterable[UUID],
    what: str,
    outcome: audit.Outcome = "shown",
    *,
    why: str = TREATS,
) -> None:
    """One row, with every patient of a list; committed before the first byte."""
    who = audit.Who(reader.org, reader.id, reader.role, request_id=reader.request_id)
    await audit.note(
        tx, who, (id_ for id_ in patient_ids if id_ != PLATFORM), what, outcome, why=why
    )
