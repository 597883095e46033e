"""A visit's messages come to the same stay in whatever order they arrive."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.patients.followup import stays
from services.patients.followup.stays import UNHEARD, Stay
from shared.contracts import Fact

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def told(event: str, hours: float, **body: object) -> Fact:
    at = NOON + hours * HOUR
    return Fact(
        org="hus", id=UUID(int=int(hours * 100) + 1), patient_id=UUID(int=1),
        type="administration", kind=event, at=at, received_at=at, source="c-1",
        body={"v": 1, "event": event, "class": "I", **body},
    )  # fmt: skip


ADMITTED = told("admitted", 0)
DISCHARGED = told("discharged", 48)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([ADMITTED], Stay(NOON, NOON + UNHEARD, None)),
        ([told("moved", 5)], Stay(NOON + 5 * HOUR, NOON + 5 * HOUR + UNHEARD, None)),
        ([ADMITTED, told("changed", 24)], Stay(NOON, NOON + 24 * HOUR + UNHEARD, None)),
        ([ADMITTED, DISCHARGED],
         Stay(NOON, NOON + 48 * HOUR + UNHEARD, NOON + 48 * HOUR)),
        ([ADMITTED, DISCHARGED, told("discharge-cancelled", 49)],
         Stay(NOON, NOON + 49 * HOUR + UNHEARD, None)),
        ([ADMITTED, told("admission-cancelled", 1)], None),
        ([ADMITTED, DISCHARGED, told("admitted", 72)],
         Stay(NOON + 72 * HOUR, NOON + 72 * HOUR + UNHEARD, None)),
        ([told("changed", 0)], None),
        ([told("admitted", 0, **{"class": "O"})], None),
        ([told("admitted", 0, test=True)], None),
        ([], None),
    ],
)  # fmt: skip
def test_what_the_register_says_of_a_visit(facts: list[Fact], expected: Stay | None) -> None:
    for order in itertools.permutations(facts):
        assert stays.stay(order) == expected


def test_an_expected_discharge_lengthens_the_stay_but_never_beyond_a_year() -> None:
    later = (NOON + timedelta(days=40)).isoformat()
    far = (NOON + timedelta(days=4000)).isoformat()

    expected = stays.stay([told("admitted", 0, expected_end=later)])
    assert expected == Stay(NOON, NOON + timedelta(days=40), None)
    assert stays.stay([told("admitted", 0, expected_end=far)]) == Stay(
        NOON, NOON + stays.LONGEST, None
    )
