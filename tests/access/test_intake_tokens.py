"""Systems at the intake by access token: for what it is given, for their own organisation, with
its proof; and nobody else by one."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.ingest import app as wiring
from shared.access import dpop, signed, table
from shared.access.keys import Keys
from tests.access.conftest import AUDIENCE, ORG, RECORD, House, execute, fetch
from tests.access.test_systems import Journal
from tests.access.test_tokens import BAD
from tests.ingest.test_administration_doors import adt
from tests.ingest.test_hl7_doors import PDF, report

WRITES = ("readings.write", "answers.write", "attachments.write", "administration.write")
SYSTEM = "urn:oid:2.16.578.1.12.4.1.4.2"


@dataclass
class Engine:
    """An integration engine at the intake's doors."""

    house: House
    journal: Journal
    client: httpx.AsyncClient
    cred: str

    async def token(self, *scopes: str) -> str:
        return await self.journal.token(" ".join(f"{AUDIENCE}/{one}" for one in scopes))

    async def send(
        self, token: str, path: str = "/v1/observations", *, method: str = "POST", **sent: Any
    ) -> httpx.Response:
        headers = {
            "authorization": f"DPoP {token}",
            "dpop": self.house.proof(token, path, method),
            **sent.pop("headers", {}),
        }
        return await self.client.request(method, path, headers=headers, **sent)


@pytest.fixture
async def engine(
    house: House, database_urls: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    """Registered in the record with its client id; the file of issuers does not know it."""
    monkeypatch.setenv("HJEMVAKT_DATABASE_INGEST", database_urls.ingest)
    monkeypatch.delenv("MQTT_URL", raising=False)
    who = {"role": "administrator", "org": ORG}
    token = (await house.client.post("/development/token", json=who)).json()["token"]
    administrator = {"authorization": f"Bearer {token}"}
    body = {"kind": "system", "label": "Motor", "client_id": "journal"}
    made = await house.client.post("/v1/credentials", json=body, headers=administrator)
    assert made.status_code == 201, made.text
    journal = Journal(house, made.json()["cred"])
    known = house.helseid.clients["journal"]
    scopes = known.scopes | {f"{AUDIENCE}/{one}" for one in WRITES}
    house.helseid.clients = {
        **house.helseid.clients,
        "journal": type(known)(known.id, "system", known.key, scopes, frozenset(), ORG),
    }
    app = wiring.create()
    guard = app.state.door.admission._tokens._guard
    guard.keys = Keys(httpx.ASGITransport(house.issuer))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=RECORD) as client,
    ):
        yield Engine(house, journal, client, made.json()["cred"])


def weight(number: str | None, **more: Any) -> dict[str, Any]:
    """A reading as FHIR, whose subject is named by national number."""
    subject = {"identifier": {"system": SYSTEM, "value": number}} if number else {}
    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": "urn:example:engine", "value": uuid4().hex}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        **({"subject": subject} if subject else {}),
        "effectiveDateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "valueQuantity": {"value": 82.4, "system": "http://unitsofmeasure.org", "code": "kg"},
        **more,
    }


def answers() -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "identifier": {"system": "urn:example:engine", "value": uuid4().hex},
        "questionnaire": "https://hjemvakt.example/fhir/Questionnaire/home-dialysis-daily",
        "authored": datetime.now(UTC).isoformat(timespec="seconds"),
        "item": [{"linkId": "chest-pain", "answer": [{"valueBoolean": False}]}],
    }


def bundle(*resources: Mapping[str, Any]) -> dict[str, Any]:
    entries = [
        {"resource": one, "request": {"method": "POST", "url": one["resourceType"]}}
        for one in resources
    ]
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


