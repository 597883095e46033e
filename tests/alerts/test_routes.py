"""The doors, through the application itself on a real database."""

from collections import defaultdict
from uuid import uuid4

import httpx
from fastapi.routing import APIRoute

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
    assert answer["counts"] == {
        "red": 1, "yellow": 0, "green": 1, "technical": 0, "quarantined": 0
    }  # fmt: skip
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
                "/static/desk.css",
            )
        ]

    for page in pages:
        assert page.status_code == 200, page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "Test Testesen" in pages[0].text
    assert isinstance(client, httpx.AsyncClient)


async def test_news2_answers_exactly_as_agreed(world: World) -> None:
    complete = {
        "respiratory_rate": 21, "spo2": 93, "supplemental_oxygen": True, "systolic_bp": 105,
        "pulse": 104, "consciousness": "A", "temperature": 38.4,
    }  # fmt: skip

    async with given.client(world, "auditor") as client:
        whole = (await client.post("/v1/scores/news2", json=complete)).json()
        part = (await client.post("/v1/scores/news2", json={"pulse": 135})).json()
        nothing = (await client.post("/v1/scores/news2", json={})).json()

    assert whole == {
        "total": 9,
        "complete": True,
        "lower_bound": 9,
        "upper_bound": 9,
        "subscores": {
            "respiratory_rate": 2, "spo2": 2, "supplemental_oxygen": 2, "systolic_bp": 1,
            "pulse": 1, "consciousness": 0, "temperature": 1,
        },
        "any_single_3": False,
        "band": "high",
        "lowest_band": "high",
        "missing": [],
    }  # fmt: skip
    assert (part["total"], part["lower_bound"], part["any_single_3"]) == (None, 3, True)
    assert (part["band"], part["lowest_band"]) == (None, "low-medium")
    assert nothing["missing"] == list(complete)


IMPOSSIBLE: list[dict[str, object]] = [
    {"pulse": 400},
    {"pulse": True},
    {"pulse": "104"},
    {"temperature": 384},
    {"consciousness": "X"},
    {"spo2_scale": 3},
    {"unknown": 1},
    {"spo2": -1},
]


async def test_an_impossible_value_is_refused_and_not_echoed(world: World) -> None:
    async with given.client(world) as client:
        for body in IMPOSSIBLE:
            answer = await client.post("/v1/scores/news2", json=body)

            assert answer.status_code == 422, body
            assert answer.headers["content-type"] == "application/problem+json"
            assert str(next(iter(body.values()))) not in answer.json()["title"]


async def test_an_alert_tells_its_evidence_limits_and_rule_version(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    answers = await given.send(world, patient, given.weight("85.10", ago(minutes=9), phase="post"))
    await world.judge()

    async with given.client(world) as client:
        listed = (await client.get("/v1/alerts", params={"patient": str(patient)})).json()
        told = (await client.get(f"/v1/alerts/{listed['alerts'][0]['id']}")).json()

    assert len(listed["alerts"]) == 1
    assert told == listed["alerts"][0]
    assert told["programme_version"] == given.PROGRAMMES[given.HOME].version
    assert told["limits"] == [
        {"name": "target_weight", "value": 82}, {"name": "target_gap_red", "value": 2.0}
    ]  # fmt: skip
    assert told["evidence"][0]["facts"] == [str(answers[0].fact_id)]
    assert [one["move"] for one in told["history"]] == ["raise"]
    assert told["retake"] in (True, False)


async def test_figures_keep_their_own_digits(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("85.10", ago(minutes=9), phase="post"))
    await world.judge()

    async with given.client(world) as client:
        answer = await client.get("/v1/alerts", params={"patient": str(patient)})

    assert '"value":85.10' in answer.text


async def test_a_filter_that_is_spelt_wrongly_is_refused_and_not_passed_over(
    world: World,
) -> None:
    """Else who asks for one patient's alerts is answered with everybody's."""
    lists = [
        (route, route.path.format_map(defaultdict(uuid4)))
        for route in given.application(world).routes
        if isinstance(route, APIRoute) and route.path.startswith("/v1")
    ]
    assert len(lists) > 30
    async with given.client(world) as client:
        for route, path in lists:
            for method in route.methods:
                answer = await client.request(method, path, params={"pateint": str(uuid4())})
                assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (
                    422, ["query", "pateint"],
                ), path  # fmt: skip


async def test_moves_through_the_door(world: World) -> None:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight("85", ago(minutes=9), phase="post"))
    await world.judge()
    alert = await world.alert(patient, "target-weight")
    place = f"/v1/alerts/{alert['id']}/moves"

    async with given.client(world) as client:
        moved = await client.post(place, json={"move": "acknowledge", "version": 1})
        stale = await client.post(place, json={"move": "close", "version": 1, "note": "Ringt"})
        silent = await client.post(place, json={"move": "close", "version": 2})
        naive = await client.post(
            place, json={"move": "snooze", "version": 2, "until": "2026-11-23T08:00:00"}
        )

    assert (moved.status_code, moved.json()["state"]) == (200, "acknowledged")
    assert moved.json()["version"] == 2
    assert (stale.status_code, stale.json()["code"]) == (409, "alert-has-moved")
    assert stale.json()["alert"]["version"] == 2
    assert stale.headers["content-type"] == "application/problem+json"
    assert (silent.status_code, silent.json()["code"]) == (422, "note-missing")
    assert naive.status_code == 422


