"""The doors to bindings: who holds a device from when to when."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Request, Response
from pydantic import Field

from services.patients import door, look
from services.patients.door import Db, Id, Moment, Now, Sent, Word
from services.patients.equipment import bind, store_devices
from services.patients.nouns import Binding
from shared import access
from shared.ledger import Refiled

router = door.router("bindings", "/v1/patients/{patient_id}/bindings")


class NewBinding(Sent):
    model_config = door.example(cred="c-abcdefghijklmnop", **{"from": "2026-02-01T12:00:00+01:00"})

    cred: Word
    slot: Annotated[str, Field(max_length=64, pattern=r"^[\x20-\x7e]*$")] = Field(
        default="", description="the name or serial number behind a shared gateway"
    )
    device_id: Id | None = Field(default=None, description="absent: the credential's own device")
    since: Moment | None = Field(default=None, alias="from", description="absent: from now")
    until: Moment | None = Field(default=None, alias="to", description="absent: until ended")
    hand_over: bool = Field(
        default=False, description="end the present holder's time where this one begins"
    )


class BindingChange(Sent):
    """Only what is given changes; `to` null opens the end again."""

    model_config = door.example(to="2026-03-01T12:00:00+01:00")

    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")


class End(Sent):
    model_config = door.example(at="2026-03-01T12:00:00+01:00")

    at: Moment | None = Field(default=None, description="absent: now")


@dataclass(frozen=True, slots=True)
class Bindings:
    bindings: list[Binding]


@dataclass(frozen=True, slots=True)
class BoundBinding(Binding):
    """With how many readings moved to another patient, left quarantine, or went there."""

    refiled: Refiled


@router.get("")
async def bindings(
    request: Request, database: Db, caller: access.ClinicianOrCitizen, patient_id: UUID
) -> Bindings:
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "bindings") as seen:
        found = await store_devices.bindings(seen.tx, seen.org, patient_id)
    return Bindings(found)


@router.post("", status_code=201)
async def add_binding(
    request: Request,
    response: Response,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    new: NewBinding,
) -> BoundBinding:
    """Give the patient a device, from a moment on that may lie in the past.

    What it measured in that time, stored or waiting in quarantine, is filed on the patient.
    """
    bound = await bind.bind(
        database,
        door.looker(request, caller),
        patient_id,
        cred=new.cred,
        slot=new.slot,
        device_id=new.device_id,
        since=new.since or now,
        until=new.until,
        hand_over=new.hand_over,
    )
    door.created(response, f"/v1/patients/{patient_id}/bindings/{bound.binding.id}")
    return _with_refiled(bound)


@router.patch("/{binding_id}")
async def change_binding(
    request: Request,
    database: Db,
    caller: access.Clinician,
    patient_id: UUID,
    binding_id: UUID,
    changes: BindingChange,
) -> BoundBinding:
    """Move the beginning or the end, also back in time."""
    bound = await bind.change(
        database,
        door.looker(request, caller),
        patient_id,
        binding_id,
        since=changes.since,
        until=changes.until,
        keeps_until="until" not in changes.model_fields_set,
    )
    return _with_refiled(bound)


@router.post("/{binding_id}/end")
async def end_binding(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    binding_id: UUID,
    end: End,
) -> BoundBinding:
    """The patient no longer holds the device."""
    bound = await bind.change(
        database,
        door.looker(request, caller),
        patient_id,
        binding_id,
        since=None,
        until=end.at or now,
        keeps_until=False,
    )
    return _with_refiled(bound)


@router.post("/{binding_id}/withdraw")
async def withdraw_binding(
    request: Request,
    database: Db,
    now: Now,
    caller: access.Clinician,
    patient_id: UUID,
    binding_id: UUID,
) -> BoundBinding:
    """The binding was a mistake: what was filed by it goes back to quarantine."""
    looker = door.looker(request, caller)
    return _with_refiled(await bind.withdraw(database, looker, patient_id, binding_id, now))


def _with_refiled(bound: bind.Bound) -> BoundBinding:
    of = bound.binding
    return BoundBinding(
        of.id, of.cred, of.slot, of.device_id, of.patient_id, of.since, of.until,
        of.recorded_by, of.withdrawn_at, bound.refiled,
    )  # fmt: skip
