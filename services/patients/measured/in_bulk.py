"""Verbs: many items in quarantine at once: read again, rejected, taken back.

In transactions of some hundred: what is asked for stays asked for, whatever happens to the rest.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.patients import look
from services.patients.look import Looker
from services.patients.measured import store_quarantine
from shared import ledger
from shared.contracts import Code
from shared.database import Database
from shared.ledger import in_bulk
from shared.ledger.in_bulk import AT_ONCE, Left, Run, Which


class NoSuchRun(Exception):
    """There is no such act on many items"""


class IsNotRejection(Exception):
    """Only a rejection can be taken back"""


@dataclass(frozen=True, slots=True)
class Done:
    """The run, and of how many items."""

    run: UUID | None
    number: int


async def replay_all(database: Database, looker: Looker, which: Which) -> Done:
    """Have all that wait for this reason read once more, each exactly once."""
    if which.code == Code.WHOSE.value:
        raise ledger.CannotBeReleased  # each of these asks a person whose it is
    run: UUID | None = None
    number, after = 0, None
    while True:
        async with database.transaction() as tx:
            found = await store_quarantine.to_replay(
                tx, looker.org, which, list(looker.caller.units), after, AT_ONCE
            )
            if found and run is None:
                run = await in_bulk.begin(tx, looker.org, "replay", which, by=looker.by)
            if found and run is not None:
                ids = [one.id for one in found]
                asked = await in_bulk.ask_replay(tx, looker.org, ids, by=looker.by, run=run)
                await in_bulk.add(tx, looker.org, run, asked)
                await _logged(tx, looker, found)
                number += asked
        if len(found) < AT_ONCE:
            return Done(run, number)
        after = (found[-1].received_at, found[-1].id)


async def reject_all(
    database: Database, looker: Looker, which: Which, reason: str, until: datetime
) -> Done:
    """None of all that came until then is a reading of anybody. Passed over are red answers and
    what patients wrote, which somebody reads one by one, and what is of a patient not hers."""
    run: UUID | None = None
    number, after = 0, None
    while True:
        async with database.transaction() as tx:
            found = await store_quarantine.to_reject(
                tx, looker.org, which, list(looker.caller.units), until, after, AT_ONCE
            )
            hers = await _hers(tx, looker, found)
            if hers and run is None:
                run = await in_bulk.begin(
                    tx, looker.org, "reject", which, by=looker.by, reason=reason
                )
            if hers and run is not None:
                rejected = await in_bulk.reject(
                    tx, looker.org, [one.id for one in hers], by=looker.by, reason=reason, run=run
                )
                await in_bulk.add(tx, looker.org, run, rejected)
                await _logged(tx, looker, hers)
                number += rejected
        if len(found) < AT_ONCE:
            return Done(run, number)
        after = (found[-1].received_at, found[-1].id)


async def undo(database: Database, looker: Looker, run_id: UUID) -> Done:
    """What was rejected together waits again, as far as it is rejected still."""
    number = 0
    while True:
        async with database.transaction() as tx:
            run = await _opened(tx, looker, run_id)
            if run.act != "reject":
                raise IsNotRejection
            found = await store_quarantine.rejected_in(
                tx, looker.org, run_id, list(looker.caller.units), AT_ONCE
            )
            hers = await _hers(tx, looker, found)
            number += await in_bulk.reopen(tx, looker.org, [one.id for one in hers], by=looker.by)
            await _logged(tx, looker, hers)
            if len(found) < AT_ONCE or not hers:
                if number:
                    await in_bulk.undone(tx, looker.org, run_id, by=looker.by)
                return Done(run_id, number)


async def progress(tx: asyncpg.Connection, looker: Looker, run_id: UUID) -> tuple[Run, Left]:
    """The run and what has become of its items. NoSuchRun."""
    run = await _opened(tx, looker, run_id)
    return run, await in_bulk.left(tx, looker.org, run_id)


async def _opened(tx: asyncpg.Connection, looker: Looker, run_id: UUID) -> Run:
    """The caller's own, or one of her units. NoSuchRun."""
    run = await in_bulk.run(tx, looker.org, run_id)
    if run is not None and run.by == looker.by:
        return run
    if run is None or not await in_bulk.concerns(tx, looker.org, run_id, list(looker.caller.units)):
        raise NoSuchRun
    return run


async def _hers(
    tx: asyncpg.Connection, looker: Looker, found: list[store_quarantine.Waiting]
) -> list[store_quarantine.Waiting]:
    people = {one.patient_id for one in found if one.patient_id is not None}
    closed = {one for one in people if not await look.is_hers(tx, looker.caller, one)}
    return [one for one in found if one.patient_id not in closed]


async def _logged(
    tx: asyncpg.Connection, looker: Looker, found: list[store_quarantine.Waiting]
) -> None:
    patients = list({one.patient_id for one in found if one.patient_id is not None})
    if patients:
        await look.logged(tx, looker, patients, "quarantine", "changed")
