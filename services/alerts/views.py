"""Verb: what people read, each read written in the access log before it is shown."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import reader, scoring, store, store_views, telling
from services.alerts.care import store_shields, store_tasks
from services.alerts.clinical import schedule
from services.alerts.judging import promises, store_forms, store_progress, triage
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import PLATFORM, RANK, Patient, State
from services.alerts.reader import NotYourGroup, NotYourUnit, Reader
from services.alerts.rows import (
    letterbox,
    neutral,
    recalled,
    shielded,
    store_behind,
    store_filters,
    store_rows,
)
from services.alerts.rows.drawn import Drawn, Key
from services.alerts.rows.drawn import Row as DrawnRow
from services.alerts.rows.row import Programmes
from services.alerts.store_views import Filter, Held, Place, Story
from services.alerts.stream import Notifier
from shared import audit, ledger, sensitive
from shared.access import Caller
from shared.database import Database
from shared.identity import Keys

Json = dict[str, Any]
STATES = ("open", "acknowledged", "closed")
NOT_CLOSED = ("open", "acknowledged")
COUNTED = ("red", "yellow", "green", "technical")
BEHIND = 200  # patients named behind one silence
ALIVE = 15.0  # a follower this old does not vouch for the list any more

language = telling.language


@dataclass(frozen=True, slots=True)
class Parts:
    """What the doors hand to the verbs."""

    database: Database
    notifier: Notifier
    programmes: Programmes
    memory: Memory
    forms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # of the instruments
    drawn: Drawn = field(default_factory=Drawn)  # rows of the list, for the pages
    replaying: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    identity_keys: Keys | None = field(default=None, repr=False)  # open a patient's own number


@dataclass(frozen=True, slots=True)
class Question:
    """Which part of the list is asked for."""

    unit: UUID | None = None
    programme: str | None = None
    colour: str | None = None
    assignee: str | None = None
    state: str | None = None
    after: Place | None = None
    limit: int = 100

    def filter(self, me: str) -> Filter:
        assignee = me if self.assignee == "me" else self.assignee
        rank = RANK[self.colour] if self.colour else None
        return Filter(self.programme, rank, assignee, self.state)


@dataclass(frozen=True, slots=True)
class Listed:
    """A part of the list as read in one snapshot, with what is needed to tell it."""

    rows: list[Any]
    hidden: list[Any]
    counts: dict[str, int]
    quarantined: tuple[int, datetime | None]
    held: dict[UUID, Held]
    progress: dict[UUID, list[Json]]
    behind: dict[UUID, Json]
    expected: dict[str, int]
    programmes: set[str]
    units: dict[UUID, asyncpg.Record]
    shown: list[UUID]
    staff: list[asyncpg.Record]
    platform: list[Story]
    tasks: list[asyncpg.Record]
    shut: frozenset[str]
    names: dict[UUID, asyncpg.Record]
    now: datetime
    as_of: datetime
    oldest: datetime | None
    more: bool
    saved: list[asyncpg.Record] = field(default_factory=list)  # the reader's own filters
    conversations: list[Json] = field(default_factory=list)
    reread_at: datetime | None = None  # then an emergency access of the reader ends
    # By unit and patient: under which key a row is kept, and as it was drawn before.
    drawn: dict[tuple[UUID, UUID], tuple[Key, DrawnRow | None]] = field(default_factory=dict)


async def worklist(
    parts: Parts, by: Reader, asked: Question, drawn_in: str | None = None
) -> Listed:
    """The list in its own order; `drawn_in` a language for the page, which has most rows already.
    NotYourUnit."""
    mine = sorted(by.units, key=lambda one: one.int)
    if asked.unit is not None and asked.unit not in by.units:
        raise NotYourUnit
    if asked.programme in by.shut:
        raise NotYourGroup  # who is in it is not for everybody to ask
    shown = [asked.unit] if asked.unit is not None else mine
    wanted = asked.filter(by.id)
    async with parts.database.transaction() as tx:
        await store_views.one_moment(tx)
        rows = await store_views.rows(
            tx,
            by.org,
            shown,
            wanted,
            after=asked.after,
            limit=asked.limit + 1,
            bare=drawn_in is not None,
        )
        page: list[Any] = rows[: asked.limit]
        if drawn_in is not None:
            page = await recalled.known(tx, parts.drawn, by.org, page)
        hidden = await store_views.hidden_reds(tx, by.org, mine, shown, wanted)
        now = await store.now(tx)
        platform = await store_views.alerts(
            tx, by.org, mine, patient_ids=[PLATFORM], states=NOT_CLOSED, before=None, limit=20
        )
        tasks = await store_tasks.tasks(tx, by.org, shown, due=True)
        conversations = [] if asked.after else await letterbox.lane(tx, by, shown)
        named = {one["patient_id"] for one in (*page, *hidden, *tasks)}
        named |= {UUID(one["patient"]["id"]) for one in conversations}
        shut = await store_shields.shut(tx, by.org, named, by.id, emergency_counts=by.in_emergency)
        ids = [row["patient_id"] for row in page if row["patient_id"] not in shut]
        beside: dict[str, Any] = {
            "held": await store_views.held(tx, by.org, ids),
            "progress": await _progress(tx, parts, by, ids, now),
            "behind": await behind(tx, by, shown, ids),
        }
        drawn = {}
        if drawn_in is not None:
            drawn = await recalled.drawn_before(
                tx, parts.drawn, by, page, shut=shut, lang=drawn_in, now=now, **beside
            )
        listed = Listed(
            **beside,
            drawn=drawn,
            tasks=[shielded.task(one, shut.get(one["patient_id"])) for one in tasks],
            shut=by.shut,
            names=await store_views.names(tx, by.org, [one["patient_id"] for one in tasks]),
            rows=[_seen(one, shut, by) for one in page],
            hidden=[_seen(one, shut, by) for one in hidden],
            counts=await store_views.counts(tx, by.org, shown),
            quarantined=await store_views.quarantined(tx, by.org, shown),
            expected=await store_views.expected_today(tx, by.org, shown, schedule.local_day(now)),
            programmes=await store_views.programmes_followed(tx, by.org, shown) - by.shut,
            units=await store_views.units(tx, by.org),
            shown=shown,
            staff=await store_views.staff(tx, by.org),
            platform=await store_views.stories(tx, by.org, platform),
            now=now,
            as_of=await as_of(tx, by.org, now),
            oldest=await ledger.oldest_waiting(tx, by.org, ledger.ALERTS),
            more=len(rows) > asked.limit,
            saved=await store_filters.filters(tx, by.org, by.id),
            conversations=conversations,
            reread_at=await store_shields.open_until(tx, by.org, named, by.id),
        )
        await reader.note(tx, by, named, "worklist")
    return listed


def _seen(stored: asyncpg.Record, shut: Mapping[UUID, str], by: Reader) -> Any:
    """A row as this reader may see it."""
    return neutral.row(shielded.row(stored, shut.get(stored["patient_id"])), by.shut)


async def _progress(
    tx: asyncpg.Connection, parts: Parts, by: Reader, patient_ids: Sequence[UUID], now: datetime
) -> dict[UUID, list[Json]]:
    """How far each is in his modules, where the programme has any and is open to the reader."""
    counted = [
        one for slug, one in parts.programmes.items() if one.progress and slug not in by.shut
    ]
    slots = promises.slots_of(counted)
    rows = await store_progress.modules(tx, by.org, patient_ids, slots)
    return promises.progress_of(counted, rows, now)


async def behind(
    tx: asyncpg.Connection, by: Reader, units: Sequence[UUID], patient_ids: Sequence[UUID]
) -> dict[UUID, Json]:
    """Who waits for a portal that is silent, or for a platform that hears nobody; by which alarm.
    Nothing is read while all is well."""
    held: dict[UUID, Json] = {}
    for portal, alarm in (await store_behind.quiet(tx, by.org)).items():
        for one in await store_behind.behind(
            tx, by.org, units, portal=portal, limit=len(patient_ids), patient_ids=patient_ids
        ):
            held[one["patient_id"]] = {
                "alert": str(alarm),
                "portal": portal,
                "since": telling.iso(one["since"]),
            }
    return held


async def as_of(tx: asyncpg.Connection, org: str, now: datetime) -> datetime:
    """The list is of now only while somebody follows the ledger; otherwise of when he stopped."""
    beats = await store_rows.heartbeats(tx, org)
    at = beats.get("consumer", (None, {}))[0]
    return now if at is None or (now - at).total_seconds() < ALIVE else at


def worklist_json(listed: Listed, lang: str) -> Json:
    quarantined, _ = listed.quarantined
    return {
        "rows": [_row_json(listed, row, lang) for row in listed.rows],
        "counts": {**{name: listed.counts[name] for name in COUNTED}, "quarantined": quarantined},
        "hidden": {"red": len(listed.hidden)},
        "tasks": [
            telling.task(one, listed.units, listed.names, listed.shut) for one in listed.tasks
        ],
        "conversations": listed.conversations,
        "watching": telling.watch_json(_watch(listed)),
        "as_of": telling.iso(listed.as_of),
        "lag_seconds": telling.lag_seconds(listed.oldest, listed.now),
        "next": None,
    }


def _row_json(listed: Listed, stored: asyncpg.Record, lang: str) -> Json:
    id_ = stored["patient_id"]
    held, progress = listed.held.get(id_), listed.progress.get(id_, ())
    row = telling.row(stored, listed.units, listed.now, lang, held=held, progress=progress)
    row["behind"] = listed.behind.get(id_)
    # Nothing has come of him, whoever is to blame: a green one is not known to be as he was.
    row["technical"] = row["technical"] or row["behind"] is not None
    return row


def _watch(listed: Listed) -> Any:
    return telling.watch(
        [listed.units[id_] for id_ in listed.shown if id_ in listed.units], listed.now
    )


async def check(parts: Parts, by: Reader, patient_id: UUID) -> None:
    """NoSuchPatient, NotYourUnit."""
    async with parts.database.connection() as connection:
        await reader.check(connection, by, patient_id)


async def version(parts: Parts, org: str, patient_id: UUID) -> int:
    async with parts.database.connection() as connection:
        return await store_views.version(connection, org, patient_id)


async def pushed(parts: Parts, by: Reader, patient_ids: Sequence[UUID]) -> None:
    """That the live stream is about to say that something has happened to them."""
    async with parts.database.transaction() as tx:
        await reader.note(tx, by, patient_ids, "stream")


async def pulse(parts: Parts, org: str, units: Iterable[UUID]) -> Json:
    """For the live stream: counts of the units, and how fresh the list is."""
    async with parts.database.connection() as connection:
        now = await store.now(connection)
        return {
            "as_of": telling.iso(await as_of(connection, org, now)),
            "lag_seconds": telling.lag_seconds(
                await ledger.oldest_waiting(connection, org, ledger.ALERTS), now
            ),
            "counts": await store_views.counts(connection, org, list(units)),
        }


# --- alerts ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """Alerts with what is needed to tell them."""

    stories: list[Story]
    names: dict[UUID, asyncpg.Record]
    units: dict[UUID, asyncpg.Record]
    more: bool = False
    behind: list[asyncpg.Record] | None = None

    def json(self, by: Reader, lang: str) -> list[Json]:
        return [
            telling.alert(one, self.names.get(one.alert.patient_id), self.units, by, lang)
            | {"behind": telling.behind(self.behind, self.names, BEHIND)}
            for one in self.stories
        ]


async def alerts(
    parts: Parts,
    by: Reader,
    *,
    patient_id: UUID | None,
    states: Sequence[str],
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> Told:
    async with parts.database.transaction() as tx:
        patient_ids = None
        if patient_id is not None:
            await reader.check(tx, by, patient_id)
            patient_ids = await reader.same_person(tx, by, patient_id)
        found = await store_views.alerts(
            tx,
            by.org,
            list(by.units),
            patient_ids=patient_ids,
            states=states,
            before=before,
            limit=limit + 1,
        )
        page = found[:limit]
        told = await _told(tx, by, page, len(found) > limit)
        seen = {one.patient_id for one in page} | set(patient_ids or ())
        await reader.note(tx, by, seen, "alerts")
    return told


async def alert(parts: Parts, by: Reader, alert_id: UUID) -> Told:
    from services.alerts.care.moves import NoSuchAlert

    async with parts.database.connection() as connection:
        known = await store.alert(connection, by.org, alert_id)
    if known is None:
        raise NoSuchAlert
    async with reader.opened(parts.database, by, known.patient_id, "alert") as tx:
        found = await store.alert(tx, by.org, alert_id)
        assert found is not None
        told = await _told(tx, by, [found])
        quiet = await store_behind.quiet(tx, by.org) if known.patient_id == PLATFORM else {}
        for portal, of in quiet.items():
            if of == alert_id:
                told = await _with_those_behind(tx, by, told, portal)
    return told


async def _with_those_behind(
    tx: asyncpg.Connection, by: Reader, told: Told, portal: str | None
) -> Told:
    """The reader's patients whom this silence holds back, or who were called silent for it."""
    behind = await store_behind.behind(
        tx, by.org, sorted(by.units), portal=portal, limit=BEHIND + 1
    )
    shown = [one["patient_id"] for one in behind[:BEHIND]]
    names = await store_views.names(tx, by.org, shown)
    await reader.note(tx, by, shown, "alert")
    return replace(told, behind=behind, names={**told.names, **names})


