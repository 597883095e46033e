"""The key of the national numbers is exchanged while services with either key work beside each
other; nobody is lost, and what only the old key could read is gone at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from deploy.local import rotating
from services.patients import app as wiring
from shared import identity
from shared.access import DevelopmentIssuer
from tests.conftest import DatabaseUrls
from tests.patients.conftest import HOURS, Person

OLD, NEW = "ab" * 32, "cd" * 32
D_NUMBER = "urn:oid:2.16.578.1.12.4.1.4.2"
FIRST = {"system": D_NUMBER, "value": "41814065640"}
SECOND = {"system": D_NUMBER, "value": "49680699185"}
THIRD = {"system": "urn:hospital", "value": "pas-1"}


@pytest.fixture
def settings(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> pytest.MonkeyPatch:
    key = tmp_path / "key.json"
    key.write_text(DevelopmentIssuer.new_key())
    monkeypatch.setenv("HJEMVAKT_MODE", "test")
    monkeypatch.setenv("HJEMVAKT_DEVELOPMENT_KEY", str(key))
    monkeypatch.setenv("HJEMVAKT_DATABASE_PATIENTS", database_urls.patients)
    return monkeypatch


@asynccontextmanager
async def service(
    settings: pytest.MonkeyPatch, key: str, other: str | None
) -> AsyncIterator[Person]:
    """A replica with these keys, and an administrator at it."""
    settings.setenv("HJEMVAKT_IDENTITY_KEY", key)
    if other is None:
        settings.delenv("HJEMVAKT_IDENTITY_KEY_OTHER", raising=False)
    else:
        settings.setenv("HJEMVAKT_IDENTITY_KEY_OTHER", other)
    app = wiring.create()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://record") as client,
    ):
        body = {"role": "administrator", "org": "nordland"}
        token = (await client.post("/development/token", json=body)).json()["token"]
        yield Person(client, token)


async def new(person: Person, unit: str, identifier: dict[str, str], status: int = 201) -> Any:
    body = {"name": "Test Testesen", "born": "1969-11-13", "unit_id": unit}
    return await person.post("/v1/patients", {**body, "identifier": identifier}, status)


async def knows(person: Person, *identifiers: dict[str, str]) -> bool:
    for identifier in identifiers:
        found = await person.post("/v1/patients/search", {"identifier": identifier}, 200)
        if not found["patients"]:
            return False
        whole = await person.get(f"/v1/patients/{found['patients'][0]['id']}")
        if whole["identifiers"] != [identifier]:
            return False
    return True


async def test_keys_are_exchanged_without_losing_anybody(
    settings: pytest.MonkeyPatch, database_urls: DatabaseUrls
) -> None:
    owner = await asyncpg.connect(database_urls.owner)
    both = identity.Keys(bytes.fromhex(OLD), bytes.fromhex(NEW))
    turned = identity.Keys(bytes.fromhex(NEW), bytes.fromhex(OLD))

    async with service(settings, OLD, None) as old:
        unit = (await old.post("/v1/units", {"name": "Nyre", "short": "NYRE", "watching": HOURS}))[
            "id"
        ]
        await new(old, unit, FIRST)
        [known] = (await old.get("/v1/patients"))["patients"]
        await old.patch(f"/v1/patients/{known['id']}", {"phone": "+4790000001"})
        await owner.execute("update patients.identifier set key = null")  # as before keys had names
        async with service(settings, OLD, NEW) as prepared:
            await new(prepared, unit, SECOND)
            assert await knows(prepared, FIRST, SECOND)
            assert await knows(old, FIRST, SECOND)  # it looks past what it has no key for
            done = await rotating.rotate(owner, both, batch=1)
            assert (done.kept, done.broken) == (2, 0)
        async with service(settings, OLD, NEW) as slow, service(settings, NEW, OLD) as quick:
            for person in (slow, quick):
                assert await knows(person, FIRST, SECOND)
            await new(quick, unit, THIRD)
            assert (await new(slow, unit, THIRD, 409))["code"] == "identifier-is-taken"
            assert await knows(slow, THIRD)
            done = await rotating.finish(owner, turned)
            assert (done.kept, done.broken) == (3, 0)
    async with service(settings, NEW, None) as last:
        assert await knows(last, FIRST, SECOND, THIRD)
        phone = await owner.fetchval("select phone from patients.patient where phone is not null")
        of = identity.phone_of(UUID(known["id"]))
        assert identity.unseal(bytes.fromhex(NEW), of, phone) == "+4790000001"
        assert (await new(last, unit, FIRST, 409))["code"] == "identifier-is-taken"
    rows = await owner.fetch("select system, sealed from patients.identifier")
    assert len(rows) == 3
    for row in rows:
        with pytest.raises(identity.SealIsBroken):
            identity.unseal(bytes.fromhex(OLD), row["system"], row["sealed"])
    await owner.close()


async def test_what_neither_key_has_sealed_is_left_and_said(
    settings: pytest.MonkeyPatch, database_urls: DatabaseUrls
) -> None:
    async with service(settings, OLD, None) as old:
        unit = (await old.post("/v1/units", {"name": "Nyre", "short": "NYRE", "watching": HOURS}))[
            "id"
        ]
        await new(old, unit, FIRST)
        staff = {"name": "Kari", "role": "nurse", "units": [unit], "national_number": "41814065640"}
        made = await old.post("/v1/staff", staff)
    owner = await asyncpg.connect(database_urls.owner)
    wrong = identity.Keys(bytes.fromhex("11" * 32), bytes.fromhex("22" * 32))
    for does in (rotating.rotate, rotating.finish):
        done = await does(owner, wrong)
        assert (done.kept, done.broken) == (0, 1)
    assert await owner.fetchval("select count(*) from patients.identifier") == 1

    # Of staff there is only a hash: an administrator enters the number anew.
    both = identity.Keys(bytes.fromhex(OLD), bytes.fromhex(NEW))
    assert (await rotating.rotate(owner, both)).by_hand == [f"nordland {made['id']}"]
    async with service(settings, OLD, NEW) as prepared:
        change = {"national_number": "41814065640"}
        await prepared.patch(f"/v1/staff/{made['id']}", change)
    assert (await rotating.rotate(owner, both)).by_hand == []
    await owner.close()


async def test_a_relative_is_let_in_under_both_keys_or_it_is_said_who_is_not(
    settings: pytest.MonkeyPatch, database_urls: DatabaseUrls
) -> None:
    owner = await asyncpg.connect(database_urls.owner)
    both = identity.Keys(bytes.fromhex(OLD), bytes.fromhex(NEW))
    turned = identity.Keys(bytes.fromhex(NEW), bytes.fromhex(OLD))
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    given = {
        "national_number": FIRST["value"], "name": "Datter", "relation": "child",
        "may": ["readings"], "until": until,
    }  # fmt: skip

    async with service(settings, OLD, None) as old:
        unit = (await old.post("/v1/units", {"name": "Nyre", "short": "NYRE", "watching": HOURS}))[
            "id"
        ]
        patient = (await new(old, unit, SECOND))["id"]
        path = f"/v1/patients/{patient}/proxies"
        earlier = await old.post(path, given)
        assert (await rotating.rotate(owner, both)).relatives == [
            f"nordland {patient} {earlier['id']}"
        ]
        async with service(settings, OLD, NEW) as prepared:
            assert await represented(prepared, patient) == [patient]
            later = await prepared.post(path, given)
            await prepared.post(f"{path}/{earlier['id']}/end", None, 204)
        done = await rotating.rotate(owner, both)
        assert (done.relatives, done.by_hand) == ([], [])
        assert await represented(old, patient) == [patient], "it looks by its one key"
    async with service(settings, NEW, OLD) as quick:
        assert await represented(quick, patient) == [patient]
        assert (await rotating.finish(owner, turned)).relatives == []
    async with service(settings, NEW, None) as last:
        assert await represented(last, patient) == [patient]
        [kept] = [one["id"] for one in (await last.get(path))["proxies"] if one["ended_at"] is None]
        assert kept == later["id"]
    await owner.close()


async def represented(administrator: Person, patient: str) -> list[str]:
    """Whom the relative may ask on behalf of, at this replica, and he can."""
    who = {"citizen": FIRST["value"], "org": "nordland"}
    token = (await administrator.client.post("/development/token", json=who)).json()["token"]
    relative = Person(administrator.client, token)
    found = (await relative.get("/v1/represented"))["represented"]
    relative.headers = {"hjemvakt-on-behalf-of": patient}
    await relative.get(f"/v1/patients/{patient}/readings")
    return [one["id"] for one in found]
