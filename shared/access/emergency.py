"""Verb: a record is opened in an emergency, for an hour, by one person, in front of everybody; from
the nurse's page and over the API alike.

The law: a reason from the list and one in her own words; it is written down whatever comes of it;
and what a patient has shut for one person by name is not opened by anything.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID, uuid4

import asyncpg

from shared.access import store

LASTS = timedelta(minutes=60)
Reason = Literal["acute-illness", "call-from-patient", "on-behalf-of-unit", "patient-consents"]
REASONS: tuple[str, ...] = get_args(Reason)
WHAT = "emergency-access"

Ended = Literal["changed", "refused"]
Note = Callable[[Ended, str], Awaitable[None]]  # to the audit trail: how it ended, and why


@dataclass(frozen=True, slots=True)
class Opened:
    id: UUID
    patient_id: UUID
    by: str
    role: str
    reason: str
    text: str
    at: datetime
    until: datetime


async def open_(
    tx: asyncpg.Connection, org: str, opened: Opened, note: Note, *, blocked: bool
) -> None:
    """Nothing but the trail when the patient has `blocked` her: the caller refuses after the
    commit, so that the attempt stands."""
    await note("refused" if blocked else "changed", f"emergency:{opened.reason}")
    if not blocked:
        await store.add_emergency(
            tx, org, opened.id, opened.patient_id, opened.by, opened.role, opened.reason,
            opened.text, opened.at, opened.until,
        )  # fmt: skip


def asked(patient_id: UUID, *, by: str, role: str, reason: str, text: str, at: datetime) -> Opened:
    return Opened(uuid4(), patient_id, by, role, reason, text.strip(), at, at + LASTS)
