"""The pages on which a programme is read, signed for the hospital, and made to count."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath

from services.patients.door import Db, Now, Versions
from services.patients.hospital import signing, store_programmes, versions
from services.patients.hospital.catalogue import Owner
from services.patients.hospital.versions import Loaded
from services.patients.page import programmes as view
from services.patients.setup import frame
from shared import access, programmes, service
from shared.access import Role
from shared.database import Database
from shared.programmes import cases, marking

router = APIRouter(prefix="/setup/programmes", include_in_schema=False)

Slug = Annotated[str, InPath(pattern=r"^[a-z0-9_-]{1,64}$")]
Version = Annotated[str | None, Query(max_length=64)]
REFUSALS = (
    signing.SeatIsTaken, signing.AlreadySigned, signing.ProgrammeHasChanged, signing.SeatIsNotYours,
    versions.WhatIfIsNotShown, versions.AlreadyActive, versions.ProgrammeIsNotApproved,
)  # fmt: skip


@router.get("")
async def first(
    request: Request, database: Db, loaded: Versions, now: Now, caller: access.AnyStaff
) -> Response:
    async with database.transaction() as tx:
        active = await store_programmes.active(tx, caller.org)
        signed = await store_programmes.signatures(tx, caller.org)
    rows = view.listed(loaded, active, signed, frame.language(request), now)
    title = frame.said(request)["programmes"]["title"]
    return frame.html(
        request, caller, "programmes.html", {"rows": rows}, title=title, tab="programmes"
    )


@router.get("/{slug}")
async def one(
    request: Request,
    database: Db,
    loaded: Versions,
    now: Now,
    caller: access.AnyStaff,
    slug: Slug,
    version: Version = None,
) -> Response:
    return await _page(request, database, loaded, now, caller, slug, version)


@router.post("/{slug}/sign")
async def sign(
    request: Request, database: Db, loaded: Versions, now: Now, caller: access.Clinician, slug: Slug
) -> Response:
    said = await frame.form(request, caller)
    version, text = said.get("version", ""), said.get("words", "").strip()[:2000]
    s = frame.said(request)
    seat = next((one for one in signing.SEATS if one == said.get("seat")), None)
    if seat is None or not text or "read" not in said:
        problem = s["fault"]["not-read-or-no-words"]
        return await _page(
            request, database, loaded, now, caller, slug, version, problem, text, 422
        )
    try:
        await signing.sign(
            database, caller, loaded, slug, version=version, seat=seat, words=text,
            digest=said.get("digest") or "-",
        )  # fmt: skip
    except REFUSALS as error:
        problem = s["problem"][service.code_of(type(error))]
        return await _page(
            request, database, loaded, now, caller, slug, version, problem, text, 409
        )
    return frame.onwards(f"/setup/programmes/{slug}?version={version}&done=signed#signatures")


@router.post("/{slug}/activate")
async def activate(
    request: Request, database: Db, loaded: Versions, now: Now, caller: Owner, slug: Slug
) -> Response:
    said = await frame.form(request, caller)
    version, reason = said.get("version", ""), said.get("reason", "").strip()[:2000]
    s = frame.said(request)
    if not reason:
        problem = s["fault"]["no-reason-of-version"]
        return await _page(request, database, loaded, now, caller, slug, version, problem, "", 422)
    try:
        await versions.activate(
            database, caller, loaded, request.app.state.mode, slug, version=version, reason=reason
        )
    except REFUSALS as error:
        problem = s["problem"][service.code_of(type(error))]
        return await _page(request, database, loaded, now, caller, slug, version, problem, "", 409)
    return frame.onwards(f"/setup/programmes/{slug}?version={version}&done=counts")


async def _page(
    request: Request,
    database: Database,
    loaded: Loaded,
    now: datetime,
    caller: access.Caller,
    slug: str,
    version: str | None,
    problem: str = "",
    typed: str = "",
    status: int = 200,
) -> Response:
    lang, s = frame.language(request), frame.said(request)
    if slug not in loaded:
        raise versions.NoSuchProgramme
    async with database.transaction() as tx:
        active = (await store_programmes.active(tx, caller.org)).get(slug)
        by_version = loaded[slug]
        name = version or versions.chosen(by_version, active).version
        programme = versions.loaded_version(loaded, slug, name)
        signed = await store_programmes.signatures(tx, caller.org, slug)
        since = now - versions.TRIAL_HOLDS
        mark = marking.digest(programme)
        tried = await store_programmes.shown(tx, caller.org, slug, name, mark, since)
        history = await store_programmes.activations(tx, caller.org, slug)
    told = _cases(request.app.state.programme_places, slug, name)
    shown = {
        **view.page(programme, by_version, active, signed, told, lang, now),
        "seats": view.seats(signed, programme, caller.role.value, caller.id, lang, now),
        "tried": view.tried(tried, lang, now),
        "history": view.history(history, lang, now),
        "may_activate": caller.role is Role.PHYSICIAN,
        "may_try": caller.role in access.CLINICAL,
        "done": s["programmes"]["done"].get(request.query_params.get("done", ""), ""),
        "problem": problem,
        "typed": typed,
    }
    return frame.html(
        request, caller, "programme.html", shown,
        title=shown["name"], tab="programmes", status=status,
    )  # fmt: skip


def _cases(places: Iterable[Path], slug: str, version: str) -> tuple[cases.Case, ...]:
    """Of the folder that holds exactly this version; a hospital's own wins over ours."""
    for place in places:
        for folder in (place / slug, place / slug / "earlier" / version):
            if (folder / "cases.toml").exists() and programmes.read(folder).version == version:
                return cases.read(folder)
    return ()
