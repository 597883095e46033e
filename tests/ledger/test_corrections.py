"""Corrections and withdrawals, whenever they come and whomever they concern."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared import ledger
from shared.contracts import Item, Result
from tests.ledger.hospital import Hospital, judged, send, take_all, three_holders
from tests.ledger.items import (
    DAY,
    HOUR,
    ago,
    amendment,
    correction,
    message,
    reading,
    results,
    value_of,
    void,
    withdrawal,
)

# --- when they come ---------------------------------------------------------------------------


async def test_a_correction_after_the_original_takes_its_place(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80")
    await hospital.send(cred, item)

    [answer] = await hospital.send(cred, correction(item.message_id, "81"))

    assert answer.result is Result.CORRECTED
    [fact] = await hospital.facts(anna)
    assert fact.id == answer.fact_id
    assert value_of(fact) == 81


async def test_a_correction_before_the_original_keeps_its_place(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80")

    await hospital.send(cred, correction(item.message_id, "81"))
    assert await hospital.values(anna) == [81]
    [late] = await hospital.send(cred, item)

    assert late.result is Result.STORED
    assert await hospital.values(anna) == [81]


@pytest.mark.parametrize("first", [True, False])
async def test_a_correction_in_the_same_batch_stands_on_either_side(
    hospital: Hospital, first: bool
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80")
    batch = [item, correction(item.message_id, "81")]

    answers = await hospital.send(cred, *(reversed(batch) if first else batch))

    assert {answer.result for answer in answers} == {Result.STORED, Result.CORRECTED}
    assert await hospital.values(anna) == [81]


async def test_a_correction_months_later_leaves_no_trace_in_the_old_month(
    hospital: Hospital,
) -> None:
    """A chart of March must not show what June corrected."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna, datetime(2025, 1, 1, tzinfo=UTC))
    march, june = datetime(2025, 3, 3, tzinfo=UTC), datetime(2025, 6, 6, tzinfo=UTC)
    item = reading(value="80", at=march)
    await hospital.send(cred, item)

    await hospital.send(cred, correction(item.message_id, "81", at=june))

    async with hospital.patients.connection() as connection:
        in_march = await ledger.facts(
            connection, hospital.org, anna, since=march - DAY, until=march + DAY
        )
        in_june = await ledger.facts(
            connection, hospital.org, anna, since=june - DAY, until=june + DAY
        )
    assert in_march == []
    assert [value_of(fact) for fact in in_june] == [81]


