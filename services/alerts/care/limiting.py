"""Verbs: a patient's own limit set from the nurse's page, by the record's rules (shared/limits)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from services.alerts import reader, store
from services.alerts.clinical import decided
from services.alerts.looking_back.trying import UnknownProgramme
from services.alerts.reader import Reader
from services.alerts.views import Parts
from shared import ledger, limits
from shared.limits.nouns import PersonalLimit, Proposal, Who
from shared.programmes import Programme

WHAT = "limits"


async def set_limit(
    parts: Parts,
    by: Reader,
    patient_id: UUID,
    *,
    programme: str,
    name: str,
    value: Decimal | None,
    reason: str,
) -> PersonalLimit | Proposal:
    """In force from now, or proposed where a red rule would speak less. UnknownProgramme also for
    one that the patient is not in, and what `limits.set_limit` refuses."""
    async with _opened(parts, by, patient_id) as (of, followed, now):
        if programme not in followed:
            raise UnknownProgramme
        return await limits.set_limit(
            of, followed[programme], name=name, value=value, reason=reason, since=None, now=now
        )


async def keep(
    parts: Parts, by: Reader, patient_id: UUID, *, programme: str, name: str | None, reason: str
) -> list[str]:
    """The number in force stays, though his own values suggest another. UnknownProgramme,
    NothingIsSuggested."""
    async with _opened(parts, by, patient_id) as (of, followed, now):
        if programme not in followed:
            raise UnknownProgramme
        return await limits.keep(of, followed[programme], name=name, reason=reason, now=now)


async def confirm(parts: Parts, by: Reader, patient_id: UUID, proposal: UUID) -> PersonalLimit:
    async with _opened(parts, by, patient_id) as (of, followed, now):
        return await limits.confirm_limit(of, proposal, followed, now)


async def withdraw(
    parts: Parts, by: Reader, patient_id: UUID, proposal: UUID, reason: str
) -> Proposal:
    async with _opened(parts, by, patient_id) as (of, _, now):
        return await limits.withdraw(of, "limit", proposal, reason=reason, now=now)


@asynccontextmanager
async def _opened(
    parts: Parts, by: Reader, patient_id: UUID
) -> AsyncIterator[tuple[limits.Patient, dict[str, Programme], datetime]]:
    """The patient with the programmes he is in that are open to the reader, as they judge him."""
    async with reader.opened(parts.database, by, patient_id, WHAT) as tx:
        now = await store.now(tx)
        known = decided.read((await ledger.decisions(tx, by.org, [patient_id]))[patient_id])
        followed = {
            one.programme: known.version(parts.programmes[one.programme], now)
            for one in known.enrolments
            if one.covers(now) and one.programme in parts.programmes.keys() - by.shut
        }
        await reader.note(tx, by, [patient_id], WHAT, "changed")
        yield limits.Patient(tx, by.org, patient_id, Who(by.id, by.name, by.role)), followed, now
