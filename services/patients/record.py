"""Verbs: register a person, change what the record says about her."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.patients import look, store
from services.patients.hospital import organise
from services.patients.look import Looker
from services.patients.nouns import Identifier, Patient
from services.patients.numbers import Numbers
from shared import ledger
from shared.access import CLINICAL, Caller
from shared.database import Database


class LocalNumberIsTaken(Exception):
    """Another patient has this local number"""


class IdentifierIsTaken(Exception):
    """This identifier already belongs to a patient"""


class UnitIsNotYours(Exception):
    """You do not work in this unit"""


async def register(
    database: Database,
    looker: Looker,
    numbers: Numbers,
    new: Mapping[str, Any],
    identifiers: list[Identifier],
    now: datetime,
) -> Patient:
    """Make a patient. `new` holds the members of a Patient, with or without a local number, and
    his telephone number."""
    checked = [numbers.check(sent.system, sent.value) for sent in identifiers]
    must_work_in(looker.caller, new["unit_id"])
    async with database.transaction() as tx:
        await organise.must_be_units(tx, looker.org, [new["unit_id"]])
        number = new.get("number") or await store.next_number(tx)
        id_, told = uuid4(), {name: value for name, value in new.items() if name != "phone"}
        phone = numbers.seal_phone(id_, new.get("phone"))
        patient = Patient(
            **{**told, "id": id_, "number": number, "deceased_at": None, "has_phone": bool(phone)}
        )
        if not await store.add_patient(tx, looker.org, patient, phone, looker.by):
            raise LocalNumberIsTaken
        for system, value in checked:
            await _identify(tx, looker.org, numbers, patient.id, system, value)
        await look.logged(tx, looker, [patient.id], "registration", "changed")
        await ledger.decide(
            tx, looker.org, patient.id, "patient-registered", said_of(patient),
            by=looker.by, at=now,
        )  # fmt: skip
    return patient


async def change(
    database: Database,
    looker: Looker,
    numbers: Numbers,
    patient_id: UUID,
    changes: Mapping[str, Any],
    now: datetime,
) -> Patient:
    """`changes` by the names of a Patient's members; `phone` None takes the number away."""
    given = dict(changes)
    sealed = numbers.seal_phone(patient_id, given.pop("phone", None))
    if "phone" in changes:
        given["has_phone"] = sealed is not None
    async with look.opened(database, looker, patient_id, "patient", changes=True) as seen:
        patient = await store.patient(seen.tx, seen.org, patient_id, lock=True)
        assert patient is not None  # it was there a statement ago, and nothing deletes it
        changed = replace(patient, **given)
        if "phone" in changes:
            await store.keep_phone(seen.tx, seen.org, patient_id, sealed)
        if changed != patient:
            await organise.must_be_units(seen.tx, seen.org, [changed.unit_id])
            await store.change_patient(seen.tx, seen.org, changed)
            await ledger.decide(
                seen.tx, seen.org, patient_id, "patient-changed", said_of(changed),
                by=seen.by, at=now,
            )  # fmt: skip
    return changed


async def identify(
    database: Database, looker: Looker, numbers: Numbers, patient_id: UUID, sent: Identifier
) -> None:
    """Add an identifier: a D-number that became a national number keeps both."""
    system, value = numbers.check(sent.system, sent.value)
    async with look.opened(database, looker, patient_id, "identifiers", changes=True) as seen:
        await _identify(seen.tx, seen.org, numbers, patient_id, system, value)


async def _identify(
    tx: asyncpg.Connection,
    org: str,
    numbers: Numbers,
    patient_id: UUID,
    system: str,
    value: str,
) -> None:
    for row in numbers.rows(system, value):
        if not await store.add_identifier(tx, org, row, system, patient_id):
            raise IdentifierIsTaken


async def identifiers_of(
    tx: asyncpg.Connection, org: str, numbers: Numbers, patient_ids: list[UUID]
) -> dict[UUID, list[Identifier]]:
    """The numbers themselves, opened; only for whoever has already been let in."""
    sealed = await store.identifiers(tx, org, patient_ids)
    return {
        # Under two keys while they are exchanged, and yet one. A key that this replica has not
        # been given yet is another's: the same number stands under ours too.
        patient: list(
            dict.fromkeys(
                Identifier(system, numbers.unseal(system, value))
                for system, value, key in pairs
                if numbers.has(key)
            )
        )
        for patient, pairs in sealed.items()
    }


def must_work_in(caller: Caller, unit_id: UUID) -> None:
    if caller.role in CLINICAL and unit_id not in caller.units:
        raise UnitIsNotYours


def may_ask_for(caller: Caller, unit_id: UUID | None) -> None:
    """A clinician asks for all her units, or for one of them."""
    if unit_id is not None and unit_id not in caller.units:
        raise UnitIsNotYours


def said_of(patient: Patient) -> dict[str, Any]:
    return {
        "name": patient.name,
        "born": patient.born.isoformat(),
        "unit_id": str(patient.unit_id),
        "number": patient.number,
        "deceased": patient.deceased_at is not None,
        "sms_reminders": patient.sms_reminders,
    }
