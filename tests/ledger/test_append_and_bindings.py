"""An append and a change of bindings never pass each other unseen."""

import asyncio
import random
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared import ledger
from shared.contracts import Result
from tests.ledger.hospital import Hospital, add_binding, send, waits
from tests.ledger.items import DAY, MINUTE, ago, now, reading

# --- the two schedules -------------------------------------------------------------------


async def test_an_append_waits_for_a_change_of_bindings_and_then_sees_it(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    async with hospital.owner.connection() as looker:
        async with hospital.patients.transaction() as tx:
            await ledger.lock_bindings(tx, hospital.org)
            sending = asyncio.create_task(hospital.send(cred, reading(at=ago(minutes=5))))
            await waits(sending, looker)
            # The append began, and took its first snapshot, before this was written.
            await hospital.change_binding(tx, cred, berit, ago(hours=2))
        [answer] = await sending

    assert answer.patient_id == berit
    assert await hospital.facts(anna) == []


async def test_a_change_of_bindings_waits_for_an_append_and_then_files_it_again(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    async with hospital.owner.connection() as looker:
        async with hospital.ingest.transaction() as tx:
            [answer] = await send(tx, hospital.org, cred, reading(at=ago(minutes=5)))
            assert answer.patient_id == anna
            changing = asyncio.create_task(hospital.hand_over(cred, berit, ago(hours=2)))
            await waits(changing, looker)
        refiled = await changing

    assert refiled == ledger.Refiled(moved=1, released=0, quarantined=0)
    assert await hospital.facts(anna) == []
    assert len(await hospital.facts(berit)) == 1


async def test_appends_do_not_wait_for_each_other(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    async with hospital.ingest.transaction() as tx:
        await send(tx, hospital.org, cred, reading())
        [answer] = await asyncio.wait_for(hospital.send(cred, reading()), 2)
    assert answer.result is Result.STORED


async def test_bindings_of_another_organisation_hold_nobody_up(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    async with hospital.patients.transaction() as tx:
        await ledger.lock_bindings(tx, "somebody-else")
        [answer] = await asyncio.wait_for(hospital.send(cred, reading()), 2)
    assert answer.result is Result.STORED


async def test_a_change_that_waits_two_seconds_says_that_the_bindings_are_busy(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    async with hospital.ingest.transaction() as tx:
        await send(tx, hospital.org, cred, reading())
        began = asyncio.get_running_loop().time()
        with pytest.raises(ledger.BindingsAreBusy):
            await hospital.hand_over(cred, berit, ago(hours=2))
        waited = asyncio.get_running_loop().time() - began

    assert 1.8 < waited < 4
    assert len(await hospital.facts(anna)) == 1


async def test_no_item_is_misfiled_in_many_interleavings(hospital: Hospital) -> None:
    """The holder changes back and forth, also in the past, while senders send."""
    people = [await hospital.patient() for _ in range(3)]
    cred = await hospital.held_by(people[0])
    chance = random.Random(21)
    ends = now() + timedelta(seconds=1.5)
    sent = 0

    async def sends() -> None:
        nonlocal sent
        async with hospital.ingest.connection() as connection:
            while now() < ends:
                items = [reading(at=ago(minutes=chance.uniform(0, 120))) for _ in range(4)]
                answers = await send(connection, hospital.org, cred, *items)
                sent += len(answers)

    async def changes() -> None:
        while now() < ends:
            await hospital.hand_over(
                cred, chance.choice(people), ago(minutes=chance.uniform(0, 120))
            )
            await asyncio.sleep(0.005)

    await asyncio.gather(sends(), sends(), sends(), changes())

    assert sent > 100
    async with hospital.owner.connection() as connection:
        misfiled = await connection.fetchval(
            """
            select count(*) from ledger.current r
            where r.org = $1 and not exists (
                select from patients.binding b
                where b.org = r.org and b.cred = r.cred and b.valid @> r.at
                  and b.patient_id = r.patient_id)
            """,
            hospital.org,
        )
    stored = [fact for person in people for fact in await hospital.facts(person)]
    assert misfiled == 0
    assert len(stored) == len({fact.origin for fact in stored}) == sent


# --- two holders at one moment cannot exist ------------------------------------------------


async def test_two_holders_at_one_moment_cannot_exist(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    edge = ago(hours=3)
    await hospital.bind(cred, anna, ago(days=3), edge)

    await hospital.bind(cred, berit, edge)  # half-open: no gap, no overlap
    await hospital.bind(cred, berit, ago(days=3), slot="his")
    with pytest.raises(asyncpg.ExclusionViolationError):
        await hospital.bind(cred, anna, edge - MINUTE, edge)
    with pytest.raises(asyncpg.ExclusionViolationError):
        await hospital.bind(cred, anna, now() + 9 * DAY)


async def test_two_nurses_cannot_both_bind_the_device(hospital: Hospital) -> None:
    people = [await hospital.patient() for _ in range(2)]
    cred = await hospital.credential()

    async def bind(patient: UUID) -> None:
        async with hospital.patients.transaction() as tx:
            await add_binding(tx, hospital.org, cred, patient, ago(hours=1))
            await asyncio.sleep(0.05)

    outcomes = await asyncio.gather(*map(bind, people), return_exceptions=True)

    # Without the lock of the bindings the two may also find each other's row, and wait in a ring.
    [refused] = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(refused, asyncpg.ExclusionViolationError | asyncpg.DeadlockDetectedError)


@pytest.mark.parametrize("column", ["org", "cred", "slot", "valid"])
async def test_what_the_exclusion_compares_is_never_null(hospital: Hospital, column: str) -> None:
    """Null is equal to nothing, so two nulls would exclude nobody."""
    async with hospital.owner.connection() as connection:
        assert await connection.fetchval(
            """
            select attnotnull from pg_attribute
            where attrelid = 'patients.binding'::regclass and attname = $1
            """,
            column,
        )


async def test_the_slot_is_empty_unless_named(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    async with hospital.owner.connection() as connection:
        slot = await connection.fetchval(
            """
            insert into patients.binding (org, id, cred, patient_id, valid, recorded_by)
            values ($1, $2, $3, $4, tstzrange(now(), null), 'test') returning slot
            """,
            hospital.org, uuid4(), cred, anna,
        )  # fmt: skip
    assert slot == ""
