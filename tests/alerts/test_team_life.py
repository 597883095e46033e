"""Between people: alerts and tasks handed over, notes that come back, greens looked at together,
benign cases closed by rule.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.alerts import reader
from services.alerts.care import doing, moves, moving
from services.alerts.clinical import handled
from services.alerts.judging import handling
from services.alerts.reader import Reader
from services.alerts.stream import Notifier
from tests.alerts import given
from tests.alerts.given import World, ago


async def red(world: World) -> tuple[UUID, asyncpg.Record]:
    patient = await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=20)))
    await given.send(world, patient, given.weight("84.5", ago(minutes=5)))
    await world.judge()
    return patient, await world.alert(patient, "weight")


def lung(world: World) -> Reader:
    """A nurse of the other unit."""
    return Reader(str(uuid4()), "Per Lunge", "nurse", given.ORG, frozenset({world.other_unit}))


async def rows(world: World, patient: UUID) -> dict[UUID, asyncpg.Record]:
    found = await world.fetch("select * from alerts.worklist_row where patient_id = $1", patient)
    return {row["unit_id"]: row for row in found}


async def hand_over(world: World, alert: asyncpg.Record) -> dict[str, Any]:
    return await world.move(alert, "hand-over", unit=world.other_unit, note="Lungelege vurderer")


# --- hand-over ------------------------------------------------------------------------------


async def test_a_handed_over_alert_stands_on_both_lists_and_waits_as_before(world: World) -> None:
    patient, alert = await red(world)
    world_nurse, world.nurse = world.nurse, lung(world)
    with pytest.raises(reader.NotYourUnit):
        await world.move(alert, "note", note="x")
    world.nurse = world_nurse

    answer = await hand_over(world, alert)

    after = await world.alert(patient, "weight")
    assert after["oldest_unacknowledged"] == alert["oldest_unacknowledged"]
    assert (after["state"], after["unit_id"]) == ("open", world.unit)
    assert answer["handed"]["to"]["name"] == "Lunge hjemme"
    assert answer["handed"]["answer"] is None
    assert "accept" not in answer["moves"]
    both = await rows(world, patient)
    assert {unit: row["rank"] for unit, row in both.items()} == {
        world.unit: 0, world.other_unit: 0
    }  # fmt: skip


async def test_who_is_handed_an_alert_takes_it_and_the_sender_is_called_no_more(
    world: World,
) -> None:
    patient, alert = await red(world)
    offered = await hand_over(world, alert)
    world.nurse = lung(world)

    taken = await world.move(alert, "accept", version=offered["version"])

    assert taken["unit"]["name"] == "Lunge hjemme"
    assert taken["assignee_name"] == "Per Lunge"
    assert taken["waiting_since"] == offered["waiting_since"], "no new wait began"
    both = await rows(world, patient)
    assert (both[world.other_unit]["rank"], both[world.unit]["rank"]) == (0, 2)
    assert [one["id"] for one in both[world.unit]["body"]["elsewhere"]] == [str(alert["id"])]


async def test_what_is_only_offered_is_still_the_senders_to_acknowledge(world: World) -> None:
    """Else nobody waits on the sender's list, and nobody has taken it."""
    patient, alert = await red(world)
    offered = await hand_over(world, alert)
    world.nurse = lung(world)

    for move in ("acknowledge", "close"):
        with pytest.raises(moving.AcceptItFirst):
            await world.move(alert, move, version=offered["version"], note="x")
    noted = await world.move(alert, "note", version=offered["version"], note="Ser på det")

    assert set(noted["moves"]) == {"accept", "decline", "note"}
    assert (await world.alert(patient, "weight"))["oldest_unacknowledged"] is not None
    taken = await world.move(alert, "accept", version=noted["version"])
    assert "acknowledge" in taken["moves"]