async def test_a_system_pushes_for_its_patients_by_token(engine: Engine) -> None:
    token = await engine.token("readings.write")
    sent = await engine.send(token, "/fhir/Observation", json=weight("41814065640"))
    assert sent.status_code == 201, sent.text

    both = await engine.send(
        token, "/fhir", json=bundle(weight("41814065640"), weight("41814065640"))
    )
    assert [one["response"]["status"][:3] for one in both.json()["entry"]] == ["201", "201"]
    who = {"patient": engine.house.patient}
    mine = (await engine.house.client.post("/development/token", json=who)).json()["token"]
    path = f"/v1/patients/{engine.house.patient}/readings"
    seen = await engine.house.client.get(path, headers={"authorization": f"Bearer {mine}"})
    assert len(seen.json()["readings"]) == 3


async def test_whom_another_organisation_knows_is_nobody_here(engine: Engine) -> None:
    await execute(
        engine.house.urls,
        """
        insert into ledger.organisation (org) values ('elsewhere');
        """,
    )
    who = {"role": "administrator", "org": "elsewhere"}
    client = engine.house.client
    token = (await client.post("/development/token", json=who)).json()["token"]
    there = {"authorization": f"Bearer {token}"}
    hours = {"zone": "Europe/Oslo", "hours": []}
    unit = await client.post(
        "/v1/units", json={"name": "N", "short": "N", "watching": hours}, headers=there
    )
    stranger = {
        "name": "Fremmed", "born": "1950-01-01", "unit_id": unit.json()["id"],
        "identifiers": [{"system": SYSTEM, "value": "45894300016"}],
    }  # fmt: skip
    registered = await client.post("/v1/patients", json=stranger, headers=there)
    number = "45894300016" if registered.status_code == 201 else "13116900216"
    token = await engine.token("readings.write")

    sent = await engine.send(token, "/fhir/Observation", json=weight(number))

    assert sent.status_code == 202, "it waits in quarantine, as if nobody had that number"
    none = await engine.send(token, "/fhir/Observation", json=weight(None))
    assert none.status_code in (202, 422), "a system names its subject"


async def test_each_door_takes_the_scope_of_what_it_takes(engine: Engine) -> None:
    doors = {
        "/v1/observations": "readings.write",
        "/fhir": "readings.write",
        "/fhir/Observation": "readings.write",
        "/fhir/QuestionnaireResponse": "answers.write",
        "/hl7v2": "readings.write",
        "/v1/uploads": "readings.write",
        "/v1/attachments": "attachments.write",
    }
    given = {scope: await engine.token(scope) for scope in (*WRITES, "readings.read")}
    for path, wanted in doors.items():
        for scope, token in given.items():
            answer = await engine.send(token, path, content=b"{}")
            lacking = answer.status_code == 403
            assert lacking is (scope != wanted), (path, scope, answer.text)
            if lacking:
                assert answer.json()["code"] == "scope-is-missing"


async def test_answers_among_readings_take_their_own_scope(engine: Engine) -> None:
    readings = await engine.token("readings.write")
    both = await engine.token("readings.write", "answers.write")
    form = {
        "v": 1, "id": uuid4().hex, "kind": "questionnaire",
        "at": datetime.now(UTC).isoformat(), "questionnaire": "phq-9",
        "status": "completed", "answers": {"item-1": 1},
    }  # fmt: skip
    assert (await engine.send(readings, json=[form])).status_code == 403
    assert (await engine.send(readings, "/fhir", json=bundle(answers()))).status_code == 403
    assert (await engine.send(both, json=[form])).status_code == 200
    assert (await engine.send(both, "/fhir", json=bundle(answers()))).status_code == 200


async def test_what_is_no_reading_is_none_whatever_is_wrong_with_it(engine: Engine) -> None:
    """Broken answers and messages would wait in quarantine, where somebody reads them."""
    readings = await engine.token("readings.write")
    both = await engine.token("readings.write", "answers.write")
    written = {
        "resourceType": "Communication", "status": "completed",
        "identifier": [{"system": "urn:example:engine", "value": uuid4().hex}],
        "subject": {"identifier": {"system": SYSTEM, "value": "41814065640"}},
        "sent": datetime.now(UTC).isoformat(timespec="seconds"),
        "payload": [{"contentString": "Jeg har vondt"}],
    }  # fmt: skip
    broken = {**answers(), "status": "nothing-that-is-known", "item": "x"}
    form = {"v": 1, "id": uuid4().hex, "kind": "questionnaire", "at": "never", "answers": 7}
    for resource in (written, broken):
        among = bundle(weight("41814065640"), resource)
        refused = await engine.send(readings, "/fhir", json=among)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope-is-missing")
        assert (await engine.send(both, "/fhir", json=among)).status_code == 200
    assert (await engine.send(readings, json=[form])).status_code == 403
    assert (await engine.send(both, json=[form])).status_code == 200


