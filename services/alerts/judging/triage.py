"""Verb: judge patients on what the hand-over brought, in one transaction with its effects.

The law (state row first): a patient is read, judged and written only while his state row is
locked, and only the rows of patients that were locked and judged are deleted.
"""

import asyncio
import contextlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from services.alerts import store
from services.alerts.clinical import causes, decided, judge, lookback, technical
from services.alerts.clinical.finding import Finding, Waiting
from services.alerts.clinical.history import MEASURED, Record
from services.alerts.judging import expecting, handling, letters, looking, touching, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import Patient, State, unit_of
from services.alerts.judging.raising import Changes, runs_out, settle
from services.alerts.other_systems import store_outgoing
from services.alerts.rows import row, store_rows
from shared import ledger
from shared.contracts import Fact
from shared.ledger import Taken
from shared.programmes import AbsenceRule, OverdueRule, Programme, UnansweredRule
from shared.programmes.parts import ANSWERS_LOOK_BACK

log = structlog.get_logger()

Programmes = Mapping[str, Programme]

LOOKBACK = lookback.ALL
# Read as well, so that a reading of before the last one need not read everything again.
LATER = timedelta(hours=12)
# From then on what is expected may still come, and everything is drawn.
DRAWN = row.SPARK + timedelta(days=2)
# No score holds so long: a kind measured since then has nothing older that is shown.
SEEN = DRAWN - timedelta(days=1)
KNOWN_VERSIONS = (None, 1)
FACTS = (*MEASURED, "device-event")
NO_ANSWERS = tuple(one for one in FACTS if one != "answers")
TAKEN_AWAY = ("void", "gone")
CHANGED = "patient-changed"
SOON = timedelta(seconds=1)
PORTION = 10  # patients read and judged at a time


@dataclass(slots=True)
class Judged:
    """What a take came to. `left` are patients whose rows lie on: held, resting or failing;
    `ids` those who were judged, `patients` of them as many as memory has room for. `more` when
    another take at once may find rows."""

    done: int = 0
    more: bool = False
    last_seq: int = 0
    left: set[UUID] = field(default_factory=set)
    failed: dict[UUID, str] = field(default_factory=dict)
    ids: set[UUID] = field(default_factory=set)
    patients: dict[UUID, Patient] = field(default_factory=dict)
    units: dict[UUID, set[UUID]] = field(default_factory=dict)
    told: list[UUID] = field(default_factory=list)
    received_at: datetime | None = None
    portals: set[str] = field(default_factory=set)  # systems that brought anything


async def take(
    tx: asyncpg.Connection,
    org: str,
    programmes: Programmes,
    memory: Memory,
    *,
    floor: int,
    limit: int,
    most: int,
    rest: int = 0,
    passing: Container[UUID] = (),
) -> Judged:
    """Judge, of as many rows as `limit`, those of the first `most` patients: to read a patient
    costs far more than to judge one row of his, so few are judged on all that waits of them, which
    is at most `rest` rows more. Those in `passing`, of whom it is known that they cannot be judged
    now, are passed over. Nothing is remembered in `memory` until the commit."""
    taken = await ledger.take(tx, org, ledger.ALERTS, floor=floor, limit=limit)
    judged = Judged(last_seq=max((one.seq for one in taken), default=floor))
    if not taken:
        return judged
    is_all = len(taken) < limit
    # A withdrawal has handed rows to the patients who lose a fact.
    judged.more = not is_all or any(one.type == "void" for one in taken)
    by_patient: dict[UUID, list[Taken]] = {}
    # Who has only written stands behind everybody of whom something is to be judged.
    for one in sorted(taken, key=letters.is_letter):
        if one.patient_id not in passing:
            by_patient.setdefault(one.patient_id, []).append(one)
    last = judged.last_seq
    postponed = list(by_patient)[most:]
    if postponed:
        judged.more = True
        judged.last_seq = min(one.seq for id_ in postponed for one in by_patient.pop(id_)) - 1
    states, now = await store.lock_states_and_look_at_the_clock(tx, org, sorted(by_patient))
    judged.left = by_patient.keys() - states.keys()
    if now is None:
        return judged
    if rest and not is_all:
        ids = [id_ for id_ in by_patient if id_ in states]
        for one in await ledger.take_rest(tx, org, ledger.ALERTS, ids, after=last, limit=rest):
            by_patient[one.patient_id].append(one)
    to_judge = {
        id_: rows
        for id_ in states
        if (rows := [one for one in by_patient[id_] if not letters.is_letter(one)])
    }
    written = writing.Writing(org, now)
    ctids: list[tuple[int, int]] = []
    for several in _portions(to_judge, org, memory):
        ctids += await _judge(tx, several, states, programmes, memory, judged, written)
        memory.make_room(judged.patients)
    noted = await letters.take(tx, org, {id_: by_patient[id_] for id_ in states}, states, now)
    ctids += noted.ctids
    await written.write(tx, ctids)
    away = [one for id_ in judged.ids for one in to_judge[id_] if one.type in TAKEN_AWAY]
    if away:  # after the readings of this take, which it may take back
        await store_outgoing.note_withdrawn(tx, org, [one.fact_id for one in away])
    judged.done = len(ctids)
    judged.left |= judged.failed.keys() | noted.left
    judged.units, judged.told = written.units, written.told
    for unit_id, written_by in noted.units.items():
        judged.units.setdefault(unit_id, set()).update(written_by)
    judged.received_at = max(
        (one.received_at for rows in by_patient.values() for one in rows if one.type in FACTS),
        default=None,
    )
    return judged


