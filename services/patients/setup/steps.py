"""The four steps after the person, the beginning itself, and the sheet that he takes home."""

from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.patients import door, look, store
from services.patients.door import Db, Now, Versions
from services.patients.equipment import qr, store_devices
from services.patients.equipment.codes import Made
from services.patients.fhir_doors import fhir_door
from services.patients.followup import own_limits, store_care
from services.patients.hospital import versions
from services.patients.look import Looker
from services.patients.nouns import Draft
from services.patients.page import enrolling as view
from services.patients.page import frame as pages
from services.patients.page import words, written
from services.patients.setup import frame, preparing, typed
from services.patients.setup.typed import Fault
from shared import access, ledger, service, watching
from shared.database import Database

router = APIRouter(prefix="/setup/enrol", include_in_schema=False)

Step = Literal["programme", "plan", "limits", "device"]
FIELDS = 400  # seven days of each of the plan's items


@router.get("/{draft_id}/summary")
async def summary(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.Clinician,
    draft_id: UUID,
) -> Response:
    looker = door.looker(request, caller)
    return await _summary(request, database, looker, loaded, now, draft_id, None)


@router.post("/{draft_id}/code")
async def code(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.Clinician,
    draft_id: UUID,
) -> Response:
    """A code in the place of the first."""
    await frame.form(request, caller)
    looker = door.looker(request, caller)
    of = await preparing.draft(database, looker, draft_id)
    made = await preparing.another_code(database, looker, of, now)
    return await _summary(request, database, looker, loaded, now, draft_id, made)


@router.post("/{draft_id}/begin")
async def begin(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.Clinician,
    draft_id: UUID,
) -> Response:
    """What stands in the fifth step, and then all of it at once."""
    said = await frame.form(request, caller)
    said.pop("go", None)
    looker = door.looker(request, caller)
    of = await preparing.draft(database, looker, draft_id)
    try:
        await preparing.keep(database, looker, of, "device", said, now)
        of = await preparing.draft(database, looker, draft_id)
        begun = await preparing.begin(database, looker, of, loaded, now)
    except preparing.DraftHasBegun:
        return frame.onwards(f"/setup/enrol/{draft_id}/summary")
    except preparing.StepsAreIncomplete as error:
        return await _step(
            request, database, looker, loaded, now, of, error.step, error.faults, status=422
        )
    except preparing.REFUSALS as error:
        fault = Fault("", service.code_of(type(error)))
        return await _step(
            request, database, looker, loaded, now, of, "device", [fault], status=409
        )
    return await _summary(request, database, looker, loaded, now, draft_id, begun.code)


@router.post("/{draft_id}/forget")
async def forget(
    request: Request, database: Db, caller: access.Clinician, draft_id: UUID
) -> Response:
    await frame.form(request, caller)
    looker = door.looker(request, caller)
    await preparing.forget(database, looker, await preparing.draft(database, looker, draft_id))
    return frame.onwards("/setup/enrol")


@router.get("/{draft_id}/{step}")
async def step(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.Clinician,
    draft_id: UUID,
    step: Step,
) -> Response:
    looker = door.looker(request, caller)
    of = await preparing.draft(database, looker, draft_id)
    if of.began_at is not None:
        return frame.onwards(f"/setup/enrol/{draft_id}/summary")
    if step != "programme" and not of.typed.get("programme"):
        return frame.onwards(f"/setup/enrol/{draft_id}/programme")
    return await _step(request, database, looker, loaded, now, of, step, [])


@router.post("/{draft_id}/{step}")
async def keep(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.Clinician,
    draft_id: UUID,
    step: Step,
) -> Response:
    """Kept whatever it is; onwards only when it can be read. Back never asks."""
    said = await frame.form(request, caller, FIELDS)
    go = said.pop("go", "next")
    looker = door.looker(request, caller)
    of = await preparing.draft(database, looker, draft_id)
    kept: Any = said.get("programme", "") if step == "programme" else said
    try:
        await preparing.keep(database, looker, of, step, kept, now)
    except preparing.DraftHasBegun:
        return frame.onwards(f"/setup/enrol/{draft_id}/summary")
    place = view.STEPS.index(step)
    if go == "back":
        before = view.STEPS[place - 1]
        there = "/setup/enrol" if before == "person" else f"/setup/enrol/{draft_id}/{before}"
        return frame.onwards(there)
    of = await preparing.draft(database, looker, draft_id)
    faults = await _faults(database, caller.org, loaded, of, step)
    if faults:
        return await _step(request, database, looker, loaded, now, of, step, faults, status=422)
    return frame.onwards(f"/setup/enrol/{draft_id}/{view.STEPS[place + 1]}")


