"""After a restore to an earlier moment, what is sent again does no harm."""

from uuid import UUID

import pytest

from shared import ledger
from shared.contracts import Fact, Result
from tests.ledger.hospital import Hospital, judged, take_all
from tests.ledger.items import ago, amendment, correction, reading, withdrawal


@pytest.mark.parametrize("turned", [False, True])
async def test_what_was_lost_comes_again_with_the_same_ids_and_nothing_comes_twice(
    hospital: Hospital, turned: bool
) -> None:
    """Ten minutes are lost; the apps send their last seven days again, in any order."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    kept = [reading(value=str(n), at=ago(hours=n + 2), pulse="60") for n in range(3)]
    first = reading(value="10")
    lost = [
        first,
        correction(first.message_id, "11"),
        amendment(kept[0].message_id, "20", version=2),
        withdrawal(kept[1].message_id),
        reading(value="12"),
    ]
    await hospital.send(cred, *kept)
    restore_point = await hospital.facts(anna)
    await hospital.send(cred, *lost)
    before = await hospital.facts(anna)
    await take_all(hospital)

    await back_to(hospital, {item.message_id for item in kept})
    assert await hospital.facts(anna) == restore_point

    everything = [*kept, *lost]
    again = await hospital.send(cred, *(reversed(everything) if turned else everything))

    assert [answer.result for answer in again].count(Result.DUPLICATE) == len(kept)
    assert list(map(said, await hospital.facts(anna))) == list(map(said, before))
    assert anna in await judged(hospital)


async def test_a_reused_id_sent_again_in_its_order_has_its_ids_again(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    first = reading(value="10")
    items = [first, reading(first.message_id, "12"), correction(first.message_id, "11")]
    await hospital.send(cred, *items)
    before = await hospital.facts(anna)

    await back_to(hospital, set())
    await hospital.send(cred, *items)

    assert list(map(said, await hospital.facts(anna))) == list(map(said, before))


async def test_the_same_messages_make_the_same_facts_in_another_database(
    alone: Hospital, hospital: Hospital
) -> None:
    """Ids rest on nothing that a database remembers."""
    hospital.org = alone.org
    await hospital.found()
    items = [reading(pulse="60") for _ in range(5)]
    ids = []
    for each in (alone, hospital):
        anna = await each.patient()
        cred = await each.credential()
        async with each.owner.connection() as owner:
            await owner.execute(
                "update patients.credential set cred = 'c-same' where cred = $1", cred
            )
        await each.bind("c-same", anna, ago(days=3))
        await each.send("c-same", *items)
        ids.append({fact.id for fact in await each.facts(anna)})
    assert ids[0] == ids[1]
    assert len(ids[0]) == 10


async def back_to(hospital: Hospital, messages: set[str]) -> None:
    """As a restore leaves it: of these messages everything, of all others nothing."""
    async with hospital.owner.transaction() as owner:
        kept = await owner.fetch(
            """
            select cred, message_id from ledger.receipt
            where org = $1 and message_id = any($2) and reuse = ''
            """,
            hospital.org,
            list(messages),
        )
        ids = [
            ledger.fact_id(hospital.org, row["cred"], row["message_id"], part)
            for row in kept
            for part in (0, 1)
        ]
        await owner.execute(
            "delete from ledger.reading where org = $1 and id <> all($2)", hospital.org, ids
        )
        await owner.execute(
            "delete from ledger.superseded where org = $1 and by_id <> all($2)", hospital.org, ids
        )
        await owner.execute(
            "delete from ledger.receipt where org = $1 and fact_id <> all($2)", hospital.org, ids
        )


def said(fact: Fact) -> tuple[UUID, str]:
    """The fact but for when it was received, which is now later."""
    return fact.id, f"{fact.patient_id} {fact.kind} {fact.at} {fact.body} {fact.flags}"
