"""Whose a reading is, when the holder then and the holder now are not the same."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from shared.contracts import Code, Result, Subject
from tests.ledger.hospital import Hospital
from tests.ledger.items import DAY, HOUR, MINUTE, ago, now, reading

OSLO = ZoneInfo("Europe/Oslo")


async def handed_over(hospital: Hospital, at: datetime) -> tuple[str, UUID, UUID]:
    """A device that Anna held until `at` and Berit since then."""
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, datetime(2024, 1, 1, tzinfo=UTC), at)
    await hospital.bind(cred, berit, at)
    return cred, anna, berit


async def test_the_holder_at_the_time_of_measurement_decides(hospital: Hospital) -> None:
    edge = ago(hours=3)
    cred, anna, berit = await handed_over(hospital, edge)

    answers = await hospital.send(
        cred, reading(at=edge - MINUTE), reading(at=edge), reading(at=edge + MINUTE)
    )

    assert [answer.patient_id for answer in answers] == [anna, berit, berit]


@pytest.mark.parametrize("clock", ["unknown", "set-by-user"])
async def test_with_a_clock_not_known_good_only_a_person_can_say(
    hospital: Hospital, clock: str
) -> None:
    cred, anna, berit = await handed_over(hospital, ago(hours=3))

    [before, after] = await hospital.send(
        cred, reading(at=ago(hours=4), clock=clock), reading(at=ago(hours=1), clock=clock)
    )

    assert (before.result, before.fact_id) == (Result.QUARANTINED, None)
    assert before.errors[0].code is Code.WHOSE
    assert (after.result, after.patient_id) == (Result.STORED, berit)
    assert await hospital.facts(anna) == []


async def test_a_synchronised_clock_is_believed(hospital: Hospital) -> None:
    cred, anna, _ = await handed_over(hospital, ago(hours=3))
    [answer] = await hospital.send(cred, reading(at=ago(hours=4), clock="synced"))
    assert (answer.result, answer.patient_id) == (Result.STORED, anna)


async def test_after_seven_days_even_a_good_clock_is_not_believed(hospital: Hospital) -> None:
    cred, anna, _ = await handed_over(hospital, ago(hours=3))

    [just_in, too_old] = await hospital.send(
        cred, reading(at=ago(days=7) + HOUR), reading(at=ago(days=7) - HOUR)
    )

    assert (just_in.result, just_in.patient_id) == (Result.STORED, anna)
    assert too_old.errors[0].code is Code.WHOSE


async def test_an_old_reading_of_the_present_holder_is_only_late(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)
    [answer] = await hospital.send(cred, reading(at=ago(days=9), clock="unknown"))
    assert (answer.result, answer.patient_id, answer.flags) == (Result.STORED, anna, ("late",))


async def test_a_scale_whose_clock_fell_back_is_not_filed_on_its_former_owner(
    hospital: Hospital,
) -> None:
    """The battery was changed, the clock says 2025; in 2025 the scale was at Anna's."""
    cred, anna, berit = await handed_over(hospital, datetime(2026, 1, 10, tzinfo=UTC))

    answers = await hospital.send(
        cred,
        reading(at=datetime(2025, 1, 1, 0, 5, tzinfo=UTC), clock="unknown"),
        reading(at=datetime(2025, 1, 1, 0, 6, tzinfo=UTC), clock="synced"),
    )

    assert [answer.errors[0].code for answer in answers] == [Code.WHOSE, Code.WHOSE]
    assert await hospital.facts(anna) == await hospital.facts(berit) == []


async def test_a_device_that_has_come_back_to_the_same_patient_raises_no_doubt(
    hospital: Hospital,
) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=30), ago(days=10))
    await hospital.bind(cred, berit, ago(days=10), ago(days=2))
    await hospital.bind(cred, anna, ago(days=2))

    [answer] = await hospital.send(cred, reading(at=ago(days=20), clock="unknown"))

    assert (answer.result, answer.patient_id) == (Result.STORED, anna)


async def test_a_device_that_nobody_holds_now_is_doubted_too(hospital: Hospital) -> None:
    anna = await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=30), ago(days=1))
    [unknown, synced] = await hospital.send(
        cred, reading(at=ago(days=2), clock="unknown"), reading(at=ago(days=2))
    )
    assert unknown.errors[0].code is Code.WHOSE
    assert (synced.result, synced.patient_id) == (Result.STORED, anna)


# --- dates ------------------------------------------------------------------------------------


def midnight(days_ago: int) -> datetime:
    """The first moment of a day in Norway."""
    today = now().astimezone(OSLO).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - timedelta(days=days_ago)).astimezone(UTC)


async def test_a_date_on_the_day_of_change_is_doubted_and_on_other_days_not(
    hospital: Hospital,
) -> None:
    cred, anna, berit = await handed_over(hospital, midnight(3) + 11 * HOUR)

    answers = await hospital.send(
        cred, *(reading(at=midnight(days), precision="day") for days in (4, 3, 2))
    )

    assert [answer.patient_id for answer in answers if answer.result is Result.STORED] == [
        anna, berit,
    ]  # fmt: skip
    assert answers[1].errors[0].code is Code.WHOSE


