"""The pages of the quarantine desk: the list, one item, and how far a replay has come."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query, Request, Response

from services.patients import door, look, paging, store
from services.patients.door import Db, Now
from services.patients.equipment import store_devices
from services.patients.look import Looker
from services.patients.measured import attach, attachments, release, store_quarantine
from services.patients.nouns import Patient
from services.patients.page import held as view
from services.patients.page import held_many as many
from services.patients.page.held import Around, Filter, Seen
from services.patients.privacy import closed
from services.patients.setup import frame, store_held
from shared import access, ledger
from shared.access import CLINICAL, Caller
from shared.contracts import Code
from shared.database import Database
from shared.ledger import Quarantined, in_bulk

router = APIRouter(prefix=view.AT, include_in_schema=False)

PAGE = 50
CONNECTIONS = 200
TOPICS = 25
TOPICS_ABOVE = 5  # above all else that waits
RECENT = timedelta(days=1)
HOLDERS = 50

Cursor = Annotated[str | None, Query(max_length=200)]


def _code(code: str = "") -> Code | None:
    """What a filter's field says; nothing is every reason."""
    return Code(code) if code in set(Code) else None


def _unit(unit: str = "") -> UUID | None:
    try:
        return UUID(unit)
    except ValueError:
        return None


def _filter(
    code: Annotated[Code | None, Depends(_code)],
    unit: Annotated[UUID | None, Depends(_unit)],
    state: Literal["waiting", "released", "rejected"] = "waiting",
    cred: Annotated[str, Query(max_length=64)] = "",
    topic: Annotated[str, Query(max_length=500, pattern=r"^[^\x00]*$")] = "",
) -> Filter:
    return Filter(state, code, cred or None, unit, topic or None)


Chosen = Annotated[Filter, Depends(_filter)]


