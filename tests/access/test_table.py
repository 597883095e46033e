"""The table against the real doors: each has a row, a signature that agrees, and keeps both."""

import re
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.alerts import app as alerts
from services.ingest import app as ingest
from services.patients import app as patients
from shared.access import Caller, Role, table
from shared.access.table import Act, Reach, Standing
from tests.alerts import given
from tests.conftest import DatabaseUrls
from tests.patients.conftest import NOW, Person, Record
from tests.patients.conftest import record as record


def doors(app: FastAPI) -> Iterator[APIRoute]:
    """Also those that OpenAPI does not show: the pages."""
    return (route for route in app.routes if isinstance(route, APIRoute))


def route_names(app: FastAPI) -> list[str]:
    return [f"{method} {door.path}" for door in doors(app) for method in door.methods]


def signature(door: APIRoute) -> set[Role] | None:
    """The roles that the route's signature lets in; None: it asks for nobody."""
    for dependency in door.dependant.dependencies:
        call: Any = dependency.call
        if getattr(call, "__qualname__", "") == "needs.<locals>.check":
            return set(call.__closure__[0].cell_contents)
    return None


@pytest.fixture
def apps(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, FastAPI]:
    monkeypatch.setenv("HJEMVAKT_MODE", "test")
    monkeypatch.setenv("HJEMVAKT_IDENTITY_KEY", "ab" * 32)
    for name in ("ingest", "patients", "alerts"):
        monkeypatch.setenv(f"HJEMVAKT_DATABASE_{name.upper()}", getattr(database_urls, name))
    return {
        "ingest": ingest.create(), "patients": patients.create(), "alerts": alerts.create()
    }  # fmt: skip


def test_every_door_has_its_row_and_a_signature_that_says_the_same(
    apps: Mapping[str, FastAPI],
) -> None:
    faults = []
    for name, app in apps.items():
        for door in doors(app):
            if name == "ingest" and not door.include_in_schema:
                continue  # what is not taken there is answered 405, whoever asks
            for method in door.methods:
                act = table.by_route().get(f"{method} {door.path}")
                roles = signature(door)
                if act is None:
                    faults.append(f"{name}: {method} {door.path} has no row")
                elif (roles or set()) != set(act.reach):
                    faults.append(f"{name}: {method} {door.path} lets in {roles}")
                elif roles is None and not (act.open or act.by_secret):
                    faults.append(f"{name}: {method} {door.path} asks nobody")
    assert not faults, "\n".join(faults)


def test_no_administrator_reaches_clinical_content() -> None:
    for act in table.acts():
        if act.clinical:
            assert not {Role.ADMINISTRATOR, Role.AUDITOR} & act.reach.keys(), act
    assert [act.on for act in table.acts() if act.on == "readings"], "and there is some"


def test_only_staff_who_treat_act_in_an_emergency() -> None:
    for act in table.acts():
        if act.emergency:
            assert act.reach.get(Role.NURSE) is Reach.UNIT, act


@pytest.mark.parametrize("treats", [True, False])
@pytest.mark.parametrize("blocked", [True, False])
@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("emergency", ["acute-illness", None])
@pytest.mark.parametrize("counts", [True, False])
def test_a_block_beats_all_and_a_lock_only_an_emergency(
    treats: bool, blocked: bool, locked: bool, emergency: str | None, counts: bool
) -> None:
    standing = Standing(treats, blocked, locked, emergency)
    try:
        said = table.why(Reach.UNIT, standing, emergency_counts=counts)
    except Exception as error:
        said = type(error).__name__
    expected = (
        "Blocked" if blocked
        else "treatment" if treats and not locked
        else "emergency:acute-illness" if emergency and counts
        else "Locked" if treats
        else "NotRelated"
    )  # fmt: skip
    assert said == expected
    assert table.why(Reach.OWN, standing, emergency_counts=counts) == "own"


# --- every role at every door -----------------------------------------------------------------


def somewhere(path: str) -> str:
    return re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), path)


