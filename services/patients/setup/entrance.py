"""The first of the set-up pages: what waits, and the search for a patient."""

from datetime import datetime, timedelta

import asyncpg
from fastapi import APIRouter, Request, Response

from services.patients import door, look, store
from services.patients.door import Db, Keys, Now
from services.patients.look import Looker
from services.patients.measured import store_quarantine
from services.patients.page import entrance as view
from services.patients.page.entrance import Waiting
from services.patients.setup import finding, frame, store_drafts, store_entrance
from services.patients.setup.finding import Found
from shared import access, sensitive
from shared.access import CLINICAL, Caller
from shared.contracts import Code
from shared.database import Database
from shared.limits import store as store_limits
from shared.limits import store_suggested

router = APIRouter(prefix="/setup", include_in_schema=False)

SILENT = timedelta(hours=24)
DOUBT = (Code.WHOSE, Code.SUBJECT_MISMATCH)
MOST = 5  # of each are named; the rest are a number


@router.get("")
async def entrance(request: Request, database: Db, now: Now, caller: access.AnyStaff) -> Response:
    return await _page(request, database, caller, now, finding.NOTHING)


@router.post("/find")
async def find(
    request: Request, database: Db, keys: Keys, now: Now, caller: access.ClinicianOrAdministrator
) -> Response:
    said = await frame.form(request, caller)
    found = await finding.find(database, door.looker(request, caller), keys, said.get("find", ""))
    return await _page(request, database, caller, now, found)


async def _page(
    request: Request, database: Database, caller: Caller, now: datetime, found: Found
) -> Response:
    looker = door.looker(request, caller)
    waiting = Waiting()
    async with database.transaction() as tx:
        units = {unit.id: unit.name for unit in await store.units(tx, caller.org)}
        if caller.role in view.SEE_WHAT_WAITS:
            waiting = await _of_things(tx, caller, now)
        if caller.role in CLINICAL:
            shut = sensitive.closed(request.app.state.programmes, caller.groups)
            waiting = await _of_patients(tx, looker, waiting, shut)
    filled = view.entrance(
        waiting, found, units, caller.role, request.app.state.programmes,
        frame.language(request), now, request.app.state.worklist_at,
    )  # fmt: skip
    title = frame.said(request)["tabs"]["start"]
    return frame.html(request, caller, "entrance.html", filled, title=title, tab="start")


async def _of_things(tx: asyncpg.Connection, caller: Caller, now: datetime) -> Waiting:
    mine = list(caller.units) if caller.role in CLINICAL else None
    quiet, silent = await store_entrance.quiet(tx, caller.org, mine, now, now - SILENT, MOST)
    doubted, in_doubt = await store_entrance.doubted(
        tx, caller.org, mine, [code.value for code in DOUBT], MOST
    )
    counts = await store_quarantine.counts(tx, caller.org, mine)
    return Waiting(counts, quiet, silent, doubted, in_doubt)


async def _of_patients(
    tx: asyncpg.Connection, looker: Looker, waiting: Waiting, shut: frozenset[str]
) -> Waiting:
    caller = looker.caller
    drafts = await store_drafts.of_units(tx, caller.org, list(caller.units), view.MANY)
    limits = {
        one.proposal.id: one
        for unit in sorted(caller.units)
        for one in await store_limits.waiting(tx, caller.org, unit, after=None, limit=view.MANY)
    }
    suggested = await store_suggested.waiting(
        tx, caller.org, list(caller.units), by=caller.id, but=shut, after=None, limit=view.MANY
    )
    named = [draft.patient_id for draft, _ in drafts]
    named += [one.patient_id for one in limits.values()]
    named += [one.patient_id for one in suggested[:MOST]]
    if named:
        await look.logged(tx, looker, list(dict.fromkeys(named)), "list")
    return waiting.of_patients(drafts, list(limits.values()), suggested)
