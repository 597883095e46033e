"""Many items of quarantine at once: each once, whoever else is at it, and undone as a whole."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared import ledger
from shared.contracts import Code, Item, ItemError
from shared.ledger import bindings, in_bulk
from tests.ledger.hospital import Hospital, waits
from tests.ledger.items import ago, reading

BECAUSE = "neighbour's kitchen"


def unread(message: str, minutes: int = 1, **more: object) -> Item:
    errors = (ItemError("topic", Code.UNKNOWN_KIND),)
    bare = replace(reading(message, at=ago(minutes=minutes)), drafts=(), errors=errors)
    return replace(bare, **more)  # type: ignore[arg-type]  # whatever a test wants different


async def held(hospital: Hospital, cred: str, *items: Item) -> dict[str, UUID]:
    """Ids of what waits, by message."""
    await hospital.send(cred, *items)
    return {one.message_id: one.id for one in await hospital.quarantined(cred=cred, limit=500)}


async def asked(hospital: Hospital, ids: list[UUID]) -> UUID:
    async with hospital.patients.transaction() as tx:
        which = in_bulk.Which(Code.UNKNOWN_KIND.value)
        run = await in_bulk.begin(tx, hospital.org, "replay", which, by="nurse")
        number = await in_bulk.ask_replay(tx, hospital.org, ids, by="nurse", run=run)
        await in_bulk.add(tx, hospital.org, run, number)
    return run


async def mend(hospital: Hospital, cred: str, ids: dict[str, UUID], *items: Item) -> list[str]:
    async with hospital.ingest.transaction() as tx:
        return await mended(tx, hospital, cred, ids, *items)


async def mended(
    tx: asyncpg.Connection, hospital: Hospital, cred: str, ids: dict[str, UUID], *items: Item
) -> list[str]:
    rows = await tx.fetch(
        "select outcome from ledger.mend_many($1, $2, $3, $4, $5, $6)",
        hospital.org,
        [ids[item.message_id] for item in items],
        [item.at for item in items],
        [False for _ in items],
        [item.errors[0].code.value if item.errors else None for item in items],
        [_read(hospital, cred, item) for item in items],
    )
    return [row["outcome"] for row in rows]


def _read(hospital: Hospital, cred: str, item: Item) -> dict[str, object]:
    if item.errors:
        return {"errors": [{"path": e.path, "code": e.code.value} for e in item.errors]}
    return {"drafts": ledger.drafts_of(hospital.org, cred, item)}


async def left(hospital: Hospital, run: UUID) -> in_bulk.Left:
    async with hospital.patients.connection() as connection:
        return await in_bulk.left(connection, hospital.org, run)


async def test_a_run_is_filed_once_and_says_what_has_become_of_it(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    ids = await held(hospital, cred, *(unread(f"m{n}", n + 1) for n in range(5)))
    run = await asked(hospital, list(ids.values()))
    assert (await left(hospital, run)).replaying == 5

    good = [reading(f"m{n}", value=str(70 + n), at=ago(minutes=n + 1)) for n in range(4)]
    bad = replace(unread("m4"), errors=(ItemError("values.value", Code.IMPLAUSIBLE),))
    assert sorted(await mend(hospital, cred, ids, *good, bad)) == ["released"] * 4 + ["waiting"]
    assert await mend(hospital, cred, ids, *good, bad) == ["gone"] * 5

    told = await left(hospital, run)
    assert (told.replaying, told.released, told.waiting) == (0, 4, 1)
    assert told.codes == {"implausible": 1}
    assert len(await hospital.facts(anna)) == 4
    # Asked for a second time, it is what waits still that is read, as another run.
    again = await asked(hospital, list(ids.values()))
    assert (await left(hospital, again)).replaying == 1
    assert (await left(hospital, run)).released == 4


async def test_a_batch_that_broke_off_is_read_again_whole(hospital: Hospital) -> None:
    """The process dies between its statement and its commit."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    ids = await held(hospital, cred, *(unread(f"m{n}", n + 1) for n in range(3)))
    run = await asked(hospital, list(ids.values()))
    good = [reading(f"m{n}", at=ago(minutes=n + 1)) for n in range(3)]

    async def dies() -> None:
        async with hospital.ingest.transaction() as tx:
            assert await mended(tx, hospital, cred, ids, *good) == ["released"] * 3
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await dies()
    assert (await left(hospital, run)).replaying == 3
    assert await hospital.facts(anna) == []
    assert await mend(hospital, cred, ids, *good) == ["released"] * 3
    assert len(await hospital.facts(anna)) == 3