async def ask_everything(
    client: Any, app: FastAPI, headers: Mapping[str, str], role: Role | None
) -> list[str]:
    """Where the answer is not the one that the table gives this role."""
    wrong = []
    for name in route_names(app):
        act = table.by_route()[name]
        method, _, path = name.partition(" ")
        if act.open or path.endswith("/stream"):
            continue  # a stream does not end
        body = {} if method == "GET" else {"json": {}}
        answer = await client.request(method, somewhere(path), headers=headers, **body)
        code = answer.json()["code"] if "problem" in answer.headers.get("content-type", "") else ""
        if role is None:
            # Where a page was asked for, the answer is the way to the log-in.
            right = answer.status_code in (401, 303)
        else:
            right = (code != "not-allowed" and answer.status_code not in (401, 500)) or (
                role not in act.reach
            )
            if role not in act.reach:
                right = answer.status_code == 403
        if not right:
            wrong.append(f"{role} {name}: {answer.status_code} {code}")
    return wrong


RELATIVE = "41814065640"


async def test_every_role_at_every_door_of_the_record(record: Record) -> None:
    app = record.client._transport.app  # type: ignore[attr-defined]  # the application itself
    unit = await record.unit()
    people: dict[Role | None, list[str | None]] = {None: [None, "x", "a.b.c"]}
    for role in (Role.NURSE, Role.PHYSICIAN):
        people[role] = [(await record.staff(role.value, unit)).token]
    people[Role.ADMINISTRATOR] = [(await record.administrator()).token]
    people[Role.AUDITOR] = [(await record.auditor()).token]
    patient = await record.patient(Person(record.client, people[Role.NURSE][0]), unit)
    people[Role.PATIENT] = [(await record.person(patient=patient)).token]
    people[Role.RESEARCHER] = [(await record.staff("researcher", unit)).token]
    people[Role.RELATIVE] = [(await relative(record, patient)).token]
    wrong = []
    for role, tokens in people.items():
        for token in tokens:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            wrong += await ask_everything(record.client, app, headers, role)
    assert not wrong, "\n".join(wrong)


async def test_every_role_at_every_door_of_the_alerts(database_urls: DatabaseUrls) -> None:
    wrong = []
    async with given.world(database_urls) as world:
        for role in (None, *Role):
            async with given.client(world, role.value if role else None) as client:
                app = client._transport.app  # type: ignore[attr-defined]  # as above
                wrong += await ask_everything(client, app, {}, role)
        async with given.client(world, "nurse", seconds=-1) as client:
            wrong += await ask_everything(client, app, {}, None)
        citizen = Caller(
            "citizen", "", Role.PATIENT, given.ORG, patient_id=uuid4(), numbers=(b"n" * 32,)
        )
        async with given.client(world, None) as client:
            headers = {
                "authorization": f"Bearer {given.ISSUER.token(citizen)}",
                "hjemvakt-on-behalf-of": str(uuid4()),
            }
            answer = await client.get("/v1/alerts", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "nobodys-proxy")
    assert not wrong, "\n".join(wrong)


async def relative(record: Record, patient: str) -> Person:
    """Somebody to whom the patient has given his readings."""
    until = (NOW + timedelta(days=1)).isoformat()
    given_him = {
        "national_number": RELATIVE, "name": "Datter", "relation": "child", "may": ["readings"],
        "until": until,
    }  # fmt: skip
    administrator = await record.administrator()
    await administrator.post(f"/v1/patients/{patient}/proxies", given_him)
    person = await record.person(citizen=RELATIVE, org="nordland")
    person.headers = {"hjemvakt-on-behalf-of": patient}
    return person


# --- every relation ---------------------------------------------------------------------------

WHY = {"reason": "acute-illness", "text": "Innlagt i natt"}
RELATIONS = ("his own", "same unit", "other unit", "other organisation", "nobody")


