"""The development issuer in this process, and the record that trusts it: no port, all else real."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from deploy.local.issuer import app as issuer_app
from deploy.local.issuer import people
from deploy.local.issuer.clients import Client
from deploy.local.issuer.realm import Realm
from services.patients import app as wiring
from shared.access import DevelopmentIssuer, dpop, profiles, signed
from shared.access.keys import Keys
from tests.conftest import DatabaseUrls

AUDIENCE = "nhn:hjemvakt"
SCOPE = "nhn:hjemvakt/api"
PLACE = "http://127.0.0.1:8008"
RECORD = "http://record"
ORG = "nordland"
CALLBACK = "http://worklist/login/callback"


@dataclass
class House:
    """A record, its issuer, and tokens of all kinds for its doors."""

    record: FastAPI
    client: httpx.AsyncClient
    helseid: Realm
    idporten: Realm
    issuer: FastAPI
    urls: DatabaseUrls
    nurse: str
    unit: str
    patient: str
    patient_number: str
    key: signed.Key = field(default_factory=signed.new_key)
    page_key: signed.Key = field(default_factory=signed.new_key)

    def claims(self, **other: Any) -> dict[str, Any]:
        """The claims of a token that is as it should be, for the nurse, but for `other`;
        None leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.helseid.issuer,
            "aud": AUDIENCE,
            "sub": self.nurse,
            "client_id": "hjemvakt-page",
            "scope": [SCOPE],
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "jti": uuid4().hex,
            "cnf": {"jkt": self.key.thumbprint()},
            profiles.PID: "13116900216",
            profiles.LEVEL: "4",
            profiles.HPR: "9144900",
            profiles.PARENT: ORG,
        } | other
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: signed.Key | None = None, **other: Any) -> str:
        by = key or self.helseid.keys[0]
        return signed.sign(self.claims(**other), by, type="at+jwt", kid=by.kid)

    def proof(self, token: str | None, path: str = "/v1/units", method: str = "GET") -> str:
        return dpop.make(
            self.key, method=method, address=f"{RECORD}{path}", token=token, now=time.time()
        )

    async def ask(
        self, token: str, proof: str | None = None, *, scheme: str = "DPoP", path: str = "/v1/units"
    ) -> httpx.Response:
        proof = self.proof(token, path) if proof is None else proof
        headers = {"authorization": f"{scheme} {token}"} | ({"dpop": proof} if proof else {})
        return await self.client.get(path, headers=headers)


@pytest.fixture
async def house(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[House]:
    page_key, system_key = signed.new_key(), signed.new_key()
    clients = {
        "hjemvakt-page": Client(
            "hjemvakt-page", "page", signed.as_public(page_key),
            frozenset({"openid", "profile", SCOPE}), frozenset({CALLBACK}),
        ),
    }  # fmt: skip
    helseid = Realm("helseid", f"{PLACE}/helseid", AUDIENCE, clients)
    idporten = Realm("idporten", f"{PLACE}/idporten", "https://hjemvakt.example", {})
    issuer = issuer_app.create([helseid, idporten], people.in_record(database_urls.owner), "test")
    (tmp_path / "page.jwk").write_text(kept(page_key))
    (tmp_path / "issuers.toml").write_text(issuers(tmp_path / "page.jwk"))
    key = tmp_path / "key.json"
    key.write_text(DevelopmentIssuer.new_key())
    for name, value in {
        "MODE": "test",
        "IDENTITY_KEY": "ab" * 32,
        "DEVELOPMENT_KEY": str(key),
        "DATABASE_PATIENTS": database_urls.patients,
        "ISSUERS": str(tmp_path / "issuers.toml"),
        "PUBLIC_URL": RECORD,
    }.items():
        monkeypatch.setenv(f"HJEMVAKT_{name}", value)
    app = wiring.create()
    app.state.guard.keys = Keys(httpx.ASGITransport(issuer))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=RECORD) as client,
    ):
        made = await _people(client)
        yield House(
            app, client, helseid, idporten, issuer, database_urls, page_key=page_key, **made
        )
    del system_key


def kept(key: signed.Key) -> str:
    import json

    return json.dumps(key.as_dict(private=True))


def issuers(page_key: Path) -> str:
    return f"""
[[issuer]]
name = "HelseID (development)"
profile = "helseid"
issuer = "{PLACE}/helseid"
environment = "test"
audience = "{AUDIENCE}"
scope = "{SCOPE}"
dpop = true
staff_by = "subject"
client = {{ id = "hjemvakt-page", key = "{page_key}", scopes = ["openid", "profile", "{SCOPE}"] }}

[[issuer]]
name = "ID-porten (development)"
profile = "idporten"
issuer = "{PLACE}/idporten"
environment = "test"
audience = "https://hjemvakt.example"
dpop = false
organisation = "{ORG}"
"""


async def _people(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.post("/development/token", json={"role": "administrator", "org": ORG})
    administrator = {"authorization": f"Bearer {answer.json()['token']}"}

    async def post(path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        made = await client.post(path, json=body, headers=headers)
        assert made.status_code == 201, made.text
        return made.json()

    hours = {"zone": "Europe/Oslo", "hours": []}
    unit = await post("/v1/units", {"name": "Nyre", "short": "N", "watching": hours}, administrator)
    nurse = await post(
        "/v1/staff", {"name": "Kari", "role": "nurse", "units": [unit["id"]]}, administrator
    )
    number = "41814065640"
    patient = await post(
        "/v1/patients",
        {
            "name": "Test Testesen",
            "born": "1940-01-01",
            "unit_id": unit["id"],
            "identifiers": [{"system": "urn:oid:2.16.578.1.12.4.1.4.2", "value": number}],
        },
        administrator,
    )
    return {
        "nurse": nurse["id"],
        "unit": unit["id"],
        "patient": patient["id"],
        "patient_number": number,
    }


async def execute(urls: DatabaseUrls, statement: str, *arguments: Any) -> None:
    connection = await asyncpg.connect(urls.owner)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def fetch(urls: DatabaseUrls, query: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(urls.owner)
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()