@router.get("")
async def desk(
    request: Request,
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    chosen: Chosen,
    cursor: Cursor = None,
    topics: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """`topics`: so many of the topics that nothing knows stood on the pages before."""
    mine, before = units_of(caller), paging.place(cursor)
    looker = door.looker(request, caller)
    async with database.transaction() as tx:
        units = {one.id: one.name for one in await store.units(tx, caller.org)
                 if mine is None or one.id in caller.units}  # fmt: skip
        wanted = [chosen.unit] if chosen.unit is not None and chosen.unit in units else mine
        found = await ledger.quarantined(
            tx, caller.org, state=chosen.state, code=chosen.code, cred=chosen.cred,
            unit_ids=wanted, topic=chosen.topic, but_topics=_folds(chosen), before=before,
            limit=PAGE + 1,
        )  # fmt: skip
        folded, more = await _folded(tx, caller, chosen, wanted, topics)
        shown = [await _seen(tx, request, caller, item) for item in found[:PAGE]]
        named = list({one.patient.id for one in shown if one.patient})
        if named:
            await look.logged(tx, looker, named, "quarantine")
        counts = await store_quarantine.counts(tx, caller.org, mine)
        connections = await store_held.connections(tx, caller.org, mine, CONNECTIONS)
        creds = {item.cred for item in found} | {one.cred for one in folded}
        creds |= {chosen.cred} if chosen.cred else set()
        labels = await store_held.labels(tx, caller.org, sorted(creds))
        acts = await in_bulk.newest(
            tx, caller.org, now - RECENT, many.SHOWN_IN_THE_LIST, list(caller.units)
        )
        names = await store_held.names(tx, caller.org, [each.by for each, _ in acts])
    last = found[PAGE - 1] if len(found) > PAGE else None
    lang = frame.language(request)
    filled = view.desk(
        shown, counts, connections, labels, units, chosen,
        paging.cursor(last.received_at, last.id) if last else None,
        settles=caller.role in CLINICAL, lang=lang, now=now,
    )  # fmt: skip
    filled |= many.of_topic(None, None, lang)
    filled |= many.topics(folded, labels, more, lang, now)
    filled |= many.acts(acts if caller.role in CLINICAL else [], names, lang, now)
    if chosen.topic is not None:
        raw = found[0].raw if found else None
        filled |= many.of_topic(raw, await _announced(database, caller, chosen), lang)
    title = frame.said(request)["held"]["title"]
    return frame.html(request, caller, "held.html", filled, title=title, tab="quarantine")


@router.get("/{item_id}")
async def one(
    request: Request,
    database: Db,
    now: Now,
    caller: access.ClinicianOrAdministrator,
    item_id: UUID,
    chosen: Chosen,
    moved: Annotated[int, Query(ge=0)] = 0,
    released: Annotated[int | None, Query(ge=0)] = None,
    back: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    more: dict[str, Any] = {}
    if released is not None:
        s = frame.said(request)["held"]
        more["done"] = s["bound"].format(released=released, moved=moved, back=back)
    return await item_page(request, database, caller, now, item_id, chosen, more=more)


@router.get("/{item_id}/attachment")
async def attachment(
    request: Request, database: Db, caller: access.Clinician, item_id: UUID
) -> Response:
    """As /v1/quarantine/{id}/attachment, for the session of these pages."""
    media_type, body = await attach.held(database, door.looker(request, caller), item_id)
    return attachments.file_answer(f"{item_id}", media_type, body)


def _folds(chosen: Filter) -> bool:
    """Whether what gateways said where no table knows stands in lines of its own."""
    return (
        chosen.state == "waiting"
        and chosen.topic is None
        and chosen.code in (None, Code.UNKNOWN_KIND)
    )


async def _folded(
    tx: asyncpg.Connection,
    caller: Caller,
    chosen: Filter,
    unit_ids: list[UUID] | None,
    skip: int,
) -> tuple[list[store_quarantine.Topic], str]:
    """The topics, and where the next ones stand."""
    if not _folds(chosen):
        return [], ""
    most = TOPICS if chosen.code else TOPICS_ABOVE
    found = await store_quarantine.topics(
        tx, caller.org, unit_ids, chosen.cred, None, skip, most + 1
    )
    every = replace(chosen, code=Code.UNKNOWN_KIND)
    more = every.address(topics=skip + most) if chosen.code else every.address()
    return found[:most], more if len(found) > most else ""


async def _announced(database: Database, caller: Caller, chosen: Filter) -> str | None:
    """The page of the announcement that fits this topic, if it has announced itself."""
    async with database.transaction() as tx:
        found = await store_quarantine.topics(
            tx, caller.org, units_of(caller), chosen.cred, chosen.topic, 0, 1
        )
    return f"{many.ANNOUNCED}/{found[0].suggestion}" if found and found[0].suggestion else None


async def item_page(
    request: Request,
    database: Database,
    caller: Caller,
    now: datetime,
    item_id: UUID,
    chosen: Filter,
    *,
    hits: Sequence[Patient] = (),
    more: dict[str, Any] | None = None,
    status: int = 200,
) -> Response:
    looker = door.looker(request, caller)
    async with database.transaction() as tx:
        found = await ledger.quarantined(tx, caller.org, item=item_id, state=None, limit=1)
        item = found[0] if found else None
        if item is None or not _is_hers(caller, item):
            raise release.NoSuchItem
        seen = await _seen(tx, request, caller, item)
        units = {one.id: one.name for one in await store.units(tx, caller.org)}
        around = await _around(tx, looker, seen, units, chosen)
        named = {one for one in around.people} | ({seen.patient.id} if seen.patient else set())
        if named:
            await look.logged(tx, looker, list(named), "quarantine")
    filled = view.one(
        seen, around, chosen, hits, request.app.state.forms, units,
        settles=caller.role in CLINICAL, lang=frame.language(request), now=now,
    )  # fmt: skip
    base = {"problem": "", "done": "", "asked": False, "elsewhere": False, "find": "", "said": {}}
    title = frame.said(request)["held"]["one"]
    return frame.html(
        request, caller, "held_one.html", {**base, **filled, **(more or {})},
        title=title, tab="quarantine", status=status,
    )  # fmt: skip


def units_of(caller: Caller) -> list[UUID] | None:
    """Of which units somebody sees what waits; an administrator of all."""
    return list(caller.units) if caller.role in CLINICAL else None


def _is_hers(caller: Caller, item: Quarantined) -> bool:
    return caller.role not in CLINICAL or item.unit_id is None or item.unit_id in caller.units


async def _seen(
    tx: asyncpg.Connection, request: Request, caller: Caller, item: Quarantined
) -> Seen:
    if not await release.may_open(tx, caller, item):
        return Seen(item)
    held_back = await closed.is_held(tx, caller, item, request.app.state.programmes)
    patient = await store.patient(tx, caller.org, item.patient_id) if item.patient_id else None
    return Seen(item, True, not held_back, patient)


async def _around(
    tx: asyncpg.Connection, looker: Looker, seen: Seen, units: dict[UUID, str], chosen: Filter
) -> Around:
    item, caller = seen.item, looker.caller
    credential = await store_devices.credential(tx, caller.org, item.cred)
    holders = await store_held.holders(tx, caller.org, item.cred, HOLDERS) if seen.opened else []
    people: dict[UUID, Patient] = {}
    for id in {one.patient_id for one in holders}:
        patient = await store.patient(tx, caller.org, id)
        if patient is not None and await look.is_hers(tx, caller, id):
            people[id] = patient
    mine = units_of(caller)
    if chosen.unit is not None and chosen.unit in (units if mine is None else mine):
        mine = [chosen.unit]
    following = await ledger.quarantined(
        tx, caller.org, state="waiting", code=chosen.code, cred=chosen.cred, unit_ids=mine,
        topic=chosen.topic, but_topics=_folds(chosen), before=(item.received_at, item.id), limit=1,
    )  # fmt: skip
    return Around(
        label=credential.label if credential else item.cred,
        unit=units.get(item.unit_id, "") if item.unit_id else "",
        bindable=credential is not None
        and credential.kind != "system"
        and credential.revoked_at is None,
        slot=await store_held.slot(tx, caller.org, item.id),
        holders=holders,
        people=people,
        decided_by=await _name_of(tx, caller.org, item.decided_by),
        following=following[0].id if following else None,
        past=[
            (
                each,
                await _name_of(tx, caller.org, each["rejected_by"]),
                await _name_of(tx, caller.org, each["reopened_by"]),
            )
            for each in item.past
        ],
    )


async def _name_of(tx: asyncpg.Connection, org: str, id: str | None) -> str:
    try:
        staff = await store.one_staff(tx, org, UUID(id or ""))
    except ValueError:
        return id or ""
    return staff.name if staff else ""
