"""Verbs: turn what a device announced into a device, its holder and a topic that is read."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from services.patients import look
from services.patients.equipment import bind, issue, store_devices, store_suggestions
from services.patients.hospital import organise
from services.patients.look import Looker, Opened
from services.patients.nouns import Binding, Credential, Device, Suggestion
from shared import ledger
from shared.access import Caller
from shared.database import Database
from shared.ledger import Refiled

UNKNOWN = "unknown"  # a maker that was not announced


class NoSuchSuggestion(Exception):
    """There is no such suggestion here"""


class AlreadyTaken(Exception):
    """This suggestion has been taken; dismiss it first, to read its topic otherwise"""


class AlreadyDismissed(Exception):
    """This suggestion has been dismissed"""


class KindDoesNotFit(Exception):
    """What this sensor measures cannot be that: no kind of that name has its unit"""


@dataclass(frozen=True, slots=True)
class Taken:
    """The suggestion as it is now, who holds the device, and what was filed because of it."""

    suggestion: Suggestion
    binding: Binding
    refiled: Refiled


async def take(
    database: Database,
    looker: Looker,
    suggestion_id: UUID,
    patient_id: UUID,
    *,
    kind: str,
    since: datetime,
    hand_over: bool,
    now: datetime,
) -> Taken:
    """`kind` is said by a person: a room's temperature has the unit of a fever."""
    async with look.opened(database, looker, patient_id, "bindings", changes=True) as seen:
        await ledger.lock_bindings(seen.tx, seen.org)
        found = await store_suggestions.suggestion(seen.tx, seen.org, suggestion_id)
        if found is None:
            raise NoSuchSuggestion
        try:
            credential = await bind.bindable(seen.tx, looker.caller, found.cred)
        except bind.UnknownCredential:
            raise NoSuchSuggestion from None  # another unit's
        if found.state == "taken":
            raise AlreadyTaken
        if kind not in found.kinds:
            raise KindDoesNotFit
        device_id = await _device(seen, looker.caller, credential, found)
        bound = await _held(seen, looker, found, device_id, since, hand_over)
        await store_suggestions.decide(
            seen.tx, seen.org, found.id, "taken",
            kind=kind, slot=found.serial, device_id=device_id, at=now, by=seen.by,
        )  # fmt: skip
    taken = replace(found, state="taken", kind=kind, device_id=device_id)
    return Taken(taken, bound.binding, bound.refiled)


async def dismiss(
    database: Database, caller: Caller, suggestion_id: UUID, now: datetime
) -> Suggestion:
    """Of one that was taken: its topic is no longer read. Who holds the device stays as it is."""
    async with database.transaction() as tx:
        found = await store_suggestions.suggestion(tx, caller.org, suggestion_id)
        if found is None:
            raise NoSuchSuggestion
        try:
            await issue.of_caller(tx, caller, found.cred)
        except issue.NoSuchCredential:
            raise NoSuchSuggestion from None
        if found.state == "dismissed":
            raise AlreadyDismissed
        await store_suggestions.decide(tx, caller.org, found.id, "dismissed", at=now, by=caller.id)
        await organise.noted(tx, caller, "devices", found.id)
    return replace(found, state="dismissed")


async def _device(seen: Opened, caller: Caller, credential: Credential, found: Suggestion) -> UUID:
    """The device as it is registered, or registered now."""
    maker, model = found.manufacturer or UNKNOWN, found.model or found.name
    known = await store_suggestions.device_known(seen.tx, seen.org, maker, model, found.serial)
    if known is not None:
        return known
    unit_id = credential.unit_id or seen.patient.unit_id
    device = Device(uuid4(), maker, model, found.serial, unit_id, None, None)
    await store_devices.add_device(seen.tx, seen.org, device)
    await organise.noted(seen.tx, caller, "devices", device.id)
    return device.id


async def _held(
    seen: Opened,
    looker: Looker,
    found: Suggestion,
    device_id: UUID,
    since: datetime,
    hand_over: bool,
) -> bind.Bound:
    """A second sensor of a device that the patient holds needs no second binding."""
    holders = await store_devices.holders(seen.tx, seen.org, found.cred, found.serial, since, None)
    if len(holders) == 1:
        [holder] = holders
        if holder.patient_id == seen.patient.id and holder.since <= since and not holder.until:
            return bind.Bound(holder, Refiled(moved=0, released=0, quarantined=0))
    return await bind.hold(
        seen, looker, cred=found.cred, slot=found.serial, device_id=device_id, since=since,
        until=None, hand_over=hand_over,
    )  # fmt: skip