async def test_two_that_read_the_same_batch_file_it_once(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    ids = await held(hospital, cred, *(unread(f"m{n}", n + 1) for n in range(20)))
    await asked(hospital, list(ids.values()))
    good = [reading(f"m{n}", at=ago(minutes=n + 1)) for n in range(20)]
    one, other = await asyncio.gather(
        mend(hospital, cred, ids, *good), mend(hospital, cred, ids, *reversed(good))
    )
    assert sorted(one + other) == ["gone"] * 20 + ["released"] * 20
    assert len(await hospital.facts(anna)) == 20


async def test_what_is_rejected_together_can_be_taken_back_and_says_who_had_done_it(
    hospital: Hospital,
) -> None:
    cred = await hospital.credential()
    items = [unread(f"m{n}") for n in range(3)]
    ids = await held(hospital, cred, *items)
    async with hospital.patients.transaction() as tx:
        which = in_bulk.Which(Code.UNKNOWN_KIND.value, cred)
        run = await in_bulk.begin(tx, hospital.org, "reject", which, by="kari", reason=BECAUSE)
        number = await in_bulk.reject(
            tx, hospital.org, list(ids.values()), by="kari", reason=BECAUSE, run=run
        )
    assert number == 3
    assert await hospital.quarantined() == []
    for one in await hospital.send(cred, *items):
        assert [error.code for error in one.errors] == [Code.REJECTED, Code.UNKNOWN_KIND]
    some = list(ids.values())[:2]
    async with hospital.patients.transaction() as tx:
        assert await in_bulk.reopen(tx, hospital.org, some, by="ola") == 2
        assert await in_bulk.reopen(tx, hospital.org, some, by="ola") == 0
    waiting = await hospital.quarantined()
    assert {one.id for one in waiting} == set(some)
    for one in waiting:
        assert (one.state, one.decided_by, one.reason) == ("waiting", None, None)
        [past] = one.past
        assert (past["rejected_by"], past["reason"], past["reopened_by"]) == (
            "kari", BECAUSE, "ola",
        )  # fmt: skip
    assert (await left(hospital, run)).rejected == 1
    told = await hospital.send(cred, *(one for one in items if ids[one.message_id] in some))
    assert [[error.code for error in one.errors] for one in told] == 2 * [[Code.UNKNOWN_KIND]]


async def test_what_was_taken_back_can_still_find_its_patient(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    item = reading("m1", at=ago(hours=1))
    ids = await held(hospital, cred, item)
    async with hospital.patients.transaction() as tx:
        await ledger.reject(tx, hospital.org, ids["m1"], by="kari", reason=BECAUSE)
        assert await in_bulk.reopen(tx, hospital.org, [ids["m1"]], by="kari") == 1
    assert (await hospital.hand_over(cred, anna, ago(days=1))).released == 1
    assert len(await hospital.facts(anna)) == 1


async def test_of_very_many_behind_one_device_the_binding_releases_some_and_asks_for_the_rest(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be measured by anybody while a binding changes."""
    monkeypatch.setattr(bindings, "AT_ONCE", 2)
    anna = await hospital.patient()
    cred = await hospital.credential()
    items = [reading(f"m{n}", value=str(70 + n), at=ago(minutes=10 * (n + 1))) for n in range(5)]
    ids = await held(hospital, cred, *items, unread("topic"))

    refiled = await hospital.hand_over(cred, anna, ago(days=1))
    assert (refiled.released, refiled.reading_again) == (2, 3)
    assert refiled.run is not None
    assert (await left(hospital, refiled.run)).replaying == 3
    # The newest first: they are the ones that may be red now.
    assert [str(one) for one in await hospital.values(anna)] == ["70", "71"]
    assert await mend(hospital, cred, ids, *items[2:]) == ["released"] * 3
    assert len(await hospital.values(anna)) == 5
    assert (await left(hospital, refiled.run)).released == 3
    assert [one.message_id for one in await hospital.quarantined()] == ["topic"]


async def test_who_changes_a_binding_and_who_reads_again_wait_in_one_order(
    hospital: Hospital,
) -> None:
    """The lock of the bindings before any row: otherwise each could hold what the other wants."""
    anna = await hospital.patient()
    cred = await hospital.credential()
    item = reading("m1", at=ago(hours=1))
    ids = await held(hospital, cred, item)
    await asked(hospital, list(ids.values()))
    async with hospital.patients.transaction() as tx:
        await ledger.lock_bindings(tx, hospital.org)
        reads = asyncio.create_task(mend(hospital, cred, ids, item))
        async with hospital.owner.connection() as connection:
            await waits(reads, connection)
        await hospital.change_binding(tx, cred, anna, ago(days=1))
    assert await reads == ["released"]
    assert len(await hospital.facts(anna)) == 1


async def test_topics_that_nothing_knows_are_kept_beside_their_items(hospital: Hospital) -> None:
    cred = await hospital.credential()
    await hospital.send(
        cred, unread("a", topic="acme/1"), unread("b", topic="acme/1"), unread("c", topic="acme/2"),
        unread("d"),
    )  # fmt: skip
    found = await hospital.quarantined(topic="acme/1")
    assert {one.message_id for one in found} == {"a", "b"}
    assert {one.topic for one in found} == {"acme/1"}
    assert [one.message_id for one in await hospital.quarantined(but_topics=True)] == ["d"]


async def test_another_organisation_is_never_touched(hospital: Hospital) -> None:
    cred = await hospital.credential()
    ids = list((await held(hospital, cred, unread("m1"))).values())
    async with hospital.patients.transaction() as tx:
        assert await in_bulk.ask_replay(tx, "elsewhere", ids, by="x", run=uuid4()) == 0
        assert await in_bulk.reject(tx, "elsewhere", ids, by="x", reason="x", run=uuid4()) == 0
        assert await in_bulk.run(tx, "elsewhere", uuid4()) is None
        now = await tx.fetchval("select clock_timestamp()")
        assert await in_bulk.newest(tx, "elsewhere", now - timedelta(days=1), 5, []) == []
    assert [one.state for one in await hospital.quarantined()] == ["waiting"]
