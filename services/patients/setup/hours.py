"""The page on which a unit's watching hours, its holidays and its special days are set."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.patients import store
from services.patients.door import Db, Now
from services.patients.hospital import organise
from services.patients.nouns import Unit
from services.patients.page import frame as pages
from services.patients.page import hours as view
from services.patients.page import words
from services.patients.setup import frame, typed_hours
from services.patients.setup.typed import Fault
from shared import access, exact, watching
from shared.access import Role
from shared.database import Database

router = APIRouter(prefix="/setup/hours", include_in_schema=False)

FIELDS = 900  # rows of the week with eight days each, and special days


@router.get("")
async def first(request: Request, database: Db, caller: access.AnyStaff) -> Response:
    """The caller's own unit, or the first there is."""
    async with database.transaction() as tx:
        found = await store.units(tx, caller.org)
    listed = view.units(found, None, caller.units)
    if not listed:
        raise organise.NoSuchUnit
    return frame.onwards(f"/setup/hours/{listed[0]['id']}")


@router.get("/{unit_id}")
async def page(
    request: Request, database: Db, now: Now, caller: access.AnyStaff, unit_id: UUID
) -> Response:
    unit, units = await of_unit(database, caller, unit_id)
    return _page(request, caller, unit, units, typed_hours.of(unit.watching), [], now)


@router.post("/{unit_id}")
async def keep(
    request: Request, database: Db, now: Now, caller: access.Administrator, unit_id: UUID
) -> Response:
    """Saved, or only drawn (`go` show), or given another row."""
    said = await frame.form(request, caller, FIELDS)
    go, seen = said.pop("go", "save"), said.pop("seen", "")
    unit, units = await of_unit(database, caller, unit_id)
    hours, faults = typed_hours.read(said, unit.watching)
    if go == "save" and not faults:
        if seen != mark(unit.watching):
            faults = [Fault("", "hours-have-changed")]
        else:
            await organise.change_unit(database, caller, unit_id, {"watching": hours})
            return frame.onwards(f"/setup/hours/{unit_id}?saved=yes")
    if go.startswith("more"):
        faults = []
    status = 200 if go != "save" else 409 if faults[0].code == "hours-have-changed" else 422
    return _page(request, caller, unit, units, said, faults, now, hours, more=go, status=status)


async def of_unit(
    database: Database, caller: access.Caller, unit_id: UUID
) -> tuple[Unit, list[dict[str, Any]]]:
    """NoSuchUnit."""
    async with database.transaction() as tx:
        found = await store.units(tx, caller.org)
    unit = next((one for one in found if one.id == unit_id), None)
    if unit is None:
        raise organise.NoSuchUnit
    return unit, view.units(found, unit_id, caller.units)


def mark(kept: Any) -> str:
    """Which ones were on the page when somebody changed them."""
    return hashlib.sha256(exact.canonical(kept)).hexdigest()[:32]


def _page(
    request: Request,
    caller: access.Caller,
    unit: Unit,
    units: list[dict[str, Any]],
    said: Mapping[str, str],
    faults: list[Fault],
    now: datetime,
    drawn: Mapping[str, Any] | None = None,
    *,
    more: str = "",
    status: int = 200,
) -> Response:
    lang = frame.language(request)
    t, s = words.words(lang), frame.said(request)
    counted = drawn if drawn is not None else unit.watching
    watch = watching.watching(counted, now)
    general = next((one.code for one in faults if not one.at), "")
    shown = {
        **view.editor(said, faults, more, lang),
        "unit": {"id": str(unit.id), "name": unit.name},
        "units": units,
        "place": "",
        "week": view.week(counted, lang),
        "coming": view.coming(counted, now, lang),
        "watch": pages.watching(watch, unit.name, now, t),
        "promised": view.promised(counted, now, lang),
        "is_drawn": drawn is not None,
        "saved": request.query_params.get("saved") == "yes" and drawn is None,
        "problem": s["fault"][general] if general else "",
        "seen": mark(unit.watching),
        "may_change": caller.role is Role.ADMINISTRATOR,
    }
    title = s["hours"]["title"]
    return frame.html(request, caller, "hours.html", shown, title=title, tab="hours", status=status)
