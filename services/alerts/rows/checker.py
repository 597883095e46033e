"""Loop: makes a few patients' rows again each second, each every few minutes, and compares. What a
nurse sees and what would be found must be the same; a difference is a technical alarm, and the row
is put right.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter

from services.alerts import software, store
from services.alerts.clinical import finding
from services.alerts.clinical.finding import Finding
from services.alerts.judging import looking, triage, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import PLATFORM, Patient, State
from services.alerts.judging.raising import Changes, settle
from services.alerts.rounds import Rounds
from services.alerts.rows import store_rows
from services.alerts.rows.row import Programmes, Row
from services.alerts.stream import Notifier
from shared import ledger
from shared.database import Database

log = structlog.get_logger()

CHECKED = Counter("hjemvakt_rows_checked_total", "Patients whose row was made again")
DIFFERENT = Counter("hjemvakt_rows_different_total", "Patients whose row was not as it should be")

EACH = 1  # patients in a turn: whoever sends meanwhile waits behind one of them, not behind all
AGAIN = timedelta(minutes=5)  # where there are few patients; else it takes what it takes
PATHS = 20  # named in the log at most
TICK = 1 / 3
SHARE = 0.1  # of the time, however long the records are
FRESH = 600.0


class Checker(Rounds):
    """Part of the service."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        programmes: Programmes,
        again: timedelta = AGAIN,
    ) -> None:
        super().__init__("row checker", database, every=TICK, fresh=FRESH, share=SHARE)
        self._notifier = notifier
        self._programmes = programmes
        self._again = again

    async def round(self, org: str, limit: int = EACH) -> list[UUID]:
        """Check those checked longest ago. Whose row was different."""
        different = []
        for _ in range(limit):
            async with self._database.transaction() as tx:
                state = await store_rows.lock_next_to_check(tx, org, self._again)
                if state is None:
                    break
                written = await check(tx, org, state, self._programmes)
            CHECKED.inc()
            if written is not None:
                DIFFERENT.inc()
                different.append(state.patient_id)
                self._notifier.tell(org, written.units, written.told)
        return different


