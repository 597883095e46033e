"""A token that is bound to a key, at the doors of the record and of the worklist: nothing without
its proof, whoever made it; and the nonce that a proof must show where that is asked for.
"""

import time
from typing import Any

import httpx

from services.alerts import app as alerts
from shared.access import dpop, nonces, profiles, signed, source
from shared.access.keys import Keys
from shared.identity import Keys as Identity
from tests.access.conftest import RECORD, House
from tests.access.test_every_door import Apps, proof
from tests.access.test_every_door import apps as apps

KEYS = Identity(bytes.fromhex("ab" * 32))
DOORS = ("/v1/patients", "/v1/worklist")


def patients_token(house: House, **other: Any) -> str:
    """ID-porten's for an app that asked for a bound one, but for `other`."""
    key = house.idporten.keys[0]
    staffs = (profiles.PID, profiles.LEVEL, profiles.HPR, profiles.PARENT)
    claims = house.claims(
        iss=house.idporten.issuer, aud="https://hjemvakt.example", sub="pairwise",
        pid=house.patient_number, acr="idporten-loa-high", scope="openid",
        **dict.fromkeys(staffs),
    ) | other  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    return signed.sign(claims, key, type="at+jwt", kid=key.kid)


async def ask(
    client: httpx.AsyncClient, path: str, token: str, *proofs: str, scheme: str = "DPoP"
) -> httpx.Response:
    headers = [("authorization", f"{scheme} {token}"), *(("dpop", one) for one in proofs)]
    return await client.get(path, headers=headers)


async def test_at_both_services_a_bound_token_of_staff_takes_its_proof_once(
    apps: Apps, house: House
) -> None:
    for (_, client), path in zip(apps, DOORS, strict=True):
        token = house.token()
        made = proof(house, token, path, "GET")
        assert (await ask(client, path, token, made)).status_code == 200, path
        again = await ask(client, path, token, made)
        bare = await ask(client, path, token, scheme="Bearer")
        for refused in (again, bare, await ask(client, path, token)):
            assert (refused.status_code, refused.json()["code"]) == (401, "proof-is-missing")
            assert refused.headers["www-authenticate"].startswith("DPoP algs=")
        unbound = house.token(cnf=None)
        for scheme, proofs in (("Bearer", []), ("DPoP", [proof(house, unbound, path, "GET")])):
            assert (await ask(client, path, unbound, *proofs, scheme=scheme)).status_code == 401


async def test_a_proof_that_one_service_has_seen_serves_at_no_other(
    apps: Apps, house: House
) -> None:
    """Two replicas of the worklist, each with a memory of its own; what is used is kept for all."""
    other = alerts.create()
    other.state.guard.keys = Keys(httpx.ASGITransport(house.issuer))
    async with (
        other.router.lifespan_context(other),
        httpx.AsyncClient(transport=httpx.ASGITransport(other), base_url=RECORD) as replica,
    ):
        token = house.token()
        made = proof(house, token, "/v1/worklist", "GET")
        assert (await ask(apps[1][1], "/v1/worklist", token, made)).status_code == 200
        assert (await ask(replica, "/v1/worklist", token, made)).status_code == 401
        more = proof(house, token, "/v1/worklist", "GET")
        assert (await ask(replica, "/v1/worklist", token, more)).status_code == 200


async def test_a_patients_token_that_is_bound_is_nothing_without_its_proof(house: House) -> None:
    path = f"/v1/patients/{house.patient}"
    token = patients_token(house)

    async def status(*proofs: str, scheme: str = "DPoP") -> int:
        return (await ask(house.client, path, token, *proofs, scheme=scheme)).status_code

    for _ in range(2):  # fresh, and remembered
        assert await status(proof(house, token, path, "GET")) == 200
    assert await status() == 401
    assert await status(scheme="Bearer") == 401
    assert await status(proof(house, token, path, "GET"), scheme="Bearer") == 401
    assert await status(proof(house, token, path, "GET", key=signed.new_key())) == 401
    assert await status(proof(house, token, path, "POST")) == 401
    assert await status(proof(house, token, path, "GET", ath=dpop.hash_of("another"))) == 401
    kept = proof(house, token, path, "GET")
    assert [await status(kept), await status(kept)] == [200, 401]
    # One that is not bound is a bearer token as before, and no proof makes more of it.
    token = patients_token(house, cnf=None)
    assert await status(scheme="Bearer") == 200
    assert await status(proof(house, token, path, "GET")) == 401


async def test_where_a_nonce_is_asked_for_a_proof_shows_it(apps: Apps, house: House) -> None:
    for (app, client), path in zip(apps, DOORS, strict=True):
        guard = app.state.guard
        asks = guard.issuers[house.helseid.issuer].model_copy(update={"nonce": True})
        guard.issuers = {**guard.issuers, asks.issuer: asks}
        token = house.token()

        told = await ask(client, path, token, proof(house, token, path, "GET"))
        assert (told.status_code, told.json()["code"]) == (401, "nonce-is-missing")
        assert told.headers["www-authenticate"].startswith('DPoP error="use_dpop_nonce", algs=')
        nonce = told.headers["dpop-nonce"]
        for wrong in ("", "x", nonce[:-1], nonce.upper(), "æ", 7, [nonce]):
            refused = await ask(client, path, token, proof(house, token, path, "GET", nonce=wrong))
            assert refused.headers["dpop-nonce"] == nonce, wrong
        right = proof(house, token, path, "GET", nonce=nonce)
        assert (await ask(client, path, token, right)).status_code == 200
        assert (await ask(client, path, token, right)).status_code == 401, "and once"

        # Who has the token and not the key is told nothing, and gets no nonce.
        thief = proof(house, token, path, "GET", key=signed.new_key())
        refused = await ask(client, path, token, thief)
        assert refused.json()["code"] == "proof-is-missing"
        assert "dpop-nonce" not in refused.headers


async def test_being_asked_for_the_nonce_is_no_failure_that_makes_others_wait(house: House) -> None:
    guard, house.record.state.failures = house.record.state.guard, source.Failures(3)
    asks = guard.issuers[house.helseid.issuer].model_copy(update={"nonce": True})
    guard.issuers = {**guard.issuers, asks.issuer: asks}
    for _ in range(6):
        token = house.token()
        assert (await house.ask(token)).json()["code"] == "nonce-is-missing"


def test_a_nonce_is_good_for_its_minutes_and_the_next_and_at_every_replica() -> None:
    begins = 1_800_000_000 // (nonces.MINUTES * 60) * nonces.MINUTES * 60
    given = nonces.current(KEYS, begins)
    for later in (0, 299, 300, 599):
        assert nonces.is_current(KEYS, given, begins + later)
    for other in (-1, 600, 86_400):
        assert not nonces.is_current(KEYS, given, begins + other)
    exchanged = Identity(bytes.fromhex("cd" * 32), bytes.fromhex("ab" * 32))
    assert nonces.is_current(exchanged, given, begins), "while keys are exchanged"
    assert not nonces.is_current(Identity(bytes.fromhex("cd" * 32)), given, begins)
    assert not nonces.is_current(KEYS, None, time.time())
