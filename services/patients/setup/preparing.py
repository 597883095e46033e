"""Verbs: prepare an enrolment step by step, and begin it, all of it or nothing.

What is typed is kept with the patient until the enrolment begins, so that a nurse who is called
away goes on where she was, on any machine, and so that a colleague can.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from services.patients import look
from services.patients.equipment import bind, codes
from services.patients.followup import enrol, limiting
from services.patients.followup.enrol import AlreadyEnrolled, UnknownProgramme
from services.patients.hospital import versions
from services.patients.hospital.versions import Loaded
from services.patients.look import Looker, Opened
from services.patients.nouns import Draft, Enrolment
from services.patients.setup import store_drafts, typed
from services.patients.setup.typed import Fault
from shared import ledger, limits
from shared.database import Database
from shared.limits import store as store_limits
from shared.limits.nouns import Proposal
from shared.programmes import Programme

# What is handed to the patient is redeemed at home, the same day or the next.
CODE_LASTS = timedelta(hours=24)


class NoSuchDraft(Exception):
    """There is no such enrolment being prepared"""


class DraftHasBegun(Exception):
    """This enrolment has begun already"""


class StepsAreIncomplete(Exception):
    """A step before this one is not complete"""

    def __init__(self, step: str, faults: list[Fault]) -> None:
        super().__init__(step)
        self.step, self.faults = step, faults


@dataclass(frozen=True, slots=True)
class Begun:
    """What has come of it. `waiting`: limits that a colleague must confirm first."""

    enrolment: Enrolment
    code: codes.Made | None
    waiting: list[str]


async def prepare(database: Database, looker: Looker, patient_id: UUID, now: datetime) -> UUID:
    """The draft of this patient; the one that is there, if there is one."""
    async with look.opened(database, looker, patient_id, "enrolment", changes=True) as seen:
        new = Draft(uuid4(), patient_id, {}, seen.by, now)
        return await store_drafts.begin(seen.tx, seen.org, new)


async def draft(database: Database, looker: Looker, id: UUID) -> Draft:
    """NoSuchDraft. Says nothing of the patient: whoever shows him opens him."""
    async with database.transaction() as tx:
        found = await store_drafts.draft(tx, looker.org, id)
    if found is None:
        raise NoSuchDraft
    return found


async def keep(
    database: Database, looker: Looker, of: Draft, step: str, said: Any, now: datetime
) -> None:
    """What stands in one step. DraftHasBegun."""
    async with look.opened(database, looker, of.patient_id, "enrolment", changes=True) as seen:
        found = await _locked(seen, of.id)
        changed = {**found.typed, step: said}
        if step == "programme" and found.typed.get("programme") != said:
            # Another programme expects and limits other things.
            changed = {"programme": said, **{k: v for k, v in changed.items() if k == "device"}}
        await store_drafts.keep(seen.tx, seen.org, of.id, changed, seen.by, now)


async def forget(database: Database, looker: Looker, of: Draft) -> None:
    """The patient stays registered; nothing is expected of him."""
    async with look.opened(database, looker, of.patient_id, "enrolment", changes=True) as seen:
        await _locked(seen, of.id)
        await store_drafts.forget(seen.tx, seen.org, of.id)


async def begin(
    database: Database, looker: Looker, of: Draft, loaded: Loaded, now: datetime
) -> Begun:
    """Enrolment, own limits, device and its code, in one transaction. StepsAreIncomplete,
    DraftHasBegun and the refusals of each of the acts."""
    async with look.opened(database, looker, of.patient_id, "enrolment", changes=True) as seen:
        await ledger.lock_bindings(seen.tx, seen.org)
        found = await _locked(seen, of.id)
        programme = await _programme(seen, found, loaded)
        items, faults = typed.plan(programme, found.typed.get("plan") or typed.of_plan(programme))
        if faults:
            raise StepsAreIncomplete("plan", faults)
        own, faults = typed.limits(programme, found.typed.get("limits") or {})
        if faults:
            raise StepsAreIncomplete("limits", faults)
        enrolment = await enrol.begin(
            seen, loaded, programme.slug, unit_id=None,
            plan=None if items == list(programme.plan) else items, since=now,
        )  # fmt: skip
        why = str((found.typed.get("limits") or {}).get("why", "")).strip()
        waiting = await _limits(seen, looker, programme, own, why, now)
        cred, code = await _device(seen, looker, found, now)
        await store_drafts.began(seen.tx, seen.org, of.id, now, enrolment.id, cred)
        return Begun(enrolment, code, waiting)


async def another_code(database: Database, looker: Looker, of: Draft, now: datetime) -> codes.Made:
    """The first was not used in time, or went astray: it is withdrawn by this."""
    async with look.opened(database, looker, of.patient_id, "bindings", changes=True) as seen:
        found = await store_drafts.draft(seen.tx, seen.org, of.id, lock=True)
        if found is None or found.cred is None:
            raise NoSuchDraft
        return await codes.made(
            seen.tx, looker.caller, cred=found.cred, new_one=None, lasts=CODE_LASTS, now=now
        )


async def awaited(seen: Opened, programme: Programme) -> list[str]:
    """The limits that a colleague must confirm first."""
    return [
        one.name
        for one in await store_limits.proposals(seen.tx, seen.org, seen.patient.id, "limit")
        if one.programme == programme.slug and one.state == "awaiting-second"
    ]


async def _limits(
    seen: Opened,
    looker: Looker,
    programme: Programme,
    own: dict[str, Decimal],
    why: str,
    now: datetime,
) -> list[str]:
    if own:
        await look.logged(seen.tx, looker, [seen.patient.id], "limits", "changed")
    waiting = []
    for name, value in own.items():
        made = await limiting.set_of(
            seen, looker, programme, name=name, value=value, reason=why, since=now, now=now
        )
        if isinstance(made, Proposal):
            waiting.append(name)
    return waiting


async def _device(
    seen: Opened, looker: Looker, of: Draft, now: datetime
) -> tuple[str | None, codes.Made | None]:
    """By what he sends: a phone or a device with a code of its own, one that is there, or none."""
    said = of.typed.get("device") or {}
    how = said.get("how")
    if how is None:
        raise StepsAreIncomplete("device", [Fault("how", "no-device")])
    if how == "later":
        return None, None
    await look.logged(seen.tx, looker, [seen.patient.id], "bindings", "changed")
    made = None
    if how in ("app", "device"):
        label = str(said.get("label", "")).strip()[:200] or how
        new = codes.for_new(how, label, seen.patient.unit_id, None, now)
        made = await codes.made(
            seen.tx, looker.caller, cred=None, new_one=new, lasts=CODE_LASTS, now=now
        )
        cred = new.cred
    else:
        cred = str(said.get("cred", ""))
        if not cred:
            raise StepsAreIncomplete("device", [Fault("cred", "no-credential")])
    await bind.hold(
        seen, looker, cred=cred, slot="", device_id=None, since=now, until=None, hand_over=False
    )
    return cred, made


async def _programme(seen: Opened, of: Draft, loaded: Loaded) -> Programme:
    slug = of.typed.get("programme")
    if not slug:
        raise StepsAreIncomplete("programme", [Fault("programme", "no-programme")])
    found = (await versions.in_force(seen.tx, seen.org, loaded)).get(str(slug))
    if found is None:
        raise UnknownProgramme
    return found


async def _locked(seen: Opened, id: UUID) -> Draft:
    found = await store_drafts.draft(seen.tx, seen.org, id, lock=True)
    if found is None or found.patient_id != seen.patient.id:
        raise NoSuchDraft
    if found.began_at is not None:
        raise DraftHasBegun
    return found


REFUSALS = (AlreadyEnrolled, limits.AlreadyProposed, UnknownProgramme, bind.AlreadyHeld,
            bind.UnknownCredential)  # fmt: skip
