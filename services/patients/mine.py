"""Verb: all that the patient's own page shows, read in the transaction that writes the look down.

What is expected and what is told comes from alerts by a read grant, not by reckoning it here once
more: the patient and the nurse must never be shown two different plans or two different reds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from services.patients import (
    look,
    store,
    store_care,
    store_devices,
    store_mine,
    store_shields,
    versions,
)
from services.patients.look import Looker, Opened
from services.patients.nouns import Binding, Device, Enrolment, Look, Patient, Shield, Unit
from services.patients.store_mine import Due, Seen, Told
from services.patients.versions import Loaded
from shared import ledger, limits, watching
from shared.audit import store as trail
from shared.contracts import Fact, Watch
from shared.database import Database
from shared.limits import store as kept_limits
from shared.programmes import PlanItem, Programme

WHAT = "own-page"
OSLO = ZoneInfo("Europe/Oslo")
MOST = 2000
LOOKS = 100
TYPES = ("reading", "answers", "attachment")


@dataclass(frozen=True, slots=True)
class Mine:
    """`facts` newest first. `limits` by (programme, name): the number in force for this patient."""

    patient: Patient
    unit: Unit | None
    watch: Watch
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
    """Who may see the patient's record, who has, and what he measures with."""

    units: list[Unit]
    shields: list[Shield]
    looks: list[Look]
    devices: list[tuple[Binding, Device | None]]


async def mine(
    database: Database, looker: Looker, loaded: Loaded, now: datetime, *, days: int = 14
) -> Mine:
    async with look.opened(database, looker, whose(looker), WHAT) as seen:
        return await _mine(seen, loaded, now, days)


async def about(
    database: Database, looker: Looker, loaded: Loaded, now: datetime
) -> tuple[Mine, About]:
    async with look.opened(database, looker, whose(looker), "access-log") as seen:
        all_ = await _mine(seen, loaded, now, 1)
        units = {unit.id: unit for unit in await store.units(seen.tx, seen.org)}
        treating = dict.fromkeys([seen.patient.unit_id, *(one.unit_id for one in all_.enrolments)])
        bound = await store_devices.bindings(seen.tx, seen.org, seen.patient.id)
        held = [
            (one, await store_devices.device(seen.tx, seen.org, one.device_id))
            if one.device_id
            else (one, None)
            for one in bound
            if one.withdrawn_at is None and (one.until is None or one.until > now)
        ]
        names = {unit.id: unit.name for unit in units.values()}
        by_patient = trail.Wanted(patient=seen.patient.id)
        looks = await trail.events(seen.tx, seen.org, by_patient, after=None, limit=LOOKS)
        return all_, About(
            [units[one] for one in treating if one in units],
            await store_shields.shields(seen.tx, seen.org, seen.patient.id),
            [Look.of(one, names) for one in looks if one.role != looker.caller.role.value],
            held,
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
        watching.watching(unit.watching if unit else None, now),
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
