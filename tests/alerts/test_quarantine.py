"""What waits in quarantine of a known patient stands in the technical lane, on him."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from services.alerts.judging.quarantine import Quarantine
from services.alerts.stream import Notifier
from shared.contracts import Code, Item, ItemError
from tests.alerts import given
from tests.alerts.given import World, ago


def impossible(at_minutes: float = 5) -> Item:
    item = given.systolic(700, ago(minutes=at_minutes))
    return replace(item, errors=(ItemError("values.systolic", Code.IMPLAUSIBLE),))


async def held(world: World) -> UUID:
    """A green patient of whom one reading waits in quarantine."""
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(120, ago(minutes=9)))
    (answer,) = await given.send(world, patient, impossible())
    assert answer.result == "quarantined"
    await world.judge()
    return patient


async def test_a_green_patient_of_whom_something_waits_is_in_the_technical_lane(
    world: World,
) -> None:
    patient = await held(world)
    await given.patient(world)
    await world.judge()

    async with given.client(world) as client:
        listed = (await client.get("/v1/worklist")).json()
        page = (await client.get("/", headers={"Accept": "text/html"})).text

    rows = {one["patient"]["id"]: one for one in listed["rows"]}
    shown = rows.pop(str(patient))
    assert (shown["colour"], shown["technical"]) == ("green", True)
    assert (shown["quarantined"]["n"], shown["quarantined"]["codes"]) == (1, ["implausible"])
    assert listed["counts"]["technical"] == 1
    (other,) = rows.values()
    assert (other["technical"], other["quarantined"]) == (False, None)
    lane = page.partition('id="lane-technical"')[2].partition("</section>")[0]
    assert f'id="row-{patient}' in lane
    assert "1 måling kunne ikke brukes og ligger i karantene." in lane
    assert "En verdi er utenfor det som er mulig." in lane
    assert "Teknisk" in lane
    assert "Årsak: ukjent" not in lane


async def test_the_patients_page_says_why_something_waits(world: World) -> None:
    patient = await held(world)

    async with given.client(world) as client:
        nb = (await client.get(f"/patients/{patient}")).text
        en = (await client.get(f"/patients/{patient}?lang=en")).text

    assert "ligger i karantene. En verdi er utenfor det som er mulig." in nb
    assert "700" not in nb
    assert "is in quarantine. A value lies outside what is possible." in en


async def test_what_changes_in_quarantine_is_told_to_the_units_that_follow_the_patient(
    world: World,
) -> None:
    patient = await held(world)
    looking = Quarantine(world.alerts, Notifier(world.alerts))
    assert await looking.round(given.ORG) == set()

    await given.send(world, patient, impossible(3))
    assert await looking.round(given.ORG) == {patient}
    assert await looking.round(given.ORG) == set()

    await world.execute("update ledger.quarantine set state = 'rejected'")
    assert await looking.round(given.ORG) == {patient}

    async with given.client(world) as client:
        (row,) = (await client.get("/v1/worklist")).json()["rows"]
    assert (row["technical"], row["quarantined"]) == (False, None)


async def test_an_alert_keeps_its_reason_and_says_that_something_waits(world: World) -> None:
    patient = await held(world)
    await given.send(world, patient, given.systolic(80, ago(minutes=1)))
    await world.judge()

    async with given.client(world) as client:
        page = (await client.get("/")).text

    lane = page.partition('id="lane-clinical"')[2].partition("</section>")[0]
    assert f'id="row-{patient}' in lane
    assert "1 i karantene" in lane
    assert "også taus" not in lane


async def test_who_is_paused_or_has_something_in_quarantine_is_not_taken_as_a_green(
    world: World,
) -> None:
    waits, paused = await held(world), await given.patient(world)
    until = (await world.now() + timedelta(days=2)).isoformat()
    body = {"pause_id": str(uuid4()), "until": until, "reason": "Innlagt"}
    await given.decide(world, paused, "paused", body, ago(hours=1))
    await world.judge()
    wanted = [{"id": str(one), "unit": str(world.unit)} for one in (paused, waits)]

    async with given.client(world) as nurse:
        taken = (await nurse.post("/v1/worklist/greens", json={"patients": wanted})).json()

    why = {one["id"]: one["reason"] for one in taken["not_taken"]}
    assert why == {str(paused): "paused", str(waits): "quarantined"}
