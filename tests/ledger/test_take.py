"""The hand-over is taken exactly once, by any number of consumers, nobody blocked."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from shared import ledger
from shared.database import SAFETY
from tests.ledger.hospital import Hospital, judged, send, take_all, until_true
from tests.ledger.items import ago, correction, now, reading, void


@pytest_asyncio.fixture(loop_scope="session")
async def ward(hospital: Hospital) -> AsyncIterator["Ward"]:
    async with hospital.owner.connection() as owner:
        await owner.execute(
            """
            create schema if not exists trial;
            create table if not exists trial.effect (org text, fact_id uuid, by integer);
            grant usage on schema trial to hjv_alerts;
            grant select, insert on trial.effect to hjv_alerts
            """
        )
    yield Ward(hospital)


class Ward:
    """Consumers by the rules: state rows first, then rows, then only what is locked."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.org = hospital.org

    async def consume(self, name: int = 0, floor: int = 0, limit: int = 50) -> int:
        """One take; how many hand-over rows had their effect."""
        async with self.hospital.alerts.connection() as connection:
            patients = await ledger.waiting_patients(connection, self.org, ledger.ALERTS, limit)
            await connection.executemany(
                "insert into alerts.state (org, patient_id) values ($1, $2) on conflict do nothing",
                [(self.org, patient) for patient in patients],
            )
            async with connection.transaction():
                taken = await ledger.take(
                    connection, self.org, ledger.ALERTS, floor=floor, limit=limit
                )
                locked = await self.lock(connection, sorted({row.patient_id for row in taken}))
                mine = [row for row in taken if row.patient_id in locked]
                await connection.executemany(
                    "insert into trial.effect (org, fact_id, by) values ($1, $2, $3)",
                    [(self.org, row.fact_id, name) for row in mine],
                )
                await ledger.done(connection, [row.ctid for row in mine])
        return len(mine)

    async def lock(self, tx: asyncpg.Connection, patients: list[UUID]) -> set[UUID]:
        rows = await tx.fetch(
            """
            select patient_id from alerts.state where org = $1 and patient_id = any($2)
            order by patient_id for update skip locked
            """,
            self.org,
            patients,
        )
        return {row["patient_id"] for row in rows}

    async def effects(self) -> Counter[UUID]:
        async with self.hospital.owner.connection() as owner:
            rows = await owner.fetch("select fact_id from trial.effect where org = $1", self.org)
        return Counter(row["fact_id"] for row in rows)


@pytest.mark.parametrize("consumers", [2, 4])
async def test_each_fact_has_its_effect_exactly_once(ward: Ward, consumers: int) -> None:
    """Two writers and several consumers, new patients all the time."""
    hospital = ward.hospital
    chance = random.Random(consumers)
    creds = [await hospital.held_by(await hospital.patient()) for _ in range(20)]
    made: list[UUID] = []
    writing = True

    async def writes() -> None:
        for _ in range(25):
            entries = [
                ledger.Entry(ledger.Sender(chance.choice(creds)), reading())
                for _ in range(chance.randint(1, 12))
            ]
            async with hospital.ingest.connection() as connection:
                for answer in await ledger.append(connection, hospital.org, entries):
                    assert answer.fact_id
                    made.append(answer.fact_id)

    async def consumes(name: int) -> None:
        while True:
            last = not writing
            if not await ward.consume(name, limit=chance.randint(1, 40)) and last:
                return
            await asyncio.sleep(0)

    consuming = [asyncio.create_task(consumes(name)) for name in range(consumers)]
    await asyncio.gather(writes(), writes())
    writing = False
    await asyncio.gather(*consuming)
    while await ward.consume():
        pass

    assert await ward.effects() == Counter(made)
    assert await hospital.rows() == []


async def test_a_consumer_that_crashes_leaves_its_rows_to_the_next(ward: Ward) -> None:
    hospital = ward.hospital
    cred = await hospital.held_by(await hospital.patient())
    answers = await hospital.send(cred, *(reading() for _ in range(5)))

    async with hospital.alerts.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        taken = await ledger.take(connection, hospital.org, ledger.ALERTS)
        await ledger.done(connection, [row.ctid for row in taken])
        await transaction.rollback()

    assert len(taken) == 5
    assert await ward.consume() == 5
    assert await ward.effects() == Counter(a.fact_id for a in answers if a.fact_id)


