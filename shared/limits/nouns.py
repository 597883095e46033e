"""What is decided, and what is only proposed, about a patient's own limits and his SpO2 scale."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, PlainSerializer

Proposed = Literal["awaiting-second", "confirmed", "withdrawn"]


def as_number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


# pydantic would write a Decimal as text; people's limits have few enough digits for a JSON number.
Number = Annotated[
    Decimal, PlainSerializer(as_number, return_type=int | float, when_used="json-unless-none")
]


# `from` is a word of Python's own.
From = Annotated[datetime, Field(alias="from")]


@dataclass(frozen=True, slots=True)
class Who:
    """The clinician who decides: a staff id, her name now, her role."""

    id: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class PersonalLimit:
    """One decision about one limit; value None is back to the programme's own number.

    `confirmed_by` is the second clinician, where the number made a red rule speak less.
    """

    id: UUID
    programme: str
    name: str
    value: Number | None
    reason: str
    since: From
    by: str
    by_name: str | None = None
    confirmed_by: str | None = None
    confirmed_by_name: str | None = None
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Which SpO2 scale NEWS2 reads for this patient, as clinicians decided."""

    id: UUID
    scale: Literal[1, 2]
    reason: str
    since: From
    by: str
    by_name: str | None = None
    confirmed_by: str | None = None
    confirmed_by_name: str | None = None
    prescriber: str | None = None
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would make a red rule speak less, from `before` to `value`: not in force by itself.

    `rules` are the rules that would speak less. None is the programme's own number.
    """

    id: UUID
    patient_id: UUID
    about: Literal["limit", "spo2-scale"]
    programme: str | None
    name: str
    before: Number | None
    value: Number | None
    rules: list[str]
    reason: str
    prescriber: str | None
    since: From
    proposed_at: datetime
    by: str
    by_name: str | None
    role: str
    state: Proposed
    settled_at: datetime | None = None
    settled_by: str | None = None
    settled_by_name: str | None = None
    settled_why: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal on a unit's list, with the patient it is about."""

    patient_id: UUID
    name: str
    number: str
    born: date
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Suggested:
    """A limit that the patient's own values suggest when his trial weeks are over: nobody's limit
    before a clinician has set it. `n` values from `first` to `last`, their median and spread.

    `kept`: a clinician kept the number in force, and is asked again at `again_at` (null: never).
    `decided`: there is a decision about this limit, or one awaits a second clinician.
    """

    programme: str
    name: str
    state: Literal["waiting", "kept", "decided"]
    since: datetime
    value: Number
    median: Number
    spread: Number
    n: int
    first: date
    last: date
    settled_at: datetime | None = None
    settled_by: str | None = None
    settled_by_name: str | None = None
    why: str | None = None
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SuggestedOf:
    """A patient on the list of those whose trial weeks are over; `limits`: name and what is
    suggested."""

    patient_id: UUID
    name: str
    number: str
    born: date
    unit_id: UUID
    enrolment_id: UUID
    programme: str
    since: datetime
    limits: dict[str, Number]
