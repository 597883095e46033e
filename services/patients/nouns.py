"""What the record is made of, as plain values. The doors answer with these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from shared import audit
from shared.limits.nouns import From

CredentialKind = Literal["device", "app", "system"]
Shows = Literal["secret", "proof", "certificate"]
Sex = Literal["female", "male", "other"]
PauseKind = Literal["admission", "holiday", "other"]
# What a patient can let a relative see: the acts on these in shared/access/table.toml.
Given = Literal["care", "readings"]
StaffRole = Literal["nurse", "physician", "administrator", "auditor", "researcher"]


To = Annotated[datetime | None, Field(alias="to")]


@dataclass(frozen=True, slots=True)
class Unit:
    """A hospital unit or ward. `watching` is who-is-watching as shared/watching.py reads it."""

    id: UUID
    name: str
    short: str
    watching: dict[str, Any]


@dataclass(frozen=True, slots=True)
class KeptLadder:
    """Whom a unit's alerts are told to, as saved. `body` is as shared/ladders.py reads it."""

    version: int
    body: dict[str, Any] | None
    reason: str
    valid_from: datetime
    recorded_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Staff:
    """A person who works here. `groups` open sensitive programmes (shared/sensitive.py)."""

    id: UUID
    name: str
    role: StaffRole
    units: list[UUID]
    hpr: str | None
    left_at: datetime | None
    groups: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shield:
    """What a patient has shut: for one member of staff, or (`staff` null) the whole record."""

    id: UUID
    staff: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Proxy:
    """A relative whom the patient lets see `may` from when to when. Without his number."""

    id: UUID
    name: str
    relation: str
    may: list[Given]
    since: From
    until: datetime
    given_at: datetime
    given_by: str
    given_role: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Represented:
    """A patient who lets the caller in."""

    id: UUID
    name: str
    relation: str
    may: list[Given]
    until: datetime


@dataclass(frozen=True, slots=True)
class Emergency:
    """A record that was opened without a treating relation or although it was locked."""

    id: UUID
    patient_id: UUID
    by: str
    name: str | None
    role: str
    reason: str
    text: str
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Patient:
    """A person. `number` is the hospital's local number, never the national one. `sms_reminders`:
    he has agreed to be reminded by SMS; of his telephone number it is only said that there is one.
    """

    id: UUID
    number: str
    name: str
    born: date
    sex: Sex | None
    language: str
    unit_id: UUID
    deceased_at: datetime | None
    has_phone: bool
    sms_reminders: bool


@dataclass(frozen=True, slots=True)
class Identifier:
    system: str
    value: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    id: UUID
    patient_id: UUID
    programme: str
    unit_id: UUID
    plan: list[dict[str, Any]] | None
    started_at: datetime
    ended_at: datetime | None
    end_reason: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """An enrolment being prepared. `typed` is what stands in its steps, as it was typed."""

    id: UUID
    patient_id: UUID
    typed: dict[str, Any]
    by: str
    changed_at: datetime
    began_at: datetime | None = None
    enrolment_id: UUID | None = None
    cred: str | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """From when on an organisation judges by a version of a programme."""

    id: UUID
    programme: str
    version: str
    reason: str
    since: From
    by: str
    by_name: str | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A clinician's word for a version as it was then; `digest` is of what it said."""

    id: UUID
    programme: str
    version: str
    digest: str
    seat: str
    words: str
    at: datetime
    by: str
    by_name: str
    hpr: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """That somebody has seen what a version would have made of the past."""

    at: datetime
    by_name: str
    days: int
    patients: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is expected while it lasts; what comes is judged all the same."""

    id: UUID
    since: From
    until: datetime
    reason: str
    by: str
    ended_at: datetime | None
    kind: PauseKind


@dataclass(frozen=True, slots=True)
class Link:
    """Two patients who are one person: `kept_id` is the one whose number is used from now on."""

    id: UUID
    kept_id: UUID
    other_id: UUID
    reason: str
    at: datetime
    by: str
    undone_at: datetime | None = None
    undone_by: str | None = None
    undone_why: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    id: UUID
    manufacturer: str
    model: str
    serial: str | None
    unit_id: UUID
    note: str | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A sensor that a device announced. `kinds` is what it can be by its unit, `likely` the one it
    is called; `read_by` the row of the gateway table that reads its topic already; `kind` what
    somebody has said that it measures."""

    id: UUID
    cred: str
    topic: str
    path: str
    name: str
    unit: str
    kinds: list[str]
    likely: str | None
    manufacturer: str | None
    model: str | None
    serial: str
    read_by: str | None
    first_at: datetime
    last_at: datetime
    state: Literal["open", "taken", "dismissed"]
    kind: str | None
    device_id: UUID | None


@dataclass(frozen=True, slots=True)
class Credential:
    """What a sender logs in with. The secret itself is shown once and kept nowhere. `client_id`: a
    system's, as its identity provider knows it; its tokens speak as this credential. `shows`: its
    secret alone; its secret with a proof made with its own key; at the broker a certificate, which
    ends at `certificate_until`."""

    cred: str
    kind: CredentialKind
    label: str
    unit_id: UUID | None
    device_id: UUID | None
    created_at: datetime
    rotated_at: datetime | None
    revoked_at: datetime | None
    client_id: str | None = None
    shows: Shows = "secret"
    certificate_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """Who holds a credential (and slot) from when to when. Withdrawn: it never was so."""

    id: UUID
    cred: str
    slot: str
    device_id: UUID | None
    patient_id: UUID
    since: From
    until: To
    recorded_by: str
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Look:
    """One line of a patient's access log. A word of the person who looked, never of the patient;
    who else stood on a list is not for this patient to know."""

    id: UUID
    at: datetime
    by: str
    name: str | None
    role: str
    units: list[str]
    on_behalf: UUID | None
    what: str
    why: str
    is_emergency: bool
    outcome: audit.Outcome

    @classmethod
    def of(cls, event: audit.Event, units: Mapping[UUID, str]) -> Self:
        return cls(
            event.id, event.at, event.by, event.name, event.role,
            [units[one] for one in event.units if one in units], event.on_behalf,
            event.what, event.why, event.why.startswith("emergency"), event.outcome,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claim:
    """A patient's wish to have data corrected or erased, and what was decided."""

    id: UUID
    patient_id: UUID
    kind: Literal["correct", "erase"]
    facts: list[UUID]
    text: str
    made_at: datetime
    made_by: str
    state: Literal["open", "granted", "refused", "done"]
    ground: str | None
    reason: str | None
    decided_at: datetime | None
    decided_by: str | None
    confirmed_at: datetime | None
    confirmed_by: str | None
