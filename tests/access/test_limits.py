"""Who guesses, searches or sends too much is told to wait; and nobody beside him."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.alerts import login as page_of_staff
from services.ingest import app as ingest
from services.patients import login as page_of_patients
from shared.access import TooManyRequests, attempts, source, table
from shared.access.caller import Caller, Role
from shared.access.entrance import Entrance
from shared.database import Database
from tests.conftest import DatabaseUrls
from tests.ingest.conftest import Holder, weight
from tests.ingest.conftest import holder as holder
from tests.ingest.conftest import other as other
from tests.ingest.conftest import owner as owner
from tests.ingest.conftest import unit as unit
from tests.patients.conftest import Record, Ward
from tests.patients.conftest import record as record
from tests.patients.conftest import ward as ward


def is_a_wait(answer: httpx.Response) -> bool:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "too-many-requests"
    assert int(answer.headers["retry-after"]) > 0
    return answer.status_code == 429


async def test_bad_tokens_wait_after_many_and_good_ones_never(ward: Ward) -> None:
    app = ward.record.client._transport.app  # type: ignore[attr-defined]  # the application
    app.state.failures = source.Failures(20)
    bad = {"authorization": "Bearer x.y.z"}
    answers = [await ward.record.client.get("/v1/units", headers=bad) for _ in range(25)]
    assert [one.status_code for one in answers[:20]] == [401] * 20
    assert all(is_a_wait(one) for one in answers[20:])
    await ward.nurse.get("/v1/units")


async def test_searches_wait_after_many_each_for_himself(ward: Ward) -> None:
    act = table.by_route()["POST /v1/patients/search"]
    assert act.per_minute is not None
    other = await ward.record.staff("nurse", ward.unit)
    paces = ward.record.client._transport.app.state.paces  # type: ignore[attr-defined]  # as above
    nurse = Caller(ward.record.ids[ward.nurse.token or ""], "", Role.NURSE, "nordland")
    for _ in range(act.per_minute):
        paces.must_wait(act, nurse)
    headers = {"authorization": f"Bearer {ward.nurse.token}"}
    body = {"identifier": {"system": "urn:x", "value": "1"}}
    refused = await ward.record.client.post("/v1/patients/search", json=body, headers=headers)
    assert is_a_wait(refused)
    await ward.nurse.get(ward.path)  # whom she knows she reads as before
    await other.post("/v1/patients/search", body, 200)


def test_every_search_for_people_has_its_limit() -> None:
    for route, act in table.by_route().items():
        looks = route.endswith("/search") or route in ("GET /v1/patients", "GET /fhir/Patient")
        if looks or (
            route.endswith("/_search") and "Device" not in route and "naire/" not in route
        ):
            assert act.per_minute, route


def test_the_address_is_what_our_front_door_wrote() -> None:
    written = [(b"x-forwarded-for", b"6.6.6.6, 10.0.0.1"), (b"host", b"x")]
    scope: Any = {"client": ("172.18.0.9", 4), "headers": written}
    assert source.of(scope, behind_proxy=True) == "10.0.0.1"
    assert source.of(scope, behind_proxy=False) == "172.18.0.9"
    scope["headers"] = [(b"x-forwarded-for", b"1.1.1.1"), (b"x-forwarded-for", b"2.2.2.2")]
    assert source.of(scope, behind_proxy=True) == "2.2.2.2"
    assert source.of({"client": None, "headers": []}, behind_proxy=True) == ""


async def test_who_tries_out_people_at_the_log_in_without_a_provider_waits_too(ward: Ward) -> None:
    """Test mode; whoever is there comes in beside him all the same."""
    for n in range(attempts.LOG_INS + 2):
        who = {"staff": str(uuid4())} if n % 2 else {"citizen": "49680699185", "org": "nordland"}
        answer = await ward.record.client.post("/development/token", json=who)
        expected = (404 if n % 2 else 403) if n < attempts.LOG_INS else 429
        assert answer.status_code == expected, n
    assert is_a_wait(answer)
    await ward.record.administrator()


async def test_failed_log_ins_wait_and_are_counted_across_replicas(
    database_urls: DatabaseUrls,
) -> None:
    database = Database(database_urls.alerts, name="test", size=2)
    await database.open()
    try:
        here, there = (attempts.place("log-in", where) for where in ("1.1.1.1", "2.2.2.2"))
        for _ in range(attempts.LOG_INS):
            await attempts.count(database, here, attempts.LOG_INS)
        with pytest.raises(TooManyRequests) as refused:
            await attempts.count(database, here, attempts.LOG_INS)
        assert 0 < refused.value.retry_after <= attempts.SECONDS
        await attempts.count(database, there, attempts.LOG_INS)
    finally:
        await database.close()
    for page in (page_of_staff, page_of_patients):
        assert isinstance(page.ENTRANCE, Entrance)


@pytest.fixture
async def intake(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An intake that takes 20 requests a minute of each credential, and bears 10 failures."""
    monkeypatch.setenv("HJEMVAKT_MODE", "test")
    monkeypatch.setenv("HJEMVAKT_IDENTITY_KEY", "ab" * 32)
    monkeypatch.setenv("HJEMVAKT_DATABASE_INGEST", database_urls.ingest)
    monkeypatch.setenv("HJEMVAKT_INTAKE_PER_MINUTE", "20")
    monkeypatch.setenv("HJEMVAKT_FAILURES_PER_MINUTE", "10")
    monkeypatch.delenv("MQTT_URL", raising=False)
    app = ingest.create()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://ingest") as client,
    ):
        yield client


