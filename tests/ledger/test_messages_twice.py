"""A message that comes again, at the same time, or under a name already used."""

import asyncio
import json
import random
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from services.ingest.devices import json_v1
from shared import ledger
from shared.contracts import Code, Item, Result
from tests.ledger.hospital import Hospital, send, take_all, waits
from tests.ledger.items import ago, amendment, message, now, reading, results, void, withdrawal


async def test_the_same_content_again_is_a_duplicate_with_the_first_result(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(at=ago(days=8))

    [first] = await hospital.send(cred, item)
    [second] = await hospital.send(cred, item)

    assert (first.result, second.result) == (Result.STORED, Result.DUPLICATE)
    assert replace(second, result=Result.STORED) == first
    assert len(await hospital.facts(anna)) == 1
    assert await hospital.count("receipt") == 1
    assert await hospital.told(anna) == ["reading"]


@pytest.mark.parametrize("own_id", [True, False])
async def test_a_withdrawal_takes_every_content_that_came_under_the_id(
    hospital: Hospital, own_id: bool
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    first = reading(value="78.2")
    second = reading(first.message_id, "178.2")
    other = reading(value="80")
    await hospital.send(cred, first, other)
    await hospital.send(cred, second)
    assert sorted(await hospital.values(anna)) == [Decimal("78.2"), 80, Decimal("178.2")]

    gone = withdrawal(first.message_id) if own_id else void(first.message_id)
    [answer] = await hospital.send(cred, gone)

    assert answer.result is Result.VOIDED
    assert await hospital.values(anna) == [80]
    assert "void" in await hospital.told(anna)
    assert results(await hospital.send(cred, second)) == [Result.DUPLICATE]
    assert await hospital.values(anna) == [80]


async def test_a_duplicate_keeps_the_first_raw_bytes(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    item = reading()
    await hospital.send(cred, item)
    await hospital.send(cred, replace(item, raw=b"the same, spelt otherwise"))
    assert (await hospital.receipt(cred, item.message_id))["raw"] == item.raw


async def test_two_simultaneous_senders_both_get_an_answer(hospital: Hospital) -> None:
    """The loser sees neither its own row nor, in the same statement, the winner's."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item, other = reading(), reading()
    async with hospital.owner.connection() as looker:
        async with hospital.ingest.transaction() as tx:
            [first] = await send(tx, hospital.org, cred, item)
            second = asyncio.create_task(hospital.send(cred, other, item))
            await waits(second, looker)
        answers = await second

    assert first.result is Result.STORED
    assert results(answers) == [Result.STORED, Result.DUPLICATE]
    assert answers[1].fact_id == first.fact_id
    assert len(await hospital.facts(anna)) == 2


async def test_if_the_winner_rolls_back_the_loser_stores(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    async with hospital.owner.connection() as looker, hospital.ingest.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await send(connection, hospital.org, cred, item)
        second = asyncio.create_task(hospital.send(cred, item))
        await waits(second, looker)
        await transaction.rollback()
        [answer] = await second

    assert answer.result is Result.STORED
    assert len(await hospital.facts(anna)) == 1


async def test_two_simultaneous_senders_of_another_content_both_get_an_answer(
    hospital: Hospital,
) -> None:
    """Both reuse the id with the same new content: stored once, and once a duplicate."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    first = reading(value="80")
    again = reading(first.message_id, "81")
    await hospital.send(cred, first)
    async with hospital.owner.connection() as looker:
        async with hospital.ingest.transaction() as tx:
            [winner] = await send(tx, hospital.org, cred, again)
            second = asyncio.create_task(hospital.send(cred, again))
            await waits(second, looker)
        [loser] = await second

    assert (winner.result, loser.result) == (Result.STORED, Result.DUPLICATE)
    assert winner.fact_id == loser.fact_id
    assert await hospital.values(anna) == [80, 81]


async def test_many_senders_of_the_same_batch_store_it_once_and_are_all_answered(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    items = [reading() for _ in range(20)]

    batches = await asyncio.gather(*(hospital.send(cred, *items) for _ in range(6)))

    outcomes = [answer.result for answers in batches for answer in answers]
    assert outcomes.count(Result.STORED) == 20
    assert outcomes.count(Result.DUPLICATE) == 100
    assert len(await hospital.facts(anna)) == 20


async def test_a_a_b_in_one_batch_stores_a_and_b(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    a = reading(value="80")
    b = reading(a.message_id, "81")

    answers = await hospital.send(cred, a, a, b)

    assert results(answers) == [Result.STORED, Result.DUPLICATE, Result.STORED]
    assert answers[0].fact_id == answers[1].fact_id != answers[2].fact_id
    assert answers[2].flags == ("id-reused",)
    assert await hospital.values(anna) == [80, 81]


async def test_a_counter_that_restarts_hides_no_reading(hospital: Hospital) -> None:
    """The battery was changed: message 00000001 comes again with another weight, and is judged."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    await hospital.send(cred, reading("00000001", "80", ago(days=2)))
    await take_all(hospital)
    again = reading("00000001", "79", ago(hours=1), pulse="70")

    [answer] = await hospital.send(cred, again)
    [resent] = await hospital.send(cred, again)

    assert (answer.result, answer.flags) == (Result.STORED, ("id-reused",))
    assert (resent.result, resent.fact_id) == (Result.DUPLICATE, answer.fact_id)
    assert await hospital.values(anna) == [70, 79, 80]
    assert await hospital.told(anna) == ["reading", "reading"]
    flagged = [fact for fact in await hospital.facts(anna) if "id-reused" in fact.flags]
    assert len(flagged) == 2


async def test_the_id_of_a_reused_message_is_made_from_its_content(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    first = reading()
    second = reading(first.message_id, "99")
    await hospital.send(cred, first)

    [answer] = await hospital.send(cred, second)

    assert answer.fact_id == ledger.fact_id(
        hospital.org, cred, second.message_id, 0, second.content.hex()
    )


async def test_a_reused_id_that_nobody_held_waits_with_both_its_contents(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    first = reading(value="80", at=ago(hours=2))
    second = reading(first.message_id, "81", ago(hours=1))

    assert results(await hospital.send(cred, first, second)) == [Result.QUARANTINED] * 2
    assert results(await hospital.send(cred, second, first)) == [Result.QUARANTINED] * 2
    assert len(await hospital.quarantined()) == 2

    for held in await hospital.quarantined():
        await hospital.release(held.id, anna)
    assert await hospital.values(anna) == [80, 81]


async def test_a_quarantined_item_sent_again_is_told_its_present_state(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    item = reading()
    [first] = await hospital.send(cred, item)
    [waiting] = await hospital.send(cred, item)
    [held] = await hospital.quarantined()
    await hospital.release(held.id, anna)
    [released] = await hospital.send(cred, item)

    assert first.result is waiting.result is Result.QUARANTINED
    assert waiting.errors == first.errors
    assert (released.result, released.errors) == (Result.DUPLICATE, ())
    assert released.fact_id == ledger.fact_id(hospital.org, cred, item.message_id)
    assert released.received_at == first.received_at
    assert len(await hospital.facts(anna)) == 1


async def test_a_rejected_item_sent_again_stays_quarantined(hospital: Hospital) -> None:
    cred = await hospital.credential()
    item = reading()
    await hospital.send(cred, item)
    [held] = await hospital.quarantined()
    async with hospital.patients.transaction() as tx:
        await ledger.reject(tx, hospital.org, held.id, by="nurse", reason="a test weight")
    [again] = await hospital.send(cred, item)
    assert again.result is Result.QUARANTINED
    assert [error.code for error in again.errors] == [Code.REJECTED, Code.UNBOUND]

    # Of other content under its id, and of what still waits, nothing of the kind is said.
    [other] = await hospital.send(cred, reading(item.message_id, "81"))
    assert [error.code for error in other.errors] == [Code.UNBOUND]


async def test_put_of_what_was_posted_alike_is_a_duplicate(hospital: Hospital) -> None:
    """The same content, whatever the verb: nothing has been corrected."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    posted = reading()
    put = replace(posted, how="correction", replaces=posted.message_id)

    answers = [(await hospital.send(cred, item))[0] for item in (posted, put, put)]

    assert [a.result for a in answers] == [Result.STORED, Result.DUPLICATE, Result.DUPLICATE]
    assert {a.fact_id for a in answers} == {answers[0].fact_id}
    assert await hospital.told(anna) == ["reading"]


async def test_put_of_what_was_never_there_is_stored_and_another_put_corrects_it(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    name = message()

    answers = [
        (await hospital.send(cred, amendment(name, value, version=version)))[0]
        for value, version in (("80", 1), ("81", 2), ("82", 3))
    ]

    assert [a.result for a in answers] == [Result.STORED, Result.CORRECTED, Result.CORRECTED]
    assert await hospital.values(anna) == [82]


async def test_entered_in_error_under_its_own_id_is_a_void(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(pulse="70")

    answers = [
        (await hospital.send(cred, each))[0] for each in (item, withdrawal(item.message_id), item)
    ]

    assert [a.result for a in answers] == [Result.STORED, Result.VOIDED, Result.DUPLICATE]
    assert await hospital.facts(anna) == []


# --- no deadlock ------------------------------------------------------------------------------


async def test_concurrent_unsorted_batches_do_not_deadlock(hospital: Hospital) -> None:
    """The same messages in another order from four senders, some ids used twice."""
    anna = await hospital.patient()
    creds = [await hospital.held_by(anna) for _ in range(3)]
    sender = {cred: ledger.Sender(cred) for cred in creds}
    chance = random.Random(4)

    async def sends(connection: asyncpg.Connection, entries: list[ledger.Entry]) -> int:
        mixed = chance.sample(entries, len(entries))
        return len(await ledger.append(connection, hospital.org, mixed))

    async with (
        hospital.ingest.connection() as a,
        hospital.ingest.connection() as b,
        hospital.ingest.connection() as c,
        hospital.ingest.connection() as d,
    ):
        for _ in range(60):
            at = now()
            names = [message() for _ in range(10)]
            entries = [
                ledger.Entry(sender[cred], item)
                for cred in creds
                for name in names
                for item in weights(name, at, chance.randint(1, 2))
            ] + [
                ledger.Entry(sender[creds[0]], amendment(names[0], "82", at=at, version=2)),
                ledger.Entry(sender[creds[1]], withdrawal(names[1], at=at)),
            ]  # fmt: skip
            counts = await asyncio.gather(*(sends(each, entries) for each in (a, b, c, d)))
            assert counts == [len(entries)] * 4


def weights(name: str, at: datetime, count: int) -> list[Item]:
    return [reading(name, str(80 + n), at) for n in range(count)]


# --- what content is --------------------------------------------------------------------------

PLAIN = """{"v":1,"id":"0190f3a2-0001","kind":"body_weight","at":"%s",
"values":{"value":%s},"device":{"serial":"5","clock":"synced"}}"""


def decoded(body: str) -> Item:
    [item] = json_v1.decode(body.encode(), "application/json", 1)
    assert item.errors == ()
    return item


@pytest.mark.parametrize("spelling", ["82.40", "824e-1", "8.24e1", "82.4000", '"82.4"', '"82,4"'])
async def test_another_spelling_of_a_number_is_the_same_content(
    hospital: Hospital, spelling: str
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    at = ago(hours=1).isoformat()

    [first] = await hospital.send(cred, decoded(PLAIN % (at, "82.4")))
    [second] = await hospital.send(cred, decoded(PLAIN % (at, spelling)))

    assert (first.result, second.result) == (Result.STORED, Result.DUPLICATE)


async def test_another_order_of_keys_or_spacing_is_the_same_content(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    plain: dict[str, Any] = json.loads(PLAIN % (ago(hours=1).isoformat(), "82.4"))
    turned = {
        key: dict(reversed(value.items())) if isinstance(value, dict) else value
        for key, value in reversed(plain.items())
    }

    [first] = await hospital.send(cred, decoded(json.dumps(plain)))
    [second] = await hospital.send(cred, decoded(json.dumps(turned, indent=3)))

    assert (first.result, second.result) == (Result.STORED, Result.DUPLICATE)


async def test_another_digit_or_time_is_another_content(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    at, later = ago(hours=2).isoformat(), ago(hours=1).isoformat()
    answers = [
        (await hospital.send(cred, decoded(PLAIN % each)))[0]
        for each in ((at, "82.4"), (at, "82.41"), (later, "82.4"))
    ]
    assert [answer.result for answer in answers] == [Result.STORED] * 3
    assert [answer.flags for answer in answers] == [(), ("id-reused",), ("id-reused",)]


async def test_values_are_kept_to_their_last_digit(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    await hospital.send(cred, decoded(PLAIN % (ago(hours=1).isoformat(), "82.400000000000000001")))
    [fact] = await hospital.facts(anna)
    assert str(fact.body["values"]["value"]) == "82.400000000000000001"


async def test_an_empty_batch_is_answered_with_nothing(hospital: Hospital) -> None:
    assert await hospital.send("c-none") == []
