"""Ingest as its clients see it: the application in this process, the database a real one."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.ingest import app as wiring
from shared import access
from tests.conftest import DatabaseUrls

ORG = "testorg"
KEY = "ab" * 32
# The examples of messages have moments of their own, which every year get older.
BEFORE_ALL_EXAMPLES = datetime(2026, 1, 1, tzinfo=UTC)
ALWAYS = {
    "zone": "Europe/Oslo",
    "hours": [
        {
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "from": "00:00",
            "to": "24:00",
        }
    ],
}


@dataclass(frozen=True)
class Holder:
    """A patient with a credential of his own."""

    patient_id: UUID
    cred: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}


@pytest.fixture
async def owner(database_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_urls.owner)
    yield connection
    await connection.close()


@pytest.fixture
async def app(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FastAPI]:
    monkeypatch.setenv("HJEMVAKT_MODE", "test")
    monkeypatch.setenv("HJEMVAKT_IDENTITY_KEY", KEY)
    monkeypatch.setenv("HJEMVAKT_DATABASE_INGEST", database_urls.ingest)
    monkeypatch.delenv("MQTT_URL", raising=False)
    made = wiring.create()
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ingest") as client:
        yield client


@pytest.fixture
async def unit(owner: asyncpg.Connection) -> UUID:
    unit_id = uuid4()
    await owner.execute("insert into ledger.organisation (org) values ($1)", ORG)
    await owner.execute(
        "insert into patients.unit (org, id, name, short, watching) values ($1, $2, 'U', 'U', $3)",
        ORG,
        unit_id,
        json.dumps(ALWAYS),
    )
    return unit_id


@pytest.fixture
async def holder(owner: asyncpg.Connection, unit: UUID) -> Holder:
    return await given_holder(owner, unit)


@pytest.fixture
async def other(owner: asyncpg.Connection, unit: UUID) -> Holder:
    return await given_holder(owner, unit)


@pytest.fixture
async def system(owner: asyncpg.Connection, unit: UUID) -> Holder:
    """An integration that names the subject of what it sends."""
    cred, secret = await _credential(owner, unit, "system")
    return Holder(uuid4(), cred, secret)


async def given_holder(
    owner: asyncpg.Connection, unit: UUID, since: datetime = BEFORE_ALL_EXAMPLES
) -> Holder:
    patient_id = uuid4()
    await owner.execute(
        """
        insert into patients.patient
            (org, id, number, name, born, language, unit_id, created_by, followed)
        values ($1, $2, $3, 'Test Testesen 01', '1950-01-01', 'nb', $4, 'test', true)
        """,
        ORG,
        patient_id,
        f"S-{patient_id.hex[:8]}",
        unit,
    )
    cred, secret = await _credential(owner, unit, "device")
    await owner.execute(
        """
        insert into patients.binding (org, id, cred, patient_id, valid, recorded_by)
        values ($1, $2, $3, $4, tstzrange($5, null), 'test')
        """,
        ORG,
        uuid4(),
        cred,
        patient_id,
        since,
    )
    return Holder(patient_id, cred, secret)


async def _credential(owner: asyncpg.Connection, unit: UUID, kind: str) -> tuple[str, str]:
    cred, secret = f"c-{uuid4().hex[:16]}", access.new_secret()
    hashed = access.secret_hash(secret)
    await owner.execute(
        """
        insert into patients.credential
            (org, cred, kind, secret_hash, mqtt_hash, label, unit_id, created_by)
        values ($1, $2, $3, $4, '', 'test', $5, 'test')
        """,
        ORG,
        cred,
        kind,
        hashed,
        unit,
    )
    await owner.execute("insert into patients.secret values ($1, $2, $3)", hashed, ORG, cred)
    return cred, secret


def weight(value: Any = 82.4, **changed: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "id": f"w-{uuid4()}",
        "kind": "body_weight",
        "at": datetime.now(UTC).isoformat(),
        "values": {"value": value},
        **changed,
    }


@contextlib.asynccontextmanager
async def locked_out(owner: asyncpg.Connection) -> AsyncIterator[None]:
    """Every append fails, as while the database cannot write."""
    await owner.execute("revoke execute on function ledger.append from hjv_ingest")
    try:
        yield
    finally:
        await owner.execute("grant execute on function ledger.append to hjv_ingest")
