"""Verb: say out loud that a patient could not be judged, so that a failure is never a calm row."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from services.alerts import store
from services.alerts.clinical import technical
from services.alerts.clinical.history import Record
from services.alerts.judging import triage, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import Patient, State
from services.alerts.judging.raising import settle
from services.alerts.rows import store_rows
from services.alerts.rows.row import Programmes
from services.alerts.stream import Notifier
from shared.database import Database, DatabaseIsAway

log = structlog.get_logger()

REST = timedelta(minutes=1)
REST_AT_MOST = timedelta(hours=1)


async def could_not_be_judged(
    database: Database,
    notifier: Notifier,
    org: str,
    patient_id: UUID,
    fault: str,
    programmes: Programmes,
) -> None:
    """Raise it technical and red, and let the patient rest: a minute, then twice as long each
    time. In a transaction of its own, so that it survives what failed."""
    log.error("A patient could not be judged.", org=org, patient=str(patient_id), fault=fault)
    try:
        async with database.transaction() as tx:
            written = await _raised(tx, org, patient_id, fault, programmes)
    except (DatabaseIsAway, asyncpg.InterfaceError, OSError):
        raise
    except Exception as error:
        # Even saying so failed. He rests all the same, or he would be tried for ever.
        log.error(
            "That a patient could not be judged could not be said.",
            org=org,
            fault=type(error).__name__,
        )
        async with database.transaction() as tx:
            await store.rest(tx, org, patient_id, REST)
        return
    if written is not None:
        notifier.tell(org, written.units, written.told)


async def _raised(
    tx: asyncpg.Connection, org: str, patient_id: UUID, fault: str, programmes: Programmes
) -> writing.Writing | None:
    state = await store.lock_state(tx, org, patient_id)
    if state is None:
        return None
    now = await store.now(tx)
    patient = await _patient(tx, org, state)
    # One per round of failing, not one per reading that waits behind it.
    at = state.judged_at or datetime.fromtimestamp(0, UTC)
    finding = technical.could_not_be_judged(patient.record, "", "", fault, None, at)
    changes = settle(patient, [finding], {}, now)
    state.crashes += 1
    state.rests_until = now + min(REST * 2 ** min(state.crashes - 1, 6), REST_AT_MOST)
    written = writing.Writing(org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    return written


async def _patient(tx: asyncpg.Connection, org: str, state: State) -> Patient:
    """The patient as far as he can be read: it may be the reading that fails."""
    now = await store.now(tx)
    try:
        async with tx.transaction():
            loaded = await triage.load(
                tx, org, {state.patient_id: state}, {state.patient_id: now}, Memory(), now
            )
            return loaded[state.patient_id]
    except Exception:
        log.error("A patient's record could not be read.", patient=str(state.patient_id))
    patient = Patient(state=state, record=Record(state.patient_id))
    alerts = await store.open_alerts(tx, org, [state.patient_id])
    patient.alerts = {alert.id: alert for alert in alerts.get(state.patient_id, ())}
    for _, kept in await store.findings(tx, org, [state.patient_id], None):
        patient.known[kept.id] = kept
    for _, unit_id in await store_rows.units_of_rows(tx, org, [state.patient_id]):
        patient.rows[unit_id] = None
    return patient