async def test_a_moment_on_the_day_of_change_is_not_doubted(hospital: Hospital) -> None:
    cred, anna, _ = await handed_over(hospital, midnight(3) + 11 * HOUR)
    [answer] = await hospital.send(cred, reading(at=midnight(3)))
    assert (answer.result, answer.patient_id) == (Result.STORED, anna)


async def test_a_device_handed_over_at_midnight_leaves_no_day_of_change(
    hospital: Hospital,
) -> None:
    cred, anna, berit = await handed_over(hospital, midnight(3))
    answers = await hospital.send(
        cred, *(reading(at=midnight(days), precision="day") for days in (4, 3))
    )
    assert [answer.patient_id for answer in answers] == [anna, berit]


async def test_the_day_on_which_the_clocks_go_back_has_25_hours(hospital: Hospital) -> None:
    first = datetime(2026, 10, 25, tzinfo=OSLO)
    edge = datetime(2026, 10, 25, 23, 30, tzinfo=OSLO)
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=900), edge)
    await hospital.bind(cred, berit, edge)
    async with hospital.owner.connection() as connection:
        code = await connection.fetchval(
            "select code from ledger.whose($1, $2, false, $3, $4, true, $5)",
            hospital.org, cred, {"precision": "day"}, first, edge + DAY,
        )  # fmt: skip
    assert code == "whose"


# --- nobody, systems, subjects ----------------------------------------------------------------


async def test_what_nobody_held_is_quarantined_with_its_bytes(hospital: Hospital) -> None:
    cred = await hospital.credential()
    item = reading()

    [answer] = await hospital.send(cred, item)

    assert (answer.result, answer.fact_id, answer.patient_id) == (Result.QUARANTINED, None, None)
    [held] = await hospital.quarantined()
    assert (held.code, held.raw, held.unit_id) == (Code.UNBOUND, item.raw, hospital.unit_id)


async def test_a_system_must_name_somebody_we_know(hospital: Hospital) -> None:
    anna = await hospital.patient()
    await hospital.identifier(anna, b"hash-of-anna")
    cred = await hospital.credential("system")

    def hashed(system: str, value: str) -> bytes:
        return f"hash-of-{value}".encode()

    answers = await hospital.send(
        cred,
        reading(subject=Subject(patient_id=anna)),
        reading(subject=Subject(system="urn:test", value="anna")),
        reading(subject=Subject(system="urn:test", value="nobody")),
        reading(subject=Subject(patient_id=uuid4())),
        reading(),
        system=True,
        hashed=hashed,
    )

    assert [answer.patient_id for answer in answers[:2]] == [anna, anna]
    assert [answer.errors[0].code for answer in answers[2:]] == [Code.UNKNOWN_SUBJECT] * 3


async def test_a_device_that_names_somebody_else_is_not_believed(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.held_by(anna)

    answers = await hospital.send(
        cred,
        reading(subject=Subject(patient_id=anna)),
        reading(subject=Subject(patient_id=berit)),
        reading(subject=Subject(system="urn:test", value="unknown number")),
        hashed=lambda system, value: b"none",
    )

    assert answers[0].patient_id == anna
    assert [answer.errors[0].code for answer in answers[1:]] == [Code.SUBJECT_MISMATCH] * 2
    assert await hospital.facts(berit) == []


async def test_a_patient_of_another_organisation_is_nobody(hospital: Hospital) -> None:
    other = Hospital(
        hospital.org + "-x", hospital.owner, hospital.ingest, hospital.patients, hospital.alerts
    )
    await other.found()
    stranger = await other.patient()
    cred = await hospital.credential("system")
    [answer] = await hospital.send(cred, reading(subject=Subject(patient_id=stranger)), system=True)
    assert answer.errors[0].code is Code.UNKNOWN_SUBJECT


# --- clocks that are ahead, or tell nothing ---------------------------------------------------


async def test_a_time_in_the_future_becomes_the_time_of_receipt_and_is_flagged(
    hospital: Hospital,
) -> None:
    anna = await hospital.patient()
    cred = await hospital.held_by(anna)

    [ahead, slightly, none] = await hospital.send(
        cred,
        reading(at=now() + HOUR),
        reading(at=now() + 2 * MINUTE),
        reading(at=ago(days=800), clock="none"),
    )

    for suspect in (ahead, none):
        assert suspect.flags == ("clock_suspect",)
        [fact] = [fact for fact in await hospital.facts(anna) if fact.id == suspect.fact_id]
        assert fact.at == suspect.received_at
        assert fact.flags == {"clock_suspect"}
    assert slightly.flags == ()


async def test_a_clock_ahead_does_not_reach_the_next_holder(hospital: Hospital) -> None:
    anna, berit = await hospital.patient(), await hospital.patient()
    cred = await hospital.credential()
    await hospital.bind(cred, anna, ago(days=3), now() + DAY)
    await hospital.bind(cred, berit, now() + DAY)
    [answer] = await hospital.send(cred, reading(at=now() + 3 * DAY))
    assert (answer.patient_id, answer.flags) == (anna, ("clock_suspect",))
