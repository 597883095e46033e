"""Verb: the unit's side of a conversation with a patient: take it, say it is read, answer, close it
without an answer, hand it over.

The law: the patient's state row first; the version on the screen must be the version there is, or
nothing is written, so that an answer covers what was on the screen and nothing that came after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import reader, store, store_views
from services.alerts.care import answering, store_messages, telling_messages
from services.alerts.care.doing import TextMissing
from services.alerts.care.moves import UnknownAssignee
from services.alerts.care.moving import NotHandedToYou, NothingHandedOver, UnitMissing, UnknownUnit
from services.alerts.delivery import letting_know
from services.alerts.reader import NotYourUnit, Reader
from services.alerts.rows import letterbox
from services.alerts.views import Parts
from shared import attachments, entered, ledger, messages
from shared.contracts import Fact

Json = dict[str, Any]
WHAT = "messages"
MOST = 500  # messages of one conversation that a page shows


class What(StrEnum):
    READ = "read"
    ASSIGN = "assign"
    ANSWER = "answer"
    CLOSE = "close"
    HAND_OVER = "hand-over"
    ACCEPT = "accept"
    DECLINE = "decline"


# Of whom the patient sees that somebody has seen it: who answers or takes it has read it.
SEES = frozenset({What.READ, What.ANSWER, What.CLOSE, What.ACCEPT})


class ConversationHasMoved(Exception):
    """Something has been written or done since you saw it; nothing was saved"""

    def __init__(self, conversation: Json) -> None:
        super().__init__()
        self.members = {"conversation": conversation}


class NothingWaits(Exception):
    """No message of the patient's waits for an answer"""


class AnswerIsNotUsable(ValueError):
    """The answer cannot be sent as it is"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The move as asked for. `version` is the conversation's as it stood on the screen; 0: there is
    none. `id` is the answer's own, the same when it is sent again."""

    move: What
    version: int
    text: str | None = None
    note: str | None = None
    assignee: str | None = None
    unit: UUID | None = None
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it stands, with all that was written, oldest first."""

    patient_id: UUID
    row: asyncpg.Record | None
    facts: Sequence[Fact]
    kept: Mapping[UUID, asyncpg.Record]
    photos: Sequence[Fact]
    names: Mapping[UUID, Any]
    units: Mapping[UUID, asyncpg.Record]
    staff: Sequence[asyncpg.Record]
    now: datetime

    def json(self, by: Reader) -> Json:
        return telling_messages.conversation(self, by)


async def waiting(parts: Parts, by: Reader, *, unit: UUID | None = None) -> list[Json]:
    """NotYourUnit."""
    if unit is not None and unit not in by.units:
        raise NotYourUnit
    async with parts.database.transaction() as tx:
        told = await letterbox.lane(
            tx, by, [unit] if unit else sorted(by.units, key=lambda one: one.int)
        )
        await reader.note(tx, by, [UUID(one["patient"]["id"]) for one in told], WHAT)
    return told


async def read(parts: Parts, by: Reader, patient_id: UUID) -> Conversation:
    """NoSuchPatient, NotYourUnit, Locked, Blocked."""
    async with reader.opened(parts.database, by, patient_id, WHAT) as tx:
        return await _read(tx, by, patient_id)


async def _read(tx: asyncpg.Connection, by: Reader, patient_id: UUID) -> Conversation:
    facts = await ledger.facts(
        tx, by.org, patient_id, types=[messages.TYPE], newest_first=True, limit=MOST
    )
    named = {one for fact in facts for one in messages.photos(fact)}
    sent = [
        fact
        for fact in (await ledger.read(tx, by.org, sorted(named)) if named else [])
        if fact.patient_id == patient_id and fact.type == attachments.TYPE
    ]
    return Conversation(
        patient_id,
        await store_messages.conversation(tx, by.org, patient_id),
        facts[::-1],
        await store_messages.messages_of(tx, by.org, patient_id),
        sent,
        await store_views.names(tx, by.org, [patient_id]),
        await store_views.units(tx, by.org),
        await store_views.staff(tx, by.org),
        await store.now(tx),
    )


async def move(parts: Parts, by: Reader, patient_id: UUID, wanted: Wanted) -> Conversation:
    """The conversation after the move. ConversationHasMoved, and what the moves ask for."""
    async with reader.opened(parts.database, by, patient_id, WHAT) as tx:
        state = await store.lock_state(tx, by.org, patient_id)
        before = await store_messages.conversation(tx, by.org, patient_id)
        if state is None:
            raise reader.NoSuchPatient
        if wanted.move is What.ANSWER and await _was_sent(tx, by, patient_id, wanted):
            return await _read(tx, by, patient_id)
        if (before["version"] if before else 0) != wanted.version:
            conversation = await _read(tx, by, patient_id)
            raise reader.Shown(ConversationHasMoved(conversation.json(by)))
        now = await store.now(tx)
        after = await _after(tx, by, patient_id, before, wanted, now)
        line = _line(by, wanted, now)
        if wanted.move in SEES or (wanted.move is What.ASSIGN and wanted.assignee == by.id):
            await store_messages.see(tx, by.org, patient_id, by.id, by.name, now)
        if wanted.move is What.ANSWER:
            told = state.unit_id or after["unit_id"]
            line["fact"] = str(await _answer(tx, by, patient_id, told, wanted, now))
        if wanted.move is What.CLOSE:
            await store_messages.settle(tx, by.org, patient_id, by.id, by.name, "closed", None, now)
        await store_messages.save(tx, by.org, after, line)
        written = None
        if wanted.move in (What.ANSWER, What.CLOSE):
            written = await answering.answered(tx, by, state, parts.programmes, now)
        await reader.note(tx, by, [patient_id], WHAT, "changed")
        conversation = await _read(tx, by, patient_id)
    concerned = [after["unit_id"], after["offered_to"]]
    concerned += [before["unit_id"], before["offered_to"]] if before else []
    parts.notifier.tell(by.org, {unit: {patient_id} for unit in concerned if unit})
    if written is not None:
        parts.notifier.tell(by.org, written.units, written.told)
    return conversation


async def _was_sent(tx: asyncpg.Connection, by: Reader, patient_id: UUID, wanted: Wanted) -> bool:
    """This answer is there already: its receipt was lost on the way."""
    if wanted.id is None:
        return False
    fact_id = ledger.fact_id(by.org, f"staff:{by.id}", str(wanted.id))
    return any(one.patient_id == patient_id for one in await ledger.read(tx, by.org, [fact_id]))


async def _after(
    tx: asyncpg.Connection,
    by: Reader,
    patient_id: UUID,
    before: asyncpg.Record | None,
    wanted: Wanted,
    now: datetime,
) -> Json:
    units = await store_views.units(tx, by.org)
    if before is None:
        _, treating = await store_views.patient_units(tx, by.org, patient_id)
        mine = sorted(treating & by.units, key=lambda one: one.int)
        after: Json = {
            "patient_id": patient_id,
            "unit_id": mine[0] if mine else min(treating, key=lambda one: one.int),
            "assignee": None,
            "assignee_name": None,
            "assigned_at": None,
            "offered_to": None,
            "waiting_since": None,
        }
    else:
        after = dict(before)
    waits = after["waiting_since"] is not None
    match wanted.move:
        case What.READ:
            pass
        case What.ASSIGN:
            name = await _name_of(tx, by, wanted.assignee) if wanted.assignee else None
            after |= {
                "assignee": wanted.assignee or None,
                "assignee_name": name,
                "assigned_at": now if name else None,
            }
        case What.ANSWER:
            _must_say(wanted.text)
            after |= _nobodys()
        case What.CLOSE:
            if not waits:
                raise NothingWaits
            _must_say(wanted.note)
            after |= _nobodys()
        case What.HAND_OVER:
            if not waits:
                raise NothingWaits
            if wanted.unit is None:
                raise UnitMissing
            if wanted.unit not in units:
                raise UnknownUnit
            # Back to its own unit: what was offered is withdrawn.
            after["offered_to"] = wanted.unit if wanted.unit != after["unit_id"] else None
        case What.ACCEPT | What.DECLINE:
            if after["offered_to"] is None:
                raise NothingHandedOver
            if after["offered_to"] not in by.units:
                raise NotHandedToYou
            if wanted.move is What.ACCEPT:
                after |= {
                    "unit_id": after["offered_to"],
                    "assignee": by.id,
                    "assignee_name": by.name,
                    "assigned_at": now,
                }
            else:
                _must_say(wanted.note)
            after["offered_to"] = None
    return after


def _nobodys() -> Json:
    """What is settled is nobody's to answer, and offered to nobody."""
    nothing = ("assignee", "assignee_name", "assigned_at", "offered_to")
    return dict.fromkeys(nothing)


