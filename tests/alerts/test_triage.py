"""From facts to alerts on a real database: raised once, latched, never twice, never lost."""

from services.alerts.judging import triage
from services.alerts.judging.memory import Memory
from tests.alerts import given
from tests.alerts.given import World, ago


async def test_a_red_reading_raises_one_red_alert_with_its_evidence(world: World) -> None:
    patient = await given.patient(world)
    answers = await given.send(world, patient, given.systolic(85, ago(minutes=5)))

    await world.judge()

    alert = await world.alert(patient, "blood-pressure")
    assert (alert["colour"], alert["state"], alert["version"]) == ("red", "open", 1)
    finding = await world.fetch("select * from alerts.finding where alert_id = $1", alert["id"])
    assert finding[0]["facts"] == [answers[0].fact_id]
    assert alert["body"]["limits"] == [["systolic_red_low", 90]]
    assert await world.value("select count(*) from ledger.handover") == 0


async def test_the_row_names_the_patient_from_decisions_alone(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(85, ago(minutes=5)))

    await world.judge()

    row = await world.row(patient)
    assert row is not None
    assert row["patient"]["name"].startswith("Test Testesen")
    assert row["colour"] == "red"
    assert "85" in row["reason"]["nb"]


async def test_a_green_patient_has_a_row(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(130, ago(minutes=5)))

    await world.judge()

    row = await world.row(patient)
    assert row is not None
    assert row["colour"] == "green"
    assert row["alerts"] == []


async def test_worse_findings_unacknowledge_and_are_told_again(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("83.2", ago(hours=30), phase="post"))
    await world.judge()
    yellow = await world.alert(patient, "target-weight")
    assert yellow["colour"] == "yellow"
    await world.move(yellow, "acknowledge")

    await given.send(world, patient, given.weight("84.5", ago(minutes=1), phase="post"))
    await world.judge()

    red = await world.alert(patient, "target-weight")
    assert red["id"] == yellow["id"]
    assert (red["colour"], red["state"]) == ("red", "open")
    assert red["acknowledged_at"] is None
    assert red["notified_at"] > yellow["notified_at"]


async def test_an_equal_finding_joins_an_acknowledged_alert_quietly(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(85, ago(hours=3)))
    await world.judge()
    red = await world.alert(patient, "blood-pressure")
    await world.move(red, "acknowledge")

    await given.send(world, patient, given.systolic(84, ago(minutes=1)))
    await world.judge()

    again = await world.alert(patient, "blood-pressure")
    assert again["state"] == "acknowledged"
    assert again["version"] == red["version"] + 2
    assert again["notified_at"] == red["notified_at"]
    moves = await world.fetch(
        "select move from alerts.move where alert_id = $1 order by version", red["id"]
    )
    assert [one["move"] for one in moves] == ["raise", "acknowledge", "repeat"]


async def test_a_late_red_after_the_close_opens_again_marked_late(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(85, ago(minutes=10)))
    await world.judge()
    first = await world.alert(patient, "blood-pressure")
    await world.move(first, "close", note="Ringt, alt avklart", outcome="useful")

    # Measured before the close and before what was closed, but seen by nobody.
    await given.send(world, patient, given.systolic(82, ago(hours=3)))
    await world.judge()

    late = await world.alert(patient, "blood-pressure")
    assert late["id"] != first["id"]
    assert late["late"]
    assert late["colour"] == "red"


async def test_what_a_close_has_seen_is_not_raised_again(world: World) -> None:
    patient = await given.patient(world)
    red = given.systolic(85, ago(minutes=10))
    await given.send(world, patient, red)
    await world.judge()
    for alert in await world.open_alerts(patient):
        await world.move(alert, "close", note="Ringt")

    await given.send(world, patient, red, given.systolic(130, ago(minutes=5)))
    await world.judge()

    assert await world.open_alerts(patient) == []


async def test_red_then_void_shows_a_changed_basis_and_waits_for_a_person(world: World) -> None:
    patient = await given.patient(world)
    red = given.systolic(85, ago(minutes=5))
    await given.send(world, patient, red)
    await world.judge()

    await given.send(world, patient, given.voided(red))
    await world.judge()

    alert = await world.alert(patient, "blood-pressure")
    assert (alert["state"], alert["basis_changed"]) == ("open", True)
    assert await world.findings(patient) == set()


async def test_void_then_red_finds_the_same_and_calls_nobody(world: World) -> None:
    patient = await given.patient(world)
    red = given.systolic(85, ago(minutes=5))
    await given.send(world, patient, given.voided(red))
    await world.judge()

    await given.send(world, patient, red)
    await world.judge()

    assert await world.findings(patient) == set()
    assert await world.open_alerts(patient) == []
    assert await world.value("select count(*) from ledger.handover") == 0


async def test_a_backdated_limit_is_judged_from_the_day_it_holds(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(112, ago(days=3)))
    await world.judge()
    assert await world.open_alerts(patient) == []

    body = {"programme": given.HOME, "name": "systolic_red_low", "value": 120, "reason": "x"}
    await given.decide(world, patient, "limit-set", body, ago(days=4))
    await world.judge()

    assert (await world.alert(patient, "blood-pressure"))["colour"] == "red"


async def test_a_new_process_judges_from_the_ledger_what_the_old_one_remembered(
    world: World,
) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.weight("82.0", ago(hours=20)))
    await world.judge()
    world.memory = Memory()
    await given.send(world, patient, given.weight("84.5", ago(minutes=1)))

    await world.judge()

    assert (await world.alert(patient, "weight"))["colour"] == "red"


async def test_a_take_judges_all_that_waits_of_its_patients_however_few_rows_it_looks_at(
    world: World,
) -> None:
    first, second = await given.patient(world), await given.patient(world)
    await world.judge()
    for n in range(6):
        for patient in (first, second):
            await given.send(world, patient, given.systolic(80 + n, ago(minutes=60 - n)))

    async with world.alerts.transaction() as tx:
        judged = await triage.take(
            tx, given.ORG, given.PROGRAMMES, Memory(), floor=0, limit=2, most=1, rest=100
        )

    [whole] = judged.ids
    assert (judged.done, judged.more) == (6, True)
    left = await world.fetch("select distinct patient_id from ledger.handover")
    assert [row["patient_id"] for row in left] == [{first: second, second: first}[whole]]
    facts = await world.value(
        "select count(distinct fact) from alerts.finding, unnest(facts) fact where patient_id = $1",
        whole,
    )
    assert facts == 6


async def test_a_fact_of_an_unknown_version_is_left_lying_and_reported(world: World) -> None:
    patient = await given.patient(world)
    body = {"v": 99, "values": {"systolic": 85, "diastolic": 60}}
    await given.send(world, patient, given.item("future", "blood_pressure", ago(minutes=5), body))
    await given.send(world, patient, given.weight("82.0", ago(minutes=4)))

    await world.judge()

    assert await world.value("select count(*) from ledger.handover") == 1
    alert = await world.alert(patient, "judging")
    assert (alert["colour"], alert["lane"]) == ("red", "technical")

    version = await world.value("select version from alerts.state where patient_id = $1", patient)
    await world.judge()
    assert await world.alert(patient, "judging") == alert
    assert version == await world.value(
        "select version from alerts.state where patient_id = $1", patient
    )
