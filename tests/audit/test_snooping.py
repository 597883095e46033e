"""Looks that want an explanation: each rule speaks, and keeps silent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.patients.privacy import snooping
from services.patients.privacy.snooping import Read

UNIT, OTHER = uuid4(), uuid4()
DAYTIME = {
    "zone": "Europe/Oslo",
    "hours": [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "07:45", "to": "15:30"}],
}
NOON = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)  # a Wednesday
NIGHT = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
PLAIN = Read(
    "anne", "Anne Lie", [UNIT], NOON, "readings", "treatment", "shown", uuid4(), "Per Haug", UNIT
)


def names(*reads: Read, rules: snooping.Rules | None = None) -> list[str]:
    found = snooping.judge(reads, {UNIT: DAYTIME}, rules or snooping.rules())
    return [one.rule for one in found]


def test_an_ordinary_look_wants_no_explanation() -> None:
    assert names(PLAIN) == []


@pytest.mark.parametrize(
    ("rule", "read"),
    [
        ("own-record", replace(PLAIN, is_own=True, is_colleague=True, patient_name="Anne Lie")),
        ("colleague", replace(PLAIN, is_colleague=True)),
        ("same-family-name", replace(PLAIN, patient_name="Ole LIE")),
        ("neighbour-unit", replace(PLAIN, patient_unit=OTHER, why="emergency")),
    ],
)
def test_one_look_is_enough(rule: str, read: Read) -> None:
    assert names(read) == [rule]
    assert names(replace(read, outcome="refused")) == []


def test_a_name_that_says_little_may_be_left_out() -> None:
    hansen = replace(PLAIN, name="Anne Hansen", patient_name="Per Hansen")
    assert names(hansen) == []
    rules = snooping.rules().model_copy(update={"same_family_name": snooping.FamilyName()})
    assert names(hansen, rules=rules) == ["same-family-name"]


def test_the_same_look_twice_is_one_suspicion() -> None:
    (found,) = snooping.judge(
        [replace(PLAIN, is_colleague=True), replace(PLAIN, is_colleague=True)],
        {UNIT: DAYTIME},
        snooping.rules(),
    )
    assert found.looks == 2


def tries(count: int, apart: timedelta, **more: object) -> list[Read]:
    made = []
    for number in range(count):
        at = NOON + number * apart
        made.append(replace(PLAIN, at=at, patient=uuid4(), outcome="refused", **more))  # type: ignore[arg-type]  # by name
    return made


def test_three_patients_without_relation_in_a_day_want_one() -> None:
    assert names(*tries(3, timedelta(hours=1))) == ["many-without-relation"]
    assert names(*tries(2, timedelta(hours=1))) == []
    assert names(*tries(3, timedelta(hours=13))) == []
    same = [replace(each, patient=PLAIN.patient) for each in tries(9, timedelta(minutes=1))]
    assert names(*same) == []


def test_looks_outside_the_units_hours_want_one_from_the_third() -> None:
    night = replace(PLAIN, at=NIGHT)
    assert names(night, night) == []
    assert names(night, night, night) == ["outside-hours"]
    evening = replace(PLAIN, at=datetime(2026, 3, 4, 15, 20, tzinfo=UTC))  # within the margin
    assert names(evening, evening, evening) == []
    nowhere = replace(night, units=[])
    assert names(nowhere, nowhere, nowhere) == []


def test_a_rule_can_be_ended_and_a_threshold_moved(tmp_path: object) -> None:
    rules = snooping.Rules.model_validate(
        {"colleague": {"on": False}, "many_without_relation": {"patients": 5}}
    )
    assert names(replace(PLAIN, is_colleague=True), rules=rules) == []
    assert names(*tries(4, timedelta(hours=1)), rules=rules) == []


def test_a_word_that_no_rule_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        snooping.Rules.model_validate({"neigbour_unit": {"on": False}})