def _portions(
    to_judge: Mapping[UUID, list[Taken]], org: str, memory: Memory
) -> Iterator[dict[UUID, list[Taken]]]:
    """So few at a time that their records do not fill the memory. First those who are in it, since
    the others displace them."""
    ids = sorted(to_judge, key=lambda id_: not memory.holds(org, id_))
    for first in range(0, len(ids), PORTION):
        yield {id_: to_judge[id_] for id_ in ids[first : first + PORTION]}


async def _judge(
    tx: asyncpg.Connection,
    to_judge: Mapping[UUID, Sequence[Taken]],
    states: Mapping[UUID, State],
    programmes: Programmes,
    memory: Memory,
    judged: Judged,
    written: writing.Writing,
) -> list[tuple[int, int]]:
    """Read these patients, whose states are locked, and judge them. What is to be written goes to
    `written`; the rows that are done with are answered."""
    org, now = written.org, written.now
    news = await _news(tx, org, to_judge, memory, states)
    since = {id_: min(one.since, now) for id_, one in news.items()}
    afresh = [id_ for id_, one in news.items() if one.afresh]
    coming = {
        one.fact_id
        for id_, rows in to_judge.items()
        for one in rows
        if not news[id_].held and one.type in FACTS
    }
    read: list[Fact] = []
    patients = await load(
        tx, org, {id_: states[id_] for id_ in to_judge}, since, memory, now, programmes, read,
        afresh=afresh, failed=judged.failed,
    )  # fmt: skip
    _sort(news, [fact for fact in read if fact.id in coming])
    ctids: list[tuple[int, int]] = []
    for place, (id_, patient) in enumerate(patients.items()):
        if place:
            await asyncio.sleep(0)  # others of this process have their turn
        try:
            if not news[id_].held:
                memory.note(org, id_, not_loaded(patient.record, programmes, now))
            if news[id_].is_known(patient):
                judged.left.add(id_)
            else:
                changes = _judge_news(patient, news[id_], programmes, now)
                written.add(patient, changes, programmes)
                lying = {fact.id for fact in news[id_].unknown}
                ctids += [one.ctid for one in to_judge[id_] if one.fact_id not in lying]
        except Exception as error:
            judged.failed[id_] = type(error).__name__
            continue
        for fact in news[id_].facts:
            if (brought := causes.portal(patient.record, fact)) is not None:
                judged.portals.add(brought)
        judged.ids.add(id_)
        judged.patients[id_] = patient
        written.brought(patient, to_judge[id_])
    return ctids