async def test_what_is_given_back_is_heard_and_waits_as_it_did(world: World) -> None:
    patient, alert = await red(world)
    offered = await hand_over(world, alert)
    kari, world.nurse = world.nurse, lung(world)

    await world.move(alert, "decline", version=offered["version"], note="Ikke vår pasient")

    after = await world.alert(patient, "weight")
    assert after["oldest_unacknowledged"] == alert["oldest_unacknowledged"]
    assert after["notified_at"] > alert["notified_at"]
    assert after["body"]["handed"]["answer_note"] == "Ikke vår pasient"
    assert set(await rows(world, patient)) == {world.unit}
    with pytest.raises(reader.NotYourUnit):  # and the other unit sees him no more
        await world.move(after, "note", note="x")
    world.nurse = kari


async def test_an_acknowledged_alert_that_is_given_back_is_open_again(world: World) -> None:
    patient, alert = await red(world)
    mine = await world.move(alert, "acknowledge")
    offered = await world.move(
        alert, "hand-over", version=mine["version"], unit=world.other_unit, note="x"
    )
    assert offered["state"] == "acknowledged"
    kari, world.nurse = world.nurse, lung(world)
    await world.move(alert, "decline", version=offered["version"], note="nei")
    world.nurse = kari

    after = await world.alert(patient, "weight")
    assert after["state"] == "open"
    assert after["oldest_unacknowledged"] is not None


async def test_only_who_is_asked_answers_and_only_what_is_asked(world: World) -> None:
    _, alert = await red(world)

    with pytest.raises(moving.NothingHandedOver):
        await world.move(alert, "accept")
    with pytest.raises(moving.UnknownUnit):
        await world.move(alert, "hand-over", unit=uuid4(), note="x")
    with pytest.raises(moving.UnitMissing):
        await world.move(alert, "hand-over", note="x")
    offered = await hand_over(world, alert)
    with pytest.raises(moving.NotHandedToYou):
        await world.move(alert, "accept", version=offered["version"])
    with pytest.raises(moves.AlertHasMoved):
        await world.move(alert, "decline", note="x")  # an old screen


# --- tasks and reminders --------------------------------------------------------------------


async def test_a_note_with_a_date_comes_back_once_and_stays_until_it_is_done(world: World) -> None:
    patient, alert = await red(world)
    at = await world.now() + timedelta(days=2)
    await world.move(alert, "note", note="Ring om prøvesvar", remind_at=at)
    async with given.client(world) as client:
        assert (await client.get("/v1/worklist")).json()["tasks"] == []
        await world.execute("update alerts.task set due_at = clock_timestamp()")

        told = [
            await doing.tell_due(world.alerts, Notifier(world.alerts), given.ORG)
            for _ in range(3)  # as after a restart: the table knows what was told
        ]
        listed = (await client.get("/v1/worklist", params={"colour": "green"})).json()["tasks"]
        done = await client.post(
            f"/v1/tasks/{listed[0]['id']}/moves", json={"move": "done", "version": 1}
        )
        after = (await client.get("/v1/worklist")).json()["tasks"]
        again = await client.post(
            f"/v1/tasks/{listed[0]['id']}/moves", json={"move": "done", "version": 1}
        )

    assert told == [1, 0, 0]
    assert [(one["text"], one["patient"]["id"]) for one in listed] == [
        ("Ring om prøvesvar", str(patient))
    ]
    assert (done.status_code, after) == (200, [])
    assert (again.status_code, again.json()["code"]) == (409, "task-has-moved")


async def test_a_reminder_is_for_a_moment_ahead_and_otherwise_nothing_is_saved(
    world: World,
) -> None:
    _, alert = await red(world)

    with pytest.raises(doing.TimeHasPassed):
        await world.move(alert, "note", note="x", remind_at=ago(hours=1))

    assert await world.value("select version from alerts.alert") == alert["version"]