def _must_say(text: str | None) -> None:
    if not (text or "").strip():
        raise TextMissing


async def _name_of(tx: asyncpg.Connection, by: Reader, assignee: str) -> str:
    """Of somebody who treats patients."""
    for person in await store_views.staff(tx, by.org):
        if str(person["id"]) == assignee and person["role"] in ("nurse", "physician"):
            return str(person["name"])
    raise UnknownAssignee


async def _answer(
    tx: asyncpg.Connection,
    by: Reader,
    patient_id: UUID,
    unit_id: UUID,
    wanted: Wanted,
    now: datetime,
) -> UUID:
    """The unit's message as a fact, and all that waits answered by it."""
    message = str(wanted.id) if wanted.id else entered.message_id(now)
    kept = await store_messages.messages_of(tx, by.org, patient_id)
    waits = [id_ for id_, one in kept.items() if one["settled_at"] is None]
    draft = messages.from_unit(message, (wanted.text or "").strip(), by.name, sorted(waits))
    [answer] = await ledger.append_as_staff(
        tx,
        by.org,
        by=by.id,
        patient_id=patient_id,
        items=[entered.item(message, (draft,), now, None)],
    )
    if answer.fact_id is None:
        raise AnswerIsNotUsable
    await store_messages.settle(
        tx, by.org, patient_id, by.id, by.name, "answered", answer.fact_id, now
    )
    await letting_know.answered(tx, by.org, patient_id, unit_id, answer.fact_id, now)
    return answer.fact_id


def _line(by: Reader, wanted: Wanted, now: datetime) -> Json:
    return {
        "move": str(wanted.move),
        "by": by.id,
        "by_name": by.name,
        "at": now,
        "note": wanted.note,
        "unit": str(wanted.unit) if wanted.unit else None,
        "assignee": wanted.assignee,
    }
