"""Proof of possession: for this token, this request, this minute, and once."""

import time
from typing import Any

import httpx
import pytest
from joserfc import jwk
from joserfc.errors import SecurityWarning

from shared.access import dpop, signed
from shared.access.signed import Unusable
from tests.access.conftest import RECORD, House

ADDRESS = "https://hjemvakt.example/v1/units"
NOW = 1_800_000_000


def proof(key: signed.Key | None = None, header: dict[str, Any] | None = None, **other: Any) -> str:
    """A proof as it should be, but for `other`; None leaves a claim out."""
    key = key or signed.new_key()
    claims = {
        "jti": "0123456789", "htm": "GET", "htu": ADDRESS, "iat": NOW,
        "ath": dpop.hash_of("token"),
    } | other  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    more = {"jwk": signed.as_public(key)} | (header or {})
    return signed.sign(claims, key, type=more.pop("typ", "dpop+jwt"), **more)


def check(text: str) -> dpop.Proof:
    return dpop.check(text, method="GET", address=ADDRESS, token="token", now=NOW)


GOOD: dict[str, dict[str, Any]] = {
    "as it should be": {},
    "a minute old": {"iat": NOW - 60},
    "a minute ahead": {"iat": NOW + 60},
    "with a query": {"htu": ADDRESS + "?a=b"},
    "with the default port": {"htu": "https://hjemvakt.example:443/v1/units"},
    "host in capitals": {"htu": "HTTPS://Hjemvakt.Example/v1/units"},
    "more than is asked": {"nonce": "x"},
}
BAD: dict[str, dict[str, Any]] = {
    "61 seconds old": {"iat": NOW - 61},
    "61 seconds ahead": {"iat": NOW + 61},
    "iat missing": {"iat": None},
    "iat as text": {"iat": str(NOW)},
    "iat true": {"iat": True},
    "another method": {"htm": "POST"},
    "method in small letters": {"htm": "get"},
    "method missing": {"htm": None},
    "another path": {"htu": ADDRESS + "/x"},
    "path in capitals": {"htu": "https://hjemvakt.example/V1/units"},
    "a slash more": {"htu": ADDRESS + "/"},
    "another host": {"htu": "https://example.org/v1/units"},
    "another port": {"htu": "https://hjemvakt.example:8443/v1/units"},
    "another scheme": {"htu": "http://hjemvakt.example/v1/units"},
    "a user in the address": {"htu": "https://a@hjemvakt.example/v1/units"},
    "no address": {"htu": "/v1/units"},
    "address missing": {"htu": None},
    "address a list": {"htu": [ADDRESS]},
    "port no number": {"htu": "https://hjemvakt.example:x/v1/units"},
    "another token": {"ath": dpop.hash_of("another")},
    "token missing": {"ath": None},
    "id missing": {"jti": None},
    "id empty": {"jti": ""},
    "id a number": {"jti": 7},
    "id long": {"jti": "x" * 201},
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_proof_does(name: str) -> None:
    assert check(proof(**GOOD[name])).thumbprint


@pytest.mark.parametrize("name", BAD)
def test_a_bad_proof_does_not(name: str) -> None:
    with pytest.raises(Unusable):
        check(proof(**BAD[name]))


def test_its_key_is_public_and_of_a_kind_we_take() -> None:
    key = signed.new_key()
    with pytest.warns(SecurityWarning):
        weak = jwk.RSAKey.generate_key(1024)
    headers: list[dict[str, Any]] = [
        {"jwk": key.as_dict(private=True)},
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"jwk": signed.as_public(signed.new_key())},
        {"jwk": signed.as_public(weak)},
        {"jwk": {**signed.as_public(key), "use": "enc"}},
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"jku": "https://example.org"},
    ]
    for header in headers:
        with pytest.raises(Unusable):
            check(proof(key, header))


def test_two_proofs_of_one_key_and_name_have_one_id() -> None:
    key = signed.new_key()
    assert check(proof(key)).id == check(proof(key, iat=NOW - 5)).id
    assert check(proof(key)).id != check(proof(key, jti="another")).id
    assert check(proof(key)).id != check(proof(signed.new_key())).id


async def test_a_proof_is_used_once_and_by_no_other_replica(house: House) -> None:
    token = house.token()
    made = house.proof(token)
    assert (await house.ask(token, made)).status_code == 200
    assert (await house.ask(token, made)).status_code == 401
    house.record.state.guard._verified.clear()  # as after a restart
    assert (await house.ask(token, made)).status_code == 401
    assert (await house.ask(token)).status_code == 200


async def test_a_token_does_not_do_without_its_proof(house: House) -> None:
    token = house.token()
    assert (await house.ask(token, "")).status_code == 401
    assert (await house.ask(token, "x.y.z")).status_code == 401
    assert (await house.ask(token, "", scheme="Bearer")).status_code == 401
    assert (await house.ask(token, scheme="Bearer")).status_code == 401
    assert (await house.ask(token, house.proof(house.token(jti="b")))).status_code == 401
    another = dpop.make(
        signed.new_key(), method="GET", address=f"{RECORD}/v1/units", token=token, now=time.time()
    )
    assert (await house.ask(token, another)).status_code == 401
    two = [("authorization", f"DPoP {token}")] + [("dpop", house.proof(token)) for _ in range(2)]
    assert (await house.client.get("/v1/units", headers=two)).status_code == 401


async def test_the_address_is_ours_and_not_what_the_host_header_says(house: House) -> None:
    token = house.token()
    other = dpop.make(
        house.key, method="GET", address="http://evil/v1/units", token=token, now=time.time()
    )
    headers = {"authorization": f"DPoP {token}", "dpop": other, "host": "evil"}
    assert (await house.client.get("/v1/units", headers=headers)).status_code == 401
    headers["dpop"] = house.proof(token)
    assert (await house.client.get("/v1/units", headers=headers)).status_code == 200


async def test_many_at_once_with_one_proof_are_let_in_once(house: House) -> None:
    import asyncio

    token = house.token()
    made = house.proof(token)
    answers: list[httpx.Response] = await asyncio.gather(
        *(house.ask(token, made) for _ in range(12))
    )
    assert sorted(one.status_code for one in answers) == [200] + [401] * 11
