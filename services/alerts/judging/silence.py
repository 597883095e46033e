"""Verb and loop: what time alone changes. Silence, retakes, gaps, acknowledgements, snoozes.

The law: silence is decided only while the patient's state row is held and no hand-over row of his
waits; by database time; a clock step, our own backlog or a platform that hears nobody postpones
it.
"""

import time
from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from services.alerts import store
from services.alerts.care import doing
from services.alerts.clinical import causes
from services.alerts.delivery import prompting
from services.alerts.judging import expecting, handling, looking, triage, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import Patient
from services.alerts.judging.raising import run_out, settle
from services.alerts.judging.watchdog import PORTAL_MANY, Tested, Watchdog, untested
from services.alerts.rounds import Rounds
from services.alerts.rows import store_rows
from services.alerts.rows.row import Programmes
from services.alerts.stream import Notifier
from shared.database import Database

log = structlog.get_logger()

TICK = 1.0
AT_ONCE = 500
# While nobody is listened to those who are due stay due: as many in a second as can be asked again
# when they were asked before, so that each has his turn and it costs no more.
AT_ONCE_UNHEARD = 100
# A first look at a patient reaches back as far as a late reading may.
FIRST_LOOK = timedelta(days=8)
VERSIONS = [str(one) for one in triage.KNOWN_VERSIONS if one is not None]
BACKLOG = timedelta(seconds=60)
STEP = 5.0
STEP_SETTLES = 60.0
ASK_AGAIN = 5.0
FRESH = 10.0
NOBODY: Mapping[str, datetime] = {}


@dataclass(frozen=True, slots=True)
class Woken:
    """What became of one patient. `listened` is false when silence was not decided; `portal` is
    whom a silence was put down to."""

    listened: bool
    units: dict[UUID, set[UUID]]
    told: list[UUID]
    patient: Patient
    portal: str | None = None