async def test_every_relation_at_every_door_to_a_patient(record: Record) -> None:
    """Principals × relations × the doors that name a patient: one expected answer each."""
    app = record.client._transport.app  # type: ignore[attr-defined]  # as above
    kidney, heart = await record.unit(), await record.unit("Hjerte")
    far = await record.unit("Nyre", org="elsewhere")
    nurse, cardiologist = await record.staff("nurse", kidney), await record.staff("nurse", heart)
    stranger = await record.staff("nurse", far, org="elsewhere")
    whom = dict(
        zip(
            RELATIONS,
            [
                await record.patient(nurse, kidney),
                await record.patient(nurse, kidney),
                await record.patient(cardiologist, heart),
                await record.patient(stranger, far),
                str(uuid4()),
            ],
            strict=True,
        )
    )
    opener, shunned = await record.staff("physician", kidney), await record.staff("nurse", kidney)
    await opener.post(f"/v1/patients/{whom['other unit']}/emergency-access", WHY)
    administrator = await record.administrator()
    block = {"staff": record.ids[shunned.token or ""]}
    for relation in ("his own", "same unit"):
        await administrator.post(f"/v1/patients/{whom[relation]}/shields", block)
    callers: dict[str, tuple[Person, Role]] = {
        "patient": (await record.person(patient=whom["his own"]), Role.PATIENT),
        "nurse": (nurse, Role.NURSE),
        "who opened in an emergency": (opener, Role.PHYSICIAN),
        "who is blocked": (shunned, Role.NURSE),
        "nurse without a unit": (await record.staff("nurse"), Role.NURSE),
        "administrator": (administrator, Role.ADMINISTRATOR),
        "auditor": (await record.auditor(), Role.AUDITOR),
        "relative": (await relative(record, whom["his own"]), Role.RELATIVE),
        "researcher": (await record.staff("researcher", kidney), Role.RESEARCHER),
    }
    wrong, cells = [], 0
    said: dict[str, tuple[Any, dict[str, str]]] = {}
    for name in route_names(app):
        method, _, path = name.partition(" ")
        asks_by_query = path in ("/fhir/Observation", "/fhir/QuestionnaireResponse", "/fhir/Device")
        names = re.findall(r"\{(\w+)\}", path)
        if method != "GET" or not (names == ["patient_id"] or asks_by_query):
            continue
        act = table.by_route()[name]
        for who, (person, role) in callers.items():
            for relation, patient in whom.items():
                address = path.replace("{patient_id}", patient)
                params = {"patient": patient} if asks_by_query else None
                headers = {"authorization": f"Bearer {person.token}"} | person.headers
                answer = await record.client.request(
                    method, address, params=params, headers=headers
                )
                cells += 1
                said[relation] = answer.content, dict(answer.headers) | {"x-request-id": ""}
                if answer.status_code != expected(act, who, role, relation):
                    wrong.append(f"{who} of {relation}, {name}: {answer.status_code}")
            if said["other organisation"] != said["nobody"]:
                wrong.append(f"{who}, {name}: who is elsewhere does not look like nobody")
    assert not wrong, "\n".join(wrong)
    assert cells >= 450, cells


async def test_who_is_elsewhere_takes_as_long_as_nobody(record: Record) -> None:
    """By the faster ones of many, asked in turn: the machine's other work makes some slow."""
    far = await record.unit(org="elsewhere")
    stranger = await record.staff("nurse", far, org="elsewhere")
    patient = await record.patient(stranger, far)
    nurse = await record.staff("nurse", await record.unit())
    for path in ("/v1/patients/{}", "/v1/patients/{}/readings", "/fhir/Patient/{}"):
        took: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(60):
            for exists in (True, False):
                began = time.perf_counter()
                await nurse.get(path.format(patient if exists else uuid4()), 404)
                took[exists].append(time.perf_counter() - began)
        usual = {exists: sorted(seconds)[len(seconds) // 4] for exists, seconds in took.items()}
        assert abs(usual[True] - usual[False]) < max(0.005, 0.4 * usual[False]), path


def expected(act: Act, who: str, role: Role, relation: str) -> int:
    """What the rules say, told apart from how the code asks."""
    if role not in act.reach or (role is Role.RELATIVE and act.on != "readings"):
        return 403
    if role is Role.RELATIVE:
        return 200 if relation == "his own" else 404
    if relation in ("other organisation", "nobody"):
        return 404
    if role is Role.PATIENT:
        return 200 if relation == "his own" else 404
    if act.reach[role] is Reach.ORG:
        return 200
    here = relation in ("his own", "same unit")
    if who == "who is blocked" or who == "nurse without a unit":
        return 403
    if who == "who opened in an emergency" and not here:
        return 200 if act.emergency else 403
    return 200 if here else 403
