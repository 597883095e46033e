"""The development log-in exists in test mode only, and the mode decides which numbers count."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from services.patients import app as wiring
from services.patients.numbers import NumberIsNotAcceptable, Numbers
from shared import identity
from shared.access import DevelopmentIssuer, DevelopmentIssuerInProduction
from tests.conftest import DatabaseUrls
from tests.patients.conftest import FNR, Record, Ward

TEST = Numbers(identity.Keys(bytes(32)), "test", frozenset({"13116900216"}))
PRODUCTION = replace(TEST, mode="production")


async def test_people_who_work_here_can_log_in(ward: Ward) -> None:
    people = (await ward.record.client.get("/development/people?org=nordland")).json()
    assert [one["role"] for one in people["staff"]] == ["nurse"]
    administrator = await ward.record.administrator()
    await administrator.patch(f"/v1/staff/{people['staff'][0]['id']}", {"left": True})
    after = (await ward.record.client.get("/development/people?org=nordland")).json()
    assert after["staff"] == []
    token = await ward.record.client.post(
        "/development/token", json={"staff": people["staff"][0]["id"]}
    )
    assert token.status_code == 404


async def test_a_log_in_is_for_one_person(record: Record) -> None:
    for body in ({}, {"role": "administrator"}, {"role": "nurse", "org": "a"}, {"org": "a"}):
        answer = await record.client.post("/development/token", json=body)
        assert answer.status_code == 422, body


@pytest.fixture
async def closed(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """The record in production mode, without a development key."""
    monkeypatch.setenv("HJEMVAKT_MODE", "production")
    monkeypatch.setenv("HJEMVAKT_IDENTITY_KEY", "ab" * 32)
    monkeypatch.delenv("HJEMVAKT_DEVELOPMENT_KEY", raising=False)
    monkeypatch.setenv("HJEMVAKT_DATABASE_PATIENTS", database_urls.patients)
    app = wiring.create()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://record") as client,
    ):
        yield client


async def test_without_a_key_the_log_in_does_not_exist(closed: httpx.AsyncClient) -> None:
    assert (await closed.get("/development/people?org=nordland")).status_code == 404
    who = {"role": "administrator", "org": "nordland"}
    assert (await closed.post("/development/token", json=who)).status_code == 404
    assert (await closed.get("/v1/units")).status_code == 401


async def test_production_does_not_start_with_a_development_key(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    key.write_text(DevelopmentIssuer.new_key())
    monkeypatch.setenv("HJEMVAKT_MODE", "production")
    monkeypatch.setenv("HJEMVAKT_IDENTITY_KEY", "ab" * 32)
    monkeypatch.setenv("HJEMVAKT_DEVELOPMENT_KEY", str(key))
    monkeypatch.setenv("HJEMVAKT_DATABASE_PATIENTS", database_urls.patients)
    with pytest.raises(DevelopmentIssuerInProduction):
        wiring.create()


def test_production_takes_no_synthetic_number() -> None:
    for number in ("41814065640", "49680699185"):
        with pytest.raises(NumberIsNotAcceptable):
            PRODUCTION.check("urn:oid:2.16.578.1.12.4.1.4.2", number)
    # Well formed, and only in the allow-set of test mode.
    assert PRODUCTION.check(FNR, "13116900216") == TEST.check(FNR, "13116900216")


def test_the_same_number_has_another_hash_in_another_hospital() -> None:
    other = replace(TEST, keys=identity.Keys(bytes(range(32))))
    assert TEST.hashes(FNR, "13116900216") != other.hashes(FNR, "13116900216")
    sealed = TEST.keys.seal(FNR, "13116900216")
    assert TEST.unseal(FNR, sealed) == "13116900216"
