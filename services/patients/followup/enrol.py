"""Verbs: enrol a patient in a programme, end that, pause."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from services.patients import look
from services.patients.followup import store_care
from services.patients.followup.deciding import decide
from services.patients.hospital import organise, store_programmes, versions
from services.patients.hospital.versions import Loaded
from services.patients.look import Looker, Opened
from services.patients.nouns import Enrolment, Pause, PauseKind
from shared.database import Database
from shared.programmes import PlanItem

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
    loaded: Loaded,
    slug: str,
    *,
    unit_id: UUID | None,
    plan: list[PlanItem] | None,
    since: datetime,
    now: datetime,
) -> Enrolment:
    """`unit_id` None is the patient's own unit, `plan` None the programme's own plan."""
    if slug not in loaded:
        raise UnknownProgramme
    if since > now:
        raise NotAPeriod
    async with look.opened(database, looker, patient_id, "enrolment", changes=True) as seen:
        return await begin(seen, loaded, slug, unit_id=unit_id, plan=plan, since=since)


async def begin(
    seen: Opened,
    loaded: Loaded,
    slug: str,
    *,
    unit_id: UUID | None,
    plan: list[PlanItem] | None,
    since: datetime,
) -> Enrolment:
    """As `enrol`, of a patient that is open."""
    unit = unit_id or seen.patient.unit_id
    await organise.must_be_units(seen.tx, seen.org, [unit])
    await store_programmes.lock_versions(seen.tx, seen.org)
    programme = (await versions.in_force(seen.tx, seen.org, loaded))[slug]
    own_plan = [item.model_dump(mode="json") for item in plan] if plan is not None else None
    enrolment = Enrolment(uuid4(), seen.patient.id, slug, unit, own_plan, since, None, None)
    if not await store_care.enrol(seen.tx, seen.org, enrolment, seen.by):
        raise AlreadyEnrolled
    await decide(
        seen, "enrolled", since, enrolment_id=enrolment.id, programme=slug,
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
        await decide(seen, "enrolment-ended", now, enrolment_id=enrolment.id, reason=reason)
        ended = await _enrolment(seen, enrolment_id)
    return ended


async def pause(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    since: datetime,
    until: datetime,
    reason: str,
    kind: PauseKind,
    now: datetime,
) -> Pause:
    """Expect nothing of the patient until then: a pause always has an end. What he sends all the
    same is judged."""
    if not max(since, now) < until <= since + LONGEST_PAUSE:
        raise NotAPeriod
    async with look.opened(database, looker, patient_id, "pause", changes=True) as seen:
        paused = Pause(uuid4(), since, until, reason, seen.by, None, kind)
        try:
            await store_care.add_pause(seen.tx, seen.org, patient_id, paused)
        except asyncpg.ExclusionViolationError:
            raise AlreadyPaused from None
        await decide(
            seen, "paused", since, pause_id=paused.id, until=until, reason=reason, kind=kind
        )
    return paused


async def end_pause(
    database: Database, looker: Looker, patient_id: UUID, pause_id: UUID, now: datetime
) -> None:
    async with look.opened(database, looker, patient_id, "pause", changes=True) as seen:
        if not await store_care.end_pause(seen.tx, seen.org, patient_id, pause_id, now, seen.by):
            raise NoSuchPause
        await decide(seen, "pause-ended", now, pause_id=pause_id)


async def _enrolment(seen: Opened, enrolment_id: UUID) -> Enrolment:
    for enrolment in await store_care.enrolments(seen.tx, seen.org, seen.patient.id):
        if enrolment.id == enrolment_id:
            return enrolment
    raise NoSuchEnrolment