class Clock(Rounds):
    """Part of the service: looks every second at whom time may have changed."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        programmes: Programmes,
        memory: Memory,
        tested: Tested = untested,
    ) -> None:
        super().__init__("clock", database, every=TICK, fresh=FRESH)
        self._notifier = notifier
        self._programmes = programmes
        self._memory = memory
        self._watchdog = Watchdog(database, notifier, programmes, tested)
        self._postponed: dict[tuple[str, UUID], float] = {}
        self._offset: float | None = None
        self._settles_at = 0.0

    async def round(self, org: str) -> int:
        """One look at an organisation. How many patients were woken."""
        async with self._database.connection() as connection:
            now = await store.now(connection)
            oldest = await store.oldest_to_judge(connection, org, VERSIONS)
            portals = await store_rows.portals_heard(connection, org)
        may_listen = self._is_steady(now) and (oldest is None or now - oldest < BACKLOG)
        hears = await self._watchdog.look(org, self._memory.not_loaded(org))
        at_once = AT_ONCE if may_listen and hears else AT_ONCE_UNHEARD
        async with self._database.connection() as connection:
            patients = await store.to_wake(connection, org, at_once, self._put_off(org))
        quiet = set(self._watchdog.quiet(org, now))
        blamed: Counter[str] = Counter()
        for patient_id in patients:
            woken = await self._wake(org, patient_id, may_listen and hears, portals, quiet)
            if woken is not None and woken.portal:
                # All that wait for it are due at the same time: the alarm comes with the next look.
                blamed[woken.portal] += 1
                if blamed[woken.portal] >= PORTAL_MANY:
                    quiet.add(woken.portal)
        await doing.tell_due(self._database, self._notifier, org)
        async with self._database.connection() as connection:
            await store_rows.beat(connection, org, "clock", {"listens": may_listen})
        return len(patients)

    def _put_off(self, org: str) -> list[UUID]:
        """Who is not to be asked again yet."""
        now = time.monotonic()
        self._postponed = {key: until for key, until in self._postponed.items() if until > now}
        return [patient_id for of, patient_id in self._postponed if of == org]

    async def _wake(
        self,
        org: str,
        patient_id: UUID,
        may_listen: bool,
        portals: Mapping[str, datetime],
        quiet: AbstractSet[str],
    ) -> Woken | None:
        try:
            async with self._database.transaction() as tx:
                woken = await wake(
                    tx,
                    org,
                    patient_id,
                    self._programmes,
                    self._memory,
                    may_listen=may_listen,
                    portals=portals,
                    quiet=quiet,
                )
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError):
            raise
        except Exception as error:
            # His mark stays where it is: he is asked about again, and the others are not held up.
            fault = type(error).__name__
            log.error("A patient could not be woken.", patient=str(patient_id), fault=fault)
            self._postponed[org, patient_id] = time.monotonic() + ASK_AGAIN
            return None
        if woken is None or not woken.listened:
            self._postponed[org, patient_id] = time.monotonic() + ASK_AGAIN
        else:
            self._postponed.pop((org, patient_id), None)
        if woken is not None:
            self._memory.keep(org, woken.patient)
            self._notifier.tell(org, woken.units, woken.told)
        return woken

    def _is_steady(self, now: datetime) -> bool:
        """Whether database time and our own have gone on alike: after a step nothing is overdue
        until it has settled."""
        offset = now.timestamp() - time.monotonic()
        stepped = self._offset is not None and abs(offset - self._offset) > STEP
        if stepped:
            log.error(
                "The clock stepped; silence is postponed.", seconds=offset - (self._offset or 0)
            )
            self._settles_at = time.monotonic() + STEP_SETTLES
        self._offset = offset
        return time.monotonic() >= self._settles_at


async def wake(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    programmes: Programmes,
    memory: Memory,
    *,
    may_listen: bool,
    portals: Mapping[str, datetime] = NOBODY,
    quiet: AbstractSet[str] = frozenset(),
) -> Woken | None:
    """Do to one patient what time does; None when somebody else holds him. `portals` is when each
    was heard of last; who waits for one that is `quiet` is not called silent for himself."""
    states = await store.lock_states(tx, org, [patient_id])
    if patient_id not in states:
        return None
    state = states[patient_id]
    now = await store.now(tx)
    listen = may_listen and not await store.waits_to_be_judged(tx, org, patient_id, VERSIONS)
    since = min(state.listened_at or now - FIRST_LOOK, now)
    patient = (await triage.load(tx, org, states, {patient_id: since}, memory, now))[patient_id]
    memory.note(org, patient_id, triage.not_loaded(patient.record, programmes, now))
    changes = run_out(patient, now)
    portal = causes.portal_of(patient.record)
    listen, blamed = listen and portal not in quiet, None
    if listen:
        found, covers = looking.find(patient.record, programmes, now, since)
        cause = cause_of(patient, now, portals)
        settled = settle(patient, found, covers, now, cause=cause)
        if cause == "portal":
            for alert in settled.alerts.values():
                if alert.cause == cause:
                    alert.body, blamed = {**alert.body, "portal": portal}, portal
        changes.merge(settled)
        handling.handle(patient, changes, programmes, now)
        expecting.update(patient, changes, programmes, now, since)
        expecting.missed(patient, changes, now)
        await prompting.remind(tx, org, patient, now, since)
        state.listened_at = now
        state.wakes_at = triage.wakes(patient, programmes, now)
    written = writing.Writing(org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    return Woken(listen, written.units, written.told, patient, blamed)


def cause_of(patient: Patient, now: datetime, portals: Mapping[str, datetime]) -> str:
    """Why the patient is silent, as far as is known."""
    missing = [
        one.due_at
        for one in patient.expected.values()
        if one.satisfied_by is None and one.grace_until <= now
    ]
    portal = causes.portal_of(patient.record)
    heard = portals.get(portal) if portal else None
    return causes.of(patient.record, min(missing, default=None), now, heard)