async def _told(
    tx: asyncpg.Connection, by: Reader, found: Sequence[Any], more: bool = False
) -> Told:
    ids = {one.patient_id for one in found}
    shut = await store_shields.shut(tx, by.org, ids, by.id, emergency_counts=by.in_emergency)
    stories = neutral.stories(await store_views.stories(tx, by.org, found), by.shut)
    return Told(
        [shielded.story(one, shut.get(one.alert.patient_id)) for one in stories],
        await store_views.names(tx, by.org, list(ids)),
        await store_views.units(tx, by.org),
        more,
    )


# --- tasks ----------------------------------------------------------------------------------


async def tasks(
    parts: Parts, by: Reader, *, unit: UUID | None, patient_id: UUID | None, state: str
) -> list[Json]:
    """Of the reader's units, of one of them, or of one patient."""
    if unit is not None and unit not in by.units:
        raise NotYourUnit
    async with parts.database.transaction() as tx:
        if patient_id is not None:
            await reader.check(tx, by, patient_id)
        found = await store_tasks.tasks(
            tx,
            by.org,
            sorted(by.units) if unit is None else [unit],
            patient_id=patient_id,
            due=state == "due",
            done=state == "done",
        )
        seen = {one["patient_id"] for one in found} | ({patient_id} if patient_id else set())
        shut = await store_shields.shut(tx, by.org, seen, by.id, emergency_counts=by.in_emergency)
        found = [shielded.task(one, shut.get(one["patient_id"])) for one in found]
        names = await store_views.names(tx, by.org, [one["patient_id"] for one in found])
        units = await store_views.units(tx, by.org)
        await reader.note(tx, by, seen, "tasks")
    return [telling.task(one, units, names, by.shut) for one in found]