@dataclass(slots=True)
class News:
    """What came of one patient. `afresh`: something was decided or taken away, so that everything
    must be read and judged again; `held`: his record was in memory and lacks only the facts."""

    since: datetime
    facts: list[Fact] = field(default_factory=list)
    unknown: list[Fact] = field(default_factory=list)
    afresh: bool = False
    held: bool = False

    def is_known(self, patient: Patient) -> bool:
        """Nothing but facts of unknown versions, which lie on and have been reported."""
        reported = {_unknown_version(patient.record, fact).id for fact in self.unknown}
        return bool(reported) and not self.facts and reported <= patient.known.keys()


async def _news(
    tx: asyncpg.Connection,
    org: str,
    by_patient: Mapping[UUID, Sequence[Taken]],
    memory: Memory,
    states: Mapping[UUID, State],
) -> dict[UUID, News]:
    """Facts of patients whose record is in memory are read to be added; every other record is read
    anew, and they with it."""
    news = {
        id_: News(
            since=min(one.at for one in rows), afresh=any(one.type not in FACTS for one in rows)
        )
        for id_, rows in by_patient.items()
    }
    away = [one for rows in by_patient.values() for one in rows if one.type in TAKEN_AWAY]
    if away:
        moments = await store.moments_taken_away(tx, org, [one.fact_id for one in away])
        for one in away:
            if one.fact_id in moments:
                mine = news[one.patient_id]
                mine.since = min(mine.since, moments[one.fact_id])
    rewritten = [
        id_ for id_, rows in by_patient.items() if any(one.type == CHANGED for one in rows)
    ]
    if rewritten:
        for id_, facts in (await ledger.decisions(tx, org, rewritten)).items():
            back = decided.taken_back(facts, {one.fact_id for one in by_patient[id_]})
            if back is not None:
                mine = news[id_]
                mine.since = min(mine.since, max(back, mine.since - LOOKBACK))
    for id_, new in news.items():
        new.held = not new.afresh and memory.has(org, states[id_], new.since)
    wanted = [
        (one.fact_id, one.at)
        for id_, rows in by_patient.items()
        for one in rows
        if news[id_].held and one.type in FACTS
    ]
    if wanted:
        _sort(news, await ledger.in_force(tx, org, wanted, bare=True))
    return news


def _sort(news: Mapping[UUID, News], facts: Iterable[Fact]) -> None:
    """To each patient the facts that came of him: those that can be judged, and the others."""
    for fact in facts:
        if (of := news.get(fact.patient_id)) is not None:
            known = fact.body.get("v") in KNOWN_VERSIONS
            (of.facts if known else of.unknown).append(fact)


async def load(
    tx: asyncpg.Connection,
    org: str,
    states: Mapping[UUID, State],
    since: Mapping[UUID, datetime],
    memory: Memory,
    now: datetime,
    programmes: Programmes | None = None,
    read: list[Fact] | None = None,
    *,
    afresh: Iterable[UUID] = (),
    failed: dict[UUID, str] | None = None,
    bare: bool = True,
) -> dict[UUID, Patient]:
    """Patients as they are in the database, their states being locked: out of memory when the
    version there says that nothing has happened since, otherwise read. With `programmes` only what
    judging by them from `since` on can look at, else everything of LOOKBACK before it. Those whose
    record cannot be read are named in `failed`, or raise when it is not given. Facts that are read
    are added to `read`, those of unknown versions too."""
    anew = set(afresh)
    patients: dict[UUID, Patient] = {}
    missing: dict[UUID, datetime] = {}
    for id_, state in states.items():
        remembered = memory.take(org, state, since[id_])
        if remembered is None or id_ in anew:
            missing[id_] = since[id_] - LATER
        else:
            remembered.state = state
            patients[id_] = remembered
    if missing:
        patients |= await _read(tx, org, states, missing, now, programmes, read, failed, bare)
    return {id_: patients[id_] for id_ in states if id_ in patients}


