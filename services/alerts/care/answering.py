"""Loop: a message that is not answered by the time that was promised is an alarm of the
unit's, told by its own ladder as any technical alarm.

Not clinical, and never red by itself: nobody has read what it says. Who answers ends it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import store
from services.alerts.care import moving, store_messages
from services.alerts.care.moving import Mover
from services.alerts.clinical import finding, wording
from services.alerts.clinical.finding import Finding
from services.alerts.clinical.lifecycle import Move
from services.alerts.judging import triage, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import Patient, State
from services.alerts.judging.raising import settle
from services.alerts.reader import Reader
from services.alerts.rounds import Rounds
from services.alerts.rows.row import Programmes
from services.alerts.stream import Notifier
from shared.database import Database

RULE = "message-unanswered"
TICK = 2.0
FRESH = 30.0
AT_ONCE = 50

SAID = {
    "nb": "Melding fra pasienten er ikke besvart. Svar var lovet {at}.",
    "en": "A message from the patient is not answered. It was promised an answer by {at}.",
}
ANSWERED = {"nb": "Meldingen er besvart.", "en": "The message has been answered."}


class Answering(Rounds):
    """Part of the service. Every replica looks; the patient's lock lets one of them raise."""

    def __init__(self, database: Database, notifier: Notifier, programmes: Programmes) -> None:
        super().__init__("unanswered messages", database, every=TICK, fresh=FRESH)
        self._notifier = notifier
        self._programmes = programmes

    async def round(self, org: str) -> list[UUID]:
        """Raise what is past its promise, each message once. The alerts that were told."""
        async with self._database.connection() as connection:
            late = await store_messages.past_promise(connection, org, AT_ONCE)
        told = []
        for patient_id in late:
            async with self._database.transaction() as tx:
                written = await raise_(tx, org, patient_id, self._programmes)
            if written is not None:
                self._notifier.tell(org, written.units, written.told)
                told += written.told
        return told


async def raise_(
    tx: asyncpg.Connection, org: str, patient_id: UUID, programmes: Programmes
) -> writing.Writing | None:
    state = await store.lock_state(tx, org, patient_id)
    assert state is not None
    now = await store.now(tx)
    late = await store_messages.say_late(tx, org, patient_id, now)
    if late is None:
        return None
    patient = await _loaded(tx, org, state, late["promised_at"], now)
    changes = settle(patient, [_finding(patient_id, late)], {}, now, cause="us")
    if not changes:
        return None
    written = writing.Writing(org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    return written


async def answered(
    tx: asyncpg.Connection, by: Reader, state: State, programmes: Programmes, now: datetime
) -> writing.Writing | None:
    """Who answers has done what the alarm asked for: it is closed by her, in the same commit."""
    standing = await store.open_alerts(tx, by.org, [state.patient_id])
    if not any(one.rule == RULE for several in standing.values() for one in several):
        return None
    patient = await _loaded(tx, by.org, state, now, now)
    alert = patient.alert_of("", RULE)
    assert alert is not None
    seen = tuple(row["id"] for row in await store.findings_of(tx, by.org, alert.id))
    wanted = moving.Wanted(Move.CLOSE, alert.version, note=ANSWERED["nb"])
    mover = Mover(by.id, by.name, by.role, by.units)
    changes = moving.apply(patient, alert, mover, wanted, now, seen=seen)
    triage.wake_by(state, triage.wakes(patient, programmes, now))
    written = writing.Writing(by.org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    return written


async def _loaded(
    tx: asyncpg.Connection, org: str, state: State, since: datetime, now: datetime
) -> Patient:
    """Read, and not out of memory: it happens seldom, and what is remembered stays as it was."""
    id_ = state.patient_id
    return (await triage.load(tx, org, {id_: state}, {id_: since}, Memory(), now))[id_]


def _finding(patient_id: UUID, late: Any) -> Finding:
    at: datetime = late["promised_at"]
    said = {lang: text.format(at=_moment(at, lang)) for lang, text in SAID.items()}
    return Finding(
        id=finding.identity(patient_id, "", RULE, "yellow", str(late["fact_id"])),
        programme="",
        programme_version="",
        rule=RULE,
        group=RULE,
        colour="yellow",
        lane="technical",
        emergency=False,
        at=at,
        facts=(),
        values=(),
        limits=(),
        reason=said,
        patient_text={"nb": "", "en": ""},
    )


def _moment(at: datetime, lang: str) -> str:
    day = wording.day(at.astimezone(wording.OSLO).date(), lang)
    return f"{day} kl. {wording.clock(at)}" if lang == "nb" else f"{wording.clock(at)} on {day}"
