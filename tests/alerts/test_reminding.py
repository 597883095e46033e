"""When a patient is reminded: before anybody else hears of it, by the plan or by its default."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared import programmes
from shared.programmes import PlanItem


def item(**changes: Any) -> PlanItem:
    return PlanItem.model_validate(
        {
            "id": "weight",
            "names": {"nb": "Vekt", "en": "Weight"},
            "kind": "body_weight",
            "opens": "04:00",
            "due": "10:00",
            "grace": "PT2H",
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({}, timedelta(hours=1)),
        ({"grace": "PT24H"}, timedelta(hours=2)),
        ({"remind_after": "PT0S"}, timedelta(0)),
        ({"remind_after": "PT90M"}, timedelta(minutes=90)),
    ],
)
def test_the_plan_says_when_or_half_the_grace_and_at_most_two_hours(
    changes: dict[str, Any], after: timedelta
) -> None:
    assert item(**changes).reminded_after == after


@pytest.mark.parametrize("after", ["PT3H", "-PT1M"])
def test_a_reminder_after_the_grace_is_refused(after: str) -> None:
    with pytest.raises(ValidationError):
        item(remind_after=after)


def test_every_shipped_plan_reminds_before_the_nurse_hears_of_it() -> None:
    for programme in programmes.load_all().values():
        for one in programme.plan:
            assert one.reminded_after < one.grace or one.grace == timedelta(0)