async def test_a_hung_session_holds_up_nobody_but_its_own_patient(ward: Ward) -> None:
    hospital = ward.hospital
    hung_patient = await hospital.patient()
    hung_cred = await hospital.held_by(hung_patient)
    others = [await hospital.held_by(await hospital.patient()) for _ in range(5)]
    await hospital.send(hung_cred, *(reading() for _ in range(10)))
    await ward.consume()  # makes the state rows
    await hospital.send(hung_cred, reading())
    async with hospital.alerts.transaction() as hung:
        assert await ward.lock(hung, [hung_patient]) == {hung_patient}
        for cred in others:
            await hospital.send(cred, *(reading() for _ in range(10)))
        await hospital.send(hung_cred, reading())

        done = 0
        for _ in range(5):
            done += await asyncio.wait_for(ward.consume(limit=1000), 2)

        assert done == 50
        assert {row["patient_id"] for row in await hospital.rows()} == {hung_patient}

    assert await ward.consume() == 2
    assert await hospital.rows() == []


async def test_rows_that_another_session_holds_are_skipped_not_waited_for(
    ward: Ward,
) -> None:
    hospital = ward.hospital
    cred = await hospital.held_by(await hospital.patient())
    await hospital.send(cred, *(reading() for _ in range(6)))
    async with hospital.alerts.transaction() as first, hospital.alerts.transaction() as second:
        mine = await ledger.take(first, hospital.org, ledger.ALERTS, limit=4)
        theirs = await asyncio.wait_for(ledger.take(second, hospital.org, ledger.ALERTS), 2)
        none = await asyncio.wait_for(ledger.take(second, hospital.org, ledger.ALERTS), 2)

    assert [len(mine), len(theirs), len(none)] == [4, 2, 2]  # its own rows it may take again
    assert {row.seq for row in mine}.isdisjoint(row.seq for row in theirs)


async def test_a_lower_seq_that_commits_later_is_found_from_floor_zero(ward: Ward) -> None:
    hospital = ward.hospital
    cred = await hospital.held_by(await hospital.patient())
    async with hospital.ingest.transaction() as slow:
        [early] = await send(slow, hospital.org, cred, reading())
        [later] = await hospital.send(cred, reading())
        async with hospital.alerts.transaction() as tx:
            [taken] = await ledger.take(tx, hospital.org, ledger.ALERTS)
            await ledger.done(tx, [taken.ctid])
    assert taken.fact_id == later.fact_id

    async with hospital.alerts.transaction() as tx:
        above = await ledger.take(tx, hospital.org, ledger.ALERTS, floor=taken.seq)
        from_zero = await ledger.take(tx, hospital.org, ledger.ALERTS, floor=0)

    assert above == []
    assert [row.fact_id for row in from_zero] == [early.fact_id]
    assert from_zero[0].seq < taken.seq


async def test_only_the_given_rows_are_deleted(ward: Ward) -> None:
    hospital = ward.hospital
    cred = await hospital.held_by(await hospital.patient())
    await hospital.send(cred, *(reading() for _ in range(6)))

    async with hospital.alerts.transaction() as tx:
        taken = await ledger.take(tx, hospital.org, ledger.ALERTS)
        await ledger.done(tx, [row.ctid for row in taken[::2]])
        await ledger.done(tx, [])

    assert [row["seq"] for row in await hospital.rows()] == [row.seq for row in taken[1::2]]


async def test_rows_come_oldest_first_and_no_more_than_asked(ward: Ward) -> None:
    hospital = ward.hospital
    cred = await hospital.held_by(await hospital.patient())
    sent = [(await hospital.send(cred, reading()))[0].fact_id for _ in range(6)]

    async with hospital.alerts.transaction() as tx:
        taken = await ledger.take(tx, hospital.org, ledger.ALERTS, limit=4)

    assert [row.fact_id for row in taken] == sent[:4]
    assert [row.seq for row in taken] == sorted(row.seq for row in taken)


