"""Verbs: set up units and staff."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.patients import store
from services.patients.nouns import Staff, StaffRole, Unit
from shared import audit, watching
from shared.access import Caller
from shared.database import Database
from shared.identity import Row


class NameIsTaken(Exception):
    """Another unit has this name"""


class NumberIsTaken(Exception):
    """Somebody else is registered with this number"""


class NoSuchUnit(Exception):
    """There is no such unit here"""


class NoSuchStaff(Exception):
    """There is no such member of staff here"""


class UnknownUnit(Exception):
    """The body names a unit that is not one of this organisation"""


class OwnRights(Exception):
    """Nobody changes his own rights"""


async def add_unit(
    database: Database, caller: Caller, *, name: str, short: str, hours: Mapping[str, Any]
) -> Unit:
    """Make a unit; the organisation's first one makes the organisation."""
    watching.check(hours)
    unit = Unit(uuid4(), name, short, dict(hours))
    async with database.transaction() as tx:
        await store.add_organisation(tx, caller.org)
        if not await store.add_unit(tx, caller.org, unit):
            raise NameIsTaken
        await noted(tx, caller, "units", unit.id)
    return unit


async def change_unit(
    database: Database, caller: Caller, unit_id: UUID, changes: Mapping[str, Any]
) -> Unit:
    if "watching" in changes:
        watching.check(changes["watching"])
    async with database.transaction() as tx:
        unit = await store.unit(tx, caller.org, unit_id)
        if unit is None:
            raise NoSuchUnit
        changed = replace(unit, **changes)
        try:
            await store.change_unit(tx, caller.org, changed)
        except asyncpg.UniqueViolationError:
            raise NameIsTaken from None
        await noted(tx, caller, "units", unit_id)
    return changed


async def add_staff(
    database: Database,
    caller: Caller,
    *,
    name: str,
    role: StaffRole,
    units: list[UUID],
    hpr: str | None,
    groups: list[str],
    number: Sequence[Row] = (),
) -> Staff:
    """`number`: the national number's hash under each key."""
    staff = Staff(uuid4(), name, role, units, hpr, None, groups)
    async with database.transaction() as tx:
        await must_be_units(tx, caller.org, units)
        await store.add_staff(tx, caller.org, staff)
        await _number(tx, caller.org, staff.id, number)
        await noted(tx, caller, "staff", staff.id)
    return staff


async def change_staff(
    database: Database,
    caller: Caller,
    staff_id: UUID,
    changes: Mapping[str, Any],
    number: Sequence[Row] = (),
) -> Staff:
    """`number` takes the place of the one that was known."""
    if caller.id == str(staff_id):
        raise OwnRights
    async with database.transaction() as tx:
        staff = await store.one_staff(tx, caller.org, staff_id)
        if staff is None:
            raise NoSuchStaff
        changed = replace(staff, **changes)
        await must_be_units(tx, caller.org, changed.units)
        await store.change_staff(tx, caller.org, changed)
        if number:
            await store.forget_number(tx, caller.org, staff_id)
            await _number(tx, caller.org, staff_id, number)
        await noted(tx, caller, "staff", staff_id)
    return changed


async def _number(tx: asyncpg.Connection, org: str, staff_id: UUID, rows: Sequence[Row]) -> None:
    for row in rows:
        if not await store.add_number(tx, org, row, staff_id):
            raise NumberIsTaken


async def must_be_units(tx: asyncpg.Connection, org: str, unit_ids: list[UUID]) -> None:
    if await store.unknown_units(tx, org, unit_ids):
        raise UnknownUnit


async def noted(tx: asyncpg.Connection, caller: Caller, what: str, about: object) -> None:
    """In the audit trail: what of the house's arrangement was changed. LookCannotBeLogged."""
    await audit.change(tx, caller.org, caller.id, caller.role.value, about, what=what)