async def test_scores_have_inputs_and_ages(world: World) -> None:
    patient = await given.patient(world)
    await given.send(world, patient, given.systolic(95, ago(minutes=30)))
    await world.judge()

    async with given.client(world) as client:
        told = (await client.get("/v1/scores", params={"patient": str(patient)})).json()

    news2 = told["news2"]
    assert (news2["total"], news2["lower_bound"], news2["complete"]) == (None, 2, False)
    assert news2["inputs"]["systolic_bp"]["value"] == 95
    assert 1790 < news2["inputs"]["systolic_bp"]["age_seconds"] < 1900


async def test_a_phoned_in_reading_is_entered_corrected_and_withdrawn_from_the_page(
    world: World,
) -> None:
    patient = await given.patient(world)
    await world.judge()
    place = f"/patients/{patient}/readings"
    local = (await world.now()).astimezone(given.OSLO).strftime("%Y-%m-%dT%H:%M")

    async with given.client(world) as client:
        entered = await client.post(
            place,
            data={"kind": "body_weight", "values.value": "82,4", "at": local, "note": "Ringt inn"},
        )
        await world.judge()
        fact = await world.value("select id from ledger.current where kind = 'body_weight'")
        corrected = await client.post(
            f"{place}/{fact}/correct",
            data={"values.value": "84,2", "at": local, "note": "Lest feil"},
        )
        again = await client.post(f"{place}/{fact}/void", data={"note": "x"})
        newer = await world.value("select id from ledger.current where kind = 'body_weight'")
        voided = await client.post(f"{place}/{newer}/void", data={"note": "Feil person"})
        impossible = await client.post(
            place, data={"kind": "body_weight", "values.value": "824", "at": local}
        )

    assert [one.headers["location"] for one in (entered, corrected, voided)] == [
        f"/patients/{patient}?saved=true"
    ] * 3
    assert again.headers["location"].endswith("?problem=reading-has-changed")
    assert impossible.status_code == 422
    assert 'value="824"' in impossible.text, "what was typed is not lost"
    assert await world.value("select count(*) from ledger.current") == 0
    await world.judge()
    changed = await world.value(
        "select count(*) from patients.access_log where outcome = 'changed' and patient_id = $1",
        patient,
    )
    assert changed == 3


async def test_logging_in_gives_a_cookie_that_scripts_cannot_read(world: World) -> None:
    same_site = {"Sec-Fetch-Site": "same-origin"}
    async with given.client(world, None) as client:
        offered = await client.get("/login")
        answer = await client.post(
            "/login",
            data={"person": f"{given.ORG}:{world.nurse.id}", "next": "//elsewhere.example"},
            headers=same_site,
        )
        page = await client.get("/")
        await client.post("/logout", headers=same_site)
        gone = await client.get("/")

    assert "Kari Testsykepleier" in offered.text
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert answer.headers["location"] == "/"
    assert page.status_code == 200
    assert (gone.status_code, gone.headers["location"]) == (303, "/login?next=%2F")