async def test_what_else_waits_of_some_patients_is_taken_and_of_nobody_else(ward: Ward) -> None:
    hospital = ward.hospital
    patients = [await hospital.patient() for _ in range(3)]
    creds = [await hospital.held_by(one) for one in patients]
    for _ in range(4):
        for cred in creds:
            await hospital.send(cred, reading())

    async with hospital.alerts.transaction() as tx:
        first = await ledger.take(tx, hospital.org, ledger.ALERTS, limit=3)
        wanted, last = patients[:2], first[-1].seq
        rest = await ledger.take_rest(
            tx, hospital.org, ledger.ALERTS, wanted, after=last, limit=100
        )
        some = await ledger.take_rest(tx, hospital.org, ledger.ALERTS, wanted, after=last, limit=4)
        await ledger.done(tx, [row.ctid for row in (*first, *rest)])

    assert Counter(row.patient_id for row in rest) == dict.fromkeys(wanted, 3)
    assert len({row.patient_id for row in some}) == 2  # one whole, then the next
    assert min(row.seq for row in rest) > last
    assert {row["patient_id"] for row in await hospital.rows()} == {patients[2]}


async def test_what_else_waits_is_not_waited_for_when_another_session_holds_it(ward: Ward) -> None:
    hospital = ward.hospital
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    await hospital.send(cred, *(reading() for _ in range(6)))
    async with hospital.alerts.transaction() as first, hospital.alerts.transaction() as second:
        mine = await ledger.take(first, hospital.org, ledger.ALERTS, limit=4)
        theirs = await asyncio.wait_for(
            ledger.take_rest(second, hospital.org, ledger.ALERTS, [anna], after=0, limit=100), 2
        )

    assert [len(mine), len(theirs)] == [4, 2]
    assert {row.seq for row in mine}.isdisjoint(row.seq for row in theirs)


async def test_a_withdrawal_among_what_else_waits_is_told_to_whoever_loses(ward: Ward) -> None:
    hospital = ward.hospital
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    edge = ago(hours=3)
    await hospital.bind(cred, anna, ago(days=3), edge)
    await hospital.bind(cred, berit, edge)
    item = reading(at=edge - timedelta(hours=1))
    await hospital.send(cred, item)
    await take_all(hospital)
    await hospital.send(cred, reading(), void(item.message_id, at=edge + timedelta(hours=1)))

    async with hospital.alerts.transaction() as tx:
        first = await ledger.take(tx, hospital.org, ledger.ALERTS, limit=1)
        rest = await ledger.take_rest(
            tx, hospital.org, ledger.ALERTS, [berit], after=first[0].seq, limit=100
        )
        await ledger.done(tx, [row.ctid for row in (*first, *rest)])

    assert {(row.patient_id, row.type) for row in rest} == {(berit, "void")}
    told = await take_all(hospital)
    assert {(row.patient_id, row.type) for row in told} == {(anna, "gone")}


async def test_a_row_says_what_it_is_about(ward: Ward) -> None:
    hospital = ward.hospital
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(at=ago(days=2))
    [answer] = await hospital.send(cred, item)

    [taken] = await take_all(hospital)

    assert (taken.patient_id, taken.fact_id, taken.type, taken.kind) == (
        anna, answer.fact_id, "reading", "body_weight",
    )  # fmt: skip
    assert (taken.at, taken.received_at) == (item.at, answer.received_at)


async def test_a_decision_is_handed_over(ward: Ward) -> None:
    hospital = ward.hospital
    anna = await hospital.patient()
    valid_from = now() + timedelta(days=1)
    async with hospital.patients.transaction() as tx:
        decision = await ledger.decide(
            tx, hospital.org, anna, "paused", {"until": None}, by="nurse", at=valid_from
        )

    [taken] = await take_all(hospital)

    assert (taken.patient_id, taken.fact_id, taken.type, taken.at) == (
        anna, decision, "paused", valid_from,
    )  # fmt: skip
    async with hospital.alerts.connection() as connection:
        [fact] = (await ledger.decisions(connection, hospital.org, [anna]))[anna]
    assert (fact.id, fact.source, fact.body) == (
        decision, "staff:nurse", {"until": None, "by": "nurse"},
    )  # fmt: skip


async def test_the_void_of_another_patients_fact_is_told_to_that_patient(ward: Ward) -> None:
    hospital = ward.hospital
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    edge = ago(hours=3)
    await hospital.bind(cred, anna, ago(days=3), edge)
    await hospital.bind(cred, berit, edge)
    item = reading(at=edge - timedelta(hours=1))
    await hospital.send(cred, item)
    await take_all(hospital)
    await hospital.send(cred, void(item.message_id, at=edge + timedelta(hours=1)))

    async with hospital.alerts.transaction() as tx:
        taken = await ledger.take(tx, hospital.org, ledger.ALERTS)
        await ledger.done(tx, [row.ctid for row in taken])

    assert {(row.patient_id, row.type) for row in taken} == {(berit, "void")}
    told = await take_all(hospital)
    assert {(row.patient_id, row.type) for row in told} == {(anna, "gone")}


