"""The record as its callers meet it: the whole application over a real database."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from services.patients import app as wiring
from shared import exact, ledger
from shared.access import DevelopmentIssuer
from shared.contracts import Draft, Item
from shared.database import Database
from tests.conftest import DatabaseUrls

NOW = datetime.now(UTC)
FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
HOURS = {"zone": "Europe/Oslo", "hours": [{"days": ["mon"], "from": "07:45", "to": "15:30"}]}


@dataclass
class Person:
    """Somebody with a token. Answers are checked against the expected status."""

    client: httpx.AsyncClient
    token: str | None
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        headers |= self.headers | more.pop("headers", {})
        answer = await self.client.request(method, path, headers=headers, **more)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        if not answer.content or "json" not in answer.headers.get("content-type", ""):
            return answer
        return exact.loads(answer.content, 100_000)

    async def get(self, path: str, status: int = 200, **params: Any) -> Any:
        return await self.ask("GET", path, status, params=params or None)

    async def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        return await self.ask("POST", path, status, **({} if body is None else {"json": body}))

    async def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return await self.ask("PATCH", path, status, json=body)


@dataclass
class Record:
    """The running record, and what a test puts into it."""

    client: httpx.AsyncClient
    urls: DatabaseUrls
    ingest: Database
    alerts: Database
    org: str = "nordland"
    ids: dict[str, Any] = field(default_factory=dict)

    async def person(self, **who: Any) -> Person:
        answer = await self.client.post("/development/token", json=who)
        assert answer.status_code == 200, answer.text
        return Person(self.client, answer.json()["token"])

    async def administrator(self, org: str | None = None) -> Person:
        return await self.person(role="administrator", org=org or self.org)

    async def auditor(self, org: str | None = None) -> Person:
        return await self.person(role="auditor", org=org or self.org)

    async def staff(self, role: str, *units: str, org: str | None = None) -> Person:
        administrator = await self.administrator(org)
        body = {"name": f"{role} {len(units)}", "role": role, "units": list(units)}
        made = await administrator.post("/v1/staff", body)
        person = await self.person(staff=made["id"])
        self.ids[person.token or ""] = made["id"]
        return person

    async def unit(self, name: str = "Nyre", org: str | None = None) -> str:
        administrator = await self.administrator(org)
        body = {"name": name, "short": name[:4], "watching": HOURS}
        return str((await administrator.post("/v1/units", body))["id"])

    async def patient(self, nurse: Person, unit: str, **more: Any) -> str:
        body = {"name": "Test Testesen", "born": "1969-11-13", "unit_id": unit, **more}
        return str((await nurse.post("/v1/patients", body))["id"])

    async def credential(self, nurse: Person, unit: str) -> str:
        body = {"kind": "device", "label": "Vekt", "unit_id": unit}
        return str((await nurse.post("/v1/credentials", body))["cred"])

    async def send(
        self,
        cred: str,
        values: dict[str, Any] | None = None,
        *,
        kind: str = "body_weight",
        at: datetime | None = None,
        **item: Any,
    ) -> ledger.Answer:
        """What ingest would store of one message of a device."""
        message = uuid4().hex
        chosen = values or {"value": Decimal("82.4")}
        body = {"v": 1, "values": chosen, "entered": "device", "message": message}
        draft = item.pop("draft", Draft("reading", kind, body))
        made = Item(
            message_id=message,
            content=hashlib.sha256(message.encode()).digest(),
            raw=item.pop("raw", b"{}"),
            media_type="application/json",
            drafts=(draft,),
            at=at or NOW - timedelta(hours=1),
            clock=item.pop("clock", "synced"),
            **item,
        )
        async with self.ingest.connection() as connection:
            answers = await ledger.append(
                connection, self.org, [ledger.Entry(ledger.Sender(cred), made)]
            )
        return answers[0]

    async def decisions(self, patient: Any) -> list[Any]:
        async with self.alerts.connection() as connection:
            found = await ledger.decisions(connection, self.org, [UUID(str(patient))])
        return found[UUID(str(patient))]

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """As the owner, to look behind the doors."""
        connection = await asyncpg.connect(self.urls.owner)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()


@dataclass
class Ward:
    """A unit with a nurse and a patient, and the record they are in."""

    record: Record
    unit: str
    nurse: Person
    patient: str

    @property
    def path(self) -> str:
        return f"/v1/patients/{self.patient}"


@pytest.fixture
async def record(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Record]:
    key = tmp_path / "key.json"
    key.write_text(DevelopmentIssuer.new_key())
    monkeypatch.setenv("HJEMVAKT_MODE", "test")
    monkeypatch.setenv("HJEMVAKT_IDENTITY_KEY", "ab" * 32)
    monkeypatch.setenv("HJEMVAKT_DEVELOPMENT_KEY", str(key))
    monkeypatch.setenv("HJEMVAKT_DATABASE_PATIENTS", database_urls.patients)
    app = wiring.create()
    ingest = Database(database_urls.ingest, name="test", size=2)
    alerts = Database(database_urls.alerts, name="test", size=2)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app):
        await ingest.open()
        await alerts.open()
        async with httpx.AsyncClient(transport=transport, base_url="http://record") as client:
            yield Record(client, database_urls, ingest, alerts)
        await ingest.close()
        await alerts.close()


@pytest.fixture
async def ward(record: Record) -> Ward:
    unit = await record.unit()
    nurse = await record.staff("nurse", unit)
    return Ward(record, unit, nurse, await record.patient(nurse, unit))
