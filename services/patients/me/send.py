"""Verbs: what the patient sends from his own page, into the ledger like any app's.

Nothing is refused for good: what cannot be used is quarantined, where a person looks at it. The id
is made on the phone, so that a sending that was cut off may be sent again and counts once.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.patients import look
from services.patients.look import Looker
from services.patients.me import mine, watched
from services.patients.measured import attach
from shared import (
    attachments,
    crisis,
    entered,
    exact,
    form_answers,
    kinds,
    ledger,
    messages,
    values,
)
from shared.contracts import Alarm, Code, Crisis, Draft, Item, ItemError, Result, Watch
from shared.database import Database
from shared.filing import Desk
from shared.form_answers import Forms
from shared.ledger import Answer


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing on its way. `sent` holds kind and values, questionnaire and answers, or a text."""

    id: UUID
    at: datetime
    sent: Mapping[str, Any]
    replaces: UUID | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """`received` is a promise: the ledger has it. That somebody has seen it is told elsewhere."""

    id: str
    result: Result
    received: datetime
    errors: tuple[ItemError, ...]
    watch: Watch
    crisis: Crisis | None


def sender(patient_id: UUID) -> str:
    return f"patient:{patient_id}"


def fact_id(org: str, patient_id: UUID, message: UUID) -> UUID:
    """The fact that a message of the patient's became."""
    return ledger.fact_id(org, sender(patient_id), str(message))


async def send(
    database: Database, looker: Looker, wanted: Sequence[Wanted], forms: Forms, now: datetime
) -> list[Receipt]:
    return await _append(database, looker, [item(one, forms) for one in wanted], now)


async def send_photo(
    database: Database,
    desk: Desk,
    looker: Looker,
    wanted: Wanted,
    file: bytes,
    now: datetime,
) -> Receipt:
    """Raises filing.FileNotTaken, filing.TooManyAttachments, attach.AttachmentIsNotUsable."""
    patient_id = mine.whose(looker)
    kept = await desk.keep(looker.org, sender(patient_id), file, now)
    kind = str(wanted.sent["kind"])
    if errors := attachments.errors(kind, kept):
        raise attach.AttachmentIsNotUsable(errors)
    around = {"entered": "manual", **{k: v for k, v in wanted.sent.items() if k != "kind"}}
    draft = attachments.draft(kind, str(wanted.id), kept, around)
    return (
        await _append(
            database,
            looker,
            [
                _item(wanted, (draft,), []),
            ],
            now,
        )
    )[0]


def item(wanted: Wanted, forms: Forms) -> Item:
    """Pure: the message as a decoder of the intake would read it."""
    if "questionnaire" in wanted.sent:
        return _answers(wanted, forms)
    if "text" in wanted.sent:
        return _message(wanted)
    errors: list[ItemError] = []
    drafts: tuple[Draft, ...] = ()
    kind = kinds.CATALOGUE.get(str(wanted.sent.get("kind")))
    if kind is None:
        errors.append(ItemError("kind", Code.UNKNOWN_KIND))
    else:
        reading = values.read(kind, wanted.sent.get("values") or {})
        errors += [ItemError(values.path("values", name), code) for name, code in reading.faults]
        if not errors:
            body = {"v": 1, "entered": "manual"}
            if wanted.replaces is not None:
                body["corrects"] = str(wanted.replaces)
            drafts = entered.drafts(kind, reading, body, str(wanted.id))
    return _item(wanted, drafts, errors)


def _message(wanted: Wanted) -> Item:
    photos = [UUID(str(one)) for one in wanted.sent.get("photos") or ()]
    draft = messages.from_patient(
        str(wanted.id), str(wanted.sent["text"]), {"entered": "manual"}, photos
    )
    return _item(wanted, (draft,), [])


def _answers(wanted: Wanted, forms: Forms) -> Item:
    errors: list[ItemError] = []
    drafts, alarm = form_answers.of_json(
        wanted.sent, str(wanted.id), {"entered": "manual"}, forms, errors
    )
    return _item(wanted, drafts, errors, alarm)


def _item(
    wanted: Wanted, drafts: tuple[Draft, ...], errors: list[ItemError], alarm: Alarm | None = None
) -> Item:
    told = {
        "id": str(wanted.id),
        "at": wanted.at.isoformat(),
        "replaces": str(wanted.replaces) if wanted.replaces else None,
        **wanted.sent,
        **({"facts": [one.body for one in drafts]} if "kind" in wanted.sent else {}),
    }
    raw = exact.canonical(told)
    return Item(
        message_id=str(wanted.id),
        content=hashlib.sha256(raw).digest(),
        raw=raw,
        media_type="application/json",
        drafts=drafts,
        at=wanted.at,
        clock="synced",
        how="correction" if wanted.replaces else None,
        replaces=str(wanted.replaces) if wanted.replaces else None,
        errors=tuple(errors),
        alarm=alarm,
    )


async def _append(
    database: Database, looker: Looker, items: Sequence[Item], now: datetime
) -> list[Receipt]:
    patient_id = mine.whose(looker)
    async with look.opened(database, looker, patient_id, "readings", changes=True) as seen:
        answers = await ledger.append_as_patient(
            seen.tx, seen.org, patient_id=patient_id, items=items
        )
        watch = await watched.watch(seen.tx, seen.org, patient_id, now)
    return [_receipt(one, answer, watch) for one, answer in zip(items, answers, strict=True)]


def _receipt(item: Item, answer: Answer, watch: Watch) -> Receipt:
    said = crisis.told(item.alarm, watch)
    return Receipt(item.message_id, answer.result, answer.received_at, answer.errors, watch, said)
