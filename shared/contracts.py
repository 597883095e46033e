"""What passes between the services: items as decoded, facts as stored, receipts as answered.

Additive only: a body of every version ever released must still parse (tests/contracts).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import msgspec

Json = Mapping[str, Any]


class Result(StrEnum):
    """What became of one item. Only a person rejects, so intake never says so. `ignored`: what only
    tells of the readings beside it (a Patient, a Device), and is nothing to store by itself."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CORRECTED = "corrected"
    VOIDED = "voided"
    QUARANTINED = "quarantined"
    IGNORED = "ignored"


class Code(StrEnum):
    """Why an item was quarantined: a closed list, each with a text for staff and for senders."""

    UNBOUND = "unbound"
    WHOSE = "whose"
    SUBJECT_MISMATCH = "subject-mismatch"
    UNKNOWN_SUBJECT = "unknown-subject"
    UNKNOWN_VERSION = "unknown-version"
    UNKNOWN_KIND = "unknown-kind"
    UNKNOWN_FIELD = "unknown-field"
    UNKNOWN_UCUM = "unknown-ucum"
    UNKNOWN_CODE = "unknown-code"
    MISSING_VALUE = "missing-value"
    BAD_ID = "bad-id"
    BAD_TIME = "bad-time"
    BAD_VALUE = "bad-value"
    IMPLAUSIBLE = "implausible"
    UNREADABLE = "unreadable"
    NOT_STORABLE = "not-storable"
    REVOKED = "revoked"
    TRANSACTION = "transaction"
    REJECTED = "rejected"  # by a person, whatever it waited for: only of a receipt


class Flag(StrEnum):
    """A doubt about a stored fact. A flag is shown; it never keeps a red from being raised."""

    CLOCK_SUSPECT = "clock_suspect"
    IDENTITY_UNCERTAIN = "identity_uncertain"
    ID_REUSED = "id-reused"
    LATE = "late"


# "administration": what a hospital's own register says of a person; "message": what patient and
# unit write to each other. Neither is ever judged.
Type = Literal[
    "reading", "answers", "attachment", "device-event", "administration", "message", "void"
]
Precision = Literal["instant", "day"]
Clock = Literal["synced", "set-by-user", "unknown", "none"]
How = Literal["correction", "void"]


class ItemError(msgspec.Struct, frozen=True, gc=False):
    """Where in the item (dotted path) and what kind of fault. Never the value itself."""

    path: str
    code: Code


class Subject(msgspec.Struct, frozen=True, gc=False):
    """Whom a FHIR resource says it is about: our own id, or a number in an identifier system."""

    patient_id: UUID | None = None
    system: str | None = None
    value: str | None = None


class Draft(msgspec.Struct, frozen=True, gc=False):
    """One fact as decoded, before the ledger has decided whose it is.

    `body` holds canonical values; part 0 is the item itself, later parts were split from it
    (a cuff's pulse), always in the catalogue's order so that their ids are the same on a resend.
    """

    type: Type
    kind: str
    body: Json


class Alarm(msgspec.Struct, frozen=True, gc=False):
    """Answers that are red by themselves, by linkId: never the answers. `harm`: of oneself."""

    form: str
    items: tuple[str, ...]
    harm: bool


@dataclass(slots=True)  # not frozen, which would triple the time to make one
class Item:
    """One message item as a decoder read it. With `errors` it will be quarantined, raw kept.

    `content` is the sha-256 of the canonical parsed item: key order and number spelling do not
    matter. `replaces` is the sender's id of the item that this one corrects or withdraws; `own_id`
    corrections (FHIR status amended, PUT) have `replaces == message_id`. `version` is the
    sender's own number of this version (FHIR meta.versionId) and `updated` when it was made, if it
    says so: the number decides which of two corrections stands, then the moment. `arrived` tells
    apart two versions of one resource that say the same of their age. `alarm` is read also of
    answers that cannot be used: quarantine keeps it, so that a red answer is never only set aside.
    `topic`: where a gateway said what no row of the table knows.
    """

    message_id: str
    content: bytes
    raw: bytes
    media_type: str
    drafts: tuple[Draft, ...] = ()
    at: datetime | None = None
    until: datetime | None = None
    precision: Precision = "instant"
    clock: Clock = "unknown"
    slot: str | None = None
    serial: str | None = None
    subject: Subject | None = None
    how: How | None = None
    replaces: str | None = None
    version: int | None = None
    updated: datetime | None = None
    arrived: datetime | None = None
    errors: tuple[ItemError, ...] = ()
    position: str = ""  # where in the sender's body: an array index or a FHIR fullUrl
    alarm: Alarm | None = None
    topic: str | None = None


class Watch(msgspec.Struct, frozen=True, gc=False):
    """Whether somebody watches the patient's unit now, until when, and when next. `followed` is
    false of a patient who is enrolled in nothing, or has died: nobody watches, and nobody will.
    """

    now: bool
    until: datetime | None = None
    next: datetime | None = None
    followed: bool = True


class Crisis(msgspec.Struct, frozen=True, gc=False):
    """What the sender's app shows at once after a red answer: words in three languages, whom to
    call, and whether anybody is there to read the answer now.
    """

    nb: str
    nn: str
    en: str
    numbers: tuple[Mapping[str, str], ...]
    watched_now: bool


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """The answer to one item, written only after its commit."""

    id: str
    result: Result
    received: datetime
    ref: str | None = None
    flags: tuple[str, ...] = ()
    errors: tuple[ItemError, ...] = ()
    watch: Watch = Watch(now=False)
    patient_id: UUID | None = None  # for the service itself; never sent
    crisis: Crisis | None = None


@dataclass(slots=True)  # not frozen: hundreds are made to judge one, and that triples the time
class Fact:
    """A fact as stored. Never changed; a later fact supersedes it.

    `origin` is the id it was first stored under: a fact filed again on another patient gets a new
    id and keeps its origin. Decisions have `kind` '' and their type's own body.
    """

    org: str
    id: UUID
    patient_id: UUID
    type: str
    kind: str
    at: datetime
    received_at: datetime
    source: str
    body: Json
    until: datetime | None = None
    precision: Precision = "instant"
    flags: frozenset[str] = frozenset()
    origin: UUID | None = None
