"""Corrections of corrections, and what was filed again in between."""

import asyncio

from shared import ledger
from tests.ledger.hospital import Hospital, judged, take_all, three_holders, waits
from tests.ledger.items import ago, correction, message, reading, void


async def test_a_correction_of_a_correction_stands_alone(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    first = reading(value="80", pulse="60")
    second = correction(first.message_id, "81", pulse="61")
    third = correction(second.message_id, "82", pulse="62")
    for each in (first, second, third):
        await hospital.send(cred, each)
    assert await hospital.values(anna) == [62, 82]


async def test_withdrawing_the_first_withdraws_what_was_made_of_it(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    first = reading(value="80", pulse="60")
    second = correction(first.message_id, "81", pulse="61")
    third = correction(second.message_id, "82", pulse="62")
    for each in (third, first, void(first.message_id), second):
        await hospital.send(cred, each)
    assert await hospital.values(anna) == []


async def test_of_two_branches_of_corrections_one_stands(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    first = reading(value="80", pulse="60")
    weak = correction(first.message_id, "81", version=2, pulse="61")
    further = correction(weak.message_id, "82", version=9, pulse="62")
    strong = correction(first.message_id, "83", version=3, pulse="63")
    for each in (first, weak, further, strong):
        await hospital.send(cred, each)
    assert await hospital.values(anna) == [63, 83]


async def test_withdrawing_a_correction_does_not_bring_the_original_back(
    hospital: Hospital,
) -> None:
    """What the sender has called wrong stays wrong; he may send it anew."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    first = reading(value="80")
    second = correction(first.message_id, "81")
    for each in (first, second, void(second.message_id)):
        await hospital.send(cred, each)
    assert await hospital.values(anna) == []


async def test_corrections_in_a_ring_end(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    names = [message() for _ in range(3)]
    ring = [correction(names[n - 1], str(n), name) for n, name in enumerate(names)]
    await hospital.send(cred, *ring, correction(names[0], "9"))
    await asyncio.wait_for(hospital.facts(anna), 2)
    await asyncio.wait_for(take_all(hospital), 2)


async def test_the_whole_chain_is_judged_again_where_it_lies(hospital: Hospital) -> None:
    cred, times, (anna, berit, carl) = await three_holders(hospital)
    first = reading(at=times[0])
    second = correction(first.message_id, "81", at=times[1])
    third = correction(second.message_id, "82", at=times[2])
    await hospital.send(cred, first, second, third)
    assert await hospital.values(carl) == [82]
    await take_all(hospital)

    await hospital.send(cred, void(first.message_id, at=times[0]))

    assert await hospital.values(carl) == []
    assert carl in await judged(hospital)
    assert await hospital.values(anna) == await hospital.values(berit) == []


async def test_filed_again_then_corrected(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80", at=ago(minutes=30))
    await hospital.send(cred, item)
    await hospital.hand_over(cred, berit, ago(hours=1))

    await hospital.send(cred, correction(item.message_id, "81", at=item.at))

    assert await hospital.values(berit) == [81]
    assert await hospital.values(anna) == []


async def test_corrected_then_filed_again(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80", at=ago(minutes=30))
    await hospital.send(cred, item, correction(item.message_id, "81", at=item.at))

    await hospital.hand_over(cred, berit, ago(hours=1))

    assert await hospital.values(berit) == [81]
    assert await hospital.values(anna) == []


async def test_a_correction_waits_for_a_change_of_bindings_too(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80", at=ago(minutes=30))
    await hospital.send(cred, item)
    async with hospital.owner.connection() as looker:
        async with hospital.patients.transaction() as tx:
            await ledger.lock_bindings(tx, hospital.org)
            sending = asyncio.create_task(
                hospital.send(cred, correction(item.message_id, "81", at=item.at))
            )
            await waits(sending, looker)
            await hospital.change_binding(tx, cred, berit, ago(hours=1))
        [answer] = await sending

    assert answer.patient_id == berit
    assert await hospital.values(berit) == [81]
    assert await hospital.values(anna) == []