# --- scores ---------------------------------------------------------------------------------


async def scores(parts: Parts, by: Reader, patient_id: UUID) -> Json:
    async with reader.opened(parts.database, by, patient_id, "scores") as tx:
        now = await store.now(tx)
        patient = await record_of(tx, by.org, patient_id, now)
        sex = await store_forms.sex(tx, by.org, patient_id)
    hidden = hidden_forms(parts, by, patient)
    return {
        "patient": telling.person(
            patient_id, {"name": patient.state.name, "born": patient.state.born}
        ),
        "news2": scoring.aged(scoring.of_record(patient.record, now), now),
        "questionnaires": scoring.forms(
            patient.record, parts.programmes.values(), now, sex=sex, hidden=hidden
        ),
        "hidden": sorted(hidden),
        "as_of": telling.iso(now),
    }


def hidden_forms(parts: Parts, by: Reader, patient: Patient) -> frozenset[str]:
    """The patient's forms that this reader may not read, by name."""
    followed = {one.programme for one in patient.record.enrolments} & by.shut
    return frozenset(
        name for slug in followed for name in sensitive.forms_of(parts.programmes[slug])
    )


async def record_of(tx: asyncpg.Connection, org: str, patient_id: UUID, now: datetime) -> Patient:
    """The patient read without a lock, for showing only."""
    state = State(patient_id)
    loaded = await triage.load(
        tx, org, {patient_id: state}, {patient_id: now}, Memory(), now, bare=False
    )
    return loaded[patient_id]


async def logged_in(parts: Parts, caller: Caller, address: str | None) -> None:
    """By the development log-in; an identity provider's is written where the session begins."""
    who = audit.Who(caller.org, caller.id, caller.role.value, address=address)
    async with parts.database.transaction() as tx:
        await audit.note(tx, who, (), "log-in", "changed", why="own", about="development")


async def people(parts: Parts) -> list[asyncpg.Record]:
    """Whom the development log-in offers."""
    async with parts.database.connection() as connection:
        return await store_views.staff(connection, None)
