"""Loop: sends a red reading of a patient who is nobody through the door of ingest, and waits for
its alert, its row on the list and its message, as any sender would. What does not come is a
technical red on the list of every organisation, and silences the dead-man's call.

The patient has an organisation of his own, so that he is in nobody's list, count or report. His are
the only alerts that no person closes.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

import asyncpg
import httpx
import structlog

from services.alerts import store
from services.alerts.clinical import lifecycle
from services.alerts.judging import triage, writing
from services.alerts.judging.memory import Memory
from services.alerts.judging.patient import Moved
from services.alerts.judging.raising import Changes
from services.alerts.judging.watchdog import SELF_TEST, Fault
from services.alerts.rows.row import Programmes
from services.alerts.self_test import store_self_test
from services.alerts.self_test.store_self_test import LATE, PASSED
from services.alerts.stream import Notifier
from shared.database import Database
from shared.loop import Loop

log = structlog.get_logger()

TICK = 1.0
# So long a reading may take from the door to whom it is told.
WITHIN = timedelta(seconds=60)
# Red in home dialysis by any limit that may be set.
READING = {"v": 1, "kind": "blood_pressure", "values": {"systolic": 250, "diastolic": 100}}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is tested with, as `hjemvakt self-test` wrote it down."""

    org: str
    patient_id: UUID
    ingest: str
    secret: str = field(repr=False)

    @classmethod
    def read(cls, file: Path) -> Self:
        said = json.loads(file.read_text())
        return cls(said["org"], UUID(said["patient_id"]), said["ingest"], said["secret"])


class SelfTest(Loop):
    """Part of the service. Of several replicas whoever looks first sends; all of them watch."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        programmes: Programmes,
        subject: Subject,
        every: timedelta,
        within: timedelta = WITHIN,
        door: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__("self-test", database, every=TICK)
        self._notifier, self._programmes = notifier, programmes
        self._subject, self._interval, self._within = subject, every, within
        self._began_at: datetime | None = None
        self._late_since: datetime | None = None
        self._client = httpx.AsyncClient(
            base_url=subject.ingest,
            trust_env=False,
            timeout=5,
            follow_redirects=False,
            transport=door,
        )

    async def close(self) -> None:
        await super().close()
        await self._client.aclose()

    async def late(self) -> str | None:
        """Why nobody should be told that we live; not whether we can answer requests."""
        stands_still = time.monotonic() - self._turned_at > self._within.total_seconds()
        return "The self-test has not come through." if self._late_since or stands_still else None

    def faults(self, org: str) -> list[Fault]:
        """What the list of an organisation should say; its own has no person to read it."""
        since = self._late_since
        if since is None or org == self._subject.org:
            return []
        return [
            Fault(
                SELF_TEST,
                since.isoformat(),
                since,
                0,
                {
                    "nb": "Selvtesten kommer ikke gjennom: en rød prøvemåling ble ikke til et"
                    " varsel som nådde fram. Varsler kan utebli.",
                    "en": "The self-test does not come through: a red test reading did not become"
                    " an alert that arrived. Alerts may fail to come.",
                },
            )
        ]

    async def turn(self) -> bool:
        org, patient_id = self._subject.org, self._subject.patient_id
        async with self._database.connection() as connection:
            seen = await store_self_test.seen(connection, org, patient_id)
        self._began_at = self._began_at or seen.now
        well = max(self._began_at, seen.passed_at or self._began_at)
        late = seen.now - well > self._interval + self._within
        if late != (self._late_since is not None):
            self._late_since = well if late else None
            say = log.error if late else log.info
            say("The self-test comes late." if late else "The self-test comes through again.")
        await self._test(seen)  # last: what fails in it must not keep it from being called late
        return False

    async def _test(self, seen: store_self_test.Seen) -> None:
        org, patient_id = self._subject.org, self._subject.patient_id
        sent_at = seen.sent_at
        if sent_at is None or self._is_due(seen):
            await self._end(LATE)  # what an earlier one left
            async with self._database.transaction() as tx:
                # Of several replicas one; who comes after sees that it has been sent.
                if await store_self_test.may_send(tx, org):
                    again = await store_self_test.seen(tx, org, patient_id)
                    if self._is_due(again):
                        await self._send(again.now)
        elif seen.passed_at is None or seen.passed_at < sent_at:
            async with self._database.connection() as connection:
                arrived = await store_self_test.has_arrived(
                    connection, org, patient_id, sent_at, seen.tells
                )
            if arrived and seen.now - sent_at <= self._within:
                await self._end(PASSED)

    def _is_due(self, seen: store_self_test.Seen) -> bool:
        return seen.sent_at is None or seen.now - seen.sent_at >= self._interval

    async def _send(self, now: datetime) -> None:
        body = {"id": str(uuid4()), "at": now.astimezone(UTC).isoformat(), **READING}
        headers = {"Authorization": f"Bearer {self._subject.secret}"}
        try:
            answer = await self._client.post("/v1/observations", json=body, headers=headers)
        except httpx.HTTPError as error:
            log.warning("The self-test was not sent.", fault=type(error).__name__)
            return
        if answer.status_code != 200:
            log.warning("The self-test was refused.", status=answer.status_code)
            return
        result = answer.json()["results"][0]["result"]
        if result != "stored":
            log.warning("The self-test was not stored.", result=result)

    async def _end(self, how: str) -> None:
        """Close what is open of the test's own patient."""
        async with self._database.transaction() as tx:
            written = await end(
                tx, self._subject.org, self._subject.patient_id, self._programmes, how
            )
        if written is not None:
            self._notifier.tell(self._subject.org, written.units, written.told)


async def end(
    tx: asyncpg.Connection, org: str, patient_id: UUID, programmes: Programmes, how: str
) -> writing.Writing | None:
    """Under the patient's lock, as a move in the history of each alert."""
    states = await store.lock_states(tx, org, [patient_id])
    if patient_id not in states:
        return None
    now = await store.now(tx)
    loaded = await triage.load(tx, org, states, {patient_id: now}, Memory(), now)
    patient, changes = loaded[patient_id], Changes()
    for alert in list(patient.alerts.values()):
        alert.state = lifecycle.next_state(
            lifecycle.Move.CLOSE,
            alert.state,
            alert.colour,
            lifecycle.Role.SELF_TEST,
            now,
            note=how,
        )
        alert.version += 1
        alert.changed_at = alert.closed_at = now
        alert.oldest_unacknowledged = None
        del patient.alerts[alert.id]
        changes.alerts[alert.id] = alert
        changes.moves.append(
            Moved(
                alert_id=alert.id,
                version=alert.version,
                patient_id=patient_id,
                move=str(lifecycle.Move.CLOSE),
                by=store_self_test.SELF_TEST,
                by_name="",
                at=now,
                seen=patient.findings_of(alert.id),
                state=str(alert.state),
                colour=alert.colour,
                note=how,
                body={"self_test": how},
            )
        )
    if not changes:
        return None
    written = writing.Writing(org, now)
    written.add(patient, changes, programmes)
    await written.write(tx)
    return written