async def check(
    tx: asyncpg.Connection, org: str, state: State, programmes: Programmes
) -> writing.Writing | None:
    """Under the patient's lock, and only when no fact of his waits. What was put right, if
    anything."""
    patient_id = state.patient_id
    if patient_id == PLATFORM or state.judged_at is None:
        return None
    now = await store.now(tx)
    stored = await store_rows.stored_rows(tx, org, patient_id)
    # As far back as the oldest of his rows was drawn from.
    since = min((_as_of(one) for one in stored), default=now)
    patient = (await triage.load(tx, org, {patient_id: state}, {patient_id: since}, Memory(), now))[
        patient_id
    ]
    # Asked when everything has been read, not before: a fact that was appended in between has been
    # read, and its row waits until this lock is let go.
    if await ledger.patients_with_rows(tx, org, [patient_id]):
        return None
    if await store_rows.withdrawals_wait(tx, org):
        return None
    faults = _row_faults(patient, stored, programmes, now)
    began = await store_rows.software_since(tx, org, software.made_by(programmes))
    lost = _found(patient, programmes, began, now)
    if lost:
        faults.append(Fault("findings", tuple(f"findings.{one.rule}" for one in lost)))
    if not faults:
        return None
    log.error(
        "A row was not as it should be.",
        org=org,
        patient=str(patient_id),
        about=_about(faults),
        where=sorted({path for one in faults for path in one.where})[:PATHS],
    )
    changes = settle(patient, lost, {}, now)  # a finding that was lost is raised after all
    changes.merge(_alarm(patient, _about(faults), now))
    patient.rows = dict.fromkeys(patient.rows)
    written = writing.Writing(org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    return written


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, in a word, and where: names of fields or rules, never a value."""

    about: str
    where: tuple[str, ...] = ()


def _row_faults(
    patient: Patient, stored: list[asyncpg.Record], programmes: Programmes, now: datetime
) -> list[Fault]:
    """How the rows differ from what the patient's alerts and record make.

    A row is drawn again as of the moment it was written. Whoever judged or woke the patient later
    and would have drawn the same left it as it was, so it may also be as of then.
    """
    by = software.made_by(programmes)
    if any(one["body"].get("made_by") != by for one in stored):
        return []  # made before an upgrade; it is made anew when the patient is next written
    looked = [at for at in (patient.state.judged_at, patient.state.listened_at) if at is not None]
    drawn: dict[datetime, dict[UUID, Row]] = {}

    def at(moment: datetime) -> dict[UUID, Row]:
        if moment not in drawn:
            made = writing.rows(patient, programmes, moment)
            drawn[moment] = {one.unit_id: one for one in made}
        return drawn[moment]

    faults: list[Fault] = []
    for one in stored:
        first = _as_of(one)
        later = [moment for moment in looked if moment > first]
        several = [_compared(one, at(moment).get(one["unit_id"])) for moment in (first, *later)]
        fewest = min(several, key=len)
        faults += fewest
    # Time alone may have ended an enrolment: a unit has lost its row only if it should have had
    # one both when the patient was last looked at and now.
    last = max([*looked, *(_as_of(one) for one in stored)])
    if (at(last).keys() & at(now).keys()) - {one["unit_id"] for one in stored}:
        faults.append(Fault("units"))
    return faults


def _compared(stored: asyncpg.Record, made: Row | None) -> list[Fault]:
    if made is None:
        return [Fault("units")]
    faults = []
    if stored["rank"] != made.rank:
        faults.append(Fault("colour"))
    # The driver reads infinity back without a time zone.
    waiting = stored["waiting_since"].replace(tzinfo=UTC)
    if waiting != (made.waiting_since or store_rows.NEVER):
        faults.append(Fault("waiting"))
    body = {**store_rows.plain(made.body), "as_of": stored["body"]["as_of"]}
    if body != stored["body"]:
        faults.append(Fault("shown", tuple(_paths(stored["body"], body))))
    return faults


def _as_of(stored: asyncpg.Record) -> datetime:
    return datetime.fromisoformat(stored["body"]["as_of"])


def _paths(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Which fields differ: `alerts.0.state`. A list of another length is named as a whole."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _paths(one.get(key), other.get(key), f"{path}.{key}".removeprefix("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _paths(left, right, f"{path}.{place}")
    elif one != other:
        yield path


def _found(
    patient: Patient, programmes: Programmes, began: datetime, now: datetime
) -> list[Finding]:
    """What is found that was never raised, since this software began to judge: what came before
    was judged by other rules."""
    state = patient.state
    assert state.judged_at is not None
    if state.wakes_at is not None and state.wakes_at <= now:
        return []  # what time has made of him is about to be looked at
    since = max(began, state.judged_at - triage.LOOKBACK / 3)
    found, _ = looking.find(patient.record, programmes, state.judged_at, since)
    return [
        one
        for one in found
        if one.at >= since
        and one.id not in patient.known
        and not triage.is_silence(one, programmes)
    ]


def _about(faults: list[Fault]) -> list[str]:
    return sorted({one.about for one in faults})


def _alarm(patient: Patient, faults: list[str], now: datetime) -> Changes:
    about = ", ".join(faults)
    alarm = Finding(
        id=finding.identity(
            patient.state.patient_id, "", "row-differs", "red", f"{now.isoformat()}"
        ),
        programme="",
        programme_version="",
        rule="row-differs",
        group="row-differs",
        colour="red",
        lane="technical",
        emergency=False,
        at=now,
        facts=(),
        values=(),
        limits=(),
        reason={
            "nb": f"Raden stemte ikke ({about}) og er rettet. Se på pasienten, meld fra til drift.",
            "en": f"The row was wrong ({about}) and is put right. Look, and tell operations.",
        },
        patient_text={"nb": "", "en": ""},
    )
    return settle(patient, [alarm], {}, now)
