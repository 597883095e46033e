"""Verb: what other limits or rules would have said of what was measured.

The law: nothing is activated, and nothing of a patient is stored; that it was tried is kept, since
no version counts before it was. A patient is read in the transaction that writes so in the access
log, and only one at a time is held in memory.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog

from services.alerts import reader, store, store_views, telling
from services.alerts.clinical import replay
from services.alerts.clinical.history import MEASURED, Record
from services.alerts.clinical.replay import Count, Told, Trial
from services.alerts.looking_back import past, store_past, store_trials
from services.alerts.reader import REFUSALS, NoSuchPatient, NotYourUnit, Reader
from services.alerts.views import Parts
from shared import exact, programmes
from shared.contracts import Fact
from shared.programmes import Programme, checking, marking

log = structlog.get_logger()

Json = dict[str, Any]

WHAT = "what-if"
# A page answers within half a minute, whatever is asked; what was left out is counted.
SECONDS = 20.0
PATIENTS_AT_MOST = 500
FACTS_AT_MOST = 60_000  # of one patient
SHOWN = 200  # of each list
LISTS = ("vanished", "new", "worse", "milder")
DAY = timedelta(days=1)


class ReplayIsBusy(Exception):
    """Another question is being answered just now; try again in a moment"""


class UnknownProgramme(Exception):
    """There is no programme of that name here"""


class UnknownLimit(Exception):
    """The programme has no limit of this name"""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.members = {"limits": names}


class LimitIsOutOfBounds(Exception):
    """The limit lies outside what the programme allows"""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.members = {"limits": names}


class VersionIsNotLoaded(Exception):
    """This version of the programme is not among those that are loaded"""


class ProgrammeNotValid(Exception):
    """The rules do not make a programme that could be used"""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__()
        self.members = {"sentences": sentences}


@dataclass(frozen=True, slots=True)
class Asked:
    """Exactly one of `limits`, `rules` and `version`; at most one of `patient` and `unit`."""

    programme: str
    days: int
    patient: UUID | None = None
    unit: UUID | None = None
    limits: Mapping[str, Decimal] | None = None
    rules: str | None = None
    version: str | None = None


@dataclass(slots=True)
class Seen:
    """What the replays of several patients came to. `versions` are those that judge them now."""

    versions: set[str] = field(default_factory=set)
    patients: int = 0
    readings: int = 0
    failed: int = 0
    left_out: int = 0
    followed: timedelta = timedelta(0)
    before: Count = field(default_factory=Count)
    after: Count = field(default_factory=Count)
    both_days: set[date] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LISTS, 0))
    lists: dict[str, list[tuple[UUID, Told]]] = field(
        default_factory=lambda: {name: [] for name in LISTS}
    )


async def what_if(parts: Parts, by: Reader, asked: Asked, lang: str) -> Json:
    """UnknownProgramme, VersionIsNotLoaded, UnknownLimit, LimitIsOutOfBounds, ProgrammeNotValid,
    ReplayIsBusy, NotYourUnit, NoSuchPatient; TooManyReadings of one patient who is asked about."""
    programme = parts.programmes.get(asked.programme)
    if programme is None:
        raise UnknownProgramme
    if programme.slug in by.shut:
        raise reader.NotYourGroup
    trials = await _trials(programme, asked)
    ids, now = await _whom(parts, by, asked)
    since = now - asked.days * DAY
    seen = Seen()
    async with _turn(parts):
        until = asyncio.get_running_loop().time() + SECONDS
        for place, id_ in enumerate(ids):
            if place >= PATIENTS_AT_MOST or asyncio.get_running_loop().time() > until:
                seen.left_out += len(ids) - place
                break
            await _replayed(parts, by, trials, id_, since, now, asked.patient is not None, seen)
    await _kept(parts, by, programme, asked, seen)
    return await _told(parts, by, trials, asked, since, now, seen, lang)


async def _kept(parts: Parts, by: Reader, programme: Programme, asked: Asked, seen: Seen) -> None:
    """Who tried what on whom, so that a version can be made to count."""
    if asked.version is not None:
        digest = marking.digest(programme.versions[asked.version])
    else:
        tried = asked.rules if asked.rules is not None else dict(asked.limits or {})
        digest = hashlib.sha256(exact.canonical(tried)).hexdigest()
    made = store_trials.Trial(
        by.id, by.name, by.role, asked.programme,
        "version" if asked.version is not None else "rules" if asked.rules is not None else
        "limits",
        asked.version, digest,
        "patient" if asked.patient is not None else "unit" if asked.unit is not None else "units",
        asked.unit, asked.days, seen.patients, seen.before.alerts, seen.after.alerts,
    )  # fmt: skip
    async with parts.database.transaction() as tx:
        await store_trials.add(tx, by.org, made)


@contextlib.asynccontextmanager
async def _turn(parts: Parts) -> AsyncIterator[None]:
    """One replay at a time in a process, which judges what comes in besides. ReplayIsBusy."""
    try:
        async with asyncio.timeout(SECONDS):
            await parts.replaying.acquire()
    except TimeoutError:
        raise ReplayIsBusy from None
    try:
        yield
    finally:
        parts.replaying.release()


async def _trials(programme: Programme, asked: Asked) -> dict[str, Trial]:
    """What is tried against each version, because every patient is compared with the one that
    judges him now, as if it had always done so."""
    before = {name: replay.alone(one) for name, one in programme.versions.items()}
    if asked.version is not None:
        if asked.version not in before:
            raise VersionIsNotLoaded
        return {name: Trial(one, before[asked.version]) for name, one in before.items()}
    if asked.rules is not None:
        after = await asyncio.to_thread(_rewritten, before[programme.version], asked.rules)
        return {name: Trial(one, after) for name, one in before.items()}
    limits = dict(asked.limits or {})
    known = programme.limit_by_name
    if unknown := sorted(limits.keys() - known.keys()):
        raise UnknownLimit(unknown)
    beyond = [name for name, one in limits.items() if not known[name].min <= one <= known[name].max]
    if beyond:
        raise LimitIsOutOfBounds(beyond)
    if asked.patient is not None:
        return {name: Trial(one, one, limits) for name, one in before.items()}
    return {name: Trial(one, replay.with_defaults(one, limits)) for name, one in before.items()}


def _rewritten(programme: Programme, rules: str) -> Programme:
    """The programme with these rules, when the validator of folders has nothing to say."""
    try:
        rewritten = programmes.rewritten(programme, rules)
    except programmes.ProgrammeIsUnreadable as error:
        raise ProgrammeNotValid(error.sentences) from None
    if faults := checking.faults(rewritten):
        raise ProgrammeNotValid(faults)
    return rewritten


async def _whom(parts: Parts, by: Reader, asked: Asked) -> tuple[list[UUID], datetime]:
    if asked.unit is not None and asked.unit not in by.units:
        raise NotYourUnit
    units = sorted(by.units, key=lambda one: one.int) if asked.unit is None else [asked.unit]
    async with parts.database.transaction() as tx:
        now = await store.now(tx)
        if asked.patient is not None:
            return [asked.patient], now
        return await store_past.followed(tx, by.org, units, asked.programme), now


async def _replayed(
    parts: Parts,
    by: Reader,
    trials: Mapping[str, Trial],
    id_: UUID,
    since: datetime,
    now: datetime,
    alone: bool,
    seen: Seen,
) -> None:
    """One patient, added to what is seen. Alone, what speaks against it is raised."""
    try:
        async with reader.opened(parts.database, by, id_, WHAT) as tx:
            facts = await past.facts(tx, by.org, id_, since, now, at_most=FACTS_AT_MOST)
    except (*REFUSALS, NoSuchPatient, past.TooManyReadings):
        if alone:
            raise
        seen.left_out += 1
        return
    slug = next(iter(trials.values())).before.slug
    try:
        # In a thread, so that a long history keeps nobody else waiting.
        known = parts.programmes[slug]
        version, found, followed = await asyncio.to_thread(
            _compared, known, trials, id_, facts, since, now
        )
    except Exception as error:
        log.error(
            "A patient could not be replayed.",
            org=by.org,
            patient=str(id_),
            programme=slug,
            fault=type(error).__name__,
        )
        seen.failed += 1
        return
    if found.failed:
        log.error(
            "Rule groups could not be replayed.",
            org=by.org,
            patient=str(id_),
            programme=slug,
            groups=sorted(found.failed),
        )
        seen.failed += 1
    seen.patients += 1
    seen.versions.add(version)
    seen.followed += followed
    seen.readings += sum(fact.type in MEASURED and fact.at >= since for fact in facts)
    seen.before.add(found.before)
    seen.after.add(found.after)
    seen.both_days |= {one.day for one in found.before} & {one.day for one in found.after}
    for name in LISTS:
        several: tuple[Told, ...] = getattr(found, name)
        seen.counts[name] += len(several)
        room = SHOWN - len(seen.lists[name])
        seen.lists[name] += [(id_, one) for one in several[:room]]


def _compared(
    programme: Programme,
    trials: Mapping[str, Trial],
    id_: UUID,
    facts: list[Fact],
    since: datetime,
    now: datetime,
) -> tuple[str, replay.Difference, timedelta]:
    record = Record.of(id_, facts)
    version = record.decided.version(programme, now).version
    found = replay.difference(trials[version], record, since, now)
    return version, found, replay.enrolled_for(record, programme.slug, since, now)


async def _told(
    parts: Parts,
    by: Reader,
    trials: Mapping[str, Trial],
    asked: Asked,
    since: datetime,
    now: datetime,
    seen: Seen,
    lang: str,
) -> Json:
    named = {id_ for name in LISTS for id_, _ in seen.lists[name]}
    async with parts.database.connection() as connection:
        names = await store_views.names(connection, by.org, list(named))
    patient_days = Decimal(seen.followed // timedelta(seconds=1)) / 86_400
    return {
        "programme": asked.programme,
        "version": ", ".join(sorted(seen.versions)) or list(trials)[-1],
        "tried_version": asked.version,
        "from": telling.iso(since),
        "until": telling.iso(now),
        "days": asked.days,
        "patients": seen.patients,
        "patient_days": round(patient_days, 1),
        "readings": seen.readings,
        "failed": seen.failed,
        "truncated": seen.left_out > 0,
        "left_out": seen.left_out,
        "before": _counted(seen.before, asked.days, patient_days),
        "after": _counted(seen.after, asked.days, patient_days),
        "counts": seen.counts,
        "both_days": [day.isoformat() for day in sorted(seen.both_days)],
        **{
            name: [
                {
                    "patient": {
                        "id": str(id_),
                        "name": telling.person(id_, names.get(id_))["name"],
                    },
                    "group": one.group,
                    "rule": one.rule,
                    "colour": one.colour,
                    "lane": one.lane,
                    "day": one.day.isoformat(),
                    "at": telling.iso(one.at),
                    "reason": one.reason[lang],
                }
                for id_, one in seen.lists[name]
            ]
            for name in LISTS
        },
    }


def _counted(count: Count, days: int, patient_days: Decimal) -> Json:
    return {
        "alerts": count.alerts,
        "per_day": {
            "red": round(Decimal(count.red) / days, 2),
            "yellow": round(Decimal(count.yellow) / days, 2),
            "technical": round(Decimal(count.technical) / days, 2),
        },
        "per_patient_day": round(count.alerts / patient_days, 3) if patient_days else None,
    }
