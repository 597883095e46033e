"""The pages of staff: who works here, in which role and units, with which access."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from services.patients import store
from services.patients.door import Db, Keys, Now
from services.patients.hospital import organise
from services.patients.hospital.units import NewStaff, StaffChange
from services.patients.nouns import Staff
from services.patients.numbers import NumberIsNotAcceptable, NumberNeedsItsSystem
from services.patients.page import house as view
from services.patients.setup import frame
from shared import access, service
from shared.access import Caller, Role
from shared.database import Database

router = APIRouter(prefix="/setup/staff", include_in_schema=False)

AT = "/setup/staff"
FIELDS = 200  # a tick for each unit and group
NEW = "new"
REFUSED = (
    organise.UnknownUnit, organise.OwnRights, organise.NumberIsTaken, NumberIsNotAcceptable,
    NumberNeedsItsSystem,
)  # fmt: skip


@router.get("")
async def staff(
    request: Request,
    database: Db,
    now: Now,
    caller: access.AnyStaff,
    q: Annotated[str, Query(max_length=100)] = "",
    role: Annotated[str, Query(max_length=20)] = "",
    unit: Annotated[str, Query(max_length=40)] = "",
    left: Literal["", "yes"] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    async with database.transaction() as tx:
        found = await store.staff(tx, caller.org)
        units = {one.id: one.name for one in await store.units(tx, caller.org)}
    chosen = {"q": q.strip(), "role": role, "unit": unit, "left": left}
    filled = view.staff(
        found, units, chosen, page, arranges=caller.role is Role.ADMINISTRATOR,
        lang=frame.language(request), now=now,
    )  # fmt: skip
    title = frame.said(request)["tabs"]["staff"]
    return frame.html(request, caller, "staff.html", filled, title=title, tab="staff")


@router.get("/new")
async def new(request: Request, database: Db, now: Now, caller: access.Administrator) -> Response:
    return await _page(request, database, caller, now, None)


@router.post("")
async def add(
    request: Request, database: Db, keys: Keys, now: Now, caller: access.Administrator
) -> Response:
    said = await frame.form(request, caller, FIELDS)
    try:
        new = NewStaff.model_validate(view.member(said))
        number = keys.of_person(new.national_number) if new.national_number else []
        made = await organise.add_staff(
            database, caller, name=new.name, role=new.role, units=new.units, hpr=new.hpr,
            groups=new.groups, number=number,
        )  # fmt: skip
    except ValidationError:
        return await _page(request, database, caller, now, None, said, "unreadable")
    except REFUSED as error:
        code = service.code_of(type(error))
        return await _page(request, database, caller, now, None, said, code)
    return frame.onwards(f"{AT}/{made.id}")


@router.get("/{staff_id}")
async def one(
    request: Request, database: Db, now: Now, caller: access.AnyStaff, staff_id: UUID
) -> Response:
    return await _page(request, database, caller, now, staff_id)


@router.post("/{staff_id}")
async def change(
    request: Request,
    database: Db,
    keys: Keys,
    now: Now,
    caller: access.Administrator,
    staff_id: UUID,
) -> Response:
    """All that the form holds; nobody changes his own rights."""
    said = await frame.form(request, caller, FIELDS)
    try:
        sent = StaffChange.model_validate(view.member(said))
        given = sent.model_dump(exclude_none=True, exclude={"left", "national_number"})
        number = keys.of_person(sent.national_number) if sent.national_number else []
        await organise.change_staff(database, caller, staff_id, given, number)
    except ValidationError:
        return await _page(request, database, caller, now, staff_id, said, "unreadable")
    except REFUSED as error:
        code = service.code_of(type(error))
        return await _page(request, database, caller, now, staff_id, said, code)
    return frame.onwards(f"{AT}/{staff_id}")


@router.post("/{staff_id}/left")
async def has_left(
    request: Request, database: Db, now: Now, caller: access.Administrator, staff_id: UUID
) -> Response:
    """No longer works here; or (`back`) does so again."""
    said = await frame.form(request, caller)
    try:
        left = {"left_at": None if "back" in said else now}
        await organise.change_staff(database, caller, staff_id, left)
    except organise.OwnRights:
        return await _page(request, database, caller, now, staff_id, None, "own-rights")
    return frame.onwards(f"{AT}/{staff_id}")


async def _page(
    request: Request,
    database: Database,
    caller: Caller,
    now: datetime,
    staff_id: UUID | None,
    said: Mapping[str, str] | None = None,
    problem: str = "",
) -> Response:
    of: Staff | None = None
    async with database.transaction() as tx:
        units = {one.id: one.name for one in await store.units(tx, caller.org)}
        if staff_id is not None:
            of = await store.one_staff(tx, caller.org, staff_id)
            if of is None:
                raise organise.NoSuchStaff
    arranges = caller.role is Role.ADMINISTRATOR and caller.id != str(staff_id)
    s = frame.said(request)["house"]
    filled: dict[str, Any] = {
        **view.person(
            of, said, units, request.app.state.programmes, arranges=arranges,
            lang=frame.language(request), now=now,
        ),
        "problem": s["refused"][problem] if problem else "",
        "is_me": caller.id == str(staff_id),
    }  # fmt: skip
    title = of.name if of else s["new_staff"]
    return frame.html(
        request, caller, "member.html", filled, title=title, tab="staff",
        status=422 if problem else 200,
    )  # fmt: skip
