"""A record: the same whatever the order, cheap to extend, and honest about doubtful facts."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from services.alerts.clinical import decided
from services.alerts.clinical.history import Record
from shared.contracts import Fact, Flag
from shared.programmes import Input, Source, Text
from tests.clinical.given import (
    CLOCK_SUSPECT,
    ENROLMENT,
    NOW,
    PATIENT,
    ago,
    answers,
    decision,
    enrolled,
    fact,
    limit,
    pressure,
    reading,
    record,
    weight,
)

WEIGHT = ("body_weight", "value")


def figures(patient: Record, key: tuple[str, str] = WEIGHT) -> list[object]:
    return [sample.value for sample in patient.series(key).all.samples]


def test_samples_are_in_time_order_whatever_the_order_of_arrival() -> None:
    facts = [weight(ago(hours=hours), 80 + hours / 10) for hours in range(20)]
    shuffled = facts[:]
    random.Random(1).shuffle(shuffled)

    assert figures(Record.of(PATIENT, shuffled)) == figures(Record.of(PATIENT, facts))


def test_facts_of_one_moment_are_ordered_by_origin_not_by_arrival() -> None:
    twins = [weight(NOW, 80, name=str(n)) for n in range(6)]
    # Filed again: new ids, the same origins.
    again = [replace(one, id=other.id) for one, other in zip(twins, reversed(twins), strict=True)]

    first = [s.fact.origin for s in Record.of(PATIENT, twins).series(WEIGHT).all.samples]
    second = [s.fact.origin for s in Record.of(PATIENT, again).series(WEIGHT).all.samples]
    assert first == second


def test_adding_one_by_one_is_the_same_as_all_at_once() -> None:
    facts: list[Fact] = [enrolled(plan=[])]
    for day in range(8):
        facts += [
            weight(ago(days=day), 80 + day, "post" if day % 2 else None),
            pressure(ago(days=day, minutes=3), 130 + day),
            answers(ago(days=day, hours=1), effluent="clear"),
        ]
    random.Random(3).shuffle(facts)
    at_once, step_by_step = Record.of(PATIENT, facts), Record(PATIENT)
    after = Input(
        name="after",
        names=Text(nb="x", en="x"),
        sources=(
            Source(kind="body_weight", phase=("post",)),
            Source(kind="blood_pressure", field="systolic"),
        ),
    )
    for one in facts:
        step_by_step.input(after)  # gathered early, so that it must be extended
        step_by_step = step_by_step.adding([one])

    assert step_by_step.input(after).all.samples == at_once.input(after).all.samples
    for key in (WEIGHT, ("blood_pressure", "systolic"), ("body_weight", "*")):
        assert step_by_step.series(key).all.samples == at_once.series(key).all.samples
        assert step_by_step.series(key).last == at_once.series(key).last


def test_a_fact_that_is_already_there_changes_nothing() -> None:
    one = weight(NOW, 80)
    patient = record(weight(ago(hours=2), 79), one)

    assert figures(patient.adding([one])) == figures(patient)
    assert figures(Record.of(PATIENT, [one, one])) == [80]


def test_an_older_record_is_left_as_it_was() -> None:
    before = record(weight(ago(hours=2), 79))
    before.adding([weight(NOW, 80)])

    assert figures(before) == [79]


def test_without_takes_out_what_was_voided() -> None:
    wrong, right = weight(NOW, 8), weight(ago(hours=1), 80)
    patient = record(wrong, right, limit("target_weight", 80))

    assert figures(patient.without({wrong.id})) == [80]
    gone = patient.without({limit("target_weight", 80).id})
    assert gone.limit("home_dialysis", "target_weight", NOW) is None


def test_doubtful_facts_are_kept_but_never_the_latest() -> None:
    patient = record(
        weight(ago(hours=3), 80),
        weight(ago(hours=2), 81, flags=CLOCK_SUSPECT),
        weight(ago(hours=1), 82, precision="day"),
    )
    pair = patient.series(WEIGHT)

    assert figures(patient) == [80, 81, 82]
    latest = pair.sure.latest(ago(days=1), NOW)
    assert latest is not None
    assert latest.value == 80


def test_an_identity_in_doubt_is_not_a_clock_in_doubt() -> None:
    patient = record(weight(NOW, 80, flags=(Flag.IDENTITY_UNCERTAIN, Flag.LATE, Flag.ID_REUSED)))

    assert len(patient.series(WEIGHT).sure.samples) == 1
    assert len(patient.reused) == 1


def test_oxygen_is_known_only_when_something_says_so() -> None:
    cases = [
        ({}, {"value": 95}, []),
        ({"on_oxygen": False}, {"value": 95}, [False]),
        ({"on_oxygen": True}, {"value": 95}, [True]),
        ({}, {"value": 95, "oxygen_flow": 2}, [True]),
        ({}, {"value": 95, "oxygen_flow": 0}, [False]),
        ({"on_oxygen": False}, {"value": 95, "oxygen_flow": 2}, [True]),
    ]
    for context, values, expected in cases:
        patient = record(reading("spo2", NOW, context=context, **values))
        assert figures(patient, ("spo2", "oxygen")) == expected


def test_numbers_stay_exact_however_they_are_written() -> None:
    one = fact("reading", "body_weight", NOW, {"v": 1, "values": {"value": "82.40"}})
    two = fact("reading", "body_weight", ago(hours=1), {"v": 1, "values": {"value": 82}})

    assert figures(record(one, two)) == [Decimal(82), Decimal("82.40")]


def test_a_fact_that_cannot_be_read_hides_no_other() -> None:
    broken = fact("reading", "body_weight", ago(hours=1), {"v": 1})
    nan = fact("reading", "spo2", NOW, {"v": 1, "values": {"value": Decimal("NaN")}})
    odd = fact("limit-set", "", ago(hours=2), {"name": "target_weight"})
    patient = record(broken, nan, odd, weight(NOW, 80))

    assert figures(patient) == [80]
    assert patient.unreadable == (broken, nan)
    assert patient.decided.unreadable == [odd]


# --- decisions --------------------------------------------------------------------------------


def test_a_limit_holds_from_its_moment_until_the_next() -> None:
    patient = record(
        limit("target_weight", 82, ago(days=3)),
        limit("target_weight", 80, ago(days=1)),
        limit("target_weight", None, ago(hours=1)),
    )
    at = [ago(days=4), ago(days=3), ago(days=2), ago(days=1), NOW]

    values = [patient.limit("home_dialysis", "target_weight", moment) for moment in at]
    assert values == [None, 82, 82, 80, None]


def test_the_scale_is_1_until_a_decision_and_after_its_end() -> None:
    patient = record(
        decision("spo2-scale-decided", ago(days=2), scale=2, reason="blood gas"),
        decision("spo2-scale-decided", ago(days=1), scale=1, reason="stopped"),
    )
    scales = [patient.decided.spo2_scale(at) for at in (ago(days=3), ago(days=2), NOW)]

    assert scales == [1, 2, 1]


def test_an_enrolment_is_in_force_from_its_start_until_its_end() -> None:
    patient = Record.of(
        PATIENT,
        [
            decision("enrolment-ended", ago(days=1), enrolment_id=str(ENROLMENT), reason="x"),
            enrolled(ago(days=3), plan=[]),
        ],
    )
    moments = (ago(days=4), ago(days=3), ago(days=2), ago(days=1), NOW)

    in_force = [patient.enrolled("home_dialysis", at) is not None for at in moments]
    assert in_force == [False, True, True, False, False]


def test_a_second_decision_on_an_enrolment_changes_the_plan_from_then_on() -> None:
    item = {
        "id": "w", "names": {"nb": "Vekt", "en": "Weight"}, "kind": "body_weight",
        "opens": "06:00", "due": "09:00", "grace": "PT1H",
    }  # fmt: skip
    patient = Record.of(PATIENT, [enrolled(ago(days=3)), enrolled(ago(days=1), plan=[item])])

    before, after = (patient.enrolled("home_dialysis", at) for at in (ago(days=2), NOW))
    assert before is not None
    assert after is not None
    assert before.plan is None
    assert after.plan is not None
    assert [one.id for one in after.plan] == ["w"]


def test_a_plan_that_cannot_be_read_leaves_the_enrolment_standing() -> None:
    patient = Record.of(PATIENT, [enrolled(plan=[{"id": "w"}])])

    assert patient.enrolled("home_dialysis", NOW) is not None
    assert len(patient.decided.unreadable) == 1


def test_death_ends_every_enrolment() -> None:
    patient = record(decision("patient-changed", ago(days=1), deceased=True))

    assert patient.enrolled("home_dialysis", ago(days=2)) is not None
    assert patient.enrolled("home_dialysis", NOW) is None


def test_a_pause_ends_at_its_time_or_when_ended_earlier() -> None:
    until = (NOW + timedelta(days=2)).isoformat()
    open_ = record(decision("paused", ago(days=2), pause_id="p", until=until, reason="trip"))
    ended = open_.adding([decision("pause-ended", ago(days=1), pause_id="p")])

    assert open_.paused(NOW) is not None
    assert ended.paused(NOW) is None
    assert ended.paused(ago(hours=30)) is not None


def test_only_what_takes_back_a_death_or_a_birth_date_reaches_into_the_past() -> None:
    born = decision("patient-registered", ago(days=90), born="1952-03-14")
    died = decision("patient-changed", ago(days=3), deceased=True)
    lives = decision("patient-changed", ago(hours=1), deceased=False)
    another = decision("patient-changed", ago(hours=1), born="1962-03-14", deceased=False)
    renamed = decision("patient-changed", ago(hours=1), name="N", born="1952-03-14")

    def back(*facts: Fact) -> datetime | None:
        return decided.taken_back(facts, {facts[-1].id})

    assert back(born, died, lives) == ago(days=3)
    assert back(born, another) == decided.EVER
    assert back(born, renamed) is back(born, died) is back(born) is None
