"""The version decided for a patient judges him, through ledger, hand-over, alerts and pages."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.alerts.rows.checker import Checker
from services.alerts.stream import Notifier
from shared import exact
from tests.alerts import given
from tests.alerts.given import HOME, World, ago
from tests.clinical.test_versions import BOTH


def follow(world: World) -> None:
    """Both versions are loaded; red from 180 by the first, from 150 by the second."""
    world.programmes = dict(BOTH)


async def patient(world: World, version: str = "1") -> UUID:
    id_ = await given.patient(world)
    body = {"enrolment_id": str(uuid4()), "programme": HOME, "unit_id": str(world.unit),
            "plan": [], "version": version}  # fmt: skip
    await given.decide(world, id_, "enrolled", body, ago(days=59))
    return id_


async def activate(world: World, id_: UUID, version: str, at: datetime) -> None:
    body = {"programme": HOME, "version": version, "reason": "Fagrådet"}
    await given.decide(world, id_, "programme-activated", body, at)


async def red(world: World, id_: UUID) -> list[tuple[str, bool]]:
    return [
        (one["body"]["programme_version"], one["basis_changed"])
        for one in await world.open_alerts(id_)
        if one["group"] == "blood-pressure" and one["colour"] == "red"
    ]


async def test_a_late_reading_from_before_the_activation_is_judged_by_the_old_version(
    world: World,
) -> None:
    follow(world)
    id_ = await patient(world)
    await activate(world, id_, "2", ago(hours=10))
    await given.send(world, id_, given.systolic(165, ago(hours=11)))
    await world.judge()
    assert await red(world, id_) == []

    await given.send(world, id_, given.systolic(165, ago(hours=2)))
    await world.judge()
    assert await red(world, id_) == [("2", False)]


async def test_an_activation_that_comes_after_the_reading_judges_it_again(world: World) -> None:
    follow(world)
    id_ = await patient(world)
    await given.send(world, id_, given.systolic(165, ago(hours=2)))
    await world.judge()
    assert await red(world, id_) == []

    await activate(world, id_, "2", ago(hours=3))
    await world.judge()
    assert await red(world, id_) == [("2", False)]

    await activate(world, id_, "1", ago(hours=2, minutes=30))
    await world.judge()
    assert await red(world, id_) == [("2", True)]


async def test_the_checker_finds_rows_and_findings_of_both_versions_in_order(world: World) -> None:
    follow(world)
    patients = [await patient(world) for _ in range(3)]
    for n, id_ in enumerate(patients):
        for hours in (30, 20, 12, 6, 1):
            await given.send(world, id_, given.systolic(140 + 10 * n, ago(hours=hours)))
        await activate(world, id_, "2", ago(hours=10 + n))
        await given.send(world, id_, given.systolic(165, ago(hours=13)))
        await world.judge()
        await world.wake(id_)
    checker = Checker(world.alerts, Notifier(world.alerts), world.programmes, again=timedelta(0))

    assert await checker.round(given.ORG, 10) == []
    assert await world.value("select count(*) from alerts.finding where gone_at is null") > 0


async def test_what_if_compares_the_version_in_force_with_another(world: World) -> None:
    follow(world)
    for version in ("1", "1", "2"):
        id_ = await patient(world, version)
        await given.send(world, id_, given.systolic(165, ago(days=2)))
    await world.judge()

    async def asked(version: str, status: int = 200) -> dict[str, Any]:
        async with given.client(world) as client:
            body = {"programme": HOME, "days": 10, "version": version}
            answer = await client.post("/v1/what-if", json=body)
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = exact.loads(answer.content)
        return told

    second = await asked("2")
    assert (second["version"], second["tried_version"]) == ("1, 2", "2")
    assert (second["counts"]["new"], second["counts"]["vanished"]) == (2, 0)
    first = await asked("1")
    assert (first["counts"]["new"], first["counts"]["vanished"]) == (0, 1)
    assert (await asked("3", 422))["code"] == "version-is-not-loaded"


async def test_why_not_says_by_which_version(world: World) -> None:
    follow(world)
    id_ = await patient(world)
    await activate(world, id_, "2", ago(hours=10))
    await given.send(world, id_, given.systolic(165, ago(hours=11)))
    await world.judge()
    asked = {
        "patient": str(id_),
        "kind": "blood_pressure",
        "at": ago(hours=11).isoformat(),
    }

    async with given.client(world) as client:
        answer = await client.get("/v1/why-not", params=asked)

    told = next(one for one in answer.json()["rules"] if one["rule"] == "hd-5-red-high")
    assert told["programme_version"] == "1"
    assert told["why"] == "not-beyond"
    assert told["says"]["nb"].endswith("(versjon 1, som gjaldt da).")


async def test_a_version_that_is_gone_is_one_alarm_and_everybody_is_still_judged(
    world: World,
) -> None:
    follow(world)
    patients = [await patient(world, "0.9") for _ in range(3)]
    for id_ in patients:
        await given.send(world, id_, given.systolic(165, ago(hours=2)))
    await world.judge()
    clock = world.clock
    for _ in range(2):
        await clock.round(given.ORG)

    for id_ in patients:
        assert await red(world, id_) == [("2", False)]
    (alarm,) = await world.fetch("select * from alerts.alert where rule = 'platform-version'")
    assert (alarm["colour"], alarm["lane"], alarm["cause"]) == ("red", "technical", "us")
    assert "0.9" in alarm["body"]["reason"]["nb"]


async def test_a_plan_that_a_version_changes_is_expected_from_the_next_day(world: World) -> None:
    follow(world)
    id_ = await given.patient(world)
    body = {"enrolment_id": str(uuid4()), "programme": HOME, "unit_id": str(world.unit),
            "plan": None, "version": "1"}  # fmt: skip
    await given.decide(world, id_, "enrolled", body, ago(days=3), recorded_then=True)
    await activate(world, id_, "2", ago(hours=1))
    await world.judge()

    rows = await world.fetch(
        "select local_day, slot, count(*) from alerts.due where patient_id = $1"
        " group by local_day, slot", id_)  # fmt: skip
    assert rows
    assert all(row["count"] == 1 for row in rows)
    days = {row["local_day"] for row in rows}
    assert max(days) - min(days) >= timedelta(days=2)