async def test_what_a_system_is_refused_is_written_down_as_its_own(engine: Engine) -> None:
    token = await engine.token("answers.write")
    for path in ("/v1/observations", "/fhir/Observation"):
        assert (await engine.send(token, path, json={})).status_code == 403
    readings = await engine.token("readings.write")
    assert (await engine.send(readings, "/fhir", json=bundle(answers()))).status_code == 403
    assert (await engine.send(readings, json=[])).status_code == 200
    backstop = engine.client._transport.app.state.backstop  # type: ignore[attr-defined]
    await backstop._write_strangers()
    rows = await fetch(
        engine.house.urls,
        "select org, by, role, door, outcome from audit.event where door like 'POST /%'"
        " and (org = '' or role = 'system') order by at",
    )
    assert [tuple(row) for row in rows] == [
        (ORG, engine.cred, "system", f"POST {path}", "refused")
        for path in ("/v1/observations", "/fhir/Observation", "/fhir")
    ]


async def test_what_comes_in_hl7_takes_its_own_scope(engine: Engine) -> None:
    readings = await engine.token("readings.write")
    for body, scope in ((adt("A01"), "administration.write"), (report(PDF), "attachments.write")):
        more = {"content": body, "headers": {"content-type": "application/hl7-v2"}}
        refused = await engine.send(readings, "/hl7v2", **more)
        assert (refused.status_code, refused.json()["code"]) == (403, "scope-is-missing"), scope
        both = await engine.token("readings.write", scope)
        assert (await engine.send(both, "/hl7v2", **more)).status_code in (200, 202), scope


async def test_a_token_needs_its_proof_for_this_door_once(engine: Engine) -> None:
    token = await engine.token("readings.write")
    path = "/fhir/Observation"
    body = weight("41814065640")

    async def status(**headers: str) -> int:
        sent = await engine.client.post(path, json=body, headers=headers)
        assert sent.status_code < 300 or "82.4" not in sent.text
        if sent.status_code == 401:
            assert sent.headers["www-authenticate"].startswith("DPoP")
        return sent.status_code

    house = engine.house
    good = house.proof(token, path, "POST")
    auth = {"authorization": f"DPoP {token}"}
    assert await status(**auth) == 401
    assert await status(**auth, dpop=house.proof(token, "/fhir", "POST")) == 401
    assert await status(**auth, dpop=house.proof(token, path, "PUT")) == 401
    assert await status(authorization=f"Bearer {token}", dpop=good) == 401
    assert await status(authorization=f"Bearer {token}") == 401
    stolen = dpop.make(
        signed.new_key(), method="POST", address=f"{RECORD}{path}", token=token, now=time.time()
    )
    assert await status(**auth, dpop=stolen) == 401
    assert await status(**auth, dpop=good) == 201
    assert await status(**auth, dpop=good) == 401, "a proof is used once"


async def test_every_bad_token_is_refused_at_every_door(engine: Engine) -> None:
    """As at the record's doors, and with nothing of what is wrong with it."""
    doors = [route.partition(" ") for route, act in table.by_route().items() if act.on == "intake"]
    said, let_in = set(), []
    for name, make in BAD.items():
        token = make(engine.house)
        for method, _, path in doors:
            path = path.replace("{id}", "x")
            headers = {
                "authorization": f"DPoP {token}".encode(),
                "dpop": engine.house.proof(token, path, method),
            }
            answer = await engine.client.request(method, path, content=b"[]", headers=headers)
            said.add(answer.text)
            if answer.status_code != 401 or "www-authenticate" not in answer.headers:
                let_in.append((name, method, path, answer.status_code))
    assert not let_in
    assert len(said) == 1
    good = await engine.token("readings.write")
    twice = [
        ("authorization", f"DPoP {good}"), ("authorization", f"DPoP {good}"),
        ("dpop", engine.house.proof(good, "/v1/observations", "POST")),
    ]  # fmt: skip
    assert (await engine.client.post("/v1/observations", headers=twice)).status_code == 401


