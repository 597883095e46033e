"""LEDGER 2.6: out of quarantine, once, as if it had never been there."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared import ledger
from shared.contracts import Code, Item, ItemError, Result, Subject
from tests.ledger.conftest import (
    HOUR,
    Hospital,
    ago,
    correction,
    now,
    reading,
    value_of,
    void,
    waits,
)


async def held_item(hospital: Hospital, item: Item, cred: str | None = None) -> UUID:
    cred = cred or await hospital.credential()
    [answer] = await hospital.send(cred, item)
    assert answer.result is Result.QUARANTINED
    [held] = [each for each in await hospital.quarantined() if each.message_id == item.message_id]
    return held.id


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


# --- read again by ingest -----------------------------------------------------------------------


async def faulty(hospital: Hospital, cred: str, item: Item, code: Code = Code.UNKNOWN_KIND) -> UUID:
    """An item of which the decoder could make nothing; asked to be read again."""
    bare = reading(item.message_id, at=item.at, errors=(ItemError("kind", code),))
    bare = Item(**{**_fields(bare), "drafts": (), "content": item.content, "raw": item.raw})
    held = await held_item(hospital, bare, cred)
    async with hospital.patients.transaction() as tx:
        with pytest.raises(ledger.CannotBeReleased):
            await ledger.release(
                tx, hospital.org, held, patient_id=await hospital.patient(), by="nurse"
            )
        await ledger.ask_replay(tx, hospital.org, held, by="nurse")
    return held


def _fields(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in Item.__dataclass_fields__}


async def mend(
    hospital: Hospital,
    held: UUID,
    cred: str,
    item: Item,
    code: str | None = None,
    at: datetime | None = None,
) -> str:
    sender = ledger.Sender(cred)
    async with hospital.ingest.connection() as connection:
        return str(
            await connection.fetchval(
                "select ledger.mend($1, $2, $3, $4, $5, $6, $7, $8)",
                hospital.org, held, at or item.at, item.clock == "synced",
                ledger.extra_of(hospital.org, sender, item, None),
                ledger.drafts_of(hospital.org, cred, item) or None,
                code, [{"path": "kind", "code": code}] if code else None,
            )
        )  # fmt: skip


async def test_read_again_with_a_mended_decoder_it_becomes_a_fact_with_its_first_times(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="77", at=ago(hours=3))
    held = await faulty(hospital, cred, item)
    received = (await hospital.receipt(cred, item.message_id))["received_at"]

    assert await mend(hospital, held, cred, item) == "released"

    [fact] = await hospital.facts(anna)
    assert value_of(fact) == 77
    assert (fact.at, fact.received_at) == (item.at, received)
    assert fact.id == ledger.fact_id(hospital.org, cred, item.message_id)
    assert await hospital.told(anna) == ["reading"]
    [again] = await hospital.send(cred, item)
    assert again.result is Result.DUPLICATE


async def test_read_again_twice_it_becomes_one_fact(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    held = await faulty(hospital, cred, item)

    outcomes = await asyncio.gather(*(mend(hospital, held, cred, item) for _ in range(4)))

    assert sorted(outcomes) == ["gone", "gone", "gone", "released"]
    assert len(await hospital.facts(anna)) == 1


async def test_still_unreadable_it_waits_on_with_the_new_reason(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    item = reading()
    held = await faulty(hospital, cred, item)

    assert await mend(hospital, held, cred, item, code="unknown-ucum") == "waiting"

    [waiting] = await hospital.quarantined()
    assert (waiting.state, waiting.code) == ("waiting", Code.UNKNOWN_UCUM)


async def test_readable_but_nobodys_it_waits_for_a_holder_and_then_comes_by_itself(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    item = reading(at=ago(hours=3))
    held = await faulty(hospital, cred, item)

    assert await mend(hospital, held, cred, item) == "waiting"
    [waiting] = await hospital.quarantined()
    assert waiting.code is Code.UNBOUND

    await hospital.hand_over(cred, anna, ago(days=1))
    assert len(await hospital.facts(anna)) == 1


async def test_a_mended_item_moves_with_the_bindings(hospital: Hospital) -> None:
    """It came without a usable time; the time it was given when read again decides from then on."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(at=ago(hours=3))
    untimed = Item(**{**_fields(item), "at": None})
    held = await faulty(hospital, cred, untimed, Code.BAD_TIME)
    assert await mend(hospital, held, cred, item) == "released"

    assert (await hospital.hand_over(cred, berit, ago(hours=5))).moved == 1

    assert await hospital.facts(anna) == []
    assert len(await hospital.facts(berit)) == 1


async def test_a_mended_clock_that_is_ahead_is_doubted_like_any_other(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    held = await faulty(hospital, cred, item)

    await mend(hospital, held, cred, item, at=now() + timedelta(days=3))

    [fact] = await hospital.facts(anna)
    assert fact.at == fact.received_at
    assert "clock_suspect" in fact.flags


async def test_a_mended_second_content_under_one_id_is_a_fact_of_its_own(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    first = reading(value="80")
    await hospital.send(cred, first)
    second = reading(first.message_id, "81")
    held = await faulty(hospital, cred, second)

    assert await mend(hospital, held, cred, second) == "released"
    assert await hospital.values(anna) == [80, 81]

    await hospital.send(cred, void(first.message_id))
    assert await hospital.values(anna) == [81]


async def test_an_item_that_was_rejected_meanwhile_is_gone(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    held = await faulty(hospital, cred, item)
    async with hospital.patients.transaction() as tx:
        await ledger.reject(tx, hospital.org, held, by="nurse", reason="spoilt")

    assert await mend(hospital, held, cred, item) == "gone"
    assert await hospital.facts(anna) == []
