"""Verbs: photos and documents: shown, sent by staff, put right, withdrawn, answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.patients import look
from services.patients.look import Looker
from services.patients.measured import enter, release
from shared import attachments, entered, ledger, programmes
from shared.attachments import Answer
from shared.contracts import Code, Draft, Fact, ItemError
from shared.database import Database
from shared.filing import Desk
from shared.ledger import files
from shared.programmes import Programme

WHAT = "attachments"


class NoSuchAttachment(Exception):
    """There is no such photo or document here"""


class NothingToShow(Exception):
    """There is no small picture of this"""


class AttachmentIsNotUsable(Exception):
    """The file is not one of this kind, or cannot be read"""

    def __init__(self, errors: Iterable[ItemError]) -> None:
        super().__init__()
        self.members = {
            "errors": [{"path": one.path, "code": one.code.value} for one in errors],
        }


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment with what was promised and said about it."""

    fact: Fact
    answer_by: datetime | None
    answer: Answer | None


async def listed(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    known: Mapping[str, Programme],
    found: Iterable[Fact],
) -> list[Attached]:
    """With answers and promises. A promise is nothing any more once it has been kept."""
    slugs = await files.programmes_of(tx, org, patient_id)
    followed = [one for slug, one in known.items() if slug in slugs]
    decided = (await ledger.decisions(tx, org, [patient_id]))[patient_id]
    given = attachments.answers(decided)
    return [
        Attached(
            fact,
            programmes.answer_by(followed, f"{attachments.PREFIX}{fact.kind}", fact.received_at),
            attachments.answer_to(fact, given),
        )
        for fact in found
    ]


async def shown(
    database: Database, looker: Looker, fact_id: UUID, *, thumbnail: bool
) -> tuple[Fact, str, bytes]:
    """Media type and bytes. The look is written down before they leave. Whose it is shows only to
    whoever may see it: for everybody else there is no such attachment."""
    async with database.transaction() as tx:
        fact = await files.attachment(tx, looker.org, fact_id)
    if fact is None:
        raise NoSuchAttachment
    try:
        async with look.opened(database, looker, fact.patient_id, WHAT) as seen:
            # Withdrawn in between: then it is shown no more.
            if await files.attachment(seen.tx, seen.org, fact_id) is None:
                raise NoSuchAttachment
            file = await files.shown(seen.tx, seen.org, fact, thumbnail=thumbnail)
    except (look.NoSuchPatient, look.AnotherUnit):
        raise NoSuchAttachment from None
    if file is None:
        raise NothingToShow
    return fact, *file


async def held(database: Database, looker: Looker, item_id: UUID) -> tuple[str, bytes]:
    """What waits in quarantine, for whoever is to say whose it is. Not once it has been filed:
    then it is somebody's, and looked at there."""
    async with database.transaction() as tx:
        found = await ledger.quarantined(tx, looker.org, item=item_id, limit=1)
        if not found or not await release.may_open(tx, looker.caller, found[0]):
            raise NoSuchAttachment
        item = found[0]
        if item.patient_id is not None:
            await look.logged(tx, looker, [item.patient_id], WHAT)
        draft = next((one for one in item.drafts or () if one["type"] == attachments.TYPE), None)
        if draft is None:
            raise NoSuchAttachment
        sha256 = bytes.fromhex(draft["body"]["file"]["sha256"])
        file = await files.by_name(tx, looker.org, sha256, thumbnail=False)
    if file is None:
        raise NoSuchAttachment
    return file


async def send(
    database: Database,
    desk: Desk,
    looker: Looker,
    patient_id: UUID,
    *,
    kind: str,
    at: datetime,
    file: bytes,
    said: Mapping[str, Any],
    now: datetime,
) -> Fact:
    """A photo that staff took. Raises filing.FileNotTaken, filing.TooManyAttachments."""
    entered.must_have_been(at, now)
    # Nothing is kept for somebody who may not see the patient.
    async with look.opened(database, looker, patient_id, WHAT):
        pass
    kept = await desk.keep(looker.org, f"staff:{looker.by}", file, now)
    if errors := attachments.errors(kind, kept):
        raise AttachmentIsNotUsable(errors)
    message = entered.message_id(now)
    draft = attachments.draft(kind, message, kept, {"entered": "manual", **said})
    item = entered.item(message, (draft,), at, None)
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        return await enter.append(seen, item, None)


async def correct(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    fact_id: UUID,
    *,
    changes: Mapping[str, Any],
    reason: str,
    now: datetime,
) -> Fact:
    """Put right what was said of a file: `kind`, `at`, `site`, `note`. The file stays as it is."""
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        old = await _standing(seen.tx, seen.org, patient_id, fact_id)
        at, kind = changes.get("at") or old.at, changes.get("kind") or old.kind
        entered.must_have_been(at, now)
        of = attachments.KINDS.get(kind)
        if of is None or old.body["file"]["media_type"] not in of.takes:
            raise AttachmentIsNotUsable([ItemError("kind", Code.BAD_VALUE)])
        origin = old.origin or old.id
        said = {name: changes[name] for name in ("site", "note") if changes.get(name)}
        body = {**old.body, **said, "corrects": str(origin), "reason": reason}
        draft = Draft(attachments.TYPE, kind, body)
        item = entered.item(entered.message_id(now), (draft,), at, old.until, "correction", origin)
        return await enter.append(seen, item, origin)


async def withdraw(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    fact_id: UUID,
    *,
    reason: str,
    now: datetime,
) -> None:
    """Of another patient, or nothing to keep. From the commit on nobody is shown it."""
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        old = await _standing(seen.tx, seen.org, patient_id, fact_id)
        origin = old.origin or old.id
        item = entered.item(entered.message_id(now), (), old.at, None, "void", origin, reason)
        await ledger.append_as_staff(
            seen.tx, seen.org, by=seen.by, patient_id=patient_id, items=[item], target=origin
        )


async def answer(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    fact_id: UUID,
    *,
    text: str,
) -> Answer:
    """Tell the patient what is thought of a photo. It answers those of its kind that came before
    it too: whoever looks at the last one sees what led there."""
    async with look.opened(database, looker, patient_id, WHAT, changes=True) as seen:
        at = await files.answer(seen.tx, seen.org, patient_id, fact_id, text, by=seen.by)
        if at is None:
            raise NoSuchAttachment
    return Answer(at, looker.by, text)


async def _standing(tx: asyncpg.Connection, org: str, patient_id: UUID, fact_id: UUID) -> Fact:
    fact = await entered.standing(tx, org, patient_id, fact_id)
    if fact.type != attachments.TYPE:
        raise NoSuchAttachment
    return fact
