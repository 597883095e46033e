"""What is wrong with the platform, of what was seen of it; pure."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.alerts.judging import watchdog
from services.alerts.judging.watchdog import Seen
from tests.clinical.given import NOW, ago

NOBODY_EVER = Seen(
    now=NOW,
    received_at=None,
    overdue=25,
    waits_since=ago(minutes=1),
    oldest=None,
    follower_at=NOW,
    months_ahead=12,
)


@pytest.mark.parametrize(
    ("hours", "held"), [(0, True), (2.4, True), (2.6, False), (24, False), (168, False)]
)
def test_who_waits_behind_a_platform_that_never_heard_anybody_is_held_back_for_two_hours(
    hours: float, held: bool
) -> None:
    then = NOW + timedelta(hours=hours)
    later = replace(NOBODY_EVER, now=then, follower_at=then)

    (fault,) = watchdog.find(later)
    assert fault.at == ago(minutes=1)
    assert watchdog.holds_back([fault], later.now) is held


def test_a_platform_that_was_heard_is_quiet_since_then() -> None:
    (fault,) = watchdog.find(replace(NOBODY_EVER, received_at=ago(minutes=31)))

    assert fault.at == ago(minutes=31)
    assert watchdog.holds_back([fault], NOW)
    assert not watchdog.holds_back([fault], NOW + timedelta(hours=2, minutes=1))
    assert not watchdog.holds_back([], NOW)
