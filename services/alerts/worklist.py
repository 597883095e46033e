"""The doors to the worklist: the list as JSON, its live stream, and greens taken together."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Query, Request, Response
from pydantic import Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from services.alerts import door, telling, views
from services.alerts.door import Has, Id, Language, Live, Moment, Sent
from services.alerts.reader import NotYourUnit, Reader
from services.alerts.rows import greens
from services.alerts.stream import Change, Listener
from services.alerts.views import Parts, Question
from shared import access, audit, exact
from shared.access import Caller
from shared.database import DatabaseIsAway
from shared.ledger import NOBODY

router = door.router("worklist", "/v1/worklist")

HEARTBEAT = 5.0  # the page says that it stands still when three in a row do not come
GATHER = 0.05
SEND_TIMEOUT = 30.0
GREENS = 1000


class Green(Sent):
    id: Id
    unit: Id


class Looked(Sent):
    """The greens on the screen, as they stood at `as_of`."""

    model_config = door.example(
        patients=[
            {
                "id": "5f2d8c5e-2f4a-4a51-9b1c-0d7a1c1f0a11",
                "unit": "0b9f6f0e-6a0c-4f6e-8d3c-7d1d0f5a9c22",
            }
        ],
        as_of="2026-11-23T07:45:12+01:00",
    )

    patients: Annotated[list[Green], Field(max_length=GREENS)]
    as_of: Moment | None = None


class Undone(Sent):
    """The greens whose mark was a mistake."""

    model_config = door.example(patients=["5f2d8c5e-2f4a-4a51-9b1c-0d7a1c1f0a11"])

    patients: Annotated[list[Id], Field(max_length=GREENS)]


@router.get("")
async def worklist(
    request: Request,
    has: Has,
    lang: Language,
    caller: access.Clinician,
    unit: UUID | None = None,
    programme: Annotated[str | None, Query(max_length=64)] = None,
    colour: Literal["red", "yellow", "green"] | None = None,
    assignee: Annotated[
        str | None, Query(max_length=100, description="a staff id, `me` or `none`")
    ] = None,
    state: Literal["open", "acknowledged", "snoozed"] | None = None,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """One row per patient and unit, worst first. Counts are of the whole unit; reds that the
    filter leaves out are in `hidden`."""
    asked = Question(unit, programme, colour, assignee, state, door.row_place(cursor), limit)
    listed = await views.worklist(has, door.reader(request, caller), asked)
    told = {**views.worklist_json(listed, lang), "next": next_place(listed)}
    return door.json(told, lang=lang)


def next_place(listed: views.Listed) -> str | None:
    if not listed.more:
        return None
    last = listed.rows[-1]
    # The driver reads infinity back without a time zone.
    since = last["waiting_since"].replace(tzinfo=UTC)
    return door.cursor(last["rank"], since, last["calm"], last["patient_id"], last["unit_id"])


@router.get("/stream")
async def stream(
    request: Request,
    has: Has,
    live: Live,
    caller: access.Clinician,
    unit: UUID | None = None,
    patient: UUID | None = None,
    version: Annotated[int, Query(ge=0, description="the patient's, as it was shown")] = 0,
) -> EventSourceResponse:
    """Server-sent events: `changed` with unit, patients and counts; `heartbeat` every 5 s while
    the database answers. Ends with the session, and when the caller leaves one of the units.
    With `patient` and `version` it begins by saying whether the patient has changed since he
    was shown. A heartbeat says in `session_left` how many seconds the session has left if
    nobody does anything; `ended` is the last event of one."""
    if unit is not None and unit not in caller.units:
        raise NotYourUnit
    units = frozenset({unit}) if unit is not None else caller.units
    if patient is not None:
        await views.check(has, door.reader(request, caller), patient)

    async def events() -> AsyncIterator[ServerSentEvent]:
        async with live.listening(caller.org, units) as listener:
            if patient is not None:
                await missed(has, listener, patient, version)
            said = happening(has, listener, caller, request.scope["state"]["request_id"])
            async for name, data in said:
                if name == "heartbeat":
                    left = await request.app.state.guard.left(caller)
                    if left == 0:  # nobody has done anything for long, logged out, or has left
                        yield ServerSentEvent("{}", event="ended")
                        return
                    if not units <= await request.app.state.guard.units_now(caller):
                        return  # no longer of the unit: the page asks anew, and is told
                    data = {**data, "session_left": None if left is None else int(left)}
                yield ServerSentEvent(exact.dumps(data).decode(), event=name)

    return EventSourceResponse(
        events(),
        ping=3600,
        send_timeout=SEND_TIMEOUT,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def happening(
    parts: Parts, listener: Listener, caller: Caller, request_id: str | None = None
) -> AsyncIterator[tuple[str, Any]]:
    """What the stream says, in order. A heartbeat only when the database has answered."""
    beat_at = 0.0
    by = Reader.of(caller, request_id)
    while caller.expires is None or time.time() < caller.expires:
        now = time.monotonic()
        if now >= beat_at:
            beat_at = now + HEARTBEAT
            if (pulse := await _pulse(parts, listener)) is not None:
                yield "heartbeat", pulse
        wait = max(0.0, beat_at - time.monotonic())
        if caller.expires is not None:
            wait = min(wait, max(0.0, caller.expires - time.time()))
        try:
            changes = [await asyncio.wait_for(listener.queue.get(), wait)]
        except TimeoutError:
            continue
        await asyncio.sleep(GATHER)
        while not listener.queue.empty():
            changes.append(listener.queue.get_nowait())
        pulse = await _pulse(parts, listener)
        for change in await _written(parts, by, _merged(changes)):
            yield (
                "changed",
                {
                    "unit": str(change.unit),
                    "patients": list(change.patients) if change.patients is not None else None,
                    "told": list(change.told),
                    **(pulse or {}),
                },
            )


async def _written(parts: Parts, by: Reader, changes: list[Change]) -> list[Change]:
    """The changes once it is written down whom they tell of. What cannot be written down names
    nobody: the page then reads its list anew."""
    named = [UUID(one) for change in changes for one in change.patients or ()]
    if not named:
        return changes
    try:
        await views.pushed(parts, by, named)
    except (DatabaseIsAway, asyncpg.PostgresError, audit.LookCannotBeLogged):
        return [Change(one.org, one.unit, None, ()) for one in changes]
    return changes


async def missed(parts: Parts, listener: Listener, patient: UUID, version: int) -> None:
    """What happened between the page and the stream, told as any other change. Asked when the
    stream already listens, so that nothing falls in between."""
    with contextlib.suppress(DatabaseIsAway, asyncpg.PostgresError):
        if await views.version(parts, listener.org, patient) != version:
            told = Change(listener.org, min(listener.units, default=NOBODY), (str(patient),), ())
            listener.queue.put_nowait(told)


async def _pulse(parts: Parts, listener: Listener) -> dict[str, Any] | None:
    try:
        return await views.pulse(parts, listener.org, listener.units)
    except (DatabaseIsAway, asyncpg.PostgresError):
        return None


def _merged(changes: list[Change]) -> list[Change]:
    """One per unit, however many commits were behind it."""
    merged: dict[UUID, Change] = {}
    for change in changes:
        old = merged.get(change.unit)
        if old is None:
            merged[change.unit] = change
            continue
        many = old.patients is None or change.patients is None
        patients = (
            None
            if many
            else tuple(dict.fromkeys((*(old.patients or ()), *(change.patients or ()))))
        )
        told = tuple(dict.fromkeys((*old.told, *change.told)))
        merged[change.unit] = Change(change.org, change.unit, patients, told)
    return list(merged.values())


@router.post("/greens")
async def acknowledge_greens(
    request: Request, has: Has, caller: access.Clinician, looked: Looked
) -> Response:
    """Mark greens as looked at today. Only those that were green at `as_of` and all the time
    since; each of the others is in `not_taken` with the reason: `not-green`, `changed-since`,
    `reading-waits` (one that is not judged yet), `not-received` (something expected has not come,
    whether he, his portal or the platform is silent), `quarantined`, `paused` or `not-yours`."""
    door.from_page(request, caller)
    result = await greens.take(
        has.database,
        has.notifier,
        door.reader(request, caller),
        [(one.id, one.unit) for one in looked.patients],
        looked.as_of,
    )
    return door.json(
        {
            "acknowledged": len(result.taken),
            "at": telling.iso(result.at),
            "taken": [str(one) for one in result.taken],
            "refused": [str(one) for one in result.refused],
            "not_taken": [{"id": str(id_), "reason": why} for id_, why in result.refused.items()],
        }
    )


@router.post("/greens/undo")
async def take_back_greens(
    request: Request, has: Has, caller: access.Clinician, undone: Undone
) -> Response:
    """Take the mark of today back: these greens have not been looked at."""
    door.from_page(request, caller)
    ids = await greens.take_back(
        has.database,
        has.notifier,
        door.reader(request, caller),
        dict.fromkeys(undone.patients),
    )
    return door.json({"undone": [str(one) for one in ids]})
