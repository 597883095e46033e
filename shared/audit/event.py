"""Pure: one act in the audit trail, and who did it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Outcome = Literal["shown", "changed", "refused", "failed"]
NOBODY = ""  # by, and organisation, of who is nobody we know


@dataclass(frozen=True, slots=True)
class Who:
    """`address` is where the request came from, `door` its method and path template."""

    org: str
    by: str
    role: str
    hpr: str | None = None
    units: tuple[UUID, ...] = ()
    on_behalf: UUID | None = None
    address: str | None = None
    door: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One act. `name` is the member of staff's or the relative's, where it is one."""

    org: str
    at: datetime
    id: UUID
    by: str
    role: str
    hpr: str | None
    units: list[UUID]
    on_behalf: UUID | None
    patients: list[UUID]
    what: str
    why: str
    outcome: Outcome
    about: str | None
    address: str | None
    door: str | None
    request_id: str | None
    times: int
    name: str | None = None
