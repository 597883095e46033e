"""An item on its way in: who vouches for it, what the SQL function is given, what it answers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from shared import moments
from shared.contracts import Code, Draft, Item, ItemError, Json, Result, Subject
from shared.ledger.ids import PARTS, fact_id

_RESULTS = {result.value: result for result in Result}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who vouches for an item: a credential, a member of staff as `staff:<id>`, or the patient on
    his own page as `patient:<id>`."""

    cred: str
    names_its_subject: bool = False  # not a device: the subject decides, not a binding


class Entry(NamedTuple):
    sender: Sender
    item: Item


@dataclass(slots=True)  # not frozen, which would triple the time to make one
class Answer:
    position: int
    result: Result
    fact_id: UUID | None
    patient_id: UUID | None
    unit_id: UUID | None
    received_at: datetime
    flags: tuple[str, ...]
    errors: tuple[ItemError, ...]


def columns(
    org: str,
    entries: Sequence[Entry],
    hashed: Callable[[str, str], bytes] | None,
    target: UUID | None,
) -> tuple[list[Any] | None, ...]:
    """The arguments of the function in SQL: arrays of items, then of their facts."""
    items = [item for _, item in entries]
    creds = [sender.cred for sender, _ in entries]
    is_usual = target is None and all(map(_is_usual, entries))
    ids: list[UUID | None] = []
    f_item: list[int] = []
    f_id: list[UUID] = []
    f_type: list[str] = []
    f_kind: list[str] = []
    f_body: list[Json] = []
    for position, (cred, item) in enumerate(zip(creds, items, strict=True), start=1):
        reuse = _reuse(item)
        ids.append(None)
        for part, draft in enumerate(_drafts(item)):
            made = fact_id(org, cred, item.message_id, part, reuse)
            if part == 0:
                ids[-1] = made
            f_item.append(position)
            f_id.append(made)
            f_type.append(draft.type)
            f_kind.append(draft.kind)
            f_body.append(draft.body)
    return (
        creds,
        [sender.names_its_subject for sender, _ in entries],
        [item.message_id for item in items],
        [item.content for item in items],
        [item.raw for item in items],
        [item.at for item in items],
        [item.clock == "synced" for item in items],
        ids,
        [item.serial for item in items] if is_usual else None,
        None
        if is_usual
        else [extra_of(org, sender, item, hashed, target) for sender, item in entries],
        f_item,
        f_id,
        f_type,
        f_kind,
        f_body,
    )


def sound(entry: Entry) -> Entry:
    """The entry, or one that waits for a person where its moments are outside the calendar:
    nobody whose record holds such a one could be judged."""
    item = entry.item
    if (item.at is None or moments.is_sound(item.at)) and (
        item.until is None or moments.is_sound(item.until)
    ):
        return entry
    errors = (*item.errors, ItemError("at", Code.BAD_TIME))
    return Entry(entry.sender, replace(item, at=None, until=None, drafts=(), errors=errors))


def _is_usual(entry: Entry) -> bool:
    """A device's reading of which there is nothing to say but its serial number."""
    sender, item = entry
    return (
        not sender.names_its_subject
        and item.at is not None
        and item.how is None
        and item.slot is None
        and item.subject is None
        and item.until is None
        and item.clock != "none"
        and item.precision == "instant"
        and item.media_type == "application/json"
        and not item.errors
        and item.alarm is None
    )


def _reuse(item: Item) -> str:
    """What goes into the ids of an item with own_id, which is never the first of its name."""
    return item.content.hex() if item.how is not None and item.replaces == item.message_id else ""


def _drafts(item: Item) -> tuple[Draft, ...]:
    # A withdrawal makes no fact, but what it withdraws must name it.
    return item.drafts or ((Draft("void", "", {}),) if item.how == "void" else ())


def extra_of(
    org: str,
    sender: Sender,
    item: Item,
    hashed: Callable[[str, str], bytes] | None,
    target: UUID | None = None,
) -> Json | None:
    """What most items lack: slot, serial, subject, correction, fault. Kept with quarantine."""
    extra: dict[str, Any] = {}
    if item.slot is not None:
        extra["slot"] = item.slot
    if item.serial is not None:
        extra["serial"] = item.serial
    if item.subject is not None:
        extra["subject"] = _subject(item.subject, hashed)
    if item.until is not None:
        extra["until"] = item.until.isoformat()
    if item.precision != "instant":
        extra["precision"] = item.precision
    if item.clock == "none":
        extra["clock_none"] = True
    if item.media_type != "application/json":
        extra["media"] = item.media_type
    if item.alarm is not None:
        alarm = item.alarm
        extra["alarm"] = {"form": alarm.form, "items": list(alarm.items), "harm": alarm.harm}
    if item.topic is not None:
        extra["topic"] = item.topic
    if item.errors:
        extra["code"] = item.errors[0].code.value
        extra["errors"] = [{"path": e.path, "code": e.code.value} for e in item.errors]
    if item.how is not None:
        extra["how"] = item.how
        extra["rank"] = rank(item)
        if item.replaces == item.message_id:
            extra["own_id"] = True
        elif item.how == "void" and target is None:
            extra["of"] = item.replaces
        extra["targets"] = (
            [str(target)]
            if target is not None
            else [
                str(fact_id(org, sender.cred, item.replaces or item.message_id, part))
                for part in range(PARTS)
            ]
        )
    return extra or None


def drafts_of(org: str, cred: str, item: Item) -> list[dict[str, Any]]:
    """The item's facts as quarantine keeps them, each with the id it will have."""
    reuse = _reuse(item)
    return [
        {
            "id": str(fact_id(org, cred, item.message_id, part, reuse)),
            "type": draft.type,
            "kind": draft.kind,
            "body": draft.body,
        }
        for part, draft in enumerate(_drafts(item))
    ]


def _subject(subject: Subject, hashed: Callable[[str, str], bytes] | None) -> Json:
    if subject.patient_id is not None:
        return {"id": str(subject.patient_id)}
    if subject.system and subject.value and hashed is not None:
        return {"hash": hashed(subject.system, subject.value).hex()}
    return {}


def rank(item: Item) -> str:
    """Which of several corrections of one fact stands: a withdrawal, then the sender's version
    (its number, then its moment), then the greater message id; of one id, the later arrival."""
    strength = 2 if item.how == "void" else 1
    version = f"{item.version or 0:020d}"
    if item.updated is not None:  # behind a sign above "|": a version that tells its moment wins
        version += f"~{_moment(item.updated)}"
    arrived = _moment(item.arrived) if item.arrived is not None else ""
    # After the id a character below all others, so that a longer id is greater than its beginning.
    return f"{strength}|{version}|{item.message_id}\x01{arrived}{item.content.hex()}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def answer_of(row: asyncpg.Record) -> Answer:
    position, result, fact, patient_id, unit_id, received_at, flags, errors = row
    return Answer(
        position, _RESULTS[result], fact, patient_id, unit_id, received_at,
        tuple(flags) if flags else (), errors_of(errors) if errors else (),
    )  # fmt: skip


def errors_of(rows: Iterable[Mapping[str, str]] | None) -> tuple[ItemError, ...]:
    """What was read again and released has an entry without a code: nothing is wrong any more."""
    return tuple(ItemError(row["path"], Code(row["code"])) for row in rows or () if row["code"])
