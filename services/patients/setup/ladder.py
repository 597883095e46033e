"""The page on which a unit's escalation ladder is set: steps, whom, when, and what would happen."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.patients import store
from services.patients.door import Db, Now
from services.patients.hospital import appoint
from services.patients.nouns import KeptLadder, Unit
from services.patients.page import ladder as view
from services.patients.page import words, written
from services.patients.setup import frame, typed, typed_ladder
from services.patients.setup.hours import mark, of_unit
from services.patients.setup.typed import Fault
from shared import access
from shared.access import Role
from shared.ladders import HourIsUncovered, Ladder, LadderIsUnusable, check

router = APIRouter(prefix="/setup/hours/{unit_id}/ladder", include_in_schema=False)

FIELDS = 3000
HIDDEN = "***"


@router.get("")
async def page(
    request: Request, database: Db, now: Now, caller: access.AnyStaff, unit_id: UUID
) -> Response:
    unit, units = await of_unit(database, caller, unit_id)
    kept = await appoint.kept(database, caller.org, unit_id)
    names = await _names(database, caller, kept)
    current = appoint.in_force(kept, now)
    body = _shown(current.body if current else None, caller)
    ladder = Ladder.of(body) if body is not None else None
    said = typed_ladder.of(body) if body is not None else {}
    return _page(request, caller, unit, units, kept, names, said, now, ladder)


@router.post("")
async def keep(
    request: Request, database: Db, now: Now, caller: access.Administrator, unit_id: UUID
) -> Response:
    """Saved, or only tried (`go` show), or given another row."""
    said = await frame.form(request, caller, FIELDS)
    go, seen = said.pop("go", "save"), said.pop("seen", "")
    unit, units = await of_unit(database, caller, unit_id)
    kept = await appoint.kept(database, caller.org, unit_id)
    read, faults = typed_ladder.read(said)
    ladder, problem = None, ""
    if not faults:
        try:
            ladder = Ladder.of(read)
            check(ladder, plain_http=request.app.state.mode == "test")
        except (LadderIsUnusable, HourIsUncovered) as error:
            problem = view.refused(error, words.words(frame.language(request)))
            ladder = ladder if isinstance(error, HourIsUncovered) else None
    if go.startswith("more"):
        faults, problem = [], ""
    if go == "save" and not faults and not problem:
        since, faults = _since(said, now)
        if not said.get("reason", "").strip():
            faults.append(Fault("reason", "no-reason-of-ladder"))
        if seen != mark(len(kept)):
            faults.append(Fault("", "ladder-has-changed"))
        if not faults:
            await appoint.appoint(
                database, caller, request.app.state.mode, unit_id, ladder=ladder,
                reason=said["reason"].strip()[:2000], valid_from=since, now=now,
            )  # fmt: skip
            return frame.onwards(f"/setup/hours/{unit_id}/ladder?saved=yes")
    names = await _names(database, caller, kept)
    status = 422 if go == "save" else 200
    return _page(
        request, caller, unit, units, kept, names, said, now, ladder, faults,
        problem=problem, more=go, status=status, is_tried=True,
    )  # fmt: skip


def _page(
    request: Request,
    caller: access.Caller,
    unit: Unit,
    units: list[dict[str, Any]],
    kept: Sequence[KeptLadder],
    names: Mapping[str, str],
    said: Mapping[str, str],
    now: datetime,
    ladder: Ladder | None,
    faults: Sequence[Fault] = (),
    *,
    problem: str = "",
    more: str = "",
    status: int = 200,
    is_tried: bool = False,
) -> Response:
    lang, s = frame.language(request), frame.said(request)
    told, asks = view.heard(ladder, now, request.query_params, lang) if ladder else ([], None)
    general = [s["fault"][one.code] for one in faults if not one.at]
    shown = {
        **view.editor(said, faults, more, lang),
        "unit": {"id": str(unit.id), "name": unit.name},
        "units": units,
        "place": "/ladder",
        "told": told,
        "asks": asks,
        "kept": view.versions(kept, names, now, lang),
        "is_tried": is_tried,
        "is_new": ladder is None and not is_tried,
        "saved": request.query_params.get("saved") == "yes" and not is_tried,
        "problem": problem or " ".join(general),
        "reason": said.get("reason", ""),
        "since": said.get("since", ""),
        "at_field": {
            one.at: s["fault"][one.code] for one in faults if one.at in ("reason", "since")
        },
        "seen": mark(len(kept)),
        "may_change": caller.role is Role.ADMINISTRATOR,
    }
    title = s["ladder"]["title"]
    return frame.html(
        request, caller, "ladder.html", shown, title=title, tab="hours", status=status
    )


def _shown(body: Mapping[str, Any] | None, caller: access.Caller) -> dict[str, Any] | None:
    """Who is not an administrator sees no address, which may hold a key."""
    if body is None or caller.role is Role.ADMINISTRATOR:
        return dict(body) if body is not None else None
    hidden = {name: {**one, "to": HIDDEN} for name, one in body["channels"].items()}
    return {**body, "channels": hidden}


def _since(said: Mapping[str, str], now: datetime) -> tuple[datetime | None, list[Fault]]:
    """From the beginning of a day in Norway; empty: from now on."""
    text = said.get("since", "").strip()
    if not text:
        return None, []
    day = typed.day(text)
    if day is None:
        return None, [Fault("since", "not-a-special-day")]
    moment = datetime.combine(day, time(0), written.OSLO)
    return (moment, []) if moment > now else (None, [Fault("since", "since-is-past")])


async def _names(database: Db, caller: access.Caller, kept: Sequence[KeptLadder]) -> dict[str, str]:
    if not kept:
        return {}
    async with database.transaction() as tx:
        return {str(one.id): one.name for one in await store.staff(tx, caller.org, None)}
