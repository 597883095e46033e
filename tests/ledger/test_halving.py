"""One item that cannot be stored never keeps its neighbours away."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from shared import ledger
from shared.contracts import Code, Draft, Item, Result
from tests.ledger.hospital import Hospital
from tests.ledger.items import ago, reading, results, sealed


def with_body(item: Item, **body: Any) -> Item:
    return sealed(replace(item, drafts=(Draft("reading", "body_weight", {"v": 1, **body}),)))


async def send_whatever(hospital: Hospital, cred: str, *items: Item) -> list[ledger.Answer]:
    sender = ledger.Sender(cred)
    return await ledger.append_whatever_comes(
        hospital.ingest, hospital.org, [ledger.Entry(sender, item) for item in items]
    )


async def test_one_nul_among_a_hundred_quarantines_one(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    items = [reading() for _ in range(100)]
    items[61] = with_body(items[61], note="a \0 in the note")

    answers = await send_whatever(hospital, cred, *items)

    assert results(answers) == [Result.STORED] * 61 + [Result.QUARANTINED] + [Result.STORED] * 38
    assert answers[61].errors[0].code is Code.NOT_STORABLE
    assert len(await hospital.facts(anna)) == 99
    [held] = await hospital.quarantined()
    assert (held.message_id, held.raw) == (items[61].message_id, items[61].raw)


async def test_sent_again_the_batch_is_answered_at_once(hospital: Hospital) -> None:
    """It is not resent for ever: the second time all is known."""
    cred = await hospital.held_by(await hospital.patient())
    items = [reading() for _ in range(7)]
    items[3] = with_body(items[3], note="\0")
    await send_whatever(hospital, cred, *items)

    again = await send_whatever(hospital, cred, *items)

    assert [a.result for a in again] == (
        [Result.DUPLICATE] * 3 + [Result.QUARANTINED] + [Result.DUPLICATE] * 3
    )
    assert len(await hospital.quarantined()) == 1


async def test_a_year_without_a_partition_quarantines_one(alone: Hospital) -> None:
    async with alone.owner.connection() as owner:
        await owner.execute("drop table ledger.reading_2024_03")
    anna = await alone.patient()
    cred = await alone.held_by(anna, datetime(2020, 1, 1, tzinfo=UTC))
    items = [reading() for _ in range(100)]
    items[0] = reading(at=datetime(2024, 3, 5, tzinfo=UTC))

    answers = await send_whatever(alone, cred, *items)

    assert results(answers) == [Result.QUARANTINED] + [Result.STORED] * 99
    assert answers[0].errors[0].code is Code.NOT_STORABLE


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda item: replace(item, message_id="nul \0 in the id"), id="id"),
        pytest.param(lambda item: replace(item, message_id="half \ud800 a pair"), id="id-pair"),
        pytest.param(
            lambda item: replace(item, message_id=random.Random(1).randbytes(3000).hex()),
            id="id-long",
        ),
        pytest.param(lambda item: replace(item, serial="nul \0 in the serial"), id="serial"),
        pytest.param(lambda item: replace(item, serial="half \ud800 a pair"), id="serial-pair"),
        pytest.param(lambda item: replace(item, slot="\0"), id="slot"),
        pytest.param(lambda item: replace(item, at=None), id="no-time"),
        pytest.param(lambda item: replace(item, how="correction", replaces="\0"), id="replaces"),
        pytest.param(
            lambda item: replace(
                item, drafts=(Draft("reading", "body_weight", {"note": "\ud800"}),)
            ),
            id="body-pair",
        ),
        pytest.param(lambda item: replace(item, drafts=(Draft("reading", "k\0d", {}),)), id="kind"),
    ],
)
async def test_whatever_is_wrong_the_neighbours_are_stored(hospital: Hospital, broken: Any) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    items = [reading(), broken(reading()), reading()]

    answers = await send_whatever(hospital, cred, *items)
    again = await send_whatever(hospital, cred, *items)

    assert [answer.result for answer in answers[::2]] == [Result.STORED] * 2
    assert [answer.result for answer in again[::2]] == [Result.DUPLICATE] * 2
    # Stored or quarantined: answered, and with its bytes kept.
    assert answers[1].result in (Result.STORED, Result.CORRECTED, Result.QUARANTINED)
    assert await hospital.count("receipt") == 3
    async with hospital.owner.connection() as connection:
        kept = await connection.fetch("select raw from ledger.receipt where org = $1", hospital.org)
    assert {row["raw"] for row in kept} == {item.raw for item in items}


async def test_all_spoilt_is_all_quarantined(hospital: Hospital) -> None:
    cred = await hospital.held_by(await hospital.patient())
    items = [with_body(reading(), note="\0") for _ in range(5)]
    answers = await send_whatever(hospital, cred, *items)
    assert results(answers) == [Result.QUARANTINED] * 5
    assert len(await hospital.quarantined(code=Code.NOT_STORABLE)) == 5


async def test_a_plain_append_of_a_spoilt_batch_stores_nothing(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    with pytest.raises(asyncpg.DataError):
        await hospital.send(cred, reading(), with_body(reading(), note="\0"))
    assert await hospital.facts(anna) == []
    assert await hospital.count("receipt") == 0


# --- a FHIR transaction Bundle is indivisible ---------------------------------------------------


async def test_a_transaction_with_a_quarantinable_entry_stores_nothing(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)

    with pytest.raises(ledger.NotIndivisible):
        await hospital.send(cred, reading(), reading(slot="nobody's"), indivisible=True)

    assert [await hospital.count(table) for table in ("reading", "receipt", "quarantine")] == [
        0, 0, 0,
    ]  # fmt: skip
    assert await hospital.rows() == []


async def test_a_transaction_whose_reused_id_would_be_quarantined_stores_nothing(
    hospital: Hospital,
) -> None:
    """The id is known, so the entry is answered by the second statement; it counts all the same."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna, ago(days=2))
    first = reading(value="80")
    await hospital.send(cred, first)
    unheld = reading(first.message_id, "81", ago(days=5))

    with pytest.raises(ledger.NotIndivisible):
        await hospital.send(cred, reading(), unheld, indivisible=True)

    assert await hospital.values(anna) == [80]
    assert await hospital.count("receipt") == 1


async def test_a_transaction_that_cannot_be_stored_is_not_halved(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    with pytest.raises(asyncpg.DataError):
        await hospital.send(cred, reading(), with_body(reading(), note="\0"), indivisible=True)
    assert await hospital.count("receipt") == 0


async def test_a_sound_transaction_is_stored_and_its_resend_is_known(
    hospital: Hospital,
) -> None:
    cred = await hospital.held_by(await hospital.patient())
    items = [reading(), reading(at=ago(days=1)), reading(at=ago(days=1) - timedelta(hours=1))]
    assert results(await hospital.send(cred, *items, indivisible=True)) == [Result.STORED] * 3
    assert results(await hospital.send(cred, *items, indivisible=True)) == [Result.DUPLICATE] * 3
