"""The list: its order, its filters that hide no red, and who was seen when it was read."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.alerts import given
from tests.alerts.given import World, ago


async def many(world: World) -> dict[str, UUID]:
    """Two reds of different age, one of them acknowledged; a yellow; a green."""
    names = ("older", "newer", "seen", "yellow", "green")
    patients = {name: await given.patient(world, limits={"target_weight": 82}) for name in names}
    post = {"phase": "post"}
    for name in ("older", "newer", "seen"):
        await given.send(world, patients[name], given.weight("85", ago(minutes=9), **post))
        await world.judge()
    await given.send(world, patients["yellow"], given.weight("83.2", ago(minutes=9), **post))
    await given.send(world, patients["green"], given.weight("82.1", ago(minutes=9), **post))
    await world.judge()
    await world.move(await world.alert(patients["seen"], "target-weight"), "acknowledge")
    return patients


async def listed(world: World, **query: Any) -> dict[str, Any]:
    async with given.client(world) as client:
        answer = await client.get("/v1/worklist", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


def ids(answer: dict[str, Any]) -> list[str]:
    return [row["patient"]["id"] for row in answer["rows"]]


async def test_rows_stand_by_colour_then_by_the_longest_unacknowledged_wait(world: World) -> None:
    patients = await many(world)

    answer = await listed(world)

    order = ("older", "newer", "seen", "yellow", "green")
    assert ids(answer) == [str(patients[name]) for name in order]
    assert [row["colour"] for row in answer["rows"]] == ["red", "red", "red", "yellow", "green"]
    assert answer["rows"][2]["waiting_since"] is None


async def test_a_row_has_the_agreed_shape(world: World) -> None:
    patients = await many(world)

    answer = await listed(world)

    row = answer["rows"][0]
    assert row["patient"] == {
        "id": str(patients["older"]), "name": row["patient"]["name"], "born": "1952-03-14"
    }  # fmt: skip
    assert row["unit"] == {"id": str(world.unit), "name": "Nyre hjemme"}
    assert row["programme"] == "home_dialysis"
    assert (row["emergency"], row["technical"], row["assignee"]) == (False, False, None)
    assert "85" in row["reason"]
    assert {"kind", "field", "value", "ucum", "at"} == set(row["values"][0])
    assert {"id", "version", "group", "rule", "lane", "state", "colour"} <= set(row["alerts"][0])
    assert {
        "rows", "counts", "hidden", "tasks", "conversations", "watching", "as_of", "lag_seconds",
        "next",
    } == set(answer)  # fmt: skip
    assert set(answer["watching"]) >= {"now", "next"}
    assert answer["lag_seconds"] == 0


async def test_counts_are_of_the_whole_unit_whatever_the_filter(world: World) -> None:
    await many(world)

    for query in ({}, {"colour": "green"}, {"assignee": "me"}, {"programme": "other"}):
        answer = await listed(world, **query)
        counts = answer["counts"]
        assert (counts["red"], counts["yellow"], counts["green"]) == (3, 1, 1)


async def test_no_filter_hides_a_red_silently(world: World) -> None:
    await many(world)

    for query in (
        {"colour": "yellow"},
        {"colour": "green"},
        {"assignee": "me"},
        {"programme": "another"},
        {"state": "acknowledged"},
        {"state": "snoozed"},
    ):
        answer = await listed(world, **query)
        shown = sum(1 for row in answer["rows"] if row["colour"] == "red")
        assert shown + answer["hidden"]["red"] == 3, query


async def test_a_red_of_another_of_my_units_is_hidden_by_the_choice_of_unit_and_said(
    world: World,
) -> None:
    world.nurse = given.reader_of(world, frozenset({world.unit, world.other_unit}))
    patient = await given.patient(world, unit=world.other_unit)
    await given.send(world, patient, given.weight("82.0", ago(hours=20)))
    await given.send(world, patient, given.weight("84.5", ago(minutes=5)))
    await world.judge()

    answer = await listed(world, unit=str(world.unit))

    assert ids(answer) == []
    assert answer["hidden"] == {"red": 1}
    assert ids(await listed(world)) == [str(patient)]


async def test_mine_and_nobodys(world: World) -> None:
    patients = await many(world)
    await world.move(
        await world.alert(patients["newer"], "target-weight"), "assign", assignee=world.nurse.id
    )

    mine = await listed(world, assignee="me")
    by_id = await listed(world, assignee=world.nurse.id)
    nobodys = await listed(world, assignee="none")

    assert ids(mine) == ids(by_id) == [str(patients["newer"])]
    assert ids(nobodys) == [str(patients[name]) for name in ("older", "seen", "yellow")]


async def test_pages_follow_each_other_without_a_gap_or_a_repeat(world: World) -> None:
    patients = await many(world)
    for limit in (1, 2, 3, 5):
        found: list[str] = []
        cursor = None
        for _ in range(10):
            answer = await listed(world, limit=limit, **({"cursor": cursor} if cursor else {}))
            found += ids(answer)
            cursor = answer["next"]
            if cursor is None:
                break

        assert found == [str(one) for one in patients.values()]


async def test_a_list_that_nobody_keeps_up_is_not_of_now(world: World) -> None:
    await many(world)
    await world.execute(
        "update alerts.heartbeat set at = clock_timestamp() - interval '2 minutes'"
        " where worker = 'consumer'"
    )

    answer = await listed(world)

    age = await world.now() - datetime.fromisoformat(answer["as_of"])
    assert age > timedelta(seconds=100)


async def test_what_waits_to_be_judged_shows_as_lag(world: World) -> None:
    patient = await given.patient(world)
    await world.judge()
    await given.send(world, patient, given.weight("82", ago(minutes=1)))
    await world.execute(
        "update ledger.handover set received_at = clock_timestamp() - interval '40 seconds'"
    )

    answer = await listed(world)

    assert 39 < answer["lag_seconds"] < 60


async def test_reading_the_list_writes_one_row_with_each_patient_seen(world: World) -> None:
    patients = await many(world)
    await world.execute("truncate audit.event")

    await listed(world, colour="green")

    logged = await world.fetch("select * from patients.access_log")
    # The green one, and the three reds that the filter names beside it.
    seen = {patients[name] for name in ("green", "older", "newer", "seen")}
    assert {row["patient_id"] for row in logged} == seen
    assert {row["what"] for row in logged} == {"worklist"}
    assert await world.fetch("select from audit.event") == [()]


async def test_nothing_is_shown_that_cannot_be_logged(world: World) -> None:
    await many(world)
    await world.execute("revoke insert on audit.event from hjv_alerts")

    async with given.client(world) as client:
        answer = await client.get("/v1/worklist")

    assert answer.status_code == 503
    assert answer.json()["code"] == "look-cannot-be-logged"
    assert "Testesen" not in answer.text


async def test_greens_are_seen_together_and_a_red_is_never_taken_along(world: World) -> None:
    patients = await many(world)
    body = {
        "patients": [
            {"id": str(patients[name]), "unit": str(world.unit)} for name in ("green", "older")
        ]
    }

    async with given.client(world) as client:
        answer = (await client.post("/v1/worklist/greens", json=body)).json()

    assert (answer["acknowledged"], answer["refused"]) == (1, [str(patients["older"])])
    assert answer["not_taken"] == [{"id": str(patients["older"]), "reason": "not-green"}]
    rows = (await listed(world))["rows"]
    assert [row["seen_at"] is not None for row in rows] == [False, False, False, False, True]


async def test_the_page_offers_only_the_programmes_that_somebody_on_the_list_is_in(
    world: World,
) -> None:
    await given.patient(world)
    await given.patient(world, programme="copd")
    await world.judge()

    async with given.client(world) as client:
        page = await client.get("/", params={"lang": "en"})

    assert page.status_code == 200
    offered = set(re.findall(r"programme=([a-z_]+)", page.text))
    assert offered == {"home_dialysis", "copd"}
