"""A changed binding files again what it changes, for the old patient and the new."""

import asyncio
from dataclasses import replace

from shared import ledger
from shared.contracts import Code, Result, Subject
from tests.ledger.hospital import Hospital, judged, take_all, waits
from tests.ledger.items import (
    DAY,
    HOUR,
    MINUTE,
    ago,
    amendment,
    correction,
    now,
    reading,
    results,
    value_of,
    void,
)


async def test_a_moved_fact_keeps_its_origin_its_times_and_what_it_says(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    [answer] = await hospital.send(cred, reading(value="71.25", at=ago(minutes=30), pulse="66"))
    before = await hospital.facts(anna)

    await hospital.hand_over(cred, berit, ago(hours=1))

    after = await hospital.facts(berit)
    assert await hospital.facts(anna) == []
    assert {fact.id for fact in after}.isdisjoint(fact.id for fact in before)
    for was, now_is in zip(
        sorted(before, key=lambda f: f.kind), sorted(after, key=lambda f: f.kind), strict=True
    ):
        assert replace(now_is, id=was.id, patient_id=anna) == was
    assert answer.fact_id in {fact.origin for fact in after}


async def test_a_moved_fact_is_handed_over_for_both_patients(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    await hospital.send(cred, reading(at=ago(minutes=30)))
    await take_all(hospital)

    await hospital.hand_over(cred, berit, ago(hours=1))

    assert await hospital.told(anna) == ["gone"]
    assert await hospital.told(berit) == ["reading"]
    [taken] = [row for row in await take_all(hospital) if row.patient_id == berit]
    [fact] = await hospital.facts(berit)
    assert (taken.fact_id, taken.at, taken.received_at) == (fact.id, fact.at, fact.received_at)


async def test_only_the_changed_interval_is_filed_again(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    since, until = ago(hours=5), ago(hours=2)
    for value, at in (
        ("1", since - MINUTE), ("2", since), ("3", until - MINUTE), ("4", until), ("5", ago()),
    ):  # fmt: skip
        await hospital.send(cred, reading(value=value, at=at))

    refiled = await hospital.hand_over(cred, berit, since, until)

    assert refiled.moved == 2
    assert await hospital.values(berit) == [2, 3]
    assert await hospital.values(anna) == [1, 4, 5]


async def test_moved_there_and_back_and_there_again_there_is_one_fact(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    [answer] = await hospital.send(cred, reading(at=ago(minutes=30)))

    for holder, other in ((berit, anna), (anna, berit), (berit, anna)):
        await hospital.hand_over(cred, holder, ago(hours=1))
        [fact] = await hospital.facts(holder)
        assert fact.origin == answer.fact_id
        assert await hospital.facts(other) == []


async def test_what_nobody_held_goes_back_to_quarantine_and_comes_out_once(
    hospital: Hospital,
) -> None:
    """Moved before, so that several filings of it lie with the patient; two parts."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(at=ago(minutes=30), pulse="66")
    await hospital.send(cred, item)
    await hospital.hand_over(cred, berit, ago(hours=1))
    await hospital.hand_over(cred, anna, ago(hours=1))

    refiled = await hospital.hand_over(cred, None, ago(hours=1))

    assert refiled == ledger.Refiled(moved=0, released=0, quarantined=1)
    assert await hospital.facts(anna) == await hospital.facts(berit) == []
    [held] = await hospital.quarantined()
    assert (held.code, held.at, held.message_id) == (Code.UNBOUND, item.at, item.message_id)
    assert [draft["kind"] for draft in held.drafts or ()] == ["body_weight", "pulse"]
    [again] = await hospital.send(cred, item)
    assert again.result is Result.QUARANTINED
    assert set(await hospital.told(anna)) >= {"gone"}

    assert (await hospital.hand_over(cred, berit, ago(hours=1))).released == 1

    assert sorted(fact.kind for fact in await hospital.facts(berit)) == ["body_weight", "pulse"]
    assert await hospital.facts(anna) == []
    [again] = await hospital.send(cred, item)
    assert (again.result, again.patient_id) == (Result.DUPLICATE, berit)


async def test_an_item_goes_in_and_out_of_quarantine_any_number_of_times(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    [answer] = await hospital.send(cred, reading(at=ago(minutes=30)))
    for _ in range(3):
        await hospital.hand_over(cred, None, ago(hours=1))
        assert await hospital.facts(anna) == []
        await hospital.hand_over(cred, anna, ago(hours=1))
        [fact] = await hospital.facts(anna)
        assert fact.origin == answer.fact_id


async def test_a_new_binding_releases_what_waited_for_it(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    items = [reading(value=str(n), at=ago(hours=n)) for n in (1, 2, 3, 9)]
    assert results(await hospital.send(cred, *items)) == [Result.QUARANTINED] * 4
    [received] = {held.received_at for held in await hospital.quarantined()}

    refiled = await hospital.hand_over(cred, anna, ago(hours=4))

    assert refiled == ledger.Refiled(moved=0, released=3, quarantined=0)
    facts = await hospital.facts(anna)
    assert sorted(map(value_of, facts)) == [1, 2, 3]
    assert {fact.received_at for fact in facts} == {received}
    assert {fact.at for fact in facts} == {item.at for item in items[:3]}
    assert await hospital.told(anna) == ["reading"] * 3
    assert [held.message_id for held in await hospital.quarantined()] == [items[3].message_id]


async def test_an_item_that_was_rejected_is_not_released_by_a_binding(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    await hospital.send(cred, reading(at=ago(hours=1)))
    [held] = await hospital.quarantined()
    async with hospital.patients.transaction() as tx:
        await ledger.reject(tx, hospital.org, held.id, by="nurse", reason="not a patient's")

    assert (await hospital.hand_over(cred, anna, ago(hours=4))).released == 0
    assert await hospital.facts(anna) == []


async def test_a_rejection_during_a_re_filing_does_not_stop_it(hospital: Hospital) -> None:
    """The nurse rejects one item while another nurse binds the device: the other item comes."""
    anna = await hospital.patient()
    cred = await hospital.credential()
    await hospital.send(cred, reading("mess-aaa", at=ago(hours=1)), reading("mess-bbb"))
    [held] = [each for each in await hospital.quarantined() if each.message_id == "mess-aaa"]
    async with hospital.owner.connection() as looker:
        async with hospital.patients.transaction() as tx:
            await ledger.reject(tx, hospital.org, held.id, by="nurse", reason="spoilt")
            changing = asyncio.create_task(hospital.hand_over(cred, anna, ago(hours=4)))
            await waits(changing, looker)
        refiled = await changing

    assert refiled.released == 1
    assert len(await hospital.facts(anna)) == 1


async def test_what_a_person_filed_by_hand_stays_there(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    await hospital.send(cred, reading(at=ago(hours=1)))
    [held] = await hospital.quarantined()
    await hospital.release(held.id, anna)

    await hospital.hand_over(cred, berit, ago(hours=4))

    assert len(await hospital.facts(anna)) == 1
    assert await hospital.facts(berit) == []


async def test_two_contents_under_one_id_at_one_moment_move_each_by_itself(
    hospital: Hospital,
) -> None:
    """A counter that restarted: both readings go where they belong, once each."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    first = reading(value="80", at=ago(minutes=30), pulse="60")
    second = reading(first.message_id, "81", first.at, pulse="61")
    await hospital.send(cred, first, second)

    assert (await hospital.hand_over(cred, berit, ago(hours=1))).moved == 2
    assert await hospital.values(berit) == [60, 61, 80, 81]

    assert (await hospital.hand_over(cred, None, ago(hours=1))).quarantined == 2
    assert await hospital.values(berit) == []

    assert (await hospital.hand_over(cred, anna, ago(hours=1))).released == 2
    assert await hospital.values(anna) == [60, 61, 80, 81]
    assert await hospital.values(berit) == []


# --- slots, serials and subjects keep their say -----------------------------------------------


async def test_a_gateways_slots_change_hands_one_at_a_time(hospital: Hospital) -> None:
    anna, berit, carl = [await hospital.patient() for _ in range(3)]
    cred = await hospital.held_by(anna)
    await hospital.bind(cred, berit, ago(days=30), slot="his")
    item = reading(value="2", at=ago(minutes=30), slot="his")
    await hospital.send(cred, reading(value="1", at=ago(minutes=30)), item)

    assert (await hospital.hand_over(cred, carl, ago(hours=1), slot="his")).moved == 1

    assert await hospital.values(anna) == [1]
    assert await hospital.values(berit) == []
    assert await hospital.values(carl) == [2]


async def test_a_serial_number_bound_later_takes_its_readings_with_it(
    hospital: Hospital,
) -> None:
    """Until somebody is bound to the scale itself, its readings are the household's main user's."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    await hospital.send(
        cred,
        reading(value="1", at=ago(minutes=30), serial="SCALE-1"),
        reading(value="2", at=ago(minutes=30), serial="SCALE-2"),
    )
    assert await hospital.values(anna) == [1, 2]

    assert (await hospital.hand_over(cred, berit, ago(hours=1), slot="SCALE-1")).moved == 1

    assert await hospital.values(anna) == [2]
    assert await hospital.values(berit) == [1]


async def test_a_serial_number_whose_binding_ended_does_not_fall_back_to_the_main_user(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    await hospital.bind(cred, berit, ago(days=3), ago(days=2), slot="SCALE-1")

    [answer] = await hospital.send(cred, reading(serial="SCALE-1"))

    assert answer.result is Result.QUARANTINED
    assert answer.errors[0].code is Code.UNBOUND


async def test_an_item_that_names_its_subject_is_not_moved_to_somebody_else(
    hospital: Hospital,
) -> None:
    """The app said it was Anna's: a change of the binding makes that a contradiction, not Berit's
    reading."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(at=ago(minutes=30), subject=Subject(patient_id=anna))
    await hospital.send(cred, item)

    refiled = await hospital.hand_over(cred, berit, ago(hours=1))

    assert (refiled.moved, refiled.quarantined) == (0, 1)
    assert await hospital.facts(berit) == []
    [held] = await hospital.quarantined()
    assert held.code is Code.SUBJECT_MISMATCH

    await hospital.hand_over(cred, anna, ago(hours=1))
    assert len(await hospital.facts(anna)) == 1


async def test_a_systems_items_follow_their_subject_and_no_binding(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential("system")
    await hospital.send(
        cred, reading(at=ago(minutes=30), subject=Subject(patient_id=anna)), system=True
    )

    await hospital.hand_over(cred, berit, ago(hours=1))

    assert len(await hospital.facts(anna)) == 1
    assert await hospital.facts(berit) == []


async def test_a_date_on_what_is_now_a_day_of_change_is_a_persons_to_settle(
    hospital: Hospital,
) -> None:
    """Stored while the whole day was Anna's; then Berit has had it from that day's noon."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    midnight = now().replace(hour=23, minute=0, second=0, microsecond=0) - 3 * DAY
    await hospital.send(cred, reading(at=midnight, precision="day"))
    assert len(await hospital.facts(anna)) == 1

    refiled = await hospital.hand_over(cred, berit, midnight + 12 * HOUR)

    assert refiled.quarantined == 1
    [held] = await hospital.quarantined()
    assert held.code is Code.WHOSE
    # The change is moved out of that day: the doubt is gone, and with it the wait.
    await hospital.hand_over(cred, berit, midnight - HOUR)
    assert len(await hospital.facts(berit)) == 1


async def test_a_refiled_void_stays_a_void(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(at=ago(minutes=30))
    await hospital.send(cred, item, void(item.message_id))

    await hospital.hand_over(cred, berit, ago(hours=1))
    await hospital.hand_over(cred, None, ago(hours=1))
    await hospital.hand_over(cred, anna, ago(hours=1))

    assert await hospital.facts(anna) == await hospital.facts(berit) == []


async def test_a_void_reaches_whoever_holds_the_fact_after_any_journey(
    hospital: Hospital,
) -> None:
    """Anna, quarantine, Berit; then the sender withdraws it: Berit must be judged again."""
    anna, berit, carl = [await hospital.patient() for _ in range(3)]
    cred = await hospital.held_by(anna)
    item = reading(at=ago(minutes=30))
    await hospital.send(cred, item)
    await hospital.hand_over(cred, None, ago(hours=1))
    await hospital.hand_over(cred, berit, ago(hours=1))
    await hospital.hand_over(cred, carl, ago(minutes=10))
    await take_all(hospital)

    await hospital.send(cred, void(item.message_id, at=ago(minutes=1)))

    assert berit in await judged(hospital)
    assert await hospital.facts(berit) == []


async def test_a_correction_after_any_journey_stands_alone(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="80", at=ago(minutes=30))
    await hospital.send(cred, item)
    await hospital.hand_over(cred, None, ago(hours=1))
    await hospital.hand_over(cred, berit, ago(hours=1))

    await hospital.send(cred, correction(item.message_id, "81", at=item.at))
    assert await hospital.values(berit) == [81]

    await hospital.hand_over(cred, None, ago(hours=1))
    await hospital.hand_over(cred, anna, ago(hours=1))
    assert await hospital.values(anna) == [81]
    assert await hospital.values(berit) == []

    await hospital.send(cred, amendment(item.message_id, "82", at=item.at, version=2))
    assert await hospital.values(anna) == [82]
