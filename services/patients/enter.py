"""Verbs: a reading that staff enter (phoned in), and the correction or withdrawal of one."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.patients import look
from services.patients.look import Looker, Opened
from shared import exact, fhir, form_answers, kinds, ledger, values
from shared.contracts import Code, Draft, Fact, Item, ItemError
from shared.database import Database
from shared.form_answers import Forms

AHEAD = timedelta(minutes=5)  # a wall clock in an office is not more wrong than this


class NoSuchReading(Exception):
    """The patient has no such reading"""


class ReadingHasChanged(Exception):
    """This reading has been corrected, withdrawn or filed elsewhere in the meantime"""


class ReadingIsInTheFuture(Exception):
    """A reading cannot have been taken in the future"""


class ReadingIsNotUsable(Exception):
    """The values are not those of this kind of reading"""

    def __init__(self, faults: list[tuple[str, Code]]) -> None:
        super().__init__()
        self.members = {
            "errors": [
                {"path": f"values.{name}" if name else "values", "code": code.value}
                for name, code in faults
            ]
        }


class AnswersAreNotUsable(Exception):
    """The answers are not those that the form offers"""

    def __init__(self, errors: Sequence[ItemError]) -> None:
        super().__init__()
        self.members = {
            "errors": [{"path": one.path, "code": one.code.value} for one in errors],
        }


async def enter(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    kind: str,
    at: datetime,
    until: datetime | None,
    sent: Mapping[str, Any],
    said: Mapping[str, Any],
    now: datetime,
) -> Fact:
    """`sent` are the values, `said` what else the body keeps: context, note."""
    of = kinds.CATALOGUE.get(kind)
    if of is None:
        raise ReadingIsNotUsable([("", Code.UNKNOWN_KIND)])
    reading = _read(of, sent)
    must_have_been(at, now)
    message = message_id(now)
    drafts = drafts_of(of, reading, {"v": 1, "entered": "manual", **said}, message)
    item = made(message, drafts, at, until)
    async with look.opened(database, looker, patient_id, "readings", changes=True) as seen:
        fact = await append(seen, item, None)
    return fact


async def enter_answers(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    at: datetime,
    sent: Mapping[str, Any],
    said: Mapping[str, Any],
    forms: Forms,
    now: datetime,
) -> Fact:
    """A form that staff fill in: told over the telephone, or their own. `sent` names the
    questionnaire and holds the answers; they are held to the form as the intake holds them."""
    must_have_been(at, now)
    message = message_id(now)
    around = {"entered": "manual", **said}
    errors: list[ItemError] = []
    if form_answers.known_as(fhir.questionnaire_name(sent["questionnaire"])[0], forms) not in forms:
        errors.append(ItemError("questionnaire", Code.UNKNOWN_KIND))
    drafts, _ = form_answers.of_json(sent, message, around, forms, errors)
    if errors:
        raise AnswersAreNotUsable(errors)
    item = made(message, drafts, at, None)
    async with look.opened(database, looker, patient_id, "readings", changes=True) as seen:
        return await append(seen, item, None)


async def correct(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    fact_id: UUID,
    *,
    at: datetime | None,
    sent: Mapping[str, Any],
    said: Mapping[str, Any],
    now: datetime,
) -> Fact:
    """A new fact takes the place of a reading; what was sent stays readable."""
    if at is not None:
        must_have_been(at, now)
    async with look.opened(database, looker, patient_id, "readings", changes=True) as seen:
        old = await standing(seen.tx, seen.org, patient_id, fact_id)
        of = kinds.CATALOGUE.get(old.kind)
        if of is None or old.type != "reading":
            raise ReadingIsNotUsable([("", Code.UNKNOWN_KIND)])
        reading = _read(of, sent)
        # The pulse a cuff took has become a reading of its own, and is corrected as one.
        if apart := [name for name in of.split if name in reading.values]:
            raise ReadingIsNotUsable([(name, Code.UNKNOWN_FIELD) for name in apart])
        kept = {key: old.body[key] for key in ("context", "split_from", "message", "device")
                if key in old.body}  # fmt: skip
        origin = old.origin or old.id
        body = {"v": 1, "entered": "manual", **kept, **said, "corrects": str(origin)}
        message = message_id(now)
        drafts = (Draft("reading", of.name, {**body, **_values(reading)}),)
        item = made(message, drafts, at or old.at, old.until, "correction", origin)
        fact = await append(seen, item, origin)
    return fact


async def void(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    fact_id: UUID,
    *,
    reason: str,
    now: datetime,
) -> None:
    """Withdraw a reading: nobody measured it, or not this patient. The original stays on file."""
    async with look.opened(database, looker, patient_id, "readings", changes=True) as seen:
        old = await standing(seen.tx, seen.org, patient_id, fact_id)
        origin = old.origin or old.id
        item = made(message_id(now), (), old.at, None, "void", origin, reason)
        await ledger.append_as_staff(
            seen.tx, seen.org, by=seen.by, patient_id=patient_id, items=[item], target=origin
        )


async def standing(tx: asyncpg.Connection, org: str, patient_id: UUID, fact_id: UUID) -> Fact:
    """A reading of this patient that is in force. NoSuchReading, ReadingHasChanged."""
    known = [f for f in await ledger.read(tx, org, [fact_id]) if f.patient_id == patient_id]
    if not known:
        raise NoSuchReading
    in_force = await ledger.in_force(tx, org, [(known[0].id, known[0].at)])
    if not in_force:
        raise ReadingHasChanged
    return in_force[0]


async def append(seen: Opened, item: Item, target: UUID | None) -> Fact:
    answers = await ledger.append_as_staff(
        seen.tx, seen.org, by=seen.by, patient_id=seen.patient.id, items=[item], target=target
    )
    fact_id = answers[0].fact_id
    if fact_id is None:
        raise ReadingIsNotUsable([(error.path, error.code) for error in answers[0].errors])
    return (await ledger.read(seen.tx, seen.org, [fact_id]))[0]


def _read(of: kinds.Kind, sent: Mapping[str, Any]) -> values.Reading:
    reading = values.read(of, sent)
    if reading.faults:
        raise ReadingIsNotUsable(reading.faults)
    return reading


def drafts_of(
    of: kinds.Kind, reading: values.Reading, body: Mapping[str, Any], message: str
) -> tuple[Draft, ...]:
    """The item itself and what is split from it, in the catalogue's order."""
    apart = [name for name in of.split if name in reading.values]
    names = [None, *apart]
    drafts = []
    for name, (kind, part) in zip(names, values.parts(of, reading), strict=True):
        own = {"message": message} if name is None else {
            "message": f"{message}#{name}", "split_from": of.name,
        }  # fmt: skip
        drafts.append(Draft("reading", kind, {**body, **own, **_values(part)}))
    return tuple(drafts)


def _values(reading: values.Reading) -> dict[str, Any]:
    original = {"original": reading.original} if reading.original else {}
    return {"values": reading.values, **original}


def made(
    message: str,
    drafts: tuple[Draft, ...],
    at: datetime,
    until: datetime | None,
    how: Any = None,
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


def must_have_been(at: datetime, now: datetime) -> None:
    if at > now + AHEAD:
        raise ReadingIsInTheFuture
