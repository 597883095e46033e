"""Verbs: a patient's own limits and his SpO2 scale, set through the record (shared/limits)."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from services.patients import look
from services.patients.followup import store_care
from services.patients.followup.enrol import NotEnrolled, UnknownProgramme
from services.patients.hospital import versions
from services.patients.hospital.versions import Loaded
from services.patients.look import Looker, Opened
from shared import limits
from shared.database import Database
from shared.limits import About
from shared.limits import store as store_limits
from shared.limits.nouns import PersonalLimit, Proposal, Scale, Who
from shared.programmes import Programme


async def set_limit(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    loaded: Loaded,
    *,
    programme: str,
    name: str,
    value: Decimal | None,
    reason: str,
    since: datetime | None,
    now: datetime,
) -> PersonalLimit | Proposal:
    """UnknownProgramme, NotEnrolled, and what `limits.set_limit` refuses."""
    if programme not in loaded:
        raise UnknownProgramme
    async with look.opened(database, looker, patient_id, "limits", changes=True) as seen:
        judged_by = (await versions.in_force(seen.tx, seen.org, loaded))[programme]
        return await set_of(
            seen, looker, judged_by, name=name, value=value, reason=reason, since=since, now=now
        )


async def set_of(
    seen: Opened,
    looker: Looker,
    judged_by: Programme,
    *,
    name: str,
    value: Decimal | None,
    reason: str,
    since: datetime | None,
    now: datetime,
) -> PersonalLimit | Proposal:
    """As `set_limit`, of a patient that is open."""
    await store_limits.lock(seen.tx, seen.org, seen.patient.id)
    limits.may_be(judged_by, name, value)
    await _must_follow(seen, judged_by)
    return await limits.set_limit(
        _patient(seen, looker), judged_by, name=name, value=value, reason=reason, since=since,
        now=now,
    )  # fmt: skip


async def decide_scale(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    scale: Literal[1, 2],
    reason: str,
    prescriber: str | None,
    since: datetime | None,
    now: datetime,
) -> Scale | Proposal:
    async with look.opened(database, looker, patient_id, "spo2-scale", changes=True) as seen:
        of = _patient(seen, looker)
        return await limits.decide_scale(
            of, scale=scale, reason=reason, prescriber=prescriber, since=since, now=now
        )


async def confirm_limit(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    proposal_id: UUID,
    loaded: Loaded,
    now: datetime,
) -> PersonalLimit:
    async with look.opened(database, looker, patient_id, "limits", changes=True) as seen:
        found = await versions.in_force(seen.tx, seen.org, loaded)
        made = await limits.confirm_limit(_patient(seen, looker), proposal_id, found, now)
        await _must_follow(seen, found[made.programme])
        return made


async def confirm_scale(
    database: Database, looker: Looker, patient_id: UUID, proposal_id: UUID, now: datetime
) -> Scale:
    async with look.opened(database, looker, patient_id, "spo2-scale", changes=True) as seen:
        return await limits.confirm_scale(_patient(seen, looker), proposal_id, now)


async def withdraw(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    about: About,
    proposal_id: UUID,
    *,
    reason: str,
    now: datetime,
) -> Proposal:
    what = "limits" if about == "limit" else "spo2-scale"
    async with look.opened(database, looker, patient_id, what, changes=True) as seen:
        of = _patient(seen, looker)
        return await limits.withdraw(of, about, proposal_id, reason=reason, now=now)


async def keep(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    loaded: Loaded,
    *,
    programme: str,
    name: str | None,
    reason: str,
    now: datetime,
) -> list[str]:
    """UnknownProgramme, NotEnrolled, NothingIsSuggested."""
    if programme not in loaded:
        raise UnknownProgramme
    async with look.opened(database, looker, patient_id, "limits", changes=True) as seen:
        judged_by = (await versions.in_force(seen.tx, seen.org, loaded))[programme]
        await _must_follow(seen, judged_by)
        of = _patient(seen, looker)
        return await limits.keep(of, judged_by, name=name, reason=reason, now=now)


def _patient(seen: Opened, looker: Looker) -> limits.Patient:
    who = Who(seen.by, looker.caller.name, looker.caller.role.value)
    return limits.Patient(seen.tx, seen.org, seen.patient.id, who)


async def _must_follow(seen: Opened, programme: Programme) -> None:
    held = await store_care.enrolments(seen.tx, seen.org, seen.patient.id)
    if not any(one.programme == programme.slug and one.ended_at is None for one in held):
        raise NotEnrolled
