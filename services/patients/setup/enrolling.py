"""The first step of an enrolment: the person is found or registered. The others are in `steps`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from services.patients import door, look, record, routes, store
from services.patients.door import Db, Keys, Now
from services.patients.nouns import Identifier
from services.patients.numbers import (
    NumberIsNotAcceptable,
    NumberNeedsItsSystem,
    PhoneIsNotUsable,
)
from services.patients.page import enrolling as view
from services.patients.page import words
from services.patients.setup import finding, frame, preparing, store_drafts, typed
from services.patients.setup.typed import Fault
from shared import access, identity, service
from shared.database import Database

router = APIRouter(prefix="/setup/enrol", include_in_schema=False)

FOUND = 20


@router.get("")
async def begin_page(
    request: Request, database: Db, now: Now, caller: access.Clinician
) -> Response:
    return await _first(request, database, caller, now)


@router.post("/find")
async def find(
    request: Request, database: Db, keys: Keys, now: Now, caller: access.Clinician
) -> Response:
    """By name, local number, or a national number, which never stands in an address and is not
    shown again."""
    said = await frame.form(request, caller)
    found = await finding.find(database, door.looker(request, caller), keys, said.get("find", ""))
    more = {
        "hits": found.patients, "asked": found.asked, "find": found.text,
        "elsewhere": found.elsewhere,
    }  # fmt: skip
    return await _first(request, database, caller, now, more)


@router.post("/register")
async def register(
    request: Request, database: Db, keys: Keys, now: Now, caller: access.Clinician
) -> Response:
    said = await frame.form(request, caller)
    new, faults = _read(said)
    if new is not None:
        try:
            patient = await record.register(
                database,
                door.looker(request, caller),
                keys,
                new.model_dump(exclude={"identifier", "identifiers"}),
                _number(said),
                now,
            )
            draft = await preparing.prepare(database, door.looker(request, caller), patient.id, now)
            return frame.onwards(f"/setup/enrol/{draft}/programme")
        except (NumberIsNotAcceptable, NumberNeedsItsSystem, record.IdentifierIsTaken) as error:
            faults = [Fault("national", service.code_of(type(error)))]
        except PhoneIsNotUsable as error:
            faults = [Fault("phone", service.code_of(type(error)))]
        except record.UnitIsNotYours as error:
            faults = [Fault("unit", service.code_of(type(error)))]
    more = {"said": {k: v for k, v in said.items() if k != "national"}, "faults": faults}
    return await _first(request, database, caller, now, more, status=422)


@router.post("/choose")
async def choose(request: Request, database: Db, now: Now, caller: access.Clinician) -> Response:
    said = await frame.form(request, caller)
    try:
        patient_id = UUID(said.get("patient", ""))
    except ValueError:
        raise look.NoSuchPatient from None
    draft = await preparing.prepare(database, door.looker(request, caller), patient_id, now)
    return frame.onwards(f"/setup/enrol/{draft}/programme")


# --- what is shown ----------------------------------------------------------------------------


async def _first(
    request: Request,
    database: Database,
    caller: access.Caller,
    now: datetime,
    more: Mapping[str, Any] | None = None,
    status: int = 200,
) -> Response:
    lang = frame.language(request)
    none_yet = {"hits": [], "asked": False, "find": "", "elsewhere": False, "said": {}}
    given: dict[str, Any] = {**none_yet, "faults": [], **(more or {})}
    async with database.transaction() as tx:
        units = {unit.id: unit.name for unit in await store.units(tx, caller.org)}
        drafts = await store_drafts.of_units(tx, caller.org, list(caller.units), FOUND)
        if drafts:
            looker = door.looker(request, caller)
            await look.logged(tx, looker, [draft.patient_id for draft, _ in drafts], "list")
    t, s = words.words(lang), frame.said(request)
    shown = {
        **given,
        "steps": view.steps(None, "person", s),
        "hits": view.found(given["hits"], units, now),
        "units": [{"id": str(id), "name": units[id]} for id in units if id in caller.units],
        "unfinished": view.unfinished(drafts, lang, now),
        "problems": {fault.at: view.sentence(fault, t, lang) for fault in given["faults"]},
        "languages": s["enrol"]["languages"],
    }
    title = s["enrol"]["title"]
    return frame.html(request, caller, "enrol.html", shown, title=title, tab="enrol", status=status)


# --- what was typed ----------------------------------------------------------------------------


PERSON = {
    "name": "no-name", "born": "not-a-day", "unit_id": "no-unit", "phone": "phone-is-not-usable",
    "number": "no-number",
}  # fmt: skip
FIELD = {"unit_id": "unit"}


def _read(said: Mapping[str, str]) -> tuple[routes.NewPatient | None, list[Fault]]:
    """As the door that programs use would read it."""
    born = typed.day(said.get("born", ""))
    body = {
        "name": said.get("name", ""),
        "born": born.isoformat() if born else "",
        "unit_id": said.get("unit", ""),
        "language": said.get("language") or "nb",
        "sms_reminders": "sms" in said,
        **{name: said[name].strip() for name in ("sex", "number", "phone")
           if said.get(name, "").strip()},
    }  # fmt: skip
    try:
        return routes.NewPatient.model_validate(body), []
    except ValidationError as error:
        at = {str(one["loc"][0]) for one in error.errors(include_input=False, include_url=False)}
        return None, [Fault(FIELD.get(one, one), PERSON.get(one, "unreadable")) for one in at]


def _number(said: Mapping[str, str]) -> list[Identifier]:
    text = said.get("national", "").replace(" ", "")
    if not text:
        return []
    kind = identity.kind_of(text)
    return [Identifier(kind.system if kind else identity.FNR, text)]
