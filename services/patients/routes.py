"""The doors to people: find, register and change a patient, and who has looked at him."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import Field

from services.patients import door, look, paging, record, store
from services.patients.door import Cursor, Day, Db, Id, Keys, Limit, Line, Moment, Now, Sent, Word
from services.patients.nouns import Identifier, Look, Patient
from services.patients.numbers import looks_national
from services.patients.privacy import tracing
from shared import access
from shared.access import CLINICAL

router = door.router("patients", "/v1/patients")

Language = Literal["nb", "nn", "se", "smj", "sma", "en"]
Sex = Literal["female", "male", "other"]
AuditorOrPatient = Annotated[
    access.Caller, Depends(access.needs(access.Role.AUDITOR, access.Role.PATIENT))
]
StaffOrPatient = Annotated[
    access.Caller,
    Depends(access.needs(*CLINICAL, access.Role.ADMINISTRATOR, access.Role.PATIENT)),
]


class NumberInAddress(Exception):
    """Search for a national number with POST /v1/patients/search; it must not be in an address"""


NORWEGIAN = {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13116900216"}


class SentIdentifier(Sent):
    model_config = door.example(**NORWEGIAN)

    system: Line
    value: Word

    def plain(self) -> Identifier:
        return Identifier(self.system, self.value)


class NewPatient(Sent):
    model_config = door.example(
        name="Test Testesen 03",
        born="1969-11-13",
        unit_id="0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e",
        identifiers=[NORWEGIAN],
        language="nb",
    )

    name: Line
    born: Day
    unit_id: Id
    sex: Sex | None = None
    language: Language = "nb"
    number: Word | None = Field(default=None, description="the hospital's local number, if any")
    identifier: SentIdentifier | None = None
    identifiers: list[SentIdentifier] = Field(default=[], max_length=8)
    phone: Word | None = Field(default=None, description="kept sealed; shown on his page only")
    sms_reminders: bool = Field(default=False, description="he has agreed to be reminded by SMS")


class PatientChange(Sent):
    """Only what is given changes."""

    model_config = door.example(name="Test Testesen 04")

    name: Line | None = None
    born: Day | None = None
    unit_id: Id | None = None
    sex: Sex | None = None
    language: Language | None = None
    deceased_at: Moment | None = None
    phone: Word | None = Field(default=None, description="kept sealed; null takes it away")
    sms_reminders: bool | None = None


class Search(Sent):
    """By identifier, or by the same things as the list."""

    model_config = door.example(identifier=NORWEGIAN)

    identifier: SentIdentifier | None = None
    q: Line | None = None
    unit: Id | None = None
    cursor: Id | None = None
    limit: int = Field(default=door.PAGE, ge=1, le=200)


@dataclass(frozen=True, slots=True)
class PatientPage:
    patients: list[Patient]
    next: UUID | None


@dataclass(frozen=True, slots=True)
class WholePatient(Patient):
    identifiers: list[Identifier]


# Null says something of these: there is none, or none any more.
MAY_BE_NULL = ("sex", "deceased_at", "phone")


@dataclass(frozen=True, slots=True)
class LookPage:
    looks: list[Look]
    next: str | None


@router.get("")
async def patients(
    request: Request,
    database: Db,
    caller: access.ClinicianOrAdministrator,
    unit: UUID | None = None,
    q: Annotated[
        Line | None, Query(description="part of a name, or the beginning of a local number")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = door.PAGE,
) -> PatientPage:
    """The patients of the caller's units, by name."""
    if q and looks_national(q):
        raise NumberInAddress
    return await _page(database, door.looker(request, caller), unit, q, cursor, limit)


@router.post("/search")
async def search(
    request: Request,
    database: Db,
    keys: Keys,
    caller: access.ClinicianOrAdministrator,
    wanted: Search,
) -> PatientPage:
    """As the list, and by national number, which must never stand in an address."""
    looker = door.looker(request, caller)
    if wanted.identifier is None:
        return await _page(database, looker, wanted.unit, wanted.q, wanted.cursor, wanted.limit)
    hashes = keys.hashes(wanted.identifier.system, wanted.identifier.value)
    async with database.transaction() as tx:
        found = await store.whose_number(tx, caller.org, hashes)
    if found is None:
        return PatientPage([], None)
    async with look.opened(database, looker, found, "search") as seen:
        patient = seen.patient
    return PatientPage([patient], None)


