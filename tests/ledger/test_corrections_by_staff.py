"""What staff correct, withdraw and enter themselves."""

from uuid import uuid4

from shared import ledger
from shared.contracts import Result
from tests.ledger.hospital import Hospital
from tests.ledger.items import ago, correction, reading, value_of, void


async def test_staff_withdraw_one_fact_and_only_that(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    await hospital.send(cred, reading(value="142", pulse="71"))
    pulse = next(fact for fact in await hospital.facts(anna) if fact.kind == "pulse")
    assert pulse.origin

    answer = await hospital.correct_by_staff(anna, pulse.origin, void("unused"))

    assert answer.result is Result.VOIDED
    assert await hospital.values(anna) == [142]
    assert "void" in await hospital.told(anna)


async def test_staff_correct_a_fact(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    [sent] = await hospital.send(cred, reading(value="284"))
    assert sent.fact_id

    answer = await hospital.correct_by_staff(
        anna, sent.fact_id, reading(value="84", how="correction")
    )

    [fact] = await hospital.facts(anna)
    assert (fact.id, fact.source) == (answer.fact_id, "staff:nurse")
    assert value_of(fact) == 84


async def test_staff_correct_what_staff_corrected_before(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    await hospital.send(cred, reading(value="284"))
    for value in ("84", "85", "86"):
        [fact] = await hospital.facts(anna)
        assert fact.origin
        await hospital.correct_by_staff(anna, fact.origin, reading(value=value, how="correction"))
    assert await hospital.values(anna) == [86]

    [fact] = await hospital.facts(anna)
    assert fact.origin
    await hospital.correct_by_staff(anna, fact.origin, void("unused"))
    assert await hospital.values(anna) == []


async def test_a_pulse_that_staff_withdrew_is_not_brought_back_by_the_devices_correction(
    hospital: Hospital,
) -> None:
    """Void wins, part by part; the pressure is corrected all the same."""
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    item = reading(value="142", pulse="71")
    await hospital.send(cred, item)
    pulse = next(fact for fact in await hospital.facts(anna) if fact.kind == "pulse")
    assert pulse.origin
    await hospital.correct_by_staff(anna, pulse.origin, void("unused"))

    fix = correction(item.message_id, "140", pulse="72")
    await hospital.send(cred, fix)
    assert await hospital.values(anna) == [140]

    await hospital.send(cred, correction(fix.message_id, "139"))
    assert await hospital.values(anna) == [139]


async def test_staff_correct_a_fact_that_was_filed_again(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    await hospital.send(cred, reading(value="80", at=ago(minutes=30)))
    await hospital.hand_over(cred, berit, ago(hours=1))
    [fact] = await hospital.facts(berit)
    assert fact.origin

    await hospital.correct_by_staff(berit, fact.origin, reading(value="81", how="correction"))

    assert await hospital.values(berit) == [81]
    assert await hospital.values(anna) == []


async def test_what_staff_withdrew_stays_withdrawn_when_it_is_filed_again(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)
    [sent] = await hospital.send(cred, reading(at=ago(minutes=30)))
    assert sent.fact_id
    await hospital.correct_by_staff(anna, sent.fact_id, void("unused"))

    await hospital.hand_over(cred, berit, ago(hours=1))

    assert await hospital.facts(anna) == await hospital.facts(berit) == []


async def test_a_reading_told_by_telephone_is_stored_and_judged_once(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    item = reading(value="81")
    for expected in (Result.STORED, Result.DUPLICATE):
        async with hospital.patients.transaction() as tx:
            [answer] = await ledger.append_as_staff(
                tx, hospital.org, by="nurse", patient_id=anna, items=[item]
            )
        assert (answer.result, answer.patient_id) == (expected, anna)
    assert await hospital.told(anna) == ["reading"]


async def test_staff_cannot_enter_a_reading_for_nobody(hospital: Hospital) -> None:
    async with hospital.patients.transaction() as tx:
        [answer] = await ledger.append_as_staff(
            tx, hospital.org, by="nurse", patient_id=uuid4(), items=[reading()]
        )
    assert answer.result is Result.QUARANTINED