async def test_a_sender_gone_mad_waits_and_the_others_do_not(
    intake: httpx.AsyncClient, holder: Holder, other: Holder
) -> None:
    async def send(who: Holder, path: str = "/v1/observations", **more: Any) -> httpx.Response:
        return await intake.post(path, headers=who.headers, **(more or {"json": weight()}))

    taken = [await send(holder) for _ in range(20)]
    assert [one.status_code for one in taken] == [200] * 20
    assert is_a_wait(await send(holder))
    for path in ("/fhir/Observation", "/hl7v2", "/v1/uploads", "/v1/attachments"):
        kind = {"/hl7v2": "text/plain", "/v1/attachments": "image/png"}.get(path)
        headers = holder.headers | {"content-type": kind or "application/json"}
        assert is_a_wait(await intake.post(path, content=b"{}", headers=headers)), path
    assert (await send(other)).status_code == 200


async def test_a_large_body_counts_for_as_many_as_it_holds(
    intake: httpx.AsyncClient, holder: Holder
) -> None:
    large = b"[" + b" " * (250 * 1024) + b"]"
    headers = holder.headers | {"content-type": "application/json"}
    answers = [
        await intake.post("/v1/observations", content=large, headers=headers) for _ in range(3)
    ]
    assert [one.status_code for one in answers] == [200, 429, 429]


async def test_wrong_secrets_wait_and_a_known_sender_does_not(
    intake: httpx.AsyncClient, holder: Holder
) -> None:
    assert (
        await intake.post("/v1/observations", json=weight(), headers=holder.headers)
    ).status_code == 200
    wrong = [
        await intake.post("/v1/observations", json=[], headers={"authorization": f"Bearer {n:040}"})
        for n in range(14)
    ]
    assert [one.status_code for one in wrong] == [401] * 10 + [429] * 4
    assert is_a_wait(wrong[-1])
    known = await intake.post("/v1/observations", json=weight(), headers=holder.headers)
    assert known.status_code == 200


async def test_proofs_that_are_over_are_forgotten(record: Record) -> None:
    from shared.access import store

    database = Database(record.urls.patients, name="test", size=1)
    await database.open()
    try:
        async with database.transaction() as tx:
            assert await store.use_proof(tx, b"old", -1)
            assert await store.use_proof(tx, b"new", 60)
            await store.forget_proofs(tx)
    finally:
        await database.close()
    rows = await record.rows("select id from access.proof")
    assert [bytes(row["id"]) for row in rows] == [b"new"]
