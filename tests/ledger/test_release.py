"""Out of quarantine, once, as if it had never been there."""

import asyncio
from uuid import UUID, uuid4

import pytest

from shared import ledger
from shared.contracts import Result, Subject
from tests.ledger.hospital import Hospital, held_item, waits
from tests.ledger.items import HOUR, ago, correction, now, reading, value_of, void


async def test_a_released_item_is_a_fact_with_its_first_times(hospital: Hospital) -> None:
    anna = await hospital.patient()
    item = reading(value="77", at=ago(hours=5), pulse="60")
    held = await held_item(hospital, item)
    [waiting] = await hospital.quarantined()

    answer = await hospital.release(held, anna)

    facts = await hospital.facts(anna)
    assert {(fact.at, fact.received_at) for fact in facts} == {(item.at, waiting.received_at)}
    assert sorted(map(value_of, facts)) == [60, 77]
    assert (answer.result, answer.patient_id, answer.unit_id, answer.received_at) == (
        Result.STORED, anna, hospital.unit_id, waiting.received_at,
    )  # fmt: skip
    assert answer.fact_id in {fact.id for fact in facts}
    assert await hospital.quarantined() == []


async def test_a_released_item_has_the_id_it_would_have_had(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    item = reading()
    answer = await hospital.release(await held_item(hospital, item, cred), anna)
    assert answer.fact_id == ledger.fact_id(hospital.org, cred, item.message_id)


async def test_a_released_item_is_judged(hospital: Hospital) -> None:
    anna = await hospital.patient()
    item = reading(at=ago(hours=5))
    held = await held_item(hospital, item)
    assert await hospital.rows() == []

    answer = await hospital.release(held, anna)

    [row] = await hospital.rows()
    assert (row["patient_id"], row["fact_id"], row["type"], row["at"]) == (
        anna, answer.fact_id, "reading", item.at,
    )  # fmt: skip
    assert row["received_at"] == answer.received_at


async def test_it_is_released_exactly_once(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    held = await held_item(hospital, reading())
    await hospital.release(held, anna)

    for again in (anna, berit, None):
        with pytest.raises(ledger.NotWaiting):
            await hospital.release(held, again)

    assert len(await hospital.facts(anna)) == 1
    assert await hospital.facts(berit) == []


async def test_two_nurses_release_it_at_once_and_one_is_told_it_is_gone(
    hospital: Hospital,
) -> None:
    people = [await hospital.patient() for _ in range(4)]
    for _ in range(5):
        held = await held_item(hospital, reading())
        outcomes = await asyncio.gather(
            *(hospital.release(held, person) for person in people), return_exceptions=True
        )
        assert sum(isinstance(each, ledger.Answer) for each in outcomes) == 1
        assert sum(isinstance(each, ledger.NotWaiting) for each in outcomes) == 3

    assert sum([len(await hospital.facts(person)) for person in people]) == 5


async def test_a_release_and_a_rejection_at_once_do_one_of_the_two(hospital: Hospital) -> None:
    anna = await hospital.patient()
    for _ in range(5):
        held = await held_item(hospital, reading())

        async def reject(held: UUID = held) -> None:
            async with hospital.patients.transaction() as tx:
                await ledger.reject(tx, hospital.org, held, by="nurse", reason="not hers")

        outcomes = await asyncio.gather(
            hospital.release(held, anna), reject(), return_exceptions=True
        )
        assert sum(isinstance(each, ledger.NotWaiting) for each in outcomes) == 1

    rejected = await hospital.quarantined(state="rejected")
    assert len(await hospital.facts(anna)) + len(rejected) == 5


async def test_it_does_not_ask_whose_it_is_again(hospital: Hospital) -> None:
    """A scale's clock fell back; the nurse has seen that it is Berit's and says so."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=100), ago(days=50))
    await hospital.bind(cred, berit, ago(days=50))
    held = await held_item(hospital, reading(at=ago(days=60), clock="unknown"), cred)

    answer = await hospital.release(held, berit)

    assert answer.patient_id == berit
    assert len(await hospital.facts(berit)) == 1


async def test_released_to_nobody_in_particular_it_goes_to_who_held_it_then(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=100), ago(days=50))
    await hospital.bind(cred, berit, ago(days=50))
    held = await held_item(hospital, reading(at=ago(days=60), clock="unknown"), cred)

    assert (await hospital.release(held)).patient_id == anna


async def test_what_nobody_held_can_only_be_released_to_a_named_patient(
    hospital: Hospital,
) -> None:
    held = await held_item(hospital, reading())
    for patient in (None, uuid4()):
        with pytest.raises(ledger.CannotBeReleased):
            await hospital.release(held, patient)
    assert len(await hospital.quarantined()) == 1


async def test_a_contradicted_subject_is_settled_only_by_naming_the_patient(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    held = await held_item(hospital, reading(subject=Subject(patient_id=berit)), cred)

    with pytest.raises(ledger.CannotBeReleased):
        await hospital.release(held)

    assert (await hospital.release(held, berit)).patient_id == berit


async def test_a_release_waits_for_a_change_of_bindings(hospital: Hospital) -> None:
    """After the shared lock, as in an append: otherwise it would file by what was."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=100), ago(days=50))
    await hospital.bind(cred, berit, ago(days=50))
    held = await held_item(hospital, reading(at=ago(days=60), clock="unknown"), cred)
    async with hospital.owner.connection() as looker:
        async with hospital.patients.transaction() as tx:
            await ledger.lock_bindings(tx, hospital.org)
            releasing = asyncio.create_task(hospital.release(held))
            await waits(releasing, looker)
            # Still doubtful after the change, so the re-filing leaves it.
            await hospital.change_binding(tx, cred, berit, ago(days=70), ago(days=55))
        outcome = (await asyncio.gather(releasing, return_exceptions=True))[0]

    # Either the re-filing released it to Berit or the nurse did; never to Anna.
    assert isinstance(outcome, ledger.Answer | ledger.NotWaiting)
    assert await hospital.facts(anna) == []
    assert len(await hospital.facts(berit)) == 1


async def test_the_doubts_of_the_intake_remain(hospital: Hospital) -> None:
    """A reading from a clock that is ahead is never 'latest', also after its release."""
    anna = await hospital.patient()
    cred = await hospital.credential()
    first = reading(at=ago(minutes=1))
    await hospital.send(cred, first)
    items = [
        reading(at=now() + HOUR),
        reading(clock="none"),
        reading(first.message_id, "50", ago(minutes=1)),
        reading(at=ago(days=8)),
    ]
    flags = []
    for item in items:
        [answer] = await hospital.send(cred, item)
        [held] = [each for each in await hospital.quarantined() if each.raw == item.raw]
        released = await hospital.release(held.id, anna)
        [fact] = [each for each in await hospital.facts(anna) if each.id == released.fact_id]
        assert set(answer.flags) <= set(released.flags) == fact.flags
        flags.append(set(fact.flags))

    assert flags == [{"clock_suspect"}, {"clock_suspect"}, {"id-reused"}, {"late"}]


async def test_a_released_item_moves_with_the_bindings_like_any_other(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=100), ago(days=50))
    await hospital.bind(cred, berit, ago(days=50))
    held = await held_item(hospital, reading(at=ago(days=60), clock="unknown"), cred)
    await hospital.release(held)

    await hospital.hand_over(cred, berit, ago(days=70))

    assert await hospital.facts(anna) == []
    assert len(await hospital.facts(berit)) == 1


async def test_a_released_correction_takes_the_place_of_the_original(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna, ago(days=1))
    item = reading(value="80")
    await hospital.send(cred, item)
    fix = correction(item.message_id, "81", at=ago(days=2))
    held = await held_item(hospital, fix, cred)
    assert await hospital.values(anna) == [80]

    answer = await hospital.release(held, anna)

    assert answer.result is Result.CORRECTED
    assert await hospital.values(anna) == [81]
    assert "void" in await hospital.told(anna)


async def test_a_correction_that_was_stronger_all_the_time_wins_over_a_released_one(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna, ago(days=1))
    item = reading(value="80")
    await hospital.send(cred, item)
    held = await held_item(
        hospital, correction(item.message_id, "81", at=ago(days=2), version=1), cred
    )
    await hospital.send(cred, correction(item.message_id, "82", version=2))

    await hospital.release(held, anna)

    assert await hospital.values(anna) == [82]


async def test_what_was_withdrawn_while_it_waited_is_released_without_effect(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    item = reading()
    held = await held_item(hospital, item, cred)
    [answer] = await hospital.send(cred, void(item.message_id))
    assert answer.result is Result.VOIDED

    await hospital.release(held, anna)

    assert await hospital.facts(anna) == []


async def test_a_release_that_is_rolled_back_leaves_it_waiting(hospital: Hospital) -> None:
    anna = await hospital.patient()
    held = await held_item(hospital, reading())

    async with hospital.patients.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await ledger.release(connection, hospital.org, held, patient_id=anna, by="nurse")
        await transaction.rollback()

    assert len(await hospital.quarantined()) == 1
    assert await hospital.facts(anna) == []
    await hospital.release(held, anna)
    assert len(await hospital.facts(anna)) == 1


async def test_another_organisation_cannot_release_it(hospital: Hospital) -> None:
    anna = await hospital.patient()
    held = await held_item(hospital, reading())
    async with hospital.patients.transaction() as tx:
        with pytest.raises(ledger.NotWaiting):
            await ledger.release(tx, "somebody-else", held, patient_id=anna, by="nurse")
        with pytest.raises(ledger.NotWaiting):
            await ledger.reject(tx, "somebody-else", held, by="nurse", reason="x")
