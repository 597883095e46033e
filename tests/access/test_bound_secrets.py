"""An app's secret that is bound to a key: with a proof made with it the secret is as good as any,
and without one it is nothing."""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.access import dpop, signed
from tests.access.conftest import ORG, RECORD, execute
from tests.access.test_intake_tokens import Engine
from tests.access.test_intake_tokens import engine as engine

PATH = "/v1/observations"


@dataclass
class App:
    """On a patient's phone, enrolled by a code with the public half of its key."""

    engine: Engine
    key: signed.Key
    cred: str
    secret: str

    def proof(self, *, key: signed.Key | None = None, **other: Any) -> str:
        """As it should be, but for `other`."""
        claims = {
            "jti": uuid4().hex, "htm": "POST", "htu": f"{RECORD}{PATH}", "iat": int(time.time()),
            "ath": dpop.hash_of(self.secret),
        } | other  # fmt: skip
        by = key or self.key
        claims = {name: value for name, value in claims.items() if value is not None}
        return signed.sign(claims, by, type="dpop+jwt", jwk=signed.as_public(by))

    async def send(
        self, proof: str | None, *, scheme: str = "DPoP", path: str = PATH, **more: Any
    ) -> httpx.Response:
        headers = {"authorization": f"{scheme} {self.secret}"}
        if proof is not None:
            headers["dpop"] = proof
        return await self.engine.client.post(path, json=[], headers=headers, **more)


@pytest.fixture
async def app(engine: Engine) -> App:
    who = {"role": "administrator", "org": ORG}
    client = engine.house.client
    token = (await client.post("/development/token", json=who)).json()["token"]
    body = {"kind": "app", "label": "Telefon", "unit_id": engine.house.unit}
    made = await client.post(
        "/v1/enrolment-codes", json=body, headers={"authorization": f"Bearer {token}"}
    )
    key = signed.new_key()
    given = await client.post(
        "/v1/enrolment-codes/redeem",
        json={"code": made.json()["code"], "jwk": signed.as_public(key)},
    )
    assert given.status_code == 201, given.text
    assert given.json()["thumbprint"] == key.thumbprint()
    return App(engine, key, given.json()["cred"], given.json()["secret"])


async def test_with_its_proof_it_is_let_in_at_every_door_of_its_own(app: App) -> None:
    assert (await app.send(app.proof())).json() == {"results": []}
    path = "/fhir"
    sent = await app.send(app.proof(htu=f"{RECORD}{path}"), path=path)
    assert sent.status_code == 422, "no Bundle, but let in"


async def test_the_secret_alone_is_nothing(app: App) -> None:
    for scheme, proof in (("Bearer", None), ("Bearer", app.proof()), ("DPoP", None)):
        refused = await app.send(proof, scheme=scheme)
        assert refused.status_code == 401, scheme
        assert refused.headers["www-authenticate"]
    senders = app.engine.client._transport.app.state.door.senders  # type: ignore[attr-defined]
    hashed = hashlib.sha256(app.secret.encode()).digest()
    assert (await app.send(app.proof())).status_code == 200
    assert senders.remembered_by_hash(hashed) is None, "the quick way never finds it"
    assert (await app.send(None, scheme="Bearer")).status_code == 401


BAD: dict[str, dict[str, Any]] = {
    "another method": {"htm": "PUT"},
    "another door": {"htu": f"{RECORD}/fhir"},
    "another host": {"htu": f"https://example.org{PATH}"},
    "another secret": {"ath": dpop.hash_of("another secret of 20 characters")},
    "no secret": {"ath": None},
    "no name": {"jti": None},
    "too old": {"iat": int(time.time()) - 120},
    "too new": {"iat": int(time.time()) + 3600},
    "no moment": {"iat": None},
    "another key": {"key": signed.new_key()},
}


async def test_a_proof_of_something_else_is_none(app: App) -> None:
    for name, other in BAD.items():
        refused = await app.send(app.proof(**other))
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated"), name
        assert refused.headers["www-authenticate"].startswith("DPoP "), name
    assert (await app.send("x.y.z")).status_code == 401
    assert (await app.send(app.proof())).status_code == 200, "and a good one is good still"


async def test_a_proof_serves_once_and_of_many_at_once_one(app: App) -> None:
    kept = app.proof()
    answers = await asyncio.gather(*[app.send(kept) for _ in range(6)])
    assert sorted(one.status_code for one in answers) == [200] + [401] * 5
    two = [("authorization", f"DPoP {app.secret}"), *[("dpop", app.proof()) for _ in range(2)]]
    assert (await app.engine.client.post(PATH, json=[], headers=two)).status_code == 401


async def test_a_revoked_app_is_out_with_its_key(app: App) -> None:
    assert (await app.send(app.proof())).status_code == 200
    await execute(
        app.engine.house.urls,
        "update patients.credential set revoked_at = now() where cred = $1", app.cred,
    )  # fmt: skip
    await execute(app.engine.house.urls, "notify credentials")
    for _ in range(50):
        if (refused := await app.send(app.proof())).status_code == 401:
            break
        await asyncio.sleep(0.05)
    assert refused.status_code == 401


async def test_a_plain_secret_is_not_helped_by_a_proof(app: App) -> None:
    """Of a credential that has no key nobody can say that he has it."""
    client = app.engine.house.client
    who = {"role": "administrator", "org": ORG}
    token = (await client.post("/development/token", json=who)).json()["token"]
    body = {"kind": "device", "label": "Vekt", "unit_id": app.engine.house.unit}
    headers = {"authorization": f"Bearer {token}"}
    plain = (await client.post("/v1/credentials", json=body, headers=headers)).json()["secret"]
    other = App(app.engine, app.key, "", plain)
    assert (await other.send(other.proof())).status_code == 401
    assert (await other.send(None, scheme="Bearer")).status_code == 200