async def _read(
    tx: asyncpg.Connection,
    org: str,
    states: Mapping[UUID, State],
    missing: Mapping[UUID, datetime],
    now: datetime,
    programmes: Programmes | None,
    read: list[Fact] | None,
    failed: dict[UUID, str] | None,
    bare: bool,
) -> dict[UUID, Patient]:
    """With `programmes` the statements are as many however many patients there are."""
    ids = list(missing)
    found = {id_: Patient(states[id_], Record(id_), missing[id_]) for id_ in ids}
    first = min(missing.values()) - LOOKBACK
    for id_, alerts in (await store.open_alerts(tx, org, ids)).items():
        found[id_].alerts = {alert.id: alert for alert in alerts}
    for patient_id, kept in await store.findings(tx, org, ids, first):
        found[patient_id].known[kept.id] = kept
    for patient_id, expected in await store_rows.expected(tx, org, ids, first + LOOKBACK - DRAWN):
        found[patient_id].expected[expected.key] = expected
    for patient_id, unit_id in await store_rows.units_of_rows(tx, org, ids):
        found[patient_id].rows[unit_id] = None
    reaches = []
    for id_, decisions in (await ledger.decisions(tx, org, ids)).items():
        with _each_alone(id_, found, failed):
            patient = found[id_]
            _name(patient.state, decisions)
            patient.record = Record.of(id_, decisions)
            patient.weight = len(decisions) + 1
            if programmes is not None:
                reaches.append(_reach(patient, missing[id_], programmes))
    facts: dict[UUID, list[Fact]] = {id_: [] for id_ in ids}
    answers = await ledger.answers(tx, org, ids, first + LOOKBACK - ANSWERS_LOOK_BACK, now)
    others: list[Fact] = []
    if programmes is not None:
        others = await ledger.in_reach(tx, org, reaches, now, types=NO_ANSWERS, bare=bare)
    else:  # of one, and on a connection that plans each statement: the plain one is planned fast
        for id_, since in missing.items():
            others += await ledger.facts(
                tx,
                org,
                id_,
                since=since - LOOKBACK,
                until=now + ledger.AHEAD,
                types=NO_ANSWERS,
                bare=bare,
            )
    if read is not None:
        read += (*answers, *others)
    for fact in (*answers, *others):
        if fact.body.get("v") in KNOWN_VERSIONS:
            facts[fact.patient_id].append(fact)
    for id_, patient in list(found.items()):
        with _each_alone(id_, found, failed):
            patient.record = patient.record.adding(facts[id_])
            patient.weight += len(facts[id_])
    return found


@contextlib.contextmanager
def _each_alone(
    id_: UUID, found: dict[UUID, Patient], failed: dict[UUID, str] | None
) -> Iterator[None]:
    """Who cannot be read holds up nobody else."""
    try:
        yield
    except Exception as error:
        if failed is None:
            raise
        failed[id_] = type(error).__name__
        del found[id_]


def _reach(patient: Patient, since: datetime, programmes: Programmes) -> ledger.Reach:
    """How far back a patient's facts are read to judge him from `since` on."""
    id_, record = patient.state.patient_id, patient.record
    slugs = {one.programme for one in record.enrolments} & programmes.keys()
    grace = max((record.longest_grace(slug) for slug in slugs), default=timedelta(0))
    looked = lookback.of([programmes[slug] for slug in slugs], DRAWN, grace)
    from_ = min([since, *_may_be_handled(patient, programmes)])
    return ledger.Reach(
        id_,
        since - LOOKBACK,
        max(from_ - looked.others, since - LOOKBACK),
        since - SEEN,
        {kind: max(from_ - far, since - LOOKBACK) for kind, far in looked.kinds.items()},
    )


def _may_be_handled(patient: Patient, programmes: Programmes) -> Iterator[datetime]:
    """When what a rule may yet close was found: whether it does depends on what came before."""
    for kept in patient.known.values():
        alert = patient.alerts.get(kept.alert_id)
        programme = programmes.get(kept.programme)
        if alert is None or programme is None or alert.colour == "red":
            continue
        if any(version.handled for version in programme.versions.values()):
            yield kept.at


def _name(state: State, decisions: Iterable[Fact]) -> None:
    """Name, birth date and unit travel as decisions, so that the list needs nobody else."""
    for fact in decisions:
        if fact.type not in ("patient-registered", "patient-changed"):
            continue
        body = fact.body
        state.name = body.get("name", state.name)
        state.number = body.get("number", state.number)
        if body.get("born"):
            state.born = datetime.fromisoformat(str(body["born"])).date()
        if body.get("unit_id"):
            state.unit_id = unit_of(body["unit_id"]) or state.unit_id
        if "deceased" in body:
            state.deceased = bool(body["deceased"])


