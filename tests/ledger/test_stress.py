"""Four senders at random, while the devices change hands."""

import asyncio
import random
from datetime import datetime, timedelta
from uuid import UUID

from shared import ledger
from shared.contracts import Item, Result
from tests.ledger.hospital import Hospital, judged
from tests.ledger.items import ago, now, reading

SECONDS = 3
SLOTS = ("", "his")


async def test_every_item_is_answered_and_every_fact_is_with_its_holder(
    hospital: Hospital,
) -> None:
    chance = random.Random(2026)
    people = [await hospital.patient() for _ in range(4)]
    creds = [await hospital.credential() for _ in range(3)]
    for cred in creds[:2]:
        await hospital.bind(cred, people[0], ago(days=2))
        await hospital.bind(cred, people[1], ago(days=2), slot="his")
    ends = now() + timedelta(seconds=SECONDS)
    sent: list[ledger.Entry] = []
    outcomes: list[Result] = []
    changes = 0

    async def sends() -> None:
        while now() < ends:
            fresh = [
                ledger.Entry(ledger.Sender(chance.choice(creds)), random_reading(chance))
                for _ in range(chance.randint(1, 20))
            ]
            known = chance.sample(sent, min(len(sent), chance.randint(0, 5)))
            batch = chance.sample(fresh + known, len(fresh) + len(known))
            answers = await ledger.append_whatever_comes(hospital.ingest, hospital.org, batch)
            assert [answer.position for answer in answers] == list(range(1, len(batch) + 1))
            outcomes.extend(answer.result for answer in answers)
            sent.extend(fresh)

    async def changes_hands() -> None:
        nonlocal changes
        while now() < ends:
            since = ago(minutes=chance.uniform(1, 600))
            until = chance.choice([None, since + timedelta(minutes=chance.uniform(1, 300))])
            await hospital.hand_over(
                chance.choice(creds), chance.choice([*people, None]), since, until,
                chance.choice(SLOTS),
            )  # fmt: skip
            changes += 1
            await asyncio.sleep(0.02)

    await asyncio.gather(*(sends() for _ in range(4)), changes_hands())

    assert len(sent) > 200
    assert changes > 2
    assert set(outcomes) == {Result.STORED, Result.DUPLICATE, Result.QUARANTINED}
    await all_is_where_it_belongs(hospital, len(sent))
    assert await judged(hospital) <= set(people)


def random_reading(chance: random.Random) -> Item:
    return reading(
        value=str(chance.randint(50, 120)),
        at=ago(minutes=chance.uniform(0, 700)),
        slot=chance.choice([None, None, "his"]),
        pulse=chance.choice([None, "70"]),
    )


async def all_is_where_it_belongs(hospital: Hospital, sent: int) -> None:
    async with hospital.owner.connection() as connection:
        receipts = await connection.fetch(
            "select cred, message_id, result, patient_id, at from ledger.receipt where org = $1",
            hospital.org,
        )
        facts = await connection.fetch(
            """
            select cred, message_id, slot, patient_id, at, kind
            from ledger.current where org = $1
            """,
            hospital.org,
        )
        waiting = await connection.fetch(
            """
            select cred, message_id, coalesce(extra ->> 'slot', '') as slot, at
            from ledger.quarantine where org = $1 and state = 'waiting'
            """,
            hospital.org,
        )
        bindings = await connection.fetch(
            """
            select cred, slot, patient_id, lower(valid) as since, upper(valid) as until
            from patients.binding where org = $1 and not isempty(valid)
            """,
            hospital.org,
        )

    def holder(cred: str, slot: str, at: datetime) -> UUID | None:
        for row in bindings:
            its = (row["cred"], row["slot"]) == (cred, slot)
            if its and row["since"] <= at and (row["until"] is None or at < row["until"]):
                return UUID(str(row["patient_id"]))
        return None

    assert len(receipts) == sent
    for fact in facts:
        assert fact["patient_id"] == holder(fact["cred"], fact["slot"], fact["at"])
    for item in waiting:
        assert holder(item["cred"], item["slot"], item["at"]) is None
    items = [fact for fact in facts if fact["kind"] != "pulse"]
    stored = {row["message_id"]: row for row in receipts if row["result"] == "stored"}
    held = {row["message_id"] for row in receipts if row["result"] == "quarantined"}
    assert len(stored) + len(held) == sent
    assert len(items) == len(stored)
    assert {fact["message_id"] for fact in items} == stored.keys()
    assert {row["message_id"] for row in waiting} == held
    assert len(waiting) == len(held)
    for fact in facts:
        assert stored[fact["message_id"]]["patient_id"] == fact["patient_id"]
