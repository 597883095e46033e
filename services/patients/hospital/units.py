"""The doors to units and staff."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Response
from pydantic import Field

from services.patients import door, store
from services.patients.door import Db, Id, Keys, Line, Now, Sent, Word
from services.patients.hospital import organise
from services.patients.nouns import Staff, StaffRole, Unit
from shared import access
from shared.access import Role

router = door.router("units and staff", "/v1")

Anybody = Annotated[
    access.Caller,
    Depends(
        access.needs(Role.NURSE, Role.PHYSICIAN, Role.ADMINISTRATOR, Role.AUDITOR, Role.PATIENT)
    ),
]
DAYTIME = {
    "zone": "Europe/Oslo",
    "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:45", "to": "15:30"}],
}

WeekDay = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
Clock = Annotated[str, Field(pattern=r"^(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)$")]


Group = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9_-]{1,64}$",
        description="the slug of a sensitive programme, or `sensitive` for all of them",
    ),
]


class Period(Sent):
    days: list[WeekDay] = Field(min_length=1, max_length=8)
    since: Clock = Field(alias="from")
    to: Clock


class OnSuchDay(Sent):
    since: Clock = Field(alias="from")
    to: Clock


class SpecialDay(Sent):
    """A day with hours of its own in the place of those of its weekday; none: nobody watches."""

    day: Annotated[str, Field(alias="date", pattern=r"^\d{4}-\d{2}-\d{2}$")]
    name: Line | None = None
    hours: list[OnSuchDay] = Field(max_length=10)


class Hours(Sent):
    """When somebody watches. A period whose end is not after its start runs over midnight."""

    zone: Word = "Europe/Oslo"
    hours: list[Period] = Field(max_length=50)
    holidays: bool | None = Field(
        default=None,
        description="true: public holidays of Norway have the periods that name `holiday`, and "
        "no others; absent: a holiday is as its day of the week",
    )
    special: list[SpecialDay] | None = Field(default=None, max_length=200)
    answers_within: Annotated[str, Field(pattern=r"^PT(?:[1-9]|[1-3]\d|40)H$")] | None = Field(
        default=None,
        description="how many watched hours the unit takes to answer a message; absent: PT8H",
    )


class NewUnit(Sent):
    model_config = door.example(name="Nyremedisinsk poliklinikk", short="NYRE", watching=DAYTIME)

    name: Line
    short: Word
    watching: Hours


class UnitChange(Sent):
    """Only what is given changes."""

    model_config = door.example(watching=DAYTIME)

    name: Line | None = None
    short: Word | None = None
    watching: Hours | None = None


class NewStaff(Sent):
    model_config = door.example(
        name="Kari Eksempel", role="nurse", units=["0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e"]
    )

    name: Line
    role: StaffRole
    units: list[Id] = Field(max_length=100)
    national_number: Word | None = Field(
        default=None, description="for log-in of who has no HPR number; only its hash is kept"
    )
    hpr: Annotated[str, Field(pattern=r"^\d{1,9}$")] | None = None
    groups: list[Group] = Field(default=[], max_length=50)


class StaffChange(Sent):
    """Only what is given changes. `left` true: no longer works here."""

    model_config = door.example(units=[], left=True)

    name: Line | None = None
    role: StaffRole | None = None
    units: list[Id] | None = Field(default=None, max_length=100)
    hpr: Annotated[str, Field(pattern=r"^\d{1,9}$")] | None = None
    groups: list[Group] | None = Field(default=None, max_length=50)
    national_number: Word | None = Field(default=None, description="only its hash is kept")
    left: bool | None = None


@dataclass(frozen=True, slots=True)
class Units:
    units: list[Unit]


@dataclass(frozen=True, slots=True)
class StaffList:
    staff: list[Staff]


@router.get("/units")
async def units(database: Db, caller: Anybody) -> Units:
    async with database.transaction() as tx:
        found = await store.units(tx, caller.org)
    return Units(found)


@router.post("/units", status_code=201)
async def add_unit(
    response: Response, database: Db, caller: access.Administrator, new: NewUnit
) -> Unit:
    """Make a unit. An organisation begins with its first one."""
    unit = await organise.add_unit(
        database,
        caller,
        name=new.name,
        short=new.short,
        hours=new.watching.model_dump(by_alias=True, exclude_none=True),
    )
    door.created(response, f"/v1/units/{unit.id}")
    return unit


@router.get("/units/{unit_id}")
async def unit(database: Db, caller: Anybody, unit_id: UUID) -> Unit:
    async with database.transaction() as tx:
        found = await store.unit(tx, caller.org, unit_id)
    if found is None:
        raise organise.NoSuchUnit
    return found


@router.patch("/units/{unit_id}")
async def change_unit(
    database: Db, caller: access.Administrator, unit_id: UUID, changes: UnitChange
) -> Unit:
    given = changes.model_dump(by_alias=True, exclude_none=True)
    return await organise.change_unit(database, caller, unit_id, given)


@router.get("/staff")
async def staff(database: Db, caller: access.AnyStaff, unit: UUID | None = None) -> StaffList:
    async with database.transaction() as tx:
        found = await store.staff(tx, caller.org, unit)
    return StaffList(found)


@router.post("/staff", status_code=201)
async def add_staff(
    response: Response, database: Db, keys: Keys, caller: access.Administrator, new: NewStaff
) -> Staff:
    number = keys.of_person(new.national_number) if new.national_number else []
    made = await organise.add_staff(
        database,
        caller,
        name=new.name,
        role=new.role,
        units=new.units,
        hpr=new.hpr,
        groups=new.groups,
        number=number,
    )
    door.created(response, f"/v1/staff/{made.id}")
    return made


@router.get("/staff/{staff_id}")
async def one_staff(database: Db, caller: access.AnyStaff, staff_id: UUID) -> Staff:
    async with database.transaction() as tx:
        found = await store.one_staff(tx, caller.org, staff_id)
    if found is None:
        raise organise.NoSuchStaff
    return found


@router.patch("/staff/{staff_id}")
async def change_staff(
    database: Db,
    keys: Keys,
    now: Now,
    caller: access.Administrator,
    staff_id: UUID,
    changes: StaffChange,
) -> Staff:
    """Change what is given; nobody changes his own rights."""
    given = changes.model_dump(exclude_none=True, exclude={"left", "national_number"})
    number = keys.of_person(changes.national_number) if changes.national_number else []
    if changes.left is not None:
        given["left_at"] = now if changes.left else None
    return await organise.change_staff(database, caller, staff_id, given, number)