async def test_the_void_of_ones_own_fact_is_told_once(ward: Ward) -> None:
    hospital = ward.hospital
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    await hospital.send(cred, item)
    await take_all(hospital)
    await hospital.send(cred, void(item.message_id))
    assert {(row.patient_id, row.type) for row in await take_all(hospital)} == {(anna, "void")}


async def test_nobodys_void_does_not_lie_in_the_queue_for_ever(ward: Ward) -> None:
    hospital = ward.hospital
    cred = await hospital.credential()
    await hospital.send(cred, void("never-sent"), correction("never-sent-2", "80"))

    async with hospital.alerts.transaction() as tx:
        assert await ledger.take(tx, hospital.org, ledger.ALERTS) == []

    assert await hospital.rows() == []


async def test_two_consumers_of_the_same_withdrawal_tell_the_patient(ward: Ward) -> None:
    """One takes it, cannot lock the patient, and leaves it: the other judges."""
    hospital = ward.hospital
    anna = await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=3), ago(days=1))
    item = reading(at=ago(days=2))
    await hospital.send(cred, item)
    await take_all(hospital)
    await hospital.send(cred, void(item.message_id))
    async with hospital.alerts.transaction() as first:
        await ledger.take(first, hospital.org, ledger.ALERTS)
        async with hospital.alerts.transaction() as second:
            assert await ledger.take(second, hospital.org, ledger.ALERTS) == []
    assert await judged(hospital) == {anna}


async def test_the_take_names_one_organisation_and_one_consumer(ward: Ward) -> None:
    hospital = ward.hospital
    cred = await hospital.held_by(await hospital.patient())
    await hospital.send(cred, reading())
    async with hospital.alerts.transaction() as tx:
        assert await ledger.take(tx, "somebody-else", ledger.ALERTS) == []
        assert await ledger.take(tx, hospital.org, "somebody-else") == []
        assert len(await ledger.take(tx, hospital.org, ledger.ALERTS)) == 1


async def test_whose_rows_wait_and_since_when_can_be_asked_without_a_lock(ward: Ward) -> None:
    hospital = ward.hospital
    people = sorted([await hospital.patient() for _ in range(3)])
    answers = []
    for person in people[:2]:
        answers += await hospital.send(await hospital.held_by(person), reading(), reading())
    await hospital.send(await hospital.credential(), void("never-sent"))
    async with (
        hospital.alerts.transaction() as holder,
        hospital.alerts.connection() as connection,
    ):
        await ledger.take(holder, hospital.org, ledger.ALERTS)
        waiting = await ledger.waiting_patients(connection, hospital.org, ledger.ALERTS, 100)
        with_rows = await ledger.patients_with_rows(connection, hospital.org, people)
        oldest = await ledger.oldest_waiting(connection, hospital.org, ledger.ALERTS)

    assert waiting == people[:2]
    assert with_rows == set(people[:2])
    assert oldest == answers[0].received_at


async def test_the_settings_of_the_take_hold_on_every_connection(hospital: Hospital) -> None:
    """They are given when it is opened; nothing here changes one for longer than a transaction."""
    wanted = {**SAFETY, **ledger.TAKE_SETTINGS}
    for _ in range(3):
        async with hospital.alerts.transaction() as tx:
            await tx.execute("set local enable_sort = on")
        async with hospital.alerts.connection() as connection:
            for name in ("enable_sort", "enable_seqscan", "transaction_timeout",
                         "idle_in_transaction_session_timeout", "synchronous_commit",
                         "default_transaction_isolation"):  # fmt: skip
                assert await connection.fetchval("select current_setting($1)", name) == wanted[name]
    assert wanted["transaction_timeout"] == "30s"
    assert wanted["default_transaction_isolation"] == "read committed"


async def test_a_hung_transaction_is_ended_by_the_database(hospital: Hospital) -> None:
    async with hospital.alerts.connection() as connection:
        await connection.execute("set idle_in_transaction_session_timeout = '100ms'")
        cred = await hospital.held_by(await hospital.patient())
        await hospital.send(cred, reading())
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):  # noqa: PT012
            async with connection.transaction():
                await ledger.take(connection, hospital.org, ledger.ALERTS)
                await until_true(connection.is_closed)
                await connection.fetchval("select 1")
    assert len(await take_all(hospital)) == 1
