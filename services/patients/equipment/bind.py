"""Verbs: who holds a device from when to when; changed back in time as well.

A changed binding files again what it changes, in its own transaction: what was stored on the
wrong patient, and what waited in quarantine for a holder.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from services.patients import look
from services.patients.equipment import issue, store_devices
from services.patients.followup.enrol import NotAPeriod
from services.patients.look import Looker, Opened
from services.patients.nouns import Binding, Credential
from shared import ledger
from shared.access import CLINICAL, Caller
from shared.database import Database
from shared.ledger import Refiled


class UnknownCredential(Exception):
    """The body names a credential that is not one of yours"""


class SystemsAreNotBound(Exception):
    """A system names the patient in each message; it is not bound to one"""


class AlreadyHeld(Exception):
    """Somebody holds this device in that time; hand it over, or end that binding first"""


class NoSuchBinding(Exception):
    """The patient has no such binding"""


class BindingIsWithdrawn(Exception):
    """This binding has been withdrawn"""


@dataclass(frozen=True, slots=True)
class Bound:
    """The binding as it is now, and what was filed again because of it."""

    binding: Binding
    refiled: Refiled


async def bind(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    *,
    cred: str,
    slot: str,
    device_id: UUID | None,
    since: datetime,
    until: datetime | None,
    hand_over: bool,
) -> Bound:
    """Let the patient hold a credential. `hand_over` ends the present holder's time at `since`."""
    _must_be_a_period(since, until)
    async with look.opened(database, looker, patient_id, "bindings", changes=True) as seen:
        await ledger.lock_bindings(seen.tx, seen.org)
        return await hold(
            seen, looker, cred=cred, slot=slot, device_id=device_id, since=since, until=until,
            hand_over=hand_over,
        )  # fmt: skip


async def hold(
    seen: Opened,
    looker: Looker,
    *,
    cred: str,
    slot: str,
    device_id: UUID | None,
    since: datetime,
    until: datetime | None,
    hand_over: bool,
) -> Bound:
    """As `bind`, of a patient that is open, with the bindings locked."""
    credential = await bindable(seen.tx, looker.caller, cred)
    device = device_id or credential.device_id
    if device and await store_devices.device(seen.tx, seen.org, device) is None:
        raise issue.UnknownDevice
    binding = Binding(uuid4(), cred, slot, device, seen.patient.id, since, until, seen.by, None)
    ends = [until]
    holders = await store_devices.holders(seen.tx, seen.org, cred, slot, since, until)
    if holders:
        if not hand_over:
            raise AlreadyHeld
        ends.append(await _end_for_hand_over(seen, looker, holders, since))
    await store_devices.add_binding(seen.tx, seen.org, binding)
    await _tell(seen.tx, seen.org, binding, seen.by)
    refiled = await _refile(seen, cred, since, _latest(ends))
    return Bound(binding, refiled)


async def change(
    database: Database,
    looker: Looker,
    patient_id: UUID,
    binding_id: UUID,
    *,
    since: datetime | None,
    until: datetime | None,
    keeps_until: bool,
) -> Bound:
    """Move the beginning or the end, also back in time. `keeps_until`: the end stays as it is."""
    async with look.opened(database, looker, patient_id, "bindings", changes=True) as seen:
        await ledger.lock_bindings(seen.tx, seen.org)
        old = await _binding(seen, binding_id)
        new = replace(old, since=since or old.since, until=old.until if keeps_until else until)
        _must_be_a_period(new.since, new.until)
        try:
            await store_devices.move_binding(
                seen.tx, seen.org, old.id, new.since, new.until, by=seen.by
            )
        except asyncpg.ExclusionViolationError:
            raise AlreadyHeld from None
        await _tell(seen.tx, seen.org, new, seen.by)
        first, last = min(old.since, new.since), _latest([old.until, new.until])
        refiled = await _refile(seen, new.cred, first, last)
    return Bound(new, refiled)


