"""Loop: a form that waits in quarantine, of whose answers some are red by themselves, is a red
alert on its patient at once: nobody may find it only when the desk is tidied. Of nobody known it
stands with the platform's own.

No fact is made of it: an unreadable form is not half judged. The alert waits for a person.
"""

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from services.alerts import store
from services.alerts.clinical import finding
from services.alerts.clinical.finding import Finding
from services.alerts.judging import store_forms, triage, watchdog, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import HELD_RED, PLATFORM
from services.alerts.judging.raising import settle
from services.alerts.judging.store_forms import HeldRed
from services.alerts.rounds import Rounds
from services.alerts.rows.row import Programmes
from services.alerts.stream import Notifier
from shared import ledger
from shared.database import Database

POLL = 1.0
SHARE = 0.05  # of the time: every reading that comes in is heard here
FRESH = 30.0

# The form is not named: it may be of a sensitive programme.
SAID = {
    "nb": "Et skjema som ligger i karantene har et svar som er rødt i seg selv. Les det nå.",
    "en": "A form that waits in quarantine has an answer that is red by itself. Read it now.",
}


class HeldReds(Rounds):
    """Part of the service. Every replica looks; the patient's lock lets one of them raise."""

    def __init__(self, database: Database, notifier: Notifier, programmes: Programmes) -> None:
        super().__init__(
            "held reds", database, every=POLL, fresh=FRESH, share=SHARE, hears=ledger.CHANNEL
        )
        self._notifier = notifier
        self._programmes = programmes
        self._told: dict[str, set[UUID]] = {}

    async def round(self, org: str) -> list[UUID]:
        """Raise what has not been raised. The alerts that were told."""
        async with self._database.connection() as connection:
            held = await store_forms.held_reds(connection, org)
        told = self._told.setdefault(org, set())
        told &= {one.id for one in held}
        by_patient: dict[UUID, list[HeldRed]] = {}
        for one in held:
            if one.id not in told:
                by_patient.setdefault(one.patient_id or PLATFORM, []).append(one)
        raised = []
        for patient_id, several in by_patient.items():
            async with self._database.transaction() as tx:
                await store.make_states(tx, org, [patient_id])
            async with self._database.transaction() as tx:
                written = await raise_(tx, org, patient_id, several, self._programmes)
            told |= {one.id for one in several}
            if written is not None:
                self._notifier.tell(org, written.units, written.told)
                raised += written.told
        return raised


async def raise_(
    tx: asyncpg.Connection,
    org: str,
    patient_id: UUID,
    several: Iterable[HeldRed],
    programmes: Programmes,
) -> writing.Writing | None:
    """Under the patient's lock; what was raised before is known by its id and raised no more."""
    state = await store.lock_state(tx, org, patient_id)
    assert state is not None
    now = await store.now(tx)
    found = [_finding(patient_id, one) for one in several]
    if patient_id == PLATFORM:
        patient = await watchdog.platform(tx, org, state)
    else:
        since = min(one.at for one in found)
        loaded = await triage.load(tx, org, {patient_id: state}, {patient_id: since}, Memory(), now)
        patient = loaded[patient_id]
    changes = settle(patient, found, {}, now)
    if not changes:
        return None
    written = writing.Writing(org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    return written


def _finding(patient_id: UUID, held: HeldRed) -> Finding:
    return Finding(
        id=finding.identity(patient_id, "", HELD_RED, "red", str(held.id)),
        programme="",
        programme_version="",
        rule=HELD_RED,
        group=HELD_RED,
        colour="red",
        lane="technical" if patient_id == PLATFORM else "clinical",
        emergency=False,
        at=held.received_at,
        facts=(),
        values=(),
        limits=(),
        reason=dict(SAID),
        patient_text={"nb": "", "en": ""},
    )
