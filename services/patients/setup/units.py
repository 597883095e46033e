"""The page of units: who watches when, who works there, a new unit and its name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from services.patients import store
from services.patients.door import Db, Now
from services.patients.hospital import organise
from services.patients.hospital.units import NewUnit, UnitChange
from services.patients.page import house as view
from services.patients.setup import frame
from shared import access, service
from shared.access import Caller, Role
from shared.database import Database
from shared.watching import HoursAreUnusable

router = APIRouter(prefix="/setup/units", include_in_schema=False)

AT = "/setup/units"
REFUSED = (organise.NameIsTaken, HoursAreUnusable)


@router.get("")
async def units(
    request: Request,
    database: Db,
    now: Now,
    caller: access.AnyStaff,
    q: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    return await _list(request, database, caller, now, q.strip(), page)


@router.post("")
async def add(request: Request, database: Db, now: Now, caller: access.Administrator) -> Response:
    said = await frame.form(request, caller)
    try:
        new = NewUnit.model_validate(view.new_unit(said))
        hours = new.watching.model_dump(by_alias=True, exclude_none=True)
        await organise.add_unit(database, caller, name=new.name, short=new.short, hours=hours)
    except ValidationError:
        return await _refused(request, database, caller, now, "unreadable", said)
    except REFUSED as error:
        return await _refused(request, database, caller, now, service.code_of(type(error)), said)
    return frame.onwards(AT)


@router.post("/{unit_id}")
async def rename(
    request: Request, database: Db, now: Now, caller: access.Administrator, unit_id: UUID
) -> Response:
    said = await frame.form(request, caller)
    given = {name: said.get(name, "") for name in ("name", "short")}
    try:
        change = UnitChange.model_validate(given).model_dump(by_alias=True, exclude_none=True)
        await organise.change_unit(database, caller, unit_id, change)
    except ValidationError:
        return await _refused(request, database, caller, now, "unreadable", {})
    except REFUSED as error:
        return await _refused(request, database, caller, now, service.code_of(type(error)), {})
    return frame.onwards(AT)


async def _list(
    request: Request,
    database: Database,
    caller: Caller,
    now: datetime,
    q: str,
    page: int,
    more: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    async with database.transaction() as tx:
        found = await store.units(tx, caller.org)
        staff = await store.staff(tx, caller.org)
    filled = view.units(
        found, staff, q, page, frozenset(caller.units),
        arranges=caller.role is Role.ADMINISTRATOR, lang=frame.language(request), now=now,
    )  # fmt: skip
    base = {"problem": "", "said": {}}
    title = frame.said(request)["tabs"]["units"]
    return frame.html(
        request, caller, "units.html", {**base, **filled, **(more or {})}, title=title,
        tab="units", status=status,
    )  # fmt: skip


async def _refused(
    request: Request,
    database: Database,
    caller: Caller,
    now: datetime,
    code: str,
    said: Mapping[str, str],
) -> Response:
    problem = frame.said(request)["house"]["refused"][code]
    more = {"problem": problem, "said": said}
    return await _list(request, database, caller, now, "", 1, more, status=422)