async def _page(
    database: Db,
    looker: look.Looker,
    unit: UUID | None,
    text: str | None,
    cursor: UUID | None,
    limit: int,
) -> PatientPage:
    caller = looker.caller
    units = [unit] if unit else None
    if caller.role in CLINICAL:
        record.may_ask_for(caller, unit)
        units = units or list(caller.units)
    async with database.transaction() as tx:
        found = await store.patients(
            tx, caller.org, unit_ids=units, text=text, after=cursor, limit=limit + 1
        )
        shown = found[:limit]
        await look.logged(tx, looker, [patient.id for patient in shown], "list")
    return PatientPage(shown, shown[-1].id if len(found) > limit else None)


@router.post("", status_code=201)
async def register(
    request: Request,
    response: Response,
    database: Db,
    keys: Keys,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    new: NewPatient,
) -> Patient:
    """Register a person. National numbers: synthetic only in test, real only in production."""
    numbers = [*new.identifiers, *([new.identifier] if new.identifier else [])]
    patient = await record.register(
        database,
        door.looker(request, caller),
        keys,
        new.model_dump(exclude={"identifier", "identifiers"}),
        [number.plain() for number in numbers],
        now,
    )
    door.created(response, f"/v1/patients/{patient.id}")
    return patient


@router.get("/{patient_id}")
async def patient(
    request: Request, database: Db, keys: Keys, caller: StaffOrPatient, patient_id: UUID
) -> WholePatient:
    """Who the patient is, with his national number. No clinical content."""
    async with look.opened(database, door.looker(request, caller), patient_id, "patient") as seen:
        numbers = await record.identifiers_of(seen.tx, seen.org, keys, [patient_id])
        known = seen.patient
    return WholePatient(
        known.id, known.number, known.name, known.born, known.sex, known.language,
        known.unit_id, known.deceased_at, known.has_phone, known.sms_reminders,
        numbers[patient_id],
    )  # fmt: skip


@router.patch("/{patient_id}")
async def change(
    request: Request,
    database: Db,
    keys: Keys,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    patient_id: UUID,
    changes: PatientChange,
) -> Patient:
    """Change what is given. `deceased_at` null takes a death back; `sex`, `phone` null clear it."""
    given = {
        name: value
        for name, value in changes.model_dump(exclude_unset=True).items()
        if value is not None or name in MAY_BE_NULL
    }
    return await record.change(database, door.looker(request, caller), keys, patient_id, given, now)


@router.post("/{patient_id}/identifiers", status_code=204)
async def identify(
    request: Request,
    database: Db,
    keys: Keys,
    caller: access.ClinicianOrAdministrator,
    patient_id: UUID,
    identifier: SentIdentifier,
) -> None:
    """Give the patient a further identifier."""
    await record.identify(
        database, door.looker(request, caller), keys, patient_id, identifier.plain()
    )


@router.get("/{patient_id}/access-log")
async def access_log(
    request: Request,
    database: Db,
    caller: AuditorOrPatient,
    patient_id: UUID,
    cursor: Annotated[
        str | None, Query(max_length=100, description="`next` of the page before")
    ] = None,
    limit: Limit = door.PAGE,
) -> LookPage:
    """Who has looked at the patient, newest first. For the patient himself and the auditor."""
    looker = door.looker(request, caller)
    found = await tracing.of_patient(
        database, looker, patient_id, after=paging.place(cursor), limit=limit
    )
    async with database.transaction() as tx:
        units = {unit.id: unit.name for unit in await store.units(tx, caller.org)}
    return LookPage(
        [Look.of(one, units) for one in found.events],
        paging.cursor(*found.next) if found.next else None,
    )
