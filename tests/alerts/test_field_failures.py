"""Failures that hurt people elsewhere, each as a test by the name of the system it happened to."""

from datetime import timedelta

from services.alerts import consumer
from services.alerts.clinical import lifecycle
from services.alerts.judging import silence, watchdog
from services.alerts.judging.memory import Memory
from services.alerts.stream import Notifier
from tests.alerts import given
from tests.alerts.given import World, ago
from tests.alerts.test_silence import overdue, silent


async def test_dexcom_the_receiving_end_alarms_by_itself_when_the_feed_stops(world: World) -> None:
    """Followers heard nothing for hours: the alarm hung on the part that had failed. H07."""
    for _ in range(watchdog.MANY):
        await overdue(world)
    await world.judge()
    await world.execute(
        "update alerts.heartbeat set body = jsonb_build_object('received_at',"
        " clock_timestamp() - interval '31 minutes')"
    )

    await world.clock.round(given.ORG)

    platform = await world.fetch("select * from alerts.alert where rule = 'platform-quiet'")
    assert [(one["colour"], one["cause"]) for one in platform] == [("red", "us")]
    async with given.client(world) as client:
        page = (await client.get("/")).text
    assert "Plattformen" in page


async def test_nightscout_a_patient_who_never_sent_anything_alarms(world: World) -> None:
    """`if (!lastSGVEntry) // assume current`. H06."""
    patient = await overdue(world)
    await world.judge()

    await world.clock.round(given.ORG)

    assert len(await silent(world, patient)) == 1


async def test_nightscout_a_reading_dated_ahead_suppresses_nothing(world: World) -> None:
    patient = await overdue(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=-20)))
    await world.judge()

    await world.clock.round(given.ORG)

    assert len(await silent(world, patient)) == 1


async def test_nightscout_a_snooze_ends_by_the_wall_clock_and_not_by_the_next_reading(
    world: World,
) -> None:
    """It was compared with the time of the last data: without data it never ended. H10."""
    patient = await overdue(world)
    await world.judge()
    await world.clock.round(given.ORG)
    (alert,) = await silent(world, patient)
    until = await world.now() + timedelta(hours=1)
    await world.move(alert, "snooze", until=until, note="Ringt")
    await given.pretend(world, "snoozed_until", alert)

    told = await world.wake(patient)

    assert told == [alert["id"]]
    (again,) = await silent(world, patient)
    assert (again["state"], again["snoozed_until"]) == ("open", None)


async def test_nightscout_a_restart_forgets_nothing(world: World) -> None:
    """Alarms and snoozes were kept in memory."""
    patient = await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=20)))
    await given.send(world, patient, given.weight("84.5", ago(minutes=5)))
    await world.judge()
    alert = await world.alert(patient, "weight")
    until = await world.now() + timedelta(hours=2)
    await world.move(alert, "snooze", until=until, note="x", confirm=True)

    world.memory = Memory()
    await given.send(world, patient, given.weight("84.6", ago(minutes=1)))
    await world.judge()

    again = await world.alert(patient, "weight")
    assert (again["id"], again["snoozed_until"]) == (alert["id"], until)
    assert again["state"] == "acknowledged"
    assert len(await world.open_alerts(patient)) == 1


async def test_nightscout_the_unit_of_measure_is_doubted_when_the_figures_change(
    world: World,
) -> None:
    """Readings were rewritten in another unit without a word. H03."""
    patient = await given.patient(world)
    for days in (4, 3, 2, 1):
        await given.send(world, patient, given.weight(f"82.{days}", ago(days=days)))
    await given.send(world, patient, given.weight("181.2", ago(minutes=2)))
    await world.judge()

    doubted = await world.alert(patient, "unit-doubted")
    red = await world.alert(patient, "weight")
    assert (doubted["lane"], doubted["colour"]) == ("technical", "yellow")
    assert (red["colour"], red["body"]["doubts"]) == ("red", ["unit"])
    [stored] = await world.fetch("select body from ledger.reading where at > $1", ago(hours=1))
    assert given.Decimal(str(stored["body"]["values"]["value"])) == given.Decimal("181.2")


async def test_opentele_one_patients_failure_neither_stops_others_nor_moves_his_mark(
    world: World,
) -> None:
    """The time of the last check went on though it had failed for one of them. H06."""
    broken, other = await overdue(world), await overdue(world)
    await world.judge()
    await world.execute(
        "alter table alerts.due add constraint no check"
        f" (missed_at is null or patient_id <> '{broken}')"
    )
    await world.clock.round(given.ORG)
    assert len(await silent(world, other)) == 1
    assert await silent(world, broken) == []

    await world.execute("alter table alerts.due drop constraint no")
    clock = world.clock  # a new one: it owes nobody a rest
    await clock.round(given.ORG)

    assert len(await silent(world, broken)) == 1, "what failed once is asked again"


async def test_opentele_no_single_act_takes_away_the_silence_of_several(world: World) -> None:
    patients = [await overdue(world) for _ in range(3)]
    await world.judge()
    await world.clock.round(given.ORG)
    body = {"patients": [{"id": str(one), "unit": str(world.unit)} for one in patients]}

    async with given.client(world) as client:
        answer = (await client.post("/v1/worklist/greens", json=body)).json()
        spec = (await client.get("/openapi.json")).json()

    assert answer["acknowledged"] == 0
    assert {one["reason"] for one in answer["not_taken"]} == {"not-green"}
    for patient in patients:
        assert len(await silent(world, patient)) == 1
    # Every door that moves an alert names one alert.
    moving = [path for path in spec["paths"] if path.endswith("/moves") and "alert" in path]
    assert moving == ["/v1/alerts/{alert_id}/moves"]


async def test_hrs_what_is_disconnected_is_a_lane_of_its_own(world: World) -> None:
    """Lost connectivity needs its own process, not a place among the clinical alerts."""
    quiet = await overdue(world)
    ill = await given.patient(world)
    await given.send(world, ill, given.systolic(85, ago(minutes=5)))
    await world.judge()
    await world.clock.round(given.ORG)

    async with given.client(world) as client:
        listed = (await client.get("/v1/worklist")).json()

    lanes = {row["patient"]["id"]: {one["lane"] for one in row["alerts"]} for row in listed["rows"]}
    assert lanes[str(quiet)] == {"technical"}
    assert lanes[str(ill)] == {"clinical"}
    assert listed["counts"]["technical"] == 1


async def test_dexcom_receiver_that_an_alert_is_heard_can_be_seen_in_its_history(
    world: World,
) -> None:
    """A speaker failed silently: what was told, and when, is written down."""
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(85, ago(minutes=5)))
    await world.judge()

    alert = await world.alert(patient, "blood-pressure")
    assert alert["notified_at"] is not None
    assert lifecycle.State(alert["state"]) is lifecycle.State.OPEN


def test_the_clock_looks_more_often_than_a_minute() -> None:
    """A snooze is over within 60 s, silence is said within 60 s after its grace."""
    assert silence.TICK <= 1
    assert consumer.POLL <= 1


def test_there_is_a_notifier_for_what_the_clock_finds() -> None:
    assert callable(Notifier.tell)
