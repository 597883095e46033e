"""The doors, through the application itself on a real database."""

import httpx

from tests.alerts import given
from tests.alerts.given import World, ago


async def test_the_worklist_answers_with_the_red_patient_first(world: World) -> None:
    green = await given.patient(world)
    red = await given.patient(world)
    await given.send(world, green, given.systolic(130, ago(minutes=5)))
    await given.send(world, red, given.systolic(85, ago(minutes=5)))
    await world.judge()

    async with given.client(world) as client:
        answer = (await client.get("/v1/worklist")).json()

    assert [row["patient"]["id"] for row in answer["rows"]] == [str(red), str(green)]
    assert answer["rows"][0]["colour"] == "red"
    assert answer["counts"] == {"red": 1, "yellow": 0, "green": 1, "technical": 0, "paused": 0,
                                "quarantined": 0}  # fmt: skip
    assert answer["hidden"] == {"red": 0}


async def test_the_pages_are_drawn(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(85, ago(minutes=5)))
    await world.judge()

    async with given.client(world) as client:
        pages = [
            await client.get(path)
            for path in (
                "/",
                "/rows",
                f"/patients/{patient}",
                f"/patients/{patient}/chart.json",
                "/login",
                "/static/hjemvakt.css",
            )
        ]

    for page in pages:
        assert page.status_code == 200, page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "Test Testesen" in pages[0].text
    assert isinstance(client, httpx.AsyncClient)
