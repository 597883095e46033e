"""Verbs: register devices, issue credentials, change and withdraw their secrets."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.patients import record
from services.patients.equipment import certify, store_devices
from services.patients.equipment.certify import Certifier
from services.patients.hospital import organise
from services.patients.nouns import Credential, CredentialKind, Device
from shared import access
from shared.access import CLINICAL, Caller, Role
from shared.database import Database
from shared.mqtt_password import mosquitto_hash


class DeviceIsKnown(Exception):
    """A device of this make, model and serial number is registered already"""


class NoSuchDevice(Exception):
    """There is no such device here"""


class UnknownDevice(Exception):
    """The body names a device that is not registered here"""


class NoSuchCredential(Exception):
    """There is no such credential here"""


class CredentialIsRevoked(Exception):
    """This credential has been revoked"""


class KeyIsTheDevices(Exception):
    """This credential goes by a key that the device has made; exchange it by a code"""


class ClientIsTaken(Exception):
    """Another system is registered with this client id"""


class OnlySystemsAreClients(Exception):
    """Only a system has a client id"""


@dataclass(frozen=True, slots=True)
class Issued:
    """A credential with its secret, which is shown this once and stored only hashed."""

    credential: Credential
    secret: str


async def add_device(database: Database, caller: Caller, new: Mapping[str, Any]) -> Device:
    record.must_work_in(caller, new["unit_id"])
    device = Device(**{**new, "id": uuid4(), "retired_at": None})
    async with database.transaction() as tx:
        await organise.must_be_units(tx, caller.org, [device.unit_id])
        if not await store_devices.add_device(tx, caller.org, device):
            raise DeviceIsKnown
        await organise.noted(tx, caller, "devices", device.id)
    return device


async def change_device(
    database: Database, caller: Caller, device_id: UUID, changes: Mapping[str, Any]
) -> Device:
    async with database.transaction() as tx:
        device = await store_devices.device(tx, caller.org, device_id)
        if device is None:
            raise NoSuchDevice
        changed = replace(device, **changes)
        record.must_work_in(caller, device.unit_id)
        await organise.must_be_units(tx, caller.org, [changed.unit_id])
        await store_devices.change_device(tx, caller.org, changed)
        await organise.noted(tx, caller, "devices", device_id)
    return changed


async def issue(
    database: Database,
    caller: Caller,
    *,
    kind: CredentialKind,
    label: str,
    unit_id: UUID | None,
    device_id: UUID | None,
    now: datetime,
    client_id: str | None = None,
) -> Issued:
    """A credential for a device, an app or a system. A system is only an administrator's."""
    if kind == "system" and caller.role is not Role.ADMINISTRATOR:
        raise access.NotAllowed
    if kind != "system" and client_id is not None:
        raise OnlySystemsAreClients
    credential = Credential(new_cred(), kind, label, unit_id, device_id, now, None, None, client_id)
    secret = access.new_secret()
    hashed = mosquitto_hash(secret)
    async with database.transaction() as tx:
        await add(tx, caller, credential, secret, hashed)
    return Issued(credential, secret)


async def add(
    tx: asyncpg.Connection,
    caller: Caller,
    credential: Credential,
    secret: str,
    mqtt_hash: str | None,
) -> None:
    """Write a new credential down; without `mqtt_hash` one that has no secret yet."""
    unit_id, device_id = credential.unit_id, credential.device_id
    if credential.kind != "system" and unit_id is None:
        raise organise.UnknownUnit
    if unit_id is not None:
        record.must_work_in(caller, unit_id)
        await organise.must_be_units(tx, caller.org, [unit_id])
    if device_id and not await store_devices.device(tx, caller.org, device_id):
        raise UnknownDevice
    try:
        await store_devices.add_credential(
            tx,
            caller.org,
            credential,
            secret_hash=access.secret_hash(secret),
            mqtt_hash=mqtt_hash,
            by=caller.id,
        )
    except asyncpg.UniqueViolationError:
        raise ClientIsTaken from None
    await organise.noted(tx, caller, "credentials", credential.cred)


async def rotate(
    database: Database, caller: Caller, cred: str, now: datetime, overlap: timedelta = timedelta(0)
) -> Issued:
    """A new secret. The old one serves until the overlap is over, over HTTP; the broker takes the
    new one only."""
    secret = access.new_secret()
    hashed = mosquitto_hash(secret)
    async with database.transaction() as tx:
        credential = await of_caller(tx, caller, cred)
        if credential.revoked_at is not None:
            raise CredentialIsRevoked
        if credential.shows != "secret":
            raise KeyIsTheDevices
        await store_devices.rotate(
            tx, caller.org, cred, access.secret_hash(secret), hashed, now, now + overlap
        )
        await organise.noted(tx, caller, "credentials", cred)
    return Issued(replace(credential, rotated_at=now), secret)


async def revoke(
    database: Database, certifier: Certifier, caller: Caller, cred: str, now: datetime
) -> Credential:
    """Stop a credential for good, and its certificate. Revoking again changes nothing."""
    async with database.transaction() as tx:
        credential = await of_caller(tx, caller, cred)
        if credential.revoked_at is None:
            credential = replace(credential, revoked_at=now)
            await certify.withdraw(tx, certifier, caller.org, cred, now)
            await store_devices.revoke(tx, caller.org, cred, now)
        await organise.noted(tx, caller, "credentials", cred)
    return credential


async def of_caller(tx: asyncpg.Connection, caller: Caller, cred: str) -> Credential:
    """A credential the caller may change: an administrator any, a clinician her units'."""
    credential = await store_devices.credential(tx, caller.org, cred, lock=True)
    if credential is None:
        raise NoSuchCredential
    if caller.role in CLINICAL and credential.unit_id not in caller.units:
        raise NoSuchCredential
    return credential


def new_cred() -> str:
    return "c-" + base64.b32encode(secrets.token_bytes(10)).decode().lower()