def _judge_news(patient: Patient, news: News, programmes: Programmes, now: datetime) -> Changes:
    if news.facts and news.held:
        patient.record = patient.record.adding(news.facts)
        patient.weight += len(news.facts)
        if any(fact.kind in touching.NEWS2_KINDS for fact in news.facts):
            patient.news2 = []
    waits: list[Waiting] = []
    slugs = {one.programme for one in patient.record.enrolments} & programmes.keys()
    looked: Programmes = {slug: programmes[slug] for slug in slugs}
    if not news.afresh:
        looked = touching.touched(looked, news.facts, patient.record)
    since = min(news.since, now)
    if news.afresh:
        since = min([since, *_may_stand(patient, since)])
    found, covers = looking.find(patient.record, looked, now, since, waits)
    found += [_unknown_version(patient.record, fact) for fact in news.unknown]
    heard = [one for one in found if one.id in patient.known or not is_silence(one, programmes)]
    changes = settle(patient, heard, covers, now)
    handling.handle(patient, changes, programmes, now)
    expecting.update(patient, changes, programmes, now, news.since)
    state = patient.state
    state.judged_at, state.crashes, state.rests_until = now, 0, None
    # What is expected was counted when it was planned, or by the clock since.
    planned = news.afresh or state.wakes_at is None or changes.expected or changes.unexpected
    wakes_at = _earliest([one.until for one in waits], patient, now, planned=bool(planned))
    # What is silent now is decided by the clock loop, when no fact of the patient waits.
    silent = [one.at for one in found if one.id not in patient.known]
    if silent:
        first = min(silent) - SOON
        state.listened_at = min(first, state.listened_at or first)
        wakes_at = now
    wake_by(state, wakes_at)
    return changes


def _may_stand(patient: Patient, since: datetime) -> Iterator[datetime]:
    """When that was found which an alert may show instead, if what it shows now has been taken
    away; as far back as everything has been read."""
    for kept in patient.known.values():
        if kept.alert_id in patient.alerts and kept.at >= since - LATER:
            yield kept.at


def wake_by(state: State, at: datetime | None) -> None:
    """No later than `at`. What waited before still does: a silence that is due and has not been
    looked at is not put off, and a moment that has lost its reason costs one look."""
    if at is not None and (state.wakes_at is None or at < state.wakes_at):
        state.wakes_at = at


def not_loaded(record: Record, programmes: Programmes, now: datetime) -> frozenset[tuple[str, str]]:
    """(programme, version) that should judge the patient now; the newest does so in its place."""
    slugs = {one.programme for one in record.enrolments if one.covers(now)} & programmes.keys()
    named = ((slug, record.decided.not_loaded(programmes[slug], now)) for slug in slugs)
    return frozenset(one for one in named if one[1])


def is_silence(one: Finding, programmes: Programmes) -> bool:
    """Whether a finding is about what did not come: such are raised by the clock loop only."""
    if one.rule == "device-offline":
        return True
    programme = programmes.get(one.programme)
    if programme is None:
        return False
    version = programme.versions.get(one.programme_version, programme)
    return isinstance(version.rule_by_id.get(one.rule), AbsenceRule | OverdueRule | UnansweredRule)


def _unknown_version(record: Record, fact: Fact) -> Finding:
    about = f"version {fact.body.get('v')}"
    return technical.could_not_be_judged(record, "", "", about, fact, fact.at)


def wakes(patient: Patient, programmes: Programmes, now: datetime) -> datetime | None:
    """When time alone will change something: a retake's grace, a gap, a due, an acknowledgement,
    and once a day what is expected the day after tomorrow."""
    waits = judge.waiting(patient.record, programmes, now)
    return _earliest([one.until for one in waits], patient, now)


def _earliest(
    moments: list[datetime], patient: Patient, now: datetime, *, planned: bool = True
) -> datetime | None:
    moments += [end[1] for alert in patient.alerts.values() if (end := runs_out(alert))]
    if planned:
        moments += expecting.wakes(patient, now)
    return max(min(moments), now + SOON) if moments else None
