"""No moment outside the calendar comes in by any door: who held one could not be judged."""

import importlib
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.ingest import store
from shared import ledger, moments
from shared.contracts import Code, Flag, Result
from tests.ledger.hospital import Hospital
from tests.ledger.items import ago, reading

YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("at", [YEAR_ONE, moments.FIRST - timedelta(seconds=1), moments.LAST])
async def test_a_reading_of_no_calendar_waits_for_a_person(
    hospital: Hospital, at: datetime
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)

    good, bad = await hospital.send(cred, reading(), reading(at=at))

    assert (good.result, bad.result) == (Result.STORED, Result.QUARANTINED)
    assert [error.code for error in bad.errors] == [Code.BAD_TIME]
    [held] = await hospital.quarantined()
    assert (held.at, held.drafts) == (None, None)
    with pytest.raises(ledger.CannotBeReleased):
        await hospital.release(held.id, anna)


async def test_an_end_of_no_calendar_waits_too(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    [answer] = await hospital.send(cred, reading(until=moments.LAST))
    assert answer.result is Result.QUARANTINED


async def test_the_database_itself_takes_none(hospital: Hospital) -> None:
    """Whatever writes: the append of an older version, a reading again."""
    anna = await hospital.patient()
    cred = await hospital.credential()
    await hospital.send(cred, reading())
    [held] = await hospital.quarantined()
    async with hospital.owner.connection() as owner:
        for statement in (
            "update ledger.quarantine set at = '-infinity' where org = $1",
            "update ledger.quarantine set at = '1899-12-31' where org = $1",
        ):
            with pytest.raises(asyncpg.CheckViolationError):
                await owner.execute(statement, hospital.org)
        await ledger.ask_replay(owner, hospital.org, held.id, by="test")
        with pytest.raises(asyncpg.CheckViolationError):
            await store.mend(
                owner,
                hospital.org,
                [store.Mended(held.id, YEAR_ONE, True, None, held.drafts, None, None)],
            )
        # What had waited with an end without end is not released, and the desk is told.
        await owner.execute(
            """update ledger.quarantine set state = 'waiting', extra = '{"until": "infinity"}'
               where org = $1""",
            hospital.org,
        )
    with pytest.raises(ledger.CannotBeReleased):
        await hospital.release(held.id, anna)
    assert await hospital.facts(anna) == []


async def test_what_was_stored_before_can_be_judged_and_bound(alone: Hospital) -> None:
    anna, berit = await alone.patient(), await alone.patient()
    cred, loose = await alone.held_by(anna), await alone.credential()
    await alone.send(cred, reading(value="70", at=ago(days=2)))
    await alone.send(loose, reading(value="71", at=ago(days=2)))
    migration = importlib.import_module("shared.migrations.versions.0009_sound_moments")
    async with alone.owner.connection() as owner:
        await owner.execute(
            """
            alter table ledger.reading drop constraint reading_at_is_sound;
            alter table ledger.quarantine drop constraint quarantine_at_is_sound;
            update ledger.reading set at = '-infinity';
            update ledger.receipt set at = '-infinity';
            update ledger.handover set at = '-infinity';
            update ledger.quarantine set at = '-infinity';
            """
        )
        await owner.execute(migration.HEAL + migration.GUARD)

    [fact] = await alone.facts(anna)
    [row] = await alone.rows()
    assert (fact.at, row["at"]) == (moments.FIRST, moments.FIRST)
    assert Flag.CLOCK_SUSPECT in fact.flags
    refiled = await alone.hand_over(loose, berit, YEAR_ONE + timedelta(days=400))
    assert (refiled.released, await alone.facts(berit)) == (0, [])
    [held] = await alone.quarantined()
    assert (held.code, held.at) == (Code.BAD_TIME, None)
    moved = await alone.hand_over(cred, berit, YEAR_ONE + timedelta(days=400))
    assert (moved.moved, len(await alone.facts(berit))) == (1, 1)