async def withdraw(
    database: Database, looker: Looker, patient_id: UUID, binding_id: UUID, now: datetime
) -> Bound:
    """The binding was a mistake: what was filed by it goes back to quarantine."""
    async with look.opened(database, looker, patient_id, "bindings", changes=True) as seen:
        await ledger.lock_bindings(seen.tx, seen.org)
        old = await _binding(seen, binding_id)
        await store_devices.withdraw_binding(seen.tx, seen.org, old.id, now, by=seen.by)
        withdrawn = replace(old, withdrawn_at=now)
        await _tell(seen.tx, seen.org, withdrawn, seen.by)
        refiled = await _refile(seen, old.cred, old.since, old.until)
    return Bound(withdrawn, refiled)


async def bindable(tx: asyncpg.Connection, caller: Caller, cred: str) -> Credential:
    credential = await store_devices.credential(tx, caller.org, cred)
    if credential is None:
        raise UnknownCredential
    if credential.kind == "system":
        raise SystemsAreNotBound
    if caller.role in CLINICAL and credential.unit_id not in caller.units:
        raise UnknownCredential
    if credential.revoked_at is not None:
        raise issue.CredentialIsRevoked
    return credential


async def _end_for_hand_over(
    seen: Opened, looker: Looker, holders: list[Binding], since: datetime
) -> datetime | None:
    """End the one holder's time at the hand-over; returns when it would have ended."""
    holder = holders[0]
    takes_it_back = len(holders) > 1 or holder.since >= since
    if takes_it_back or holder.patient_id == seen.patient.id:
        raise AlreadyHeld
    if not await look.is_hers(seen.tx, looker.caller, holder.patient_id):
        raise AlreadyHeld
    await look.logged(seen.tx, looker, [holder.patient_id], "bindings", "changed")
    await store_devices.move_binding(seen.tx, seen.org, holder.id, holder.since, since, by=seen.by)
    await _tell(seen.tx, seen.org, replace(holder, until=since), seen.by)
    return holder.until


async def _binding(seen: Opened, binding_id: UUID) -> Binding:
    binding = await store_devices.binding(seen.tx, seen.org, seen.patient.id, binding_id)
    if binding is None:
        raise NoSuchBinding
    if binding.withdrawn_at is not None:
        raise BindingIsWithdrawn
    return binding


async def _refile(seen: Opened, cred: str, since: datetime, until: datetime | None) -> Refiled:
    return await ledger.refile(seen.tx, seen.org, cred, (since, until), by=seen.by)


async def _tell(tx: asyncpg.Connection, org: str, changed: Binding, by: str) -> None:
    """Decide `bound` and `unbound` so that, read in order, they say what the bindings now say.

    Earlier decisions stand for ever, so every moment they spoke of is answered again where the
    answer has changed; otherwise a beginning moved back would leave the old one in force.
    """
    patient_id, cred, slot = changed.patient_id, changed.cred, changed.slot
    said: dict[datetime, bool] = {}
    for fact in (await ledger.decisions(tx, org, [patient_id]))[patient_id]:
        if fact.type in ("bound", "unbound") and (
            (fact.body["cred"], fact.body["slot"]) == (cred, slot)
        ):
            said[fact.at] = fact.type == "bound"
    held = [
        binding
        for binding in await store_devices.bindings(tx, org, patient_id)
        if (binding.cred, binding.slot) == (cred, slot) and binding.withdrawn_at is None
    ]
    credential = await store_devices.credential(tx, org, cred)
    kind = credential.kind if credential else None
    edges = {edge for binding in held for edge in (binding.since, binding.until) if edge}
    for moment in sorted(said.keys() | edges):
        holding = next((b for b in held if _covers(b, moment)), None)
        if said.get(moment) is (holding is not None):
            continue
        device = (holding or changed).device_id
        body = {
            "cred": cred, "slot": slot, "device_id": str(device) if device else None, "kind": kind,
        }  # fmt: skip
        type = "bound" if holding else "unbound"
        await ledger.decide(tx, org, patient_id, type, body, by=by, at=moment)


def _covers(binding: Binding, moment: datetime) -> bool:
    return binding.since <= moment and (binding.until is None or moment < binding.until)


def _must_be_a_period(since: datetime, until: datetime | None) -> None:
    if until is not None and until <= since:
        raise NotAPeriod


def _latest(ends: list[datetime | None]) -> datetime | None:
    """The latest end; None is no end."""
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None
