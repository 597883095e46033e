"""Edge: looks at the readings of the trial weeks, and keeps what they suggest. Any number of
replicas run it."""

from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

from services.patients.followup import own_limits, store_trials, trial_weeks
from services.patients.followup.store_trials import Due
from services.patients.hospital import versions
from services.patients.hospital.versions import Loaded
from shared import ledger
from shared.database import Database, DatabaseIsAway
from shared.limits import store as store_limits
from shared.limits import store_suggested
from shared.loop import Loop
from shared.programmes import Programme

log = structlog.get_logger()

EVERY = 20.0  # seconds
AFTER_A_FAULT = timedelta(hours=1)


class Suggesting(Loop):
    """Part of the service: one enrolment in a transaction, until none is to be looked at."""

    def __init__(self, database: Database, loaded: Loaded) -> None:
        super().__init__("trial weeks", database, every=EVERY, share=0.1)
        self._loaded = loaded

    async def turn(self) -> bool:
        return await self.once(datetime.now(UTC))

    async def once(self, now: datetime) -> bool:
        """Look at the one that has waited longest. Whether there was one."""
        due: Due | None = None
        try:
            async with self._database.transaction() as tx:
                due = await store_trials.next_due(tx, now)
                if due is None:
                    return False
                programme = (await versions.in_force(tx, due.org, self._loaded)).get(due.programme)
                if programme is None:
                    await store_trials.looked(tx, due.org, due.enrolment_id, None, due.every)
                else:
                    await look_at(tx, due, programme, now)
        except (DatabaseIsAway, OSError):
            raise
        except Exception as error:
            # One patient's readings that cannot be looked at must not hold up the others'.
            if due is None:
                raise
            await self._failed(due, type(error).__name__, now)
        return True

    async def _failed(self, due: Due, fault: str, now: datetime) -> None:
        log.error(
            "The readings of the trial weeks could not be looked at.",
            org=due.org, enrolment=str(due.enrolment_id), fault=fault,
        )  # fmt: skip
        async with self._database.transaction() as tx:
            again = now + AFTER_A_FAULT
            await store_trials.looked(tx, due.org, due.enrolment_id, again, due.every)


async def look_at(tx: asyncpg.Connection, due: Due, programme: Programme, now: datetime) -> None:
    # Whoever sets a limit meanwhile has had his word before this, or after.
    await store_limits.lock(tx, due.org, due.patient_id)
    held = await store_suggested.of_patient(tx, due.org, due.patient_id)
    own = await store_limits.limits(tx, due.org, due.patient_id)
    proposals = await store_limits.proposals(tx, due.org, due.patient_id, "limit")
    decided = {one.name for one in own if one.programme == programme.slug} | {
        one.name
        for one in proposals
        if one.programme == programme.slug and one.state == "awaiting-second"
    }
    facts = await ledger.facts(
        tx, due.org, due.patient_id, kinds=own_limits.kinds_of(programme),
        types=["reading"], since=own_limits.since(now),
    )  # fmt: skip
    found = trial_weeks.looked_at(
        programme, facts, decided,
        {one.name: one for one in held if one.programme == programme.slug},
        started_at=due.started_at, every=due.every, now=now,
    )  # fmt: skip
    for one in found.put:
        await store_suggested.put(tx, due.org, due.patient_id, one)
    if found.drop:
        await store_suggested.drop(tx, due.org, due.patient_id, programme.slug, found.drop)
    await store_trials.looked(tx, due.org, due.enrolment_id, found.again, found.every)
