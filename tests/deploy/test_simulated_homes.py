"""The simulated homes: the same seed makes the same history, and every part is always seen."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from deploy.local.simulated import days, devices, homes, mornings
from deploy.local.simulated.homes import SPECIAL, Part
from shared import kinds, programmes, values

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 6, 45, tzinfo=UTC)


def some_homes(count: int = 30) -> list[homes.Home]:
    patients = [
        {"id": f"p{n}", "programme": "home_dialysis", "cred": f"c-{n}", "secret": "s"}
        for n in range(count)
    ]
    return homes.of({"patients": patients}, 1)


def test_every_part_is_played_however_few_are_ordinary() -> None:
    assert {home.part for home in some_homes()} == set(Part)
    assert [home.part for home in some_homes(3)] == list(SPECIAL[:3])


def test_history_is_the_same_each_time_and_has_no_id_twice() -> None:
    for home in some_homes():
        items = days.history(home, TODAY, 14)
        assert items == days.history(home, TODAY, 14)
        ids = [item["id"] for item in items]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("home", some_homes(), ids=lambda home: f"{home.number}-{home.part}")
def test_history_and_morning_can_be_measured(home: homes.Home) -> None:
    """Except where a fault is the point."""
    for item in [*days.history(home, TODAY, 14), *sent_right(home)]:
        kind = kinds.CATALOGUE[item["kind"]]
        assert values.read(kind, item["values"]).faults == []
        assert datetime.fromisoformat(item["at"]) <= NOW + timedelta(seconds=5)


def sent_right(home: homes.Home) -> Iterator[Any]:
    for step in mornings.script(home, NOW):
        if step.channel == "obs" and step.expects[0] != "quarantined":
            yield from step.body


@pytest.mark.parametrize("hour", range(24))
def test_at_no_hour_is_a_dialysis_overdue_before_the_morning_has_been_played(hour: int) -> None:
    now = datetime.combine(TODAY, time(hour, 59), devices.OSLO).astimezone(UTC)
    gaps = {limit.name: limit.default for limit in programmes.load("home_dialysis").limits}

    for home in some_homes():
        if home.part in (Part.SILENT, Part.FLUID):
            continue  # these stay away on purpose
        sent = [*days.history(home, TODAY, 14), *days.last_night(home, now)]
        machine = [one["at"] for one in sent if one["kind"] == "pd_treatment"]
        assert bool(machine) == home.peritoneal
        if machine:
            since = now - datetime.fromisoformat(max(machine, key=datetime.fromisoformat))
            assert since < timedelta(hours=float(gaps["exchange_gap_yellow"] or 0))


def test_between_sessions_the_weight_climbs_and_a_session_takes_it_back() -> None:
    home = next(one for one in some_homes() if not one.peritoneal and one.part is Part.ORDINARY)

    weights = [days.weight(home, TODAY - timedelta(days=n), TODAY) for n in range(14)]

    assert max(weights) - min(weights) < Decimal("0.75")
    assert min(weights) > home.dry_weight


def test_the_one_who_drifts_is_far_above_and_the_silent_one_stopped_days_ago() -> None:
    by_part = {home.part: home for home in some_homes()}

    drifting = by_part[Part.FLUID]
    assert days.weight(drifting, TODAY, TODAY) - drifting.dry_weight > Decimal("1.7")
    last = max(item["at"] for item in days.history(by_part[Part.SILENT], TODAY, 14))
    assert datetime.fromisoformat(last).date() <= TODAY - timedelta(days=3)
    assert mornings.script(by_part[Part.SILENT], NOW) == []
