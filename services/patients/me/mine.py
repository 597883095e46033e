"""Verb: all that the patient's own page shows, read in the transaction that writes the look down.

What is expected and what is told comes from alerts by a read grant, not by reckoning it here once
more: the patient and the nurse must never be shown two different plans or two different reds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from services.patients import look, store
from services.patients.equipment import store_devices
from services.patients.followup import store_care
from services.patients.hospital import versions
from services.patients.hospital.versions import Loaded
from services.patients.look import Looker, Opened
from services.patients.me import correspond, store_mine, watched
from services.patients.me.correspond import Correspondence
from services.patients.me.store_mine import Due, Seen, Told
from services.patients.nouns import (
    Binding,
    Device,
    Enrolment,
    Look,
    Patient,
    Proxy,
    Shield,
    Unit,
)
from services.patients.privacy import store_proxies, store_shields
from shared import ledger, limits
from shared.audit import store as trail
from shared.contracts import Fact, Watch
from shared.database import Database
from shared.limits import store as kept_limits
from shared.programmes import PlanItem, Programme
from shared.wall_clock import OSLO

WHAT = "own-page"
MOST = 2000
LOOKS = 100
TYPES = ("reading", "answers", "attachment")


@dataclass(frozen=True, slots=True)
class Mine:
    """`facts` newest first. `limits` by (programme, name): the number in force for this patient.
    `watches`: of each unit that follows him; of none if nobody does."""

    patient: Patient
    unit: Unit | None
    watches: list[tuple[Unit, Watch]]
    programmes: Mapping[str, Programme]
    enrolments: list[Enrolment]
    limits: Mapping[tuple[str, str], Decimal | None]
    dues: list[Due]
    told: list[Told]
    facts: list[Fact]
    seen: Mapping[UUID, Seen]

    def item(self, due: Due) -> PlanItem | None:
        """The plan's own words for what is expected."""
        enrolment = next((one for one in self.enrolments if str(one.id) == due.plan), None)
        if enrolment is None:
            return None
        items: list[PlanItem] = []
        if enrolment.plan is not None:
            items = [PlanItem.model_validate(one) for one in enrolment.plan]
        elif enrolment.programme in self.programmes:
            items = list(self.programmes[enrolment.programme].plan)
        return next((one for one in items if one.id == due.slot), None)

    def last(self, kind: str) -> Fact | None:
        return next((one for one in self.facts if one.type == "reading" and one.kind == kind), None)


@dataclass(frozen=True, slots=True)
class About:
    """What the patient measures with."""

    devices: list[tuple[Binding, Device | None]]


@dataclass(frozen=True, slots=True)
class Access:
    """Who may see the patient's record, whom he has shut it for, whom he has let in, and who has
    seen it. `blocked`: the names of those he has shut it for, by staff id."""

    patient: Patient
    units: list[Unit]
    shields: list[Shield]
    blocked: Mapping[str, str]
    relatives: list[Proxy]
    looks: list[Look]


async def mine(
    database: Database, looker: Looker, loaded: Loaded, now: datetime, *, days: int = 14
) -> Mine:
    async with look.opened(database, looker, whose(looker), WHAT) as seen:
        return await _mine(seen, loaded, now, days)


async def about(
    database: Database, looker: Looker, loaded: Loaded, now: datetime
) -> tuple[Mine, About]:
    async with look.opened(database, looker, whose(looker), WHAT) as seen:
        all_ = await _mine(seen, loaded, now, 1)
        bound = await store_devices.bindings(seen.tx, seen.org, seen.patient.id)
        held = [
            (one, await store_devices.device(seen.tx, seen.org, one.device_id))
            if one.device_id
            else (one, None)
            for one in bound
            if one.withdrawn_at is None and (one.until is None or one.until > now)
        ]
        return all_, About(held)


async def letters(
    database: Database, looker: Looker, loaded: Loaded, now: datetime
) -> tuple[Mine, Correspondence]:
    async with look.opened(database, looker, whose(looker), correspond.WHAT) as seen:
        found = await _mine(seen, loaded, now, LATELY.days)
        patient = seen.patient
        return found, await correspond.gather(seen.tx, seen.org, patient.id, patient.unit_id, now)


async def access(database: Database, looker: Looker, now: datetime) -> Access:
    async with look.opened(database, looker, whose(looker), "access-log") as seen:
        tx, org, patient = seen.tx, seen.org, seen.patient
        units = {unit.id: unit for unit in await store.units(tx, org)}
        running = [
            one.unit_id
            for one in await store_care.enrolments(tx, org, patient.id)
            if one.started_at <= now and (one.ended_at is None or one.ended_at > now)
        ]
        treating = dict.fromkeys([patient.unit_id, *running])
        names = {unit.id: unit.name for unit in units.values()}
        by_patient = trail.Wanted(patient=patient.id)
        looks = await trail.events(tx, org, by_patient, after=None, limit=LOOKS)
        shields = await store_shields.shields(tx, org, patient.id)
        blocked = {}
        for one in shields:
            if one.staff is not None:
                person = await store.one_staff(tx, org, UUID(one.staff))
                blocked[one.staff] = person.name if person else ""
        return Access(
            patient,
            [units[one] for one in treating if one in units],
            shields,
            blocked,
            [
                one
                for one in await store_proxies.proxies(tx, org, patient.id)
                if one.ended_at is None and one.until > now
            ],
            [Look.of(one, names) for one in looks if one.role != looker.caller.role.value],
        )


def whose(looker: Looker) -> UUID:
    """A patient's token always says whose it is; without that nobody's record is opened."""
    if looker.caller.patient_id is None:
        raise look.NoSuchPatient
    return looker.caller.patient_id


async def _mine(seen: Opened, loaded: Loaded, now: datetime, days: int) -> Mine:
    tx, org, patient = seen.tx, seen.org, seen.patient
    unit = await store.unit(tx, org, patient.unit_id)
    running = [
        one
        for one in await store_care.enrolments(tx, org, patient.id)
        if one.started_at <= now and (one.ended_at is None or one.ended_at > now)
    ]
    active = await versions.in_force(tx, org, loaded)
    followed = {one.programme: active[one.programme] for one in running if one.programme in active}
    own = {
        (one.programme, one.name): one.value
        for one in await kept_limits.limits(tx, org, patient.id)
        if one.since <= now
    }
    facts = await ledger.facts(
        tx, org, patient.id, types=TYPES, since=now - timedelta(days=days),
        newest_first=True, limit=MOST,
    )  # fmt: skip
    whole = [one for one in facts if "split_from" not in one.body]
    lately = [(one.id, one.received_at) for one in whole if one.received_at > now - RECENT]
    return Mine(
        patient,
        unit,
        watched.each(await watched.units(tx, org, patient.id, now), now),
        followed,
        running,
        {
            (slug, limit.name): limits.number(one, limit.name, own.get((slug, limit.name)))
            for slug, one in followed.items()
            for limit in one.limits
        },
        await store_mine.dues(tx, org, patient.id, now.astimezone(OSLO).date()),
        await store_mine.told(tx, org, patient.id),
        facts,
        await store_mine.seen(tx, org, patient.id, lately),
    )


# How long the way of what was sent is shown on the page.
RECENT = timedelta(days=3)
# Photos so new may be named in a message.
LATELY = timedelta(days=14)
