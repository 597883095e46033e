"""FHIR Patient and Device: people of the caller's units, and what they hold."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response

from services.patients import door, look, paging, record, store
from services.patients.door import Db, Keys
from services.patients.equipment import store_devices
from services.patients.fhir_doors import fhir_door
from services.patients.fhir_doors.search import Asked
from services.patients.nouns import Device, Patient
from shared import access, fhir, fhir_record
from shared.access import CLINICAL

router = door.router("FHIR", "/fhir")


PatientSearch = Annotated[Asked, Depends(fhir_door.asking("Patient"))]
DeviceSearch = Annotated[Asked, Depends(fhir_door.asking("Device"))]


@router.get("/Patient")
@router.post("/Patient/_search", openapi_extra=fhir_door.FORM_BODY)
async def patients(
    request: Request,
    database: Db,
    keys: Keys,
    caller: access.ClinicianOrPatient,
    asked: PatientSearch,
) -> Response:
    """Patients of the caller's units, by _id or name. By identifier only with POST."""
    looker = door.looker(request, caller)
    place = asked.place()
    async with database.transaction() as tx:
        found = await store.patients(
            tx,
            caller.org,
            unit_ids=list(caller.units) if caller.role in CLINICAL else None,
            text=asked.one("name"),
            ids=await _ids(tx, caller, keys, asked),
            after=place[1] if place else None,
            limit=asked.count() + 1,
        )
        shown = found[: asked.count()]
        await look.logged(tx, looker, [patient.id for patient in shown], "search")
        resources = await _patient_resources(tx, caller.org, keys, shown)
    rest = paging.cursor(paging.BEGINNING, shown[-1].id) if len(found) > len(shown) else None
    return fhir_door.bundle(request, asked, resources, rest)


@router.get("/Patient/{patient_id}")
async def patient(
    request: Request,
    database: Db,
    keys: Keys,
    caller: access.ClinicianOrPatient,
    patient_id: UUID,
) -> Response:
    looker = door.looker(request, caller)
    async with look.opened(database, looker, patient_id, "patient") as seen:
        made = await _patient_resources(seen.tx, seen.org, keys, [seen.patient])
    return fhir_door.answer(made[0])


async def _ids(
    tx: asyncpg.Connection, caller: access.Caller, keys: Keys, asked: Asked
) -> list[UUID] | None:
    """The ids the search is narrowed to; the patient himself finds only himself."""
    ids: set[UUID] | None = {caller.patient_id} if caller.patient_id else None
    if (given := asked.one("_id")) is not None:
        ids = _both(ids, _uuid(given))
    if (identifier := asked.identifier("identifier")) is not None:
        found = await store.whose_number(tx, caller.org, keys.hashes(*identifier))
        ids = _both(ids, {found} if found else set())
    return list(ids) if ids is not None else None


def _both(ids: set[UUID] | None, others: set[UUID]) -> set[UUID]:
    return others if ids is None else ids & others


def _uuid(text: str) -> set[UUID]:
    try:
        return {UUID(text)}
    except ValueError:
        return set()


async def _patient_resources(
    tx: asyncpg.Connection, org: str, keys: Keys, patients: list[Patient]
) -> list[fhir.Resource]:
    numbers = await record.identifiers_of(tx, org, keys, [patient.id for patient in patients])
    units = {unit.id: unit.name for unit in await store.units(tx, org)}
    return [
        fhir_record.patient(
            patient.id,
            patient.name,
            patient.born.isoformat(),
            patient.sex,
            patient.language,
            [(number.system, number.value) for number in numbers[patient.id]],
            patient.deceased_at,
            units.get(patient.unit_id),
        )
        for patient in patients
    ]


@router.get("/Device")
@router.post("/Device/_search", openapi_extra=fhir_door.FORM_BODY)
async def devices(
    request: Request, database: Db, caller: access.ClinicianOrCitizen, asked: DeviceSearch
) -> Response:
    """The unit's devices, or those that one patient holds or has held."""
    try:
        patient_id = asked.patient_id() or caller.patient_id
    except LookupError:
        raise look.NoSuchPatient from None
    looker = door.looker(request, caller)
    if patient_id is None:
        async with database.transaction() as tx:
            found = await _devices(tx, caller.org, asked, unit_ids=list(caller.units))
    else:
        async with look.opened(database, looker, patient_id, "bindings") as seen:
            found = await _devices(seen.tx, seen.org, asked, patient_id=patient_id)
    shown = found[: asked.count()]
    rest = paging.cursor(paging.BEGINNING, shown[-1].id) if len(found) > len(shown) else None
    return fhir_door.bundle(request, asked, [_device(device) for device in shown], rest)


@router.get("/Device/{device_id}")
async def device(database: Db, caller: access.Clinician, device_id: UUID) -> Response:
    async with database.transaction() as tx:
        found = await store_devices.device(tx, caller.org, device_id)
    if found is None:
        raise fhir_door.NoSuchResource
    return fhir_door.answer(_device(found))


async def _devices(
    tx: asyncpg.Connection,
    org: str,
    asked: Asked,
    *,
    unit_ids: list[UUID] | None = None,
    patient_id: UUID | None = None,
) -> list[Device]:
    serial, place = asked.one("identifier"), asked.place()
    return await store_devices.devices(
        tx,
        org,
        unit_ids=unit_ids,
        serial=serial.rpartition("|")[2] if serial else None,
        patient_id=patient_id,
        after=place[1] if place else None,
        limit=asked.count() + 1,
    )


def _device(device: Device) -> fhir.Resource:
    return fhir_record.device(
        device.id,
        device.manufacturer,
        device.model,
        device.serial,
        active=device.retired_at is None,
    )
