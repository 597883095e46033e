"""Systems: client credentials with a key, a token bound to another, a scope for each resource."""

import time
from typing import Any

import httpx
import pytest

from deploy.local.issuer.clients import ASSERTION, Client
from shared.access import dpop, signed
from shared.access.trust import System
from tests.access.conftest import AUDIENCE, PLACE, House

NAME = "journal"
TOKEN = f"{PLACE}/helseid/token"


class Journal:
    """A hospital's record system, as the issuer and we know it."""

    def __init__(self, house: House, cred: str) -> None:
        self.house = house
        self.key = signed.new_key()
        scopes = frozenset({f"{AUDIENCE}/readings.read", f"{AUDIENCE}/care.read"})
        client = Client(NAME, "system", signed.as_public(self.key), scopes)
        house.helseid.clients = {**house.helseid.clients, NAME: client}
        guard = house.record.state.guard
        known = guard.issuers[house.helseid.issuer]
        system = System(client_id=NAME, organisation="nordland", credential=cred)
        guard.issuers = {**guard.issuers, known.issuer: known.model_copy(
            update={"systems": [system]})}  # fmt: skip

    async def ask_for_token(
        self, scope: str, *, key: signed.Key | None = None, **other: Any
    ) -> httpx.Response:
        now = int(time.time())
        claims = {
            "iss": NAME, "sub": NAME, "aud": self.house.helseid.issuer, "iat": now,
            "exp": now + 60, "jti": f"{now}-{time.monotonic_ns()}",
        } | other  # fmt: skip
        key = key or self.key
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_id": NAME,
            "client_assertion_type": ASSERTION,
            "client_assertion": signed.sign(
                claims, key, type="client-authentication+jwt", kid=key.kid
            ),
        }
        proof = dpop.make(self.house.key, method="POST", address=TOKEN, token=None, now=now)
        transport = httpx.ASGITransport(self.house.issuer)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post(TOKEN, data=form, headers={"dpop": proof})

    async def token(self, scope: str) -> str:
        answer = await self.ask_for_token(scope)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@pytest.fixture
async def journal(house: House) -> Journal:
    who = {"role": "administrator", "org": "nordland"}
    token = (await house.client.post("/development/token", json=who)).json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    body = {"kind": "system", "label": "Journal", "unit_id": house.unit}
    made = await house.client.post("/v1/credentials", json=body, headers=headers)
    house.record.state.administrator = headers
    return Journal(house, made.json()["cred"])


async def test_a_system_reads_what_its_token_is_given_for(house: House, journal: Journal) -> None:
    of_patient = f"/v1/patients/{house.patient}"
    readings = await journal.token(f"{AUDIENCE}/readings.read")

    assert (await house.ask(readings, path=f"{of_patient}/readings")).status_code == 200
    assert (await house.ask(readings, path="/fhir/Patient")).status_code == 200
    care = await house.ask(readings, path=f"{of_patient}/enrolments")
    assert (care.status_code, care.json()["code"]) == (403, "scope-is-missing")
    for path in ("/v1/staff", "/v1/patients", of_patient, "/v1/quarantine"):
        refused = await house.ask(readings, path=path)
        assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed"), path
    both = await journal.token(f"{AUDIENCE}/readings.read {AUDIENCE}/care.read")
    assert (await house.ask(both, path=f"{of_patient}/enrolments")).status_code == 200


async def test_that_a_system_has_read_stands_in_the_access_log(
    house: House, journal: Journal
) -> None:
    token = await journal.token(f"{AUDIENCE}/readings.read")
    await house.ask(token, path=f"/v1/patients/{house.patient}/readings")
    who = {"patient": house.patient}
    mine = (await house.client.post("/development/token", json=who)).json()["token"]
    looks = await house.client.get(
        f"/v1/patients/{house.patient}/access-log", headers={"authorization": f"Bearer {mine}"}
    )
    assert [(one["role"], one["why"]) for one in looks.json()["looks"]][1:2] == [
        ("system", "integration")
    ]


async def test_a_revoked_credential_ends_its_tokens(house: House, journal: Journal) -> None:
    token = await journal.token(f"{AUDIENCE}/readings.read")
    path = f"/v1/patients/{house.patient}/readings"
    assert (await house.ask(token, path=path)).status_code == 200
    cred = house.record.state.guard.issuers[house.helseid.issuer].systems[0].credential
    headers = house.record.state.administrator
    revoked = await house.client.post(f"/v1/credentials/{cred}/revoke", headers=headers)
    assert revoked.status_code == 200
    house.record.state.guard._verified.clear()  # as the half minute does
    assert (await house.ask(token, path=path)).status_code == 403


async def test_the_issuer_gives_tokens_only_to_whom_it_knows(
    house: House, journal: Journal
) -> None:
    scope = f"{AUDIENCE}/readings.read"
    now = int(time.time())
    refused = {
        "another key": await journal.ask_for_token(scope, key=signed.new_key()),
        "for another issuer": await journal.ask_for_token(scope, aud="https://example.org"),
        "for the token address": await journal.ask_for_token(scope, aud=TOKEN),
        "of another client": await journal.ask_for_token(scope, iss="x"),
        "too long": await journal.ask_for_token(scope, exp=now + 3600),
        "run out": await journal.ask_for_token(scope, iat=now - 90, exp=now - 30),
        "a scope too many": await journal.ask_for_token(f"{scope} {AUDIENCE}/staff"),
        "no scope": await journal.ask_for_token(""),
    }
    assert {name: one.status_code for name, one in refused.items() if one.is_success} == {}
    once = {"jti": "the same"}
    assert (await journal.ask_for_token(scope, **once)).status_code == 200
    assert (await journal.ask_for_token(scope, **once)).status_code == 401