async def test_a_task_is_handed_over_between_teams(world: World) -> None:
    patient, _ = await red(world)
    units = frozenset({world.other_unit})
    body = {"patient": str(patient), "text": "Vurder oksygen", "unit": str(world.other_unit)}

    async with given.client(world) as mine, given.client(world, units=units) as theirs:
        made = (await mine.post("/v1/tasks", json=body)).json()
        path = f"/v1/tasks/{made['id']}/moves"
        early = await mine.post(path, json={"move": "accept", "version": 1})
        seen = (await theirs.get("/v1/tasks")).json()["tasks"]
        taken = await theirs.post(path, json={"move": "accept", "version": 1})
        stale = await theirs.post(path, json={"move": "done", "version": 1})
        left = (await mine.get("/v1/tasks")).json()["tasks"]

    assert (made["unit"]["name"], made["offered_to"]["name"]) == ("Nyre hjemme", "Lunge hjemme")
    assert (early.status_code, early.json()["code"]) == (403, "not-handed-to-you")
    assert [one["id"] for one in seen] == [made["id"]]
    assert taken.json()["unit"]["name"] == "Lunge hjemme"
    assert stale.json()["task"]["version"] == 2
    assert left == []


async def test_history_and_reviews_cannot_be_taken_away_by_the_service(world: World) -> None:
    for statement in (
        "delete from alerts.task",
        "update alerts.task set text = 'x'",
        "delete from alerts.review",
        "update alerts.review set by = 'x'",
    ):
        async with world.alerts.connection() as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


# --- greens ---------------------------------------------------------------------------------


async def green(world: World) -> UUID:
    patient = await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=2)))
    await world.judge()
    return patient


async def look(world: World, *patients: UUID, as_of: str | None = None) -> dict[str, Any]:
    of = [{"id": str(one), "unit": str(world.unit)} for one in patients]
    async with given.client(world) as client:
        answer = await client.post("/v1/worklist/greens", json={"patients": of, "as_of": as_of})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def reviewed(world: World, patient: UUID) -> Any:
    async with given.client(world) as client:
        listed = (await client.get("/v1/worklist")).json()["rows"]
    return next(row["reviewed"] for row in listed if row["patient"]["id"] == str(patient))


async def test_a_green_is_looked_at_by_somebody_at_a_time_and_that_is_taken_back(
    world: World,
) -> None:
    patient = await green(world)

    answer = await look(world, patient)
    seen = await reviewed(world, patient)
    async with given.client(world) as client:
        undone = await client.post("/v1/worklist/greens/undo", json={"patients": [str(patient)]})

    assert answer["taken"] == [str(patient)]
    assert seen == {"at": answer["at"], "by": {"id": world.nurse.id, "name": world.nurse.name}}
    assert undone.json() == {"undone": [str(patient)]}
    assert await reviewed(world, patient) is None
    [kept] = await world.fetch("select * from alerts.review")
    assert (kept["by_name"], kept["undone_by"]) == (world.nurse.name, world.nurse.id)


async def test_nobody_has_seen_what_is_yet_to_come(world: World) -> None:
    """A client whose clock is ahead: what comes later was on nobody's screen."""
    patient = await green(world)
    ahead = (await world.now() + timedelta(days=300)).isoformat()

    answer = await look(world, patient, as_of=ahead)

    assert answer["taken"] == [str(patient)]
    [kept] = await world.fetch("select as_of <= at as is_past from alerts.review")
    assert kept["is_past"]


async def test_who_was_not_green_all_the_time_since_the_screen_is_not_taken(world: World) -> None:
    patient = await green(world)
    as_of = (await world.now()).isoformat()
    await given.send(world, patient, given.weight("84.5", ago(minutes=5)))

    waiting = await look(world, patient, as_of=as_of)
    await world.judge()
    turned = await look(world, patient, as_of=as_of)
    await world.move(await world.alert(patient, "weight"), "close", note="Ringt")
    since = await look(world, patient, as_of=as_of)
    anew = await look(world, patient, as_of=(await world.now()).isoformat())

    reasons = [one["not_taken"][0]["reason"] for one in (waiting, turned, since)]
    assert reasons == ["reading-waits", "not-green", "changed-since"]
    assert anew["acknowledged"] == 1


