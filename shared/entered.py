"""What staff enter, correct or withdraw: how the fact is made and appended, whichever page or door
it was entered by.

What was sent before stays on file; a new fact takes its place, or takes it away.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from shared import exact, kinds, ledger, values
from shared.contracts import Code, Draft, Fact, How, Item

AHEAD = timedelta(minutes=5)  # a wall clock in an office is not more wrong than this
NEAR = timedelta(days=1)
KEPT = ("context", "split_from", "message", "device")  # of a corrected reading's body


class NoSuchReading(Exception):
    """The patient has no such reading"""


class ReadingHasChanged(Exception):
    """This reading has been corrected, withdrawn or filed elsewhere in the meantime"""


class ReadingIsInTheFuture(Exception):
    """A reading cannot have been taken in the future"""


class ReadingIsNotUsable(Exception):
    """The values are not those of this kind of reading"""

    def __init__(self, faults: Sequence[tuple[str, Code]] = ()) -> None:
        super().__init__()
        self.members = {
            "errors": [
                {"path": f"values.{name}" if name else "values", "code": code.value}
                for name, code in faults
            ]
        }


def must_have_been(at: datetime, now: datetime) -> None:
    if at > now + AHEAD:
        raise ReadingIsInTheFuture


def kind_of(name: str) -> kinds.Kind:
    kind = kinds.CATALOGUE.get(name)
    if kind is None:
        raise ReadingIsNotUsable([("", Code.UNKNOWN_KIND)])
    return kind


def read(of: kinds.Kind, sent: Mapping[str, Any]) -> values.Reading:
    reading = values.read(of, sent)
    if reading.faults:
        raise ReadingIsNotUsable(reading.faults)
    return reading


def drafts(
    of: kinds.Kind, reading: values.Reading, body: Mapping[str, Any], message: str
) -> tuple[Draft, ...]:
    """The item itself and what is split from it, in the catalogue's order."""
    names = [None, *(name for name in of.split if name in reading.values)]
    made = []
    for name, (kind, part) in zip(names, values.parts(of, reading), strict=True):
        own = {"message": message} if name is None else {
            "message": f"{message}#{name}", "split_from": of.name,
        }  # fmt: skip
        made.append(Draft("reading", kind, {**body, **own, **measured(part)}))
    return tuple(made)


def corrected(
    old: Fact, of: kinds.Kind, sent: Mapping[str, Any], said: Mapping[str, Any]
) -> tuple[Draft, ...]:
    """What takes the place of `old`: of the same kind, and knowing what it corrects. `said` is
    what the body keeps besides: a reason, a note."""
    reading = read(of, sent)
    # The pulse a cuff took has become a reading of its own, and is corrected as one.
    if apart := [name for name in of.split if name in reading.values]:
        raise ReadingIsNotUsable([(name, Code.UNKNOWN_FIELD) for name in apart])
    kept = {key: old.body[key] for key in KEPT if key in old.body}
    about = {"entered": "manual", **kept, **said, "corrects": str(old.origin or old.id)}
    return (Draft("reading", of.name, {"v": 1, **about, **measured(reading)}),)


def measured(reading: values.Reading) -> dict[str, Any]:
    original = {"original": reading.original} if reading.original else {}
    return {"values": reading.values, **original}


def item(
    message: str,
    drafts: tuple[Draft, ...],
    at: datetime,
    until: datetime | None,
    how: How | None = None,
    origin: UUID | None = None,
    reason: str | None = None,
) -> Item:
    told = {
        "id": message,
        "at": at.isoformat(),
        "facts": [{"kind": draft.kind, "body": draft.body} for draft in drafts],
        "how": how,
        "replaces": str(origin) if origin else None,
        "reason": reason,
    }
    raw = exact.canonical(told)
    return Item(
        message_id=message,
        content=hashlib.sha256(raw).digest(),
        raw=raw,
        media_type="application/json",
        drafts=drafts,
        at=at,
        until=until,
        clock="synced",
        how=how,
        replaces=str(origin) if origin else None,
    )


def message_id(now: datetime) -> str:
    # Begins with the time: of two corrections of one reading the later one stands.
    return f"{now:%Y%m%dT%H%M%S%f}-{uuid4().hex}"


async def standing(tx: asyncpg.Connection, org: str, patient_id: UUID, fact_id: UUID) -> Fact:
    """A reading of this patient that is in force. NoSuchReading, ReadingHasChanged."""
    known = [one for one in await ledger.read(tx, org, [fact_id]) if one.patient_id == patient_id]
    if not known:
        raise NoSuchReading
    in_force = await ledger.in_force(tx, org, [(known[0].id, known[0].at)])
    if not in_force:
        raise ReadingHasChanged
    return in_force[0]


async def split_from(tx: asyncpg.Connection, org: str, old: Fact) -> list[UUID]:
    """The origins of what the same measurement became besides, and is in force: the pulse that the
    cuff took with the pressure. A part that staff gave another time stands within a day of it."""
    [first] = await ledger.read(tx, org, [old.origin or old.id])
    near = await ledger.facts(
        tx, org, old.patient_id, types=["reading"], since=first.at - NEAR, until=first.at + NEAR
    )
    parts = [
        one.origin or one.id
        for one in near
        if one.body.get("split_from") == old.kind and _message(one) == _message(first)
    ]
    # A message's id is its sender's own: two devices may both have a "17".
    return (
        [one.id for one in await ledger.read(tx, org, parts) if one.source == first.source]
        if parts
        else []
    )


def _message(fact: Fact) -> str:
    return str(fact.body.get("message", fact.id)).partition("#")[0]


async def append(
    tx: asyncpg.Connection, org: str, by: str, patient_id: UUID, sent: Item, target: UUID | None
) -> UUID:
    """The new fact's id. A withdrawal answers with the id that it takes. ReadingIsNotUsable."""
    [answer] = await ledger.append_as_staff(
        tx, org, by=by, patient_id=patient_id, items=[sent], target=target
    )
    if answer.fact_id is None:
        raise ReadingIsNotUsable([(error.path, error.code) for error in answer.errors])
    return answer.fact_id
