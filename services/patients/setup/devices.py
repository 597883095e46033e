"""The pages of devices: the list, one of them, and its codes and secrets.

By the same verbs as the doors of programs. A code or a secret is shown in one answer and never
again.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from services.patients import door, look, store
from services.patients.door import Cred, Db, Now
from services.patients.equipment import bind, codes, issue, qr, store_suggestions
from services.patients.equipment.codes import Made
from services.patients.equipment.devices import NewCredential, NewDevice
from services.patients.fhir_doors import fhir_door
from services.patients.hospital import organise
from services.patients.look import Looker
from services.patients.nouns import Patient
from services.patients.page import announced, words, written
from services.patients.page import devices as view
from services.patients.record import UnitIsNotYours
from services.patients.setup import frame, store_held, store_things
from services.patients.setup.store_things import Thing
from shared import access, service
from shared.access import CLINICAL, Caller, Role
from shared.database import Database

router = APIRouter(prefix=view.AT, include_in_schema=False)

PAGE = 50
HOLDERS = 50
BATTERY = timedelta(days=30)
OVERLAP = timedelta(hours=1)
LASTS = {"15": timedelta(minutes=15), "1440": timedelta(hours=24)}
REFUSED = (
    issue.DeviceIsKnown, issue.CredentialIsRevoked, issue.ClientIsTaken, issue.KeyIsTheDevices,
    codes.SystemsHaveNoCode, UnitIsNotYours, organise.UnknownUnit,
)  # fmt: skip


@router.get("")
async def devices(
    request: Request,
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    q: Annotated[str, Query(max_length=100)] = "",
    kind: Literal["", "device", "app", "system"] = "",
    state: Literal["", "held", "free", "silent", "new", "revoked"] = "",
    cursor: Annotated[str, Query(pattern=r"^[a-z0-9-]{0,64}$")] = "",
) -> Response:
    chosen = {"q": q.strip(), "kind": kind, "state": state}
    return await _list(request, database, caller, now, chosen, cursor)


@router.post("")
async def add(
    request: Request, database: Db, now: Now, caller: access.ClinicianOrAdministrator
) -> Response:
    """A new device, app or system: registered if its make is given, and then a code or a secret."""
    said = await frame.form(request, caller)
    try:
        new = NewCredential.model_validate(_given(said, "kind", "label", "unit_id", "client_id"))
        device = _device(said, new.unit_id)
        device_id = None
        if device is not None:
            device_id = (await issue.add_device(database, caller, device.model_dump())).id
        if new.kind == "system" or said.get("how") == "secret":
            issued = await issue.issue(
                database, caller, kind=new.kind, label=new.label, unit_id=new.unit_id,
                device_id=device_id, now=now, client_id=new.client_id,
            )  # fmt: skip
            shown = {"secret": issued.secret}
            return await _one(request, database, caller, now, issued.credential.cred, shown)
        if new.unit_id is None:
            raise organise.UnknownUnit
        credential = codes.for_new(new.kind, new.label, new.unit_id, device_id, now)
        made = await codes.make(
            database, caller, cred=None, new_one=credential, lasts=LASTS["1440"], now=now
        )
    except ValidationError:
        problem = frame.said(request)["devices"]["refused"]["unreadable"]
    except REFUSED as error:
        problem = frame.said(request)["devices"]["refused"][service.code_of(type(error))]
    else:
        return await _one(
            request, database, caller, now, made.credential.cred, _code(request, made, now)
        )
    nothing = {"q": "", "kind": "", "state": ""}
    more = {"problem": problem, "said": said}
    return await _list(request, database, caller, now, nothing, "", more, status=422)


@router.get("/{cred}")
async def device(
    request: Request, database: Db, now: Now, caller: access.ClinicianOrAdministrator, cred: Cred
) -> Response:
    return await _one(request, database, caller, now, cred, {})


@router.post("/{cred}/code")
async def code(
    request: Request, database: Db, now: Now, caller: access.ClinicianOrAdministrator, cred: Cred
) -> Response:
    """A one-time code in the place of any before it."""
    said = await frame.form(request, caller)
    lasts = LASTS.get(said.get("minutes", ""), LASTS["15"])
    try:
        made = await codes.make(database, caller, cred=cred, new_one=None, lasts=lasts, now=now)
    except REFUSED as error:
        return await _refused(request, database, caller, now, cred, error)
    return await _one(request, database, caller, now, cred, _code(request, made, now))


@router.post("/{cred}/rotate")
async def rotate(
    request: Request, database: Db, now: Now, caller: access.ClinicianOrAdministrator, cred: Cred
) -> Response:
    said = await frame.form(request, caller)
    overlap = OVERLAP if "overlap" in said else timedelta(0)
    try:
        issued = await issue.rotate(database, caller, cred, now, overlap)
    except REFUSED as error:
        return await _refused(request, database, caller, now, cred, error)
    return await _one(request, database, caller, now, cred, {"secret": issued.secret})


@router.post("/{cred}/revoke")
async def revoke(
    request: Request,
    database: Db,
    certifier: door.Certificates,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    cred: Cred,
) -> Response:
    """At once and for good."""
    await frame.form(request, caller)
    await issue.revoke(database, certifier, caller, cred, now)
    return frame.onwards(f"{view.AT}/{cred}")


@router.post("/{cred}/end")
async def end(
    request: Request, database: Db, now: Now, caller: access.Clinician, cred: Cred
) -> Response:
    """Who has it hands it back now."""
    said = await frame.form(request, caller)
    try:
        patient_id, binding_id = UUID(said.get("patient", "")), UUID(said.get("binding", ""))
    except ValueError:
        raise bind.NoSuchBinding from None
    await bind.change(
        database, door.looker(request, caller), patient_id, binding_id, since=None, until=now,
        keeps_until=False,
    )  # fmt: skip
    return frame.onwards(f"{view.AT}/{cred}")


# --- what is shown ----------------------------------------------------------------------------


async def _list(
    request: Request,
    database: Database,
    caller: Caller,
    now: datetime,
    chosen: Mapping[str, str],
    cursor: str,
    more: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    mine = list(caller.units) if caller.role in CLINICAL else None
    looker = door.looker(request, caller)
    async with database.transaction() as tx:
        found = await store_things.things(
            tx, caller.org, now, unit_ids=mine, kind=chosen["kind"] or None,
            state=chosen["state"] or None, text=chosen["q"] or None,
            silent_before=now - view.SILENT, after=cursor or None, limit=PAGE + 1,
        )  # fmt: skip
        shown = found[:PAGE]
        people = await _people(tx, looker, {id for one in shown for id in one.held_by})
        batteries = await _batteries(tx, caller, shown, people, now)
        units = {unit.id: unit.name for unit in await store.units(tx, caller.org)
                 if mine is None or unit.id in caller.units}  # fmt: skip
        waiting = await store_suggestions.waiting(tx, caller.org, mine)
    filled = view.devices(
        shown, people, batteries, units, chosen, shown[-1].cred if len(found) > PAGE else None,
        shows_holders=caller.role in CLINICAL,
        arranges_systems=caller.role is Role.ADMINISTRATOR,
        lang=frame.language(request), now=now,
    )  # fmt: skip
    title = frame.said(request)["tabs"]["devices"]
    base = {"problem": "", "said": {}, "announced": _announced(request, waiting)}
    return frame.html(
        request, caller, "devices.html", {**base, **filled, **(more or {})}, title=title,
        tab="devices", status=status,
    )  # fmt: skip


async def _one(
    request: Request,
    database: Database,
    caller: Caller,
    now: datetime,
    cred: str,
    shown: Mapping[str, Any],
    status: int = 200,
) -> Response:
    looker = door.looker(request, caller)
    async with database.transaction() as tx:
        of = await store_things.thing(tx, caller.org, now, cred)
        if of is None or (caller.role in CLINICAL and of.unit_id not in caller.units):
            raise issue.NoSuchCredential
        holders = (
            await store_held.holders(tx, caller.org, cred, HOLDERS)
            if caller.role in CLINICAL
            else []
        )
        people = await _people(tx, looker, {each.patient_id for each in holders})
        batteries = await _batteries(tx, caller, [of], people, now)
        units = {unit.id: unit.name for unit in await store.units(tx, caller.org)}
        waiting = await store_suggestions.waiting(tx, caller.org, None, cred)
    filled = view.device(
        of, holders, people, batteries.get(cred), units, shows_holders=caller.role in CLINICAL,
        lang=frame.language(request), now=now,
    )  # fmt: skip
    base = {"problem": "", "secret": "", "code": None,
            "announced": _announced(request, waiting, cred)}  # fmt: skip
    return frame.html(
        request, caller, "device.html", {**base, **filled, **shown}, title=of.label,
        tab="devices", status=status,
    )  # fmt: skip


def _announced(request: Request, waiting: int, cred: str = "") -> dict[str, str] | None:
    """How many wait that announced themselves, and where they are."""
    if not waiting:
        return None
    s = frame.said(request)["announced"]
    return {"says": words.count(s["waiting"], waiting), "href": announced.address(cred=cred)}


async def _people(
    tx: asyncpg.Connection, looker: Looker, ids: Iterable[UUID]
) -> dict[UUID, Patient]:
    """Those of the holders whom this person may see; and that she saw them is written down."""
    caller = looker.caller
    if caller.role not in CLINICAL:
        return {}
    wanted = list(ids)
    found = await store.patients(tx, caller.org, ids=wanted, limit=len(wanted)) if wanted else []
    people = {one.id: one for one in found if await look.is_hers(tx, caller, one.id)}
    if people:
        await look.logged(tx, looker, list(people), "bindings")
    return people


async def _batteries(
    tx: asyncpg.Connection,
    caller: Caller,
    things: Iterable[Thing],
    people: Mapping[UUID, Patient],
    now: datetime,
) -> dict[str, Any]:
    held = [(one.cred, id) for one in things for id in one.held_by if id in people]
    return await store_things.batteries(tx, caller.org, held, now - BATTERY) if held else {}


async def _refused(
    request: Request,
    database: Database,
    caller: Caller,
    now: datetime,
    cred: str,
    error: Exception,
) -> Response:
    problem = frame.said(request)["devices"]["refused"][service.code_of(type(error))]
    return await _one(request, database, caller, now, cred, {"problem": problem}, status=409)


def _code(request: Request, made: Made, now: datetime) -> dict[str, Any]:
    uri = f"hjemvakt://enrol?{urlencode({'at': fhir_door.place(request), 'code': made.code})}"
    until = written.moment(made.until, now, words.words(frame.language(request)))
    return {"code": {"text": made.code, "qr": qr.svg(uri), "uri": uri, "until": until}}


def _given(said: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: said[name].strip() for name in names if said.get(name, "").strip()}


def _device(said: Mapping[str, str], unit_id: UUID | None) -> NewDevice | None:
    """What it is, where its make is told. Raises pydantic.ValidationError."""
    given = _given(said, "manufacturer", "model", "serial")
    if not given:
        return None
    return NewDevice.model_validate({**given, "unit_id": str(unit_id) if unit_id else ""})