async def test_a_reading_inside_the_limits_asks_for_no_second_look_and_an_alert_does(
    world: World,
) -> None:
    patient = await green(world)
    await look(world, patient)

    await given.send(world, patient, given.weight("82.1", ago(minutes=2)))
    await world.judge()
    calm = await reviewed(world, patient)
    await given.send(world, patient, given.weight("84.5", ago(minutes=1)))
    await world.judge()
    await world.move(await world.alert(patient, "weight"), "close", note="Ringt")

    assert calm is not None
    assert await reviewed(world, patient) is None


# --- handled by rule ------------------------------------------------------------------------


async def missed_and_came(world: World) -> tuple[UUID, asyncpg.Record]:
    from tests.alerts.test_silence import overdue, silent

    patient = await overdue(world)
    await world.judge()
    await world.clock.round(given.ORG)
    (alert,) = await silent(world, patient)
    await given.send(world, patient, given.weight("82.0", ago(seconds=30)))
    await world.judge()
    return patient, (await world.fetch("select * from alerts.alert where id = $1", alert["id"]))[0]


async def test_a_named_benign_case_is_closed_by_rule_with_a_receipt_or_left_as_a_sample(
    world: World,
) -> None:
    patient, alert = await missed_and_came(world)
    sampled = handled.is_sample(alert["id"], given.PROGRAMMES[given.HOME].handled_sample)

    history = await world.fetch(
        "select * from alerts.move where alert_id = $1 order by version", alert["id"]
    )
    last = history[-1]
    assert last["body"]["case"] == "weight-came-late"
    assert last["body"]["says"]["nb"]
    if sampled:
        assert (alert["state"], alert["body"]["sample"]) == ("open", "weight-came-late")
        assert (last["move"], last["outcome"]) == ("sampled", None)
        return
    assert (alert["state"], last["move"]) == ("closed", "handled-by-rule")
    assert (last["outcome"], last["by"]) == (handling.OUTCOME, "system")
    assert len(last["seen"]) == 1
    row = await world.row(patient)
    assert row is not None
    assert row["colour"] == "green"
    async with given.client(world) as client:
        burden = (await client.get("/v1/burden")).json()
    assert (burden["handled_by_rule"], burden["rated"]) == (1, 0)
    assert burden["handled_by_rule_share"] == 1


async def test_what_a_person_has_touched_no_rule_closes(world: World) -> None:
    from tests.alerts.test_silence import overdue, silent

    patient = await overdue(world)
    await world.judge()
    await world.clock.round(given.ORG)
    (alert,) = await silent(world, patient)
    await world.move(alert, "note", note="Ringt, kommer")

    await given.send(world, patient, given.weight("82.0", ago(seconds=30)))
    await world.judge()

    assert [one["id"] for one in await silent(world, patient)] == [alert["id"]]


async def test_what_a_person_opens_again_no_rule_closes_a_second_time(world: World) -> None:
    patient, alert = await missed_and_came(world)
    if alert["state"] == "closed":
        await world.move(alert, "reopen", note="Vil ringe likevel")
    await given.send(world, patient, given.weight("82.1", ago(seconds=5)))
    await world.judge()
    await world.wake(patient)

    now = await world.fetch("select state from alerts.alert where id = $1", alert["id"])
    assert now[0]["state"] == "open"


def test_the_sample_is_the_share_it_says_and_the_same_whenever_asked() -> None:
    ids = [UUID(int=n * 7919) for n in range(20_000)]

    taken = [one for one in ids if handled.is_sample(one, 5)]

    assert 0.045 < len(taken) / len(ids) < 0.055
    assert taken == [one for one in ids if handled.is_sample(one, 5)]
    assert all(handled.is_sample(one, 100) for one in ids[:50])
