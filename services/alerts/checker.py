"""Loop: makes a few patients' rows again each second and compares. What a nurse sees and what
would be found must be the same; a difference is a technical alarm, and the row is put right.
"""

import asyncio
import time
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter

from services.alerts import software, store, store_rows, triage, writing
from services.alerts.clinical import finding
from services.alerts.clinical.finding import Finding
from services.alerts.memory import Memory
from services.alerts.patient import PLATFORM, Patient, State
from services.alerts.raising import Changes, settle
from services.alerts.row import Programmes
from services.alerts.stream import Notifier
from shared import ledger
from shared.database import Database, DatabaseIsAway

log = structlog.get_logger()

CHECKED = Counter("hjemvakt_rows_checked_total", "Patients whose row was made again")
DIFFERENT = Counter("hjemvakt_rows_different_total", "Patients whose row was not as it should be")

EACH = 3  # patients a second
TICK = 1.0


class Checker:
    """Part of the service."""

    def __init__(self, database: Database, notifier: Notifier, programmes: Programmes) -> None:
        self._database = database
        self._notifier = notifier
        self._programmes = programmes
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def ready(self) -> str | None:
        return None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            began = time.monotonic()
            try:
                async with self._database.connection() as connection:
                    orgs = await ledger.organisations(connection)
                for org in orgs:
                    await self.round(org, EACH)
            except (DatabaseIsAway, asyncpg.PostgresError, OSError) as error:
                log.warning("Rows could not be checked.", fault=type(error).__name__)
            except Exception as error:
                log.error("The checker failed and goes on.", fault=type(error).__name__)
            # Never more than a tenth of the time, however long the records are.
            await asyncio.sleep(9 * (time.monotonic() - began))

    async def round(self, org: str, limit: int) -> list[UUID]:
        """Check those checked longest ago. Whose row was different."""
        different = []
        for _ in range(limit):
            async with self._database.transaction() as tx:
                state = await store_rows.lock_next_to_check(tx, org)
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
    if await ledger.patients_with_rows(tx, org, [patient_id]):
        return None
    now = await store.now(tx)
    states, since = {patient_id: state}, {patient_id: now}
    patient = (await triage.load(tx, org, states, since, Memory()))[patient_id]
    began = await store_rows.software_since(tx, org, software.made_by(programmes))
    faults = await _row_faults(tx, org, patient, programmes)
    faults += _found(patient, programmes, began)
    if not faults:
        return None
    log.error("A row was not as it should be.", org=org, patient=str(patient_id), about=faults)
    changes = _alarm(patient, faults, now)
    patient.rows = dict.fromkeys(patient.rows)
    written = writing.Writing(org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    return written


async def _row_faults(
    tx: asyncpg.Connection, org: str, patient: Patient, programmes: Programmes
) -> list[str]:
    """Which rows differ from what the patient's alerts and record make, as of their writing."""
    faults = []
    stored = {
        one["unit_id"]: one
        for one in await store_rows.stored_rows(tx, org, patient.state.patient_id)
    }
    moments = {datetime.fromisoformat(one["body"]["as_of"]) for one in stored.values()}
    now = max(moments, default=patient.state.judged_at or await store.now(tx))
    made = {one.unit_id: one for one in writing.rows(patient, programmes, now)}
    by = software.made_by(programmes)
    if any(one["body"].get("made_by") != by for one in stored.values()):
        return []  # made before an upgrade; it is made anew when the patient is next written
    if made.keys() != stored.keys():
        faults.append("units")
    for unit in made.keys() & stored.keys():
        is_, should_be = stored[unit], made[unit]
        if is_["rank"] != should_be.rank:
            faults.append("colour")
        # The driver reads infinity back without a time zone.
        waiting = is_["waiting_since"].replace(tzinfo=UTC)
        if waiting != (should_be.waiting_since or store_rows.NEVER):
            faults.append("waiting")
        if store_rows.plain(should_be.body) != is_["body"]:
            faults.append("shown")
    return faults


def _found(patient: Patient, programmes: Programmes, began: datetime) -> list[str]:
    """Whether something is found that was never raised, since this software began to judge: what
    came before was judged by other rules."""
    state = patient.state
    assert state.judged_at is not None
    now = state.judged_at
    since = max(began, now - triage.LOOKBACK / 3)
    found, _ = triage.find(patient.record, programmes, now, since)
    lost = [
        one
        for one in found
        if one.at >= since
        and one.id not in patient.known
        and not triage.is_silence(one, programmes)
    ]
    return ["findings"] if lost else []


def _alarm(patient: Patient, faults: list[str], now: datetime) -> Changes:
    about = ", ".join(sorted(set(faults)))
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