async def test_a_withdrawal_before_in_between_and_after(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    before, same, after = reading(), reading(), reading()

    answers = [
        *await hospital.send(cred, void(before.message_id)),
        *await hospital.send(cred, before, same, void(same.message_id), after),
        *await hospital.send(cred, void(after.message_id)),
    ]

    assert [answer.result for answer in answers].count(Result.VOIDED) == 3
    assert await hospital.facts(anna) == []


async def test_a_correction_of_an_original_that_is_still_uncommitted(
    hospital: Hospital,
) -> None:
    """Looked up, the original would not have been found."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item, other = reading(value="80"), reading(value="70")
    async with hospital.ingest.transaction() as tx:
        await send(tx, hospital.org, cred, item, other)
        await asyncio.wait_for(
            hospital.send(cred, correction(item.message_id, "81"), void(other.message_id)), 2
        )
        assert await hospital.values(anna) == [81]

    assert await hospital.values(anna) == [81]
    assert await judged(hospital) >= {anna}


async def test_the_consumer_that_took_a_withdrawal_first_judges_the_original_when_it_commits(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    async with hospital.ingest.transaction() as tx:
        await send(tx, hospital.org, cred, item)
        await hospital.send(cred, void(item.message_id))
        await take_all(hospital)

    assert anna in await judged(hospital)
    assert await hospital.facts(anna) == []


async def test_a_message_that_never_came_can_be_corrected_and_withdrawn(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    never = message()
    assert results(await hospital.send(cred, correction(never, "81"), void(never))) == [
        Result.CORRECTED,
        Result.VOIDED,
    ]
    assert await hospital.facts(anna) == []


async def test_another_credential_cannot_correct_or_withdraw_it(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80")
    await hospital.send(cred, item)

    for attempt in (
        void(item.message_id),
        withdrawal(item.message_id),
        correction(item.message_id, "81"),
        amendment(item.message_id, "82", version=9),
    ):
        await hospital.send(await hospital.held_by(anna), attempt)

    assert await hospital.values(anna) == [80, 81, 82]


async def test_a_cuffs_pulse_is_withdrawn_with_its_pressure(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="142", pulse="71")
    await hospital.send(cred, item)
    assert await hospital.values(anna) == [71, 142]

    await hospital.send(cred, correction(item.message_id, "140"))

    assert await hospital.values(anna) == [140]


# --- which one stands -------------------------------------------------------------------------


@pytest.mark.parametrize("turned", [False, True])
async def test_a_void_wins_over_any_version(hospital: Hospital, turned: bool) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    late = [correction(item.message_id, "81", version=99), void(item.message_id)]

    for each in [item, *(reversed(late) if turned else late)]:
        await hospital.send(cred, each)

    assert await hospital.facts(anna) == []


@pytest.mark.parametrize("turned", [False, True])
async def test_the_highest_version_wins_and_ten_is_more_than_nine(
    hospital: Hospital, turned: bool
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    late = [
        correction(item.message_id, str(version), f"mess-{999 - version}", version=version)
        for version in (2, 9, 10, 999_999_999_999_999, 10**18)
    ]

    for each in [item, *(reversed(late) if turned else late)]:
        await hospital.send(cred, each)

    assert await hospital.values(anna) == [10**18]


@pytest.mark.parametrize("turned", [False, True])
async def test_without_versions_the_greater_message_id_wins(
    hospital: Hospital, turned: bool
) -> None:
    """UUIDv7 grow with time; the hashed fact id does not, so it must not decide."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    names = [f"0190f3a2-7c1e-7b4a-9b1d-2f6f0c1a{n:04x}" for n in range(8)]
    late = [correction(item.message_id, str(n), name) for n, name in enumerate(names)]

    for each in [item, *(reversed(late) if turned else late)]:
        await hospital.send(cred, each)

    assert await hospital.values(anna) == [7]


@pytest.mark.parametrize("turned", [False, True])
async def test_an_id_that_begins_another_is_the_lesser_of_the_two(
    hospital: Hospital, turned: bool
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    late = [
        correction(item.message_id, "1", "fix-0001"),
        correction(item.message_id, "2", "fix-0001a"),
    ]
    for each in [item, *(reversed(late) if turned else late)]:
        await hospital.send(cred, each)
    assert await hospital.values(anna) == [2]


async def test_a_weaker_correction_that_comes_last_changes_nothing(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    await hospital.send(cred, item, amendment(item.message_id, "83", version=3))

    [answer] = await hospital.send(cred, amendment(item.message_id, "82", version=2))

    assert answer.result is Result.CORRECTED
    assert await hospital.values(anna) == [83]


# --- whom they concern ------------------------------------------------------------------------


async def test_a_correction_that_changes_the_time_lands_on_who_held_it_then(
    hospital: Hospital,
) -> None:
    cred, times, (anna, berit, _) = await three_holders(hospital)
    item = reading(value="80", at=times[0])
    await hospital.send(cred, item)
    await take_all(hospital)

    [answer] = await hospital.send(cred, correction(item.message_id, "81", at=times[1]))

    assert answer.patient_id == berit
    assert await hospital.values(anna) == []
    assert await hospital.values(berit) == [81]
    assert await judged(hospital) >= {anna, berit}


async def test_the_weaker_of_two_corrections_is_taken_from_a_third_patient(
    hospital: Hospital,
) -> None:
    """Carl holds version 2; version 3 says it was Berit's: Carl must be judged again too."""
    cred, times, (anna, berit, carl) = await three_holders(hospital)
    item = reading(value="80", at=times[0])
    await hospital.send(cred, item, correction(item.message_id, "81", at=times[2], version=2))
    assert await hospital.values(carl) == [81]
    await take_all(hospital)

    await hospital.send(cred, correction(item.message_id, "82", at=times[1], version=3))

    assert await hospital.values(anna) == await hospital.values(carl) == []
    assert await hospital.values(berit) == [82]
    assert await judged(hospital) >= {anna, berit, carl}


async def test_a_void_at_another_holders_time_reaches_the_one_who_has_the_fact(
    hospital: Hospital,
) -> None:
    """Bound by its own time the void would hit Berit."""
    cred, times, (anna, berit, _) = await three_holders(hospital)
    item = reading(value="80", at=times[0])
    await hospital.send(cred, item, reading(value="90", at=times[1]))
    await take_all(hospital)

    await hospital.send(cred, void(item.message_id, at=times[1]))

    assert await hospital.values(anna) == []
    assert await hospital.values(berit) == [90]
    assert anna in await judged(hospital)


async def test_a_void_needs_no_holder(hospital: Hospital) -> None:
    """The device has been taken back since; what it sent can still be withdrawn."""
    anna = await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=3), ago(days=2))
    item = reading(at=ago(days=2) - HOUR)
    await hospital.send(cred, item)

    [answer] = await hospital.send(cred, void(item.message_id, at=ago(hours=1), clock="unknown"))

    assert (answer.result, answer.patient_id) == (Result.VOIDED, None)
    assert await hospital.facts(anna) == []
    assert anna in await judged(hospital)


async def test_a_correction_that_nobody_held_waits_and_the_original_stands(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna, ago(days=2))
    item = reading(value="80")
    await hospital.send(cred, item)
    [answer] = await hospital.send(cred, correction(item.message_id, "81", at=ago(days=3)))
    assert answer.result is Result.QUARANTINED
    assert await hospital.values(anna) == [80]


# --- reading back ---------------------------------------------------------------------------


def test_the_rank_orders_as_the_rule_says() -> None:
    def corrected(message_id: str = "m", version: int | None = None) -> Item:
        return correction("original", "80", message_id, version=version)

    weakest_first = [
        corrected(message_id="zzzz"),
        corrected(version=1),
        corrected(version=2, message_id="a"),
        corrected(version=2, message_id="b"),
        corrected(version=10),
        void("original", "aaaa"),
        void("original", "bbbb"),
    ]
    ranks = [ledger.rank(item) for item in weakest_first]
    assert ranks == sorted(ranks)


def test_of_two_versions_made_in_the_same_second_the_later_arrival_stands() -> None:
    made = ago(minutes=5)
    one, other = (
        replace(correction("m", "80", "m"), content=content, updated=made, arrived=arrived)
        for content, arrived in ((b"\xff", ago(seconds=2)), (b"\x00", ago(seconds=1)))
    )
    assert ledger.rank(one) < ledger.rank(other)


async def test_evidence_stays_readable_by_its_id(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80", at=ago(minutes=30))
    [answer] = await hospital.send(cred, item)
    assert answer.fact_id
    await hospital.hand_over(cred, berit, ago(hours=1))
    await hospital.send(cred, void(item.message_id))

    async with hospital.alerts.connection() as connection:
        [fact] = await ledger.read(connection, hospital.org, [answer.fact_id])
        in_force = await ledger.in_force(connection, hospital.org, [(fact.id, fact.at)])
    assert fact.patient_id == anna
    assert value_of(fact) == 80
    assert in_force == []


async def test_only_the_asked_for_days_kinds_and_pages_are_read(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    start = ago(days=2)
    times = [start + timedelta(hours=n // 2) for n in range(10)]
    await hospital.send(cred, *(reading(value=str(n), at=at) for n, at in enumerate(times)))
    async with hospital.patients.connection() as connection:
        every = await ledger.facts(connection, hospital.org, anna)
        part = await ledger.facts(connection, hospital.org, anna, since=times[2], until=times[4])
        none = await ledger.facts(connection, hospital.org, anna, kinds=["pulse"])
        pages = []
        for newest_first in (False, True):
            after = None
            while page := await ledger.facts(
                connection, hospital.org, anna, after=after, limit=3, newest_first=newest_first
            ):
                pages += page
                after = (page[-1].at, page[-1].id)
    assert [fact.at for fact in part] == times[2:4]
    assert none == []
    assert pages == every + every[::-1]
