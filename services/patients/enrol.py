"""Verbs: enrol a patient in a programme, set his own limits, decide his scale, pause."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg

from services.patients import look, organise, store_care
from services.patients.look import Looker, Opened
from services.patients.nouns import Enrolment, Pause, PersonalLimit, Scale, as_number
from shared import ledger
from shared.database import Database
from shared.programmes import Limit, PlanItem, Programme

LONGEST_PAUSE = timedelta(days=366)


class UnknownProgramme(Exception):
    """There is no programme of this name"""


class AlreadyEnrolled(Exception):
    """The patient is in this programme already"""


class NoSuchEnrolment(Exception):
    """The patient has no such enrolment"""


class EnrolmentHasEnded(Exception):
    """This enrolment has ended"""


class NotEnrolled(Exception):
    """The patient is not in this programme"""


class UnknownLimit(Exception):
    """The programme has no limit of this name that may be set for one patient"""


class LimitIsOutOfBounds(Exception):
    """The limit lies outside what the programme allows"""

    def __init__(self, limit: Limit) -> None:
        super().__init__()
        self.members = {"min": as_number(limit.min), "max": as_number(limit.max)}


class NotAPeriod(Exception):
    """The end does not lie after the beginning, or not where it may lie"""


class AlreadyPaused(Exception):
    """The patient is already paused in that time"""


class NoSuchPause(Exception):
    """The patient has no such pause, or it is over"""


async def enrol(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    programme: Programme | None,
    *,
    unit_id: UUID | None,
    plan: list[PlanItem] | None,
    since: datetime,
    now: datetime,
) -> Enrolment:
    """`unit_id` None is the patient's own unit, `plan` None the programme's own plan."""
    if programme is None:
        raise UnknownProgramme
    if since > now:
        raise NotAPeriod
    async with look.opened(database, looker, patient_id, "enrolment", changes=True) as seen:
        unit = unit_id or seen.patient.unit_id
        await organise.must_be_units(seen.tx, seen.org, [unit])
        own_plan = [item.model_dump(mode="json") for item in plan] if plan is not None else None
        enrolment = Enrolment(
            uuid4(), patient_id, programme.slug, unit, own_plan, since, None, None
        )
        if not await store_care.enrol(seen.tx, seen.org, enrolment, seen.by):
            raise AlreadyEnrolled
        await _decide(
            seen, "enrolled", since, enrolment_id=enrolment.id, programme=programme.slug,
            version=programme.version, unit_id=unit, plan=own_plan,
        )  # fmt: skip
    return enrolment


async def end(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    enrolment_id: UUID,
    *,
    reason: str,
    now: datetime,
) -> Enrolment:
    async with look.opened(database, looker, patient_id, "enrolment", changes=True) as seen:
        enrolment = await _enrolment(seen, enrolment_id)
        if not await store_care.end_enrolment(
            seen.tx, seen.org, enrolment.id, now, reason, seen.by
        ):
            raise EnrolmentHasEnded
        await _decide(seen, "enrolment-ended", now, enrolment_id=enrolment.id, reason=reason)
        ended = await _enrolment(seen, enrolment_id)
    return ended


async def set_limit(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    programmes: Mapping[str, Programme],
    *,
    programme: str,
    name: str,
    value: Decimal | None,
    reason: str,
    since: datetime,
) -> PersonalLimit:
    """A limit of the patient's own from `since` on; None goes back to the programme's number."""
    if programme not in programmes:
        raise UnknownProgramme
    limit = programmes[programme].limit_by_name.get(name)
    if limit is None:
        raise UnknownLimit
    if value is not None and not limit.min <= value <= limit.max:
        raise LimitIsOutOfBounds(limit)
    async with look.opened(database, looker, patient_id, "limits", changes=True) as seen:
        held = await store_care.enrolments(seen.tx, seen.org, patient_id)
        if not any(one.programme == programme and one.ended_at is None for one in held):
            raise NotEnrolled
        own = PersonalLimit(uuid4(), programme, name, value, reason, since, seen.by)
        await store_care.add_limit(seen.tx, seen.org, patient_id, own)
        await _decide(
            seen, "limit-set", since, programme=programme, name=name, value=value, reason=reason
        )
    return own


async def decide_scale(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    scale: Literal[1, 2],
    reason: str,
    since: datetime,
) -> Scale:
    """Which SpO2 scale counts. A scale that a device sends never does."""
    async with look.opened(database, looker, patient_id, "spo2-scale", changes=True) as seen:
        decided = Scale(uuid4(), scale, reason, since, seen.by)
        await store_care.add_scale(seen.tx, seen.org, patient_id, decided)
        await _decide(seen, "spo2-scale-decided", since, scale=scale, reason=reason)
    return decided


async def pause(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    since: datetime,
    until: datetime,
    reason: str,
    now: datetime,
) -> Pause:
    """Expect nothing of the patient until then: a pause always has an end."""
    if not max(since, now) < until <= since + LONGEST_PAUSE:
        raise NotAPeriod
    async with look.opened(database, looker, patient_id, "pause", changes=True) as seen:
        paused = Pause(uuid4(), since, until, reason, seen.by, None)
        try:
            await store_care.add_pause(seen.tx, seen.org, patient_id, paused)
        except asyncpg.ExclusionViolationError:
            raise AlreadyPaused from None
        await _decide(seen, "paused", since, pause_id=paused.id, until=until, reason=reason)
    return paused


async def end_pause(
    database: Database, looker: Looker, patient_id: UUID, pause_id: UUID, now: datetime
) -> None:
    async with look.opened(database, looker, patient_id, "pause", changes=True) as seen:
        if not await store_care.end_pause(seen.tx, seen.org, patient_id, pause_id, now, seen.by):
            raise NoSuchPause
        await _decide(seen, "pause-ended", now, pause_id=pause_id)


async def _enrolment(seen: Opened, enrolment_id: UUID) -> Enrolment:
    for enrolment in await store_care.enrolments(seen.tx, seen.org, seen.patient.id):
        if enrolment.id == enrolment_id:
            return enrolment
    raise NoSuchEnrolment


async def _decide(seen: Opened, type: str, at: datetime, **body: Any) -> None:
    await ledger.decide(seen.tx, seen.org, seen.patient.id, type, _plain(body), by=seen.by, at=at)


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as JSON: ids and moments as text, numbers as they are."""
    return {
        name: str(value) if isinstance(value, UUID)
        else value.isoformat() if isinstance(value, datetime)
        else value
        for name, value in body.items()
    }  # fmt: skip
