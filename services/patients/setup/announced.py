"""The pages of what announced itself behind a gateway: taken for a patient, or dismissed.

By the same verbs as the doors of programs. A sensor that is taken is a device with a holder, whose
topic is read from then on; all of it or none.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query, Request, Response

from services.patients import door, look, store
from services.patients.door import Cursor, Db, Keys, Now
from services.patients.equipment import bind, issue, store_suggestions, suggest
from services.patients.look import Looker
from services.patients.nouns import Patient
from services.patients.page import announced as view
from services.patients.page import held as typed
from services.patients.setup import finding, frame, store_held
from services.patients.setup.settling import MomentIsUnreadable
from shared import access, service
from shared.access import CLINICAL, Caller
from shared.database import Database

router = APIRouter(prefix=view.AT, include_in_schema=False)

PAGE = 50
HOLDERS = 50
CONFLICTS = (
    suggest.AlreadyTaken, suggest.AlreadyDismissed, bind.AlreadyHeld, bind.SystemsAreNotBound,
    issue.CredentialIsRevoked,
)  # fmt: skip
FAULTS = (suggest.KindDoesNotFit, MomentIsUnreadable)


@router.get("")
async def announced(
    request: Request,
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    state: Literal["open", "taken", "dismissed"] = "open",
    cred: Annotated[str, Query(pattern=r"^[a-z0-9-]{0,64}$")] = "",
    cursor: Cursor = None,
) -> Response:
    async with database.transaction() as tx:
        found = await store_suggestions.suggestions(
            tx, caller.org, state=state, cred=cred or None, unit_ids=_units(caller), after=cursor,
            limit=PAGE + 1,
        )  # fmt: skip
        shown = found[:PAGE]
        creds = {each.cred for each in shown} | ({cred} if cred else set())
        labels = await store_held.labels(tx, caller.org, sorted(creds))
    filled = view.listed(
        shown, labels, state, cred, shown[-1].id if len(found) > PAGE else None,
        lang=frame.language(request), now=now,
    )  # fmt: skip
    title = frame.said(request)["announced"]["title"]
    return frame.html(request, caller, "announced.html", filled, title=title, tab="devices")


@router.get("/{suggestion_id}")
async def one(
    request: Request,
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    suggestion_id: UUID,
    released: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    more: dict[str, Any] = {}
    if released is not None:
        more["done"] = frame.said(request)["announced"]["taken_now"].format(released=released)
    return await _one(request, database, caller, now, suggestion_id, more=more)


@router.post("/{suggestion_id}/find")
async def find(
    request: Request,
    database: Db,
    keys: Keys,
    now: Now,
    caller: access.Clinician,
    suggestion_id: UUID,
) -> Response:
    said = await frame.form(request, caller)
    found = await finding.find(database, door.looker(request, caller), keys, said.get("find", ""))
    more = {"asked": found.asked, "elsewhere": found.elsewhere, "find": found.text}
    return await _one(request, database, caller, now, suggestion_id, hits=found.patients, more=more)


@router.post("/{suggestion_id}/take")
async def take(
    request: Request, database: Db, now: Now, caller: access.Clinician, suggestion_id: UUID
) -> Response:
    said = await frame.form(request, caller)
    try:
        done = await suggest.take(
            database, door.looker(request, caller), suggestion_id, _patient(said),
            kind=said.get("kind", ""), since=_since(said, now), hand_over="hand-over" in said,
            now=now,
        )  # fmt: skip
    except (*CONFLICTS, *FAULTS) as error:
        return await _refused(request, database, caller, now, suggestion_id, error)
    return frame.onwards(f"{view.AT}/{suggestion_id}?released={done.refiled.released}")


@router.post("/{suggestion_id}/dismiss")
async def dismiss(
    request: Request,
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    suggestion_id: UUID,
) -> Response:
    await frame.form(request, caller)
    try:
        await suggest.dismiss(database, caller, suggestion_id, now)
    except CONFLICTS as error:
        return await _refused(request, database, caller, now, suggestion_id, error)
    return frame.onwards(f"{view.AT}/{suggestion_id}")


# --- what is shown ----------------------------------------------------------------------------


async def _one(
    request: Request,
    database: Database,
    caller: Caller,
    now: datetime,
    suggestion_id: UUID,
    *,
    hits: Sequence[Patient] = (),
    more: Mapping[str, Any],
    status: int = 200,
) -> Response:
    looker, treats = door.looker(request, caller), caller.role in CLINICAL
    async with database.transaction() as tx:
        of = await store_suggestions.shown(tx, caller.org, suggestion_id, _units(caller))
        if of is None:
            raise suggest.NoSuchSuggestion
        labels = await store_held.labels(tx, caller.org, [of.cred])
        holders = await store_held.holders(tx, caller.org, of.cred, HOLDERS) if treats else []
        people = await _people(tx, looker, {each.patient_id for each in holders})
    filled = view.one(
        of, labels.get(of.cred, of.cred), holders, people, hits, takes=treats,
        lang=frame.language(request), now=now,
    )  # fmt: skip
    base = {"problem": "", "done": "", "asked": False, "elsewhere": False, "find": "",
            "treats": treats}  # fmt: skip
    return frame.html(
        request, caller, "announced_one.html", {**base, **filled, **more}, title=of.name,
        tab="devices", status=status,
    )  # fmt: skip


async def _refused(
    request: Request,
    database: Database,
    caller: Caller,
    now: datetime,
    suggestion_id: UUID,
    error: Exception,
) -> Response:
    more = {"problem": frame.said(request)["announced"]["refused"][service.code_of(type(error))]}
    status = 422 if isinstance(error, FAULTS) else 409
    return await _one(request, database, caller, now, suggestion_id, more=more, status=status)


async def _people(
    tx: asyncpg.Connection, looker: Looker, ids: Iterable[UUID]
) -> dict[UUID, Patient]:
    """Those of the holders whom this person may see; and that she saw them is written down."""
    wanted = list(ids)
    org = looker.caller.org
    found = await store.patients(tx, org, ids=wanted, limit=len(wanted)) if wanted else []
    people = {each.id: each for each in found if await look.is_hers(tx, looker.caller, each.id)}
    if people:
        await look.logged(tx, looker, list(people), "bindings")
    return people


def _units(caller: Caller) -> list[UUID] | None:
    return list(caller.units) if caller.role in CLINICAL else None


def _patient(said: Mapping[str, str]) -> UUID:
    try:
        return UUID(said.get("patient", ""))
    except ValueError:
        raise look.NoSuchPatient from None


def _since(said: Mapping[str, str], now: datetime) -> datetime:
    text = said.get("from", "").strip()
    if not text:
        return now
    found = typed.moment(text)
    if found is None:
        raise MomentIsUnreadable
    return found
