"""Quarantined bytes read again by a mended decoder, with their first times."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared import ledger
from shared.contracts import Code, Item, ItemError, Result
from tests.ledger.hospital import Hospital, held_item
from tests.ledger.items import ago, now, reading, value_of, void


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

    # Who withdraws the message withdraws both.
    await hospital.send(cred, void(first.message_id))
    assert await hospital.values(anna) == []


async def test_what_was_filed_once_and_taken_back_is_filed_again_when_it_is_read_anew(
    hospital: Hospital,
) -> None:
    """Its ids are taken by its first filing: it has new ones, and the first for its origin."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80", pulse="60")
    await hospital.send(cred, item)
    first = {fact.id for fact in await hospital.facts(anna)}
    await hospital.hand_over(cred, None, ago(days=5))
    [held] = await hospital.quarantined()

    # Nobody's, and read anew: what waits has lost what the taking back had said of it.
    for code in ("unknown-ucum", None):
        async with hospital.patients.transaction() as tx:
            await ledger.ask_replay(tx, hospital.org, held.id, by="nurse")
        assert await mend(hospital, held.id, cred, item, code) == "waiting"
    await hospital.hand_over(cred, berit, ago(days=5))

    facts = await hospital.facts(berit)
    assert sorted(map(value_of, facts)) == [60, 80]
    assert {fact.origin for fact in facts} == first
    assert {fact.id for fact in facts}.isdisjoint(first)
    assert await hospital.facts(anna) == []
    [again] = await hospital.send(cred, item)
    assert (again.result, again.fact_id in {fact.id for fact in facts}) == (Result.DUPLICATE, True)

    # It moves on, and is withdrawn, like any other.
    assert (await hospital.hand_over(cred, anna, ago(days=5))).moved == 1
    assert sorted(map(value_of, await hospital.facts(anna))) == [60, 80]
    await hospital.send(cred, void(item.message_id))
    assert await hospital.facts(anna) == []


async def test_what_was_filed_once_is_filed_by_hand_when_an_older_reading_lost_its_ids(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80")
    await hospital.send(cred, item)
    await hospital.hand_over(cred, None, ago(days=5))
    [held] = await hospital.quarantined()
    async with hospital.patients.transaction() as tx:
        await ledger.ask_replay(tx, hospital.org, held.id, by="nurse")
    await mend(hospital, held.id, cred, item)

    await hospital.release(held.id, berit)

    assert await hospital.values(berit) == [80]
    assert await hospital.facts(anna) == []


async def test_an_item_that_was_rejected_meanwhile_is_gone(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading()
    held = await faulty(hospital, cred, item)
    async with hospital.patients.transaction() as tx:
        await ledger.reject(tx, hospital.org, held, by="nurse", reason="spoilt")

    assert await mend(hospital, held, cred, item) == "gone"
    assert await hospital.facts(anna) == []
