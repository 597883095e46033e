"""The doors to devices: the register, and credentials with their secrets."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Body, Query, Response
from pydantic import Field

from services.patients import door
from services.patients.door import Cred, Cursor, Db, Id, Limit, Line, Now, Prose, Sent, Word
from services.patients.equipment import issue, store_devices
from services.patients.nouns import Credential, CredentialKind, Device
from shared import access
from shared.access import CLINICAL, Caller

router = door.router("devices", "/v1")

UNIT = "0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e"


class NewDevice(Sent):
    model_config = door.example(
        manufacturer="A&D", model="UC-352BLE", serial="5210300123", unit_id=UNIT
    )

    manufacturer: Line
    model: Line
    serial: Word | None = None
    unit_id: Id
    note: Prose | None = None


class DeviceChange(Sent):
    """Only what is given changes. `retired` true: no longer lent out."""

    model_config = door.example(note="Nye batterier", retired=False)

    unit_id: Id | None = None
    note: Prose | None = None
    retired: bool | None = None


class NewCredential(Sent):
    model_config = door.example(kind="device", label="Vekt 14", unit_id=UNIT)

    kind: CredentialKind
    label: Line
    unit_id: Id | None = Field(default=None, description="required but for a system")
    device_id: Id | None = None
    client_id: Word | None = Field(
        default=None,
        description="of a system: its name with the identity provider, whose access tokens then "
        "speak as this credential",
    )


class Rotation(Sent):
    model_config = door.example(overlap_minutes=60)

    overlap_minutes: int = Field(
        default=0, ge=0, le=24 * 60, description="so long the old secret serves too, over HTTP"
    )


@dataclass(frozen=True, slots=True)
class Devices:
    devices: list[Device]
    next: UUID | None


@dataclass(frozen=True, slots=True)
class Credentials:
    credentials: list[Credential]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedCredential(Credential):
    """The only answer that shows the secret."""

    secret: str


def _units(caller: Caller) -> list[UUID] | None:
    return list(caller.units) if caller.role in CLINICAL else None


@router.get("/devices")
async def devices(
    database: Db,
    caller: access.ClinicianOrAdministrator,
    serial: Word | None = None,
    cursor: Cursor = None,
    limit: Limit = door.PAGE,
) -> Devices:
    async with database.transaction() as tx:
        found = await store_devices.devices(
            tx, caller.org, unit_ids=_units(caller), serial=serial, after=cursor, limit=limit + 1
        )
    shown = found[:limit]
    return Devices(shown, shown[-1].id if len(found) > limit else None)


@router.post("/devices", status_code=201)
async def add_device(
    response: Response, database: Db, caller: access.ClinicianOrAdministrator, new: NewDevice
) -> Device:
    device = await issue.add_device(database, caller, new.model_dump())
    door.created(response, f"/v1/devices/{device.id}")
    return device


@router.get("/devices/{device_id}")
async def device(database: Db, caller: access.ClinicianOrAdministrator, device_id: UUID) -> Device:
    async with database.transaction() as tx:
        found = await store_devices.device(tx, caller.org, device_id)
    if found is None:
        raise issue.NoSuchDevice
    return found


@router.patch("/devices/{device_id}")
async def change_device(
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    device_id: UUID,
    changes: DeviceChange,
) -> Device:
    given = changes.model_dump(exclude_none=True, exclude={"retired"})
    if changes.retired is not None:
        given["retired_at"] = now if changes.retired else None
    return await issue.change_device(database, caller, device_id, given)


@router.get("/credentials")
async def credentials(
    database: Db,
    caller: access.ClinicianOrAdministrator,
    cursor: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,64}$")] = None,
    limit: Limit = door.PAGE,
) -> Credentials:
    async with database.transaction() as tx:
        found = await store_devices.credentials(
            tx, caller.org, unit_ids=_units(caller), after=cursor, limit=limit + 1
        )
    shown = found[:limit]
    return Credentials(shown, shown[-1].cred if len(found) > limit else None)


@router.post("/credentials", status_code=201)
async def issue_credential(
    response: Response,
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    new: NewCredential,
) -> IssuedCredential:
    """Issue a credential. The secret is shown in this answer and never again."""
    issued = await issue.issue(
        database,
        caller,
        kind=new.kind,
        label=new.label,
        unit_id=new.unit_id,
        device_id=new.device_id,
        now=now,
        client_id=new.client_id,
    )
    door.created(response, f"/v1/credentials/{issued.credential.cred}")
    return _with_secret(issued)


@router.get("/credentials/{cred}")
async def credential(
    database: Db, caller: access.ClinicianOrAdministrator, cred: Cred
) -> Credential:
    async with database.transaction() as tx:
        found = await issue.of_caller(tx, caller, cred)
    return found


@router.post("/credentials/{cred}/rotate")
async def rotate(
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    cred: Cred,
    how: Annotated[
        Rotation | None, Body(openapi_examples={"overlap": {"value": {"overlap_minutes": 60}}})
    ] = None,
) -> IssuedCredential:
    """A new secret, shown in this answer only. The old one stops working at once, unless an overlap
    is asked for; the broker takes one secret at a time, the new one."""
    overlap = timedelta(minutes=how.overlap_minutes if how else 0)
    return _with_secret(await issue.rotate(database, caller, cred, now, overlap))


@router.post("/credentials/{cred}/revoke")
async def revoke(
    database: Db,
    certifier: door.Certificates,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    cred: Cred,
) -> Credential:
    """Stop the credential for good."""
    return await issue.revoke(database, certifier, caller, cred, now)


def _with_secret(issued: issue.Issued) -> IssuedCredential:
    of = issued.credential
    return IssuedCredential(
        of.cred, of.kind, of.label, of.unit_id, of.device_id, of.created_at, of.rotated_at,
        of.revoked_at, secret=issued.secret, client_id=of.client_id,
    )  # fmt: skip
