"""Who may do what: one row for every route of the application; a route without a row fails."""

from typing import get_args
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.alerts.other_systems import connections
from tests.alerts import given
from tests.alerts.given import World, ago

FIGURE = "85.37"  # seen in an answer, it has leaked
ROLES = ("nurse", "physician", "administrator", "auditor", "patient", None)

# Route -> status per role of ROLES, of a caller whose unit treats the patient. 4xx other than 401
# and 403 means that the role passed and the (empty) request did not.
CLINICAL = (200, 200, 403, 403, 403, 401)
MOVING = (422, 422, 403, 403, 403, 401)
PAGE = (200, 200, 403, 403, 403, 303)
FORM = (303, 303, 403, 403, 403, 401)
OPEN = (200,) * 6
SETUP = (404,) * 6  # behind the front door the record answers it
MATRIX: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "/v1/worklist"): CLINICAL,
    ("GET", "/v1/worklist/stream"): CLINICAL,
    ("POST", "/v1/worklist/greens"): MOVING,
    ("POST", "/v1/worklist/greens/undo"): MOVING,
    ("GET", "/v1/tasks"): CLINICAL,
    ("POST", "/v1/tasks"): MOVING,
    ("POST", "/v1/tasks/{task_id}/moves"): MOVING,
    ("GET", "/v1/contacts"): MOVING,
    ("POST", "/v1/contacts"): MOVING,
    ("GET", "/v1/conversations"): CLINICAL,
    ("GET", "/v1/conversations/{patient_id}"): CLINICAL,
    ("POST", "/v1/conversations/{patient_id}/moves"): MOVING,
    ("GET", "/v1/alerts"): CLINICAL,
    ("GET", "/v1/alerts/{alert_id}"): CLINICAL,
    ("POST", "/v1/alerts/{alert_id}/moves"): MOVING,
    ("GET", "/v1/deliveries"): (200, 200, 200, 403, 403, 401),
    ("POST", "/v1/deliveries/test"): (403, 403, 422, 403, 403, 401),
    ("POST", "/v1/deliveries/{delivery_id}/retry"): (404, 404, 404, 403, 403, 401),
    ("GET", "/v1/connections/intake"): (403, 403, 200, 403, 403, 401),
    ("GET", "/v1/connections/intake/{cred}"): (403, 403, 404, 403, 403, 401),
    ("GET", "/v1/connections"): (403, 403, 200, 403, 403, 401),
    ("POST", "/v1/connections"): (403, 403, 422, 403, 403, 401),
    ("POST", "/v1/connections/{connection_id}/end"): (403, 403, 404, 403, 403, 401),
    ("GET", "/v1/connections/deliveries"): (403, 403, 200, 403, 403, 401),
    ("POST", "/v1/connections/deliveries/retry"): (403, 403, 202, 403, 403, 401),
    ("GET", "/fhir/DetectedIssue"): CLINICAL,
    ("GET", "/fhir/DetectedIssue/{alert_id}"): CLINICAL,
    ("GET", "/fhir/Flag"): CLINICAL,
    ("GET", "/fhir/Task"): CLINICAL,
    ("GET", "/v1/scores"): CLINICAL,
    ("POST", "/v1/what-if"): MOVING,
    ("GET", "/v1/why-not"): MOVING,
    ("GET", "/v1/burden"): CLINICAL,
    ("GET", "/burden"): PAGE,
    ("GET", "/burden.csv"): PAGE,
    ("POST", "/v1/scores/news2"): (200, 200, 200, 200, 403, 401),
    ("POST", "/v1/scores/{instrument}"): (422, 422, 422, 422, 403, 401),
    ("GET", "/"): PAGE,
    ("GET", "/rows"): PAGE,
    ("GET", "/patients/{patient_id}"): PAGE,
    ("GET", "/patients/{patient_id}/chart.json"): PAGE,
    ("GET", "/patients/{patient_id}/attachments/{fact_id}"): (404, 404, 403, 403, 403, 303),
    ("GET", "/patients/{patient_id}/attachments/{fact_id}/thumbnail"): (
        404,
        404,
        403,
        403,
        403,
        303,
    ),
    ("POST", "/patients/{patient_id}/attachments/{fact_id}/answer"): MOVING,
    ("POST", "/patients/{patient_id}/alerts/{alert_id}/moves"): MOVING,
    ("GET", "/patients/{patient_id}/messages"): PAGE,
    ("POST", "/patients/{patient_id}/messages"): MOVING,
    ("POST", "/patients/{patient_id}/contacts"): MOVING,
    ("POST", "/patients/{patient_id}/limits"): MOVING,
    ("POST", "/patients/{patient_id}/limits/{proposal_id}/confirm"): FORM,
    ("POST", "/patients/{patient_id}/limits/{proposal_id}/withdraw"): MOVING,
    ("POST", "/patients/{patient_id}/readings"): MOVING,
    ("POST", "/patients/{patient_id}/readings/{fact_id}/correct"): FORM,
    ("POST", "/patients/{patient_id}/readings/{fact_id}/void"): FORM,
    ("POST", "/patients/{patient_id}/emergency-access"): MOVING,
    ("GET", "/patients/{patient_id}/forms/{name}"): (200, 200, 403, 403, 403, 303),
    ("POST", "/patients/{patient_id}/forms/{name}"): MOVING,
    ("POST", "/filters"): MOVING,
    ("POST", "/filters/remove"): FORM,
    ("GET", "/connections"): (403, 403, 200, 403, 403, 303),
    ("GET", "/connections/{cred}"): (403, 403, 404, 403, 403, 303),
    ("POST", "/connections/again"): (403, 403, 303, 403, 403, 401),
    ("GET", "/setup/{rest:path}"): SETUP,
    ("GET", "/what-if"): (422, 422, 403, 403, 403, 303),
    ("POST", "/what-if"): (422, 422, 403, 403, 403, 401),
    ("GET", "/downtime"): PAGE,
    ("POST", "/stay"): (204, 204, 403, 403, 403, 401),
    ("GET", "/login"): OPEN,
    ("GET", "/login/start"): (303,) * 6,
    ("GET", "/login/callback"): (303,) * 6,
    ("POST", "/login"): (403,) * 6,  # not from one of our own pages
    ("POST", "/logout"): (403,) * 6,
    ("GET", "/livez"): OPEN,
    ("GET", "/readyz"): (503,) * 6,  # its loops do not run here
    ("GET", "/metrics"): OPEN,
    ("GET", "/version"): OPEN,
}
ELSEWHERE = (403, 403)  # nurse and physician of another unit


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Every door of the service; what FastAPI itself adds for its documentation is not one."""
    return {
        (method, route.path)
        for route in app.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }


async def alerted(world: World) -> tuple[UUID, UUID]:
    patient = await given.patient(world, limits={"target_weight": 82})
    await given.send(world, patient, given.weight(FIGURE, ago(hours=1), phase="post"))
    await world.judge()
    return patient, (await world.alert(patient, "target-weight"))["id"]


async def ask(client: httpx.AsyncClient, method: str, path: str, known: dict[str, str]) -> int:
    query = {"patient": known["patient_id"]} if path == "/v1/scores" else {}
    path = path.replace("{rest:path}", "enrol")
    body = {"json": {}} if path.startswith("/v1") and method == "POST" else {}
    answer = await client.request(method, path.format(**known), params=query, **body)
    client.cookies.clear()
    return answer.status_code


async def test_every_route_has_its_row_and_no_row_is_without_a_route(world: World) -> None:
    assert routes(given.application(world)) == set(MATRIX)


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_what_the_matrix_says(world: World, role: str | None) -> None:
    patient, alert = await alerted(world)
    ids = ("fact_id", "delivery_id", "task_id", "connection_id", "proposal_id")
    new = {name: str(uuid4()) for name in ids}
    known = {
        "patient_id": str(patient), "alert_id": str(alert), "instrument": "phq-9",
        "name": "home-dialysis-daily", "cred": "c-nobody", **new
    }  # fmt: skip

    rows = sorted(MATRIX)

    # The stream ends with the session, and this transport waits for the end.
    streams = [row for row in rows if row[1].endswith("/stream")]
    answers = {}
    async with given.client(world, role) as client:
        answers |= {row: await ask(client, *row, known) for row in rows if row not in streams}
    async with given.client(world, role, seconds=2) as client:
        answers |= {row: await ask(client, *row, known) for row in streams}

    assert answers == {row: MATRIX[row][ROLES.index(role)] for row in rows}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/alerts/{alert_id}",
        "/v1/alerts?patient={patient_id}",
        "/v1/scores?patient={patient_id}",
        "/v1/why-not?patient={patient_id}&fact={alert_id}",
        "/patients/{patient_id}",
        "/patients/{patient_id}/chart.json",
        "/patients/{patient_id}/forms/home-dialysis-daily",
    ],
)
async def test_another_unit_is_refused_and_another_organisation_finds_nothing(
    world: World, path: str
) -> None:
    patient, alert = await alerted(world)
    place = path.format(patient_id=patient, alert_id=alert)

    async with given.client(world, "nurse", frozenset({world.other_unit})) as client:
        elsewhere = await client.get(place)
    async with given.client(world, "nurse", org="lunge") as client:
        stranger = await client.get(place)
    async with given.client(world) as client:
        nobody = await client.get(path.format(patient_id=uuid4(), alert_id=uuid4()))

    assert (elsewhere.status_code, stranger.status_code, nobody.status_code) == (403, 404, 404)
    for answer in (elsewhere, stranger):
        assert "Testesen" not in answer.text
        assert FIGURE not in answer.text
        assert FIGURE.replace(".", ",") not in answer.text


async def test_a_cookie_needs_the_pages_own_token(world: World) -> None:
    _, alert = await alerted(world)
    version = await world.value("select version from alerts.alert where id = $1", alert)
    body = {"move": "acknowledge", "version": version}

    async with given.client(world, None) as client:
        client.cookies.set("hjemvakt", given.token(world))
        page = await client.get("/")
        csrf = page.text.partition('name="csrf" content="')[2].partition('"')[0]
        same_site = {"Sec-Fetch-Site": "same-origin"}
        cross = await client.post(
            f"/v1/alerts/{alert}/moves", json=body, headers={"Sec-Fetch-Site": "cross-site"}
        )
        without = await client.post(f"/v1/alerts/{alert}/moves", json=body, headers=same_site)
        with_it = await client.post(
            f"/v1/alerts/{alert}/moves", json=body, headers={**same_site, "X-CSRF-Token": csrf}
        )

    assert len(csrf) == 64
    assert (cross.status_code, without.status_code, with_it.status_code) == (403, 403, 200)


def test_an_administrator_sends_nobodys_readings_to_an_address_of_his_own() -> None:
    """Where readings may go whoever runs the installation says, and not who connects systems."""
    engine = frozenset({"motor.sykehus.example"})
    own, there = "https://own.example/x", "https://motor.sykehus.example/x"
    for kind in get_args(connections.Kind):
        assert connections.may_be_sent(kind, there, engine, "production")
        assert not connections.may_be_sent(kind, own, engine, "production")
        assert connections.may_be_sent(kind, own, frozenset(), "test")
        expected = kind == "webhook"  # neither values nor who it is about
        assert connections.may_be_sent(kind, own, frozenset(), "production") is expected