# --- what is shown ----------------------------------------------------------------------------


async def _step(
    request: Request,
    database: Database,
    looker: Looker,
    loaded: versions.Loaded,
    now: datetime,
    of: Draft,
    step: str,
    faults: list[Fault],
    status: int = 200,
) -> Response:
    lang = frame.language(request)
    t, s = words.words(lang), frame.said(request)
    async with look.opened(database, looker, of.patient_id, "enrolment") as seen:
        in_force = await versions.in_force(seen.tx, seen.org, loaded)
        chosen = str(of.typed.get("programme") or "")
        programme = in_force.get(chosen)
        shown: dict[str, Any] = {
            "person": view.person(seen.patient, now),
            "step": step,
            "steps": view.steps(of, step, s),
            "draft": str(of.id),
            "problem": " ".join(
                view.sentence(fault, t, lang)
                for fault in faults
                if fault.at in ("", "why", "how", "cred", "programme")
            ),
            "faulty": bool(faults),
        }
        said = of.typed.get(step) or {}
        if step == "programme" or programme is None:
            held = await store_care.enrolments(seen.tx, seen.org, of.patient_id)
            shown["held"] = [one.programme for one in held if one.ended_at is None]
            shown["programmes"] = view.programmes(in_force, chosen, lang)
            shown["step"] = "programme"
        elif step == "plan":
            said = said or typed.of_plan(programme)
            shown["items"] = view.plan(programme, said, faults, lang)
        elif step == "limits":
            facts = await ledger.facts(
                seen.tx, seen.org, of.patient_id, kinds=own_limits.kinds_of(programme),
                types=["reading"], since=own_limits.since(now),
            )  # fmt: skip
            shown["limits"] = view.limits(programme, said, faults, facts, lang)
            shown["why"] = said.get("why", "")
        else:
            units = list(looker.caller.units)
            known = await store_devices.credentials(seen.tx, seen.org, unit_ids=units, limit=200)
            shown |= view.devices(known, said, s["enrol"]["phone_of"])
    title = s["enrol"]["title"]
    return frame.html(
        request, looker.caller, f"step_{shown['step']}.html", shown,
        title=title, tab="enrol", status=status,
    )  # fmt: skip


async def _summary(
    request: Request,
    database: Database,
    looker: Looker,
    loaded: versions.Loaded,
    now: datetime,
    draft_id: UUID,
    made: Made | None,
) -> Response:
    of = await preparing.draft(database, looker, draft_id)
    if of.began_at is None:
        return frame.onwards(f"/setup/enrol/{draft_id}/programme")
    lang = frame.language(request)
    s = frame.said(request)
    async with look.opened(database, looker, of.patient_id, "enrolment") as seen:
        programme = (await versions.in_force(seen.tx, seen.org, loaded))[of.typed["programme"]]
        unit = await store.unit(seen.tx, seen.org, seen.patient.unit_id)
        items, _ = typed.plan(programme, of.typed.get("plan") or typed.of_plan(programme))
        own, _ = typed.limits(programme, of.typed.get("limits") or {})
        waiting = await preparing.awaited(seen, programme)
        shown = view.summary(seen.patient, unit, programme, items, own, waiting, lang, now)
    watch = watching.watching(unit.watching if unit else None, now)
    name = unit.name if unit else ""
    shown["watch"] = pages.watching(watch, name, now, words.words(lang))
    shown["draft"], shown["code"] = str(draft_id), None
    shown["has_cred"] = (of.typed.get("device") or {}).get("how") in ("app", "device")
    if made is not None:
        uri = _uri(request, made)
        until = written.moment(made.until, now, words.words(lang))
        shown["code"] = {"text": made.code, "qr": qr.svg(uri), "uri": uri, "until": until}
    title = s["enrol"]["begun"]
    return frame.html(request, looker.caller, "summary.html", shown, title=title, tab="enrol")


def _uri(request: Request, made: Made) -> str:
    return f"hjemvakt://enrol?{urlencode({'at': fhir_door.place(request), 'code': made.code})}"


# --- what was typed ---------------------------------------------------------------------------


async def _faults(
    database: Database, org: str, loaded: versions.Loaded, of: Draft, step: str
) -> list[Fault]:
    async with database.transaction() as tx:
        programme = (await versions.in_force(tx, org, loaded)).get(of.typed.get("programme", ""))
    if programme is None:
        return [Fault("programme", "no-programme")]
    said = of.typed.get(step) or {}
    if step == "plan":
        return typed.plan(programme, said)[1]
    if step == "limits":
        return typed.limits(programme, said)[1]
    return []