async def test_a_persons_token_is_no_systems(engine: Engine) -> None:
    token = engine.house.token(scope=[f"{AUDIENCE}/api", f"{AUDIENCE}/readings.write"])
    sent = await engine.send(token, json=[])
    assert (sent.status_code, sent.json()["code"]) == (403, "not-allowed")
    who = {"role": "administrator", "org": ORG}
    ours = (await engine.house.client.post("/development/token", json=who)).json()["token"]
    bearer = {"authorization": f"Bearer {ours}"}
    assert (await engine.client.post("/v1/observations", json=[], headers=bearer)).status_code in (
        401,
        403,
    )


async def test_a_revoked_credential_takes_its_tokens_along(engine: Engine) -> None:
    token = await engine.token("readings.write")
    assert (await engine.send(token, json=[])).status_code == 200
    await execute(
        engine.house.urls,
        "update patients.credential set revoked_at = now() where cred = $1", engine.cred,
    )  # fmt: skip
    await execute(engine.house.urls, "notify credentials")
    admission = engine.client._transport.app.state.door.admission  # type: ignore[attr-defined]
    admission._tokens._guard._verified.clear()  # as the half minute does
    refused = await engine.send(token, json=[])
    assert (refused.status_code, refused.json()["code"]) == (403, "not-registered-here")


async def test_a_client_of_another_hospital_is_nobody_here(engine: Engine) -> None:
    known = engine.house.helseid.clients["journal"]
    engine.house.helseid.clients = {
        **engine.house.helseid.clients,
        "journal": type(known)(
            known.id, "system", known.key, known.scopes, frozenset(), "elsewhere"
        ),
    }
    guard = engine.client._transport.app.state.door.admission._tokens._guard  # type: ignore[attr-defined]
    assert not guard.issuers[engine.house.helseid.issuer].systems
    token = await engine.token("readings.write")
    refused = await engine.send(token, json=[])
    assert (refused.status_code, refused.json()["code"]) == (403, "not-registered-here")


async def test_the_issuer_that_is_away_is_said_plainly_and_the_reading_is_kept(
    engine: Engine,
) -> None:
    class Away:
        async def __call__(self, *_: Any) -> None:
            raise httpx.ConnectError("away")

    token = await engine.token("readings.write")
    guard = engine.client._transport.app.state.door.admission._tokens._guard  # type: ignore[attr-defined]
    guard.keys = Keys(httpx.ASGITransport(Away()))
    answer = await engine.send(token, json=[])
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer-does-not-answer")
    assert int(answer.headers["retry-after"]) > 0


async def test_where_a_nonce_is_asked_for_a_system_makes_its_proof_anew(engine: Engine) -> None:
    door = engine.client._transport.app.state.door  # type: ignore[attr-defined]
    guard = door.admission._tokens._guard
    asks = guard.issuers[engine.house.helseid.issuer].model_copy(update={"nonce": True})
    guard.issuers = {**guard.issuers, asks.issuer: asks}
    token, path = await engine.token("readings.write"), "/fhir/Observation"

    told = await engine.send(token, path, json=weight("41814065640"))
    assert told.status_code == 401
    assert told.headers["www-authenticate"].startswith('DPoP error="use_dpop_nonce"')
    made = dpop.make(
        engine.house.key, method="POST", address=f"{RECORD}{path}", token=token, now=time.time(),
        nonce=told.headers["dpop-nonce"],
    )  # fmt: skip
    again = await engine.send(token, path, json=weight("41814065640"), headers={"dpop": made})
    assert again.status_code == 201, again.text
