"""Tokens that are not as they should be: refused everywhere, all alike, and without a word why."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from joserfc import jwk
from joserfc.errors import SecurityWarning

from shared.access import profiles, signed
from shared.access.signed import Unusable
from tests.access.conftest import AUDIENCE, House, execute

Make = Callable[[House], str]
NOW = int(time.time())


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def by_hand(house: House, header: dict[str, Any], claims: Any = None, **other: Any) -> str:
    """Signed with the issuer's own key, whatever the header says."""
    key = house.helseid.keys[0]
    good = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}
    header = {name: value for name, value in (good | header).items() if value is not None}
    body = claims if claims is not None else house.claims(**other)
    text = f"{encoded(header)}.{encoded(body)}"
    return f"{text}.{encoded(_ecdsa(key, text))}"


def _ecdsa(key: jwk.ECKey, text: str) -> bytes:
    """The signature that fits a text, by way of a token with it."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    raw = key.private_key
    assert raw is not None
    r, s = utils.decode_dss_signature(raw.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def shared_secret(house: House, secret: bytes, alg: str = "HS256") -> str:
    """Signed as if the public key, which everybody has, were a shared secret."""
    header = {"alg": alg, "typ": "at+jwt", "kid": house.helseid.keys[0].kid}
    text = f"{encoded(header)}.{encoded(house.claims())}"
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def pem(house: House, form: serialization.Encoding) -> bytes:
    public = house.helseid.keys[0].public_key
    return public.public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)


def twice(house: House, name: str, first: Any, second: Any) -> str:
    text = json.dumps(house.claims())[1:-1]
    more = ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for value in (first, second))
    return by_hand(house, {}, f"{{{text}, {more}}}".encode())


# Whatever is wrong with it.
SAID = {
    "type": "about:blank",
    "title": "Log in, or send a valid token with its proof of possession",
    "status": 401,
    "code": "proof-is-missing",
}
BAD: dict[str, Make] = {
    "empty": lambda h: "",
    "no token at all": lambda h: "x",
    "two parts": lambda h: h.token().rpartition(".")[0],
    "four parts": lambda h: h.token() + ".x",
    "signature cut off": lambda h: h.token().rpartition(".")[0] + ".",
    "signature of another": lambda h: (
        h.token().rpartition(".")[0] + "." + h.token(jti="b").rpartition(".")[2]
    ),
    "one character changed": lambda h: h.token()[:-3] + ("AA" if h.token()[-2] != "A" else "BB")
    + h.token()[-1],
    "claims changed": lambda h: ".".join(
        [h.token().split(".")[0], encoded(h.claims(sub="x")), h.token().split(".")[2]]
    ),
    "alg none": lambda h: by_hand(h, {"alg": "none"}),
    "alg None": lambda h: by_hand(h, {"alg": "None"}),
    "alg nOnE": lambda h: by_hand(h, {"alg": "nOnE"}),
    "alg none unsigned": lambda h: (
        f"{encoded({'alg': 'none', 'typ': 'at+jwt'})}.{encoded(h.claims())}."
    ),
    "alg missing": lambda h: by_hand(h, {"alg": None}),
    "alg a number": lambda h: by_hand(h, {"alg": 256}),
    "alg a list": lambda h: by_hand(h, {"alg": ["ES256"]}),
    "alg of another kind of key": lambda h: by_hand(h, {"alg": "RS256"}),
    "alg of another curve": lambda h: by_hand(h, {"alg": "ES384"}),
    "alg EdDSA": lambda h: by_hand(h, {"alg": "EdDSA"}),
    "alg RS1": lambda h: by_hand(h, {"alg": "RS1"}),
    "HS256 with the key as PEM": lambda h: shared_secret(h, pem(h, serialization.Encoding.PEM)),
    "HS256 with the key as DER": lambda h: shared_secret(h, pem(h, serialization.Encoding.DER)),
    "HS256 with the key as JWK": lambda h: shared_secret(
        h, json.dumps(signed.as_public(h.helseid.keys[0])).encode()
    ),
    "HS512 with the key as PEM": lambda h: shared_secret(
        h, pem(h, serialization.Encoding.PEM), "HS512"
    ),
    "kid missing": lambda h: by_hand(h, {"kid": None}),
    "kid unknown": lambda h: by_hand(h, {"kid": "another"}),
    "kid a path": lambda h: by_hand(h, {"kid": "../../../../dev/null"}),
    "kid SQL": lambda h: by_hand(h, {"kid": "x' or '1'='1"}),
    "kid a number": lambda h: by_hand(h, {"kid": 1}),
    "kid long": lambda h: by_hand(h, {"kid": "k" * 5000}),
    "signed by another with a kid of ours": lambda h: signed.sign(
        h.claims(), signed.new_key(), type="at+jwt", kid=h.helseid.keys[0].kid
    ),
    "jku": lambda h: by_hand(h, {"jku": "https://example.org/jwks"}),
    "x5u": lambda h: by_hand(h, {"x5u": "https://example.org/x.pem"}),
    "x5c": lambda h: by_hand(h, {"x5c": ["MIIB"]}),
    "own key in the header": lambda h: by_hand(h, {"jwk": signed.as_public(h.key)}),
    "crit": lambda h: by_hand(h, {"crit": ["x"], "x": 1}),
    "b64 false": lambda h: by_hand(h, {"b64": False, "crit": ["b64"]}),
    "zip": lambda h: by_hand(h, {"zip": "DEF"}),
    "typ JWT, as an id token": lambda h: by_hand(h, {"typ": "JWT"}),
    "typ missing": lambda h: by_hand(h, {"typ": None}),
    "typ dpop+jwt": lambda h: by_hand(h, {"typ": "dpop+jwt"}),
    "typ logout+jwt": lambda h: by_hand(h, {"typ": "logout+jwt"}),
    "iss missing": lambda h: h.token(iss=None),
    "iss of nobody": lambda h: h.token(iss="https://example.org"),
    "iss with a slash more": lambda h: h.token(iss=h.helseid.issuer + "/"),
    "iss in capitals": lambda h: h.token(iss=h.helseid.issuer.upper()),
    "iss of the other issuer": lambda h: h.token(iss=h.idporten.issuer),
    "iss a list": lambda h: h.token(iss=[h.helseid.issuer]),
    "iss of the command line": lambda h: h.token(iss="https://hjemvakt.example/development"),
    "aud missing": lambda h: h.token(aud=None),
    "aud of another API": lambda h: h.token(aud="nhn:another"),
    "aud a list without us": lambda h: h.token(aud=["nhn:another", "nhn:third"]),
    "aud an empty list": lambda h: h.token(aud=[]),
    "aud a list of numbers": lambda h: h.token(aud=[AUDIENCE, 1]),
    "aud ours and more letters": lambda h: h.token(aud=AUDIENCE + "-test"),
    "aud an object": lambda h: h.token(aud={AUDIENCE: True}),
    "id token's aud": lambda h: h.token(aud="hjemvakt-page"),
    "exp missing": lambda h: h.token(exp=None),
    "expired a second ago": lambda h: h.token(exp=NOW - 1, iat=NOW - 600),
    "expired a year ago": lambda h: h.token(exp=NOW - 31_536_000, iat=NOW - 31_536_600),
    "exp as text": lambda h: h.token(exp=str(NOW + 600)),
    "exp true": lambda h: h.token(exp=True),
    "exp with decimals": lambda h: by_hand(
        h, {}, json.dumps(h.claims(exp=1)).replace('"exp": 1', f'"exp": {NOW + 600}.5').encode()
    ),
    "exp in a thousand years": lambda h: h.token(exp=NOW + 31_536_000_000),
    "lasts a week": lambda h: h.token(exp=NOW + 7 * 86_400),
    "nbf in a minute": lambda h: h.token(nbf=NOW + 3600),
    "nbf as text": lambda h: h.token(nbf="0"),
    "iat missing": lambda h: h.token(iat=None),
    "iat in the future": lambda h: h.token(iat=NOW + 3600, exp=NOW + 3700),
    "iat negative": lambda h: h.token(iat=-1),
    "sub and client missing": lambda h: h.token(sub=None, client_id=None),
    "not bound to a key": lambda h: h.token(cnf=None),
    "bound to another key": lambda h: h.token(cnf={"jkt": signed.new_key().thumbprint()}),
    "bound to a certificate": lambda h: h.token(cnf={"x5t#S256": "x"}),
    "bound to something else too": lambda h: h.token(
        cnf={"jkt": h.key.thumbprint(), "x5t#S256": "x"}
    ),
    "cnf a text": lambda h: h.token(cnf="x"),
    "scope a number": lambda h: h.token(scope=7),
    "sub twice": lambda h: twice(h, "sub", "x", h.nurse),
    "aud twice": lambda h: twice(h, "aud", "x", AUDIENCE),
    "exp twice": lambda h: twice(h, "exp", 1, NOW + 600),
    "claims a list": lambda h: by_hand(h, {}, [h.claims()]),
    "claims no JSON": lambda h: by_hand(h, {}, b"sub=1"),
    "claims NaN": lambda h: by_hand(h, {}, b'{"exp": NaN}'),
    "claims not UTF-8": lambda h: by_hand(h, {}, b'{"iss": "\xff"}'),
    "claims 100 deep": lambda h: by_hand(h, {}, b'{"a":' * 100 + b"1" + b"}" * 100),
    "header a list": lambda h: f"{encoded([1])}.{encoded(h.claims())}.x",
    "a megabyte": lambda h: "a" * 500_000 + "." + "b" * 500_000 + ".c",
    "20 kilobytes": lambda h: h.token(padding="x" * 20_000),
    "letters from elsewhere": lambda h: h.token().replace(".", "．"),
    "a blank in it": lambda h: h.token()[:20] + " " + h.token()[20:],
}  # fmt: skip


async def test_a_bad_token_is_refused(house: House) -> None:
    let_in = []
    for name, make in BAD.items():
        token = make(house)
        headers = {"authorization": f"DPoP {token}".encode(), "dpop": house.proof(token)}
        answer = await house.client.get("/v1/units", headers=headers)
        challenge = answer.headers.get("www-authenticate", "")
        if (answer.status_code, answer.json()) != (401, SAID) or not challenge.startswith("DPoP "):
            let_in.append((name, answer.status_code, answer.text[:200]))
    assert not let_in


def test_there_are_enough_of_them() -> None:
    assert len(BAD) >= 60


async def test_a_good_token_is_let_in_with_its_staff_and_units(house: House) -> None:
    assert (await house.ask(house.token())).status_code == 200
    patients = await house.ask(house.token(), path="/v1/patients")
    assert [one["id"] for one in patients.json()["patients"]] == [house.patient]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "level 3": ({profiles.LEVEL: "3"}, "level-is-too-low"),
    "level missing": ({profiles.LEVEL: None}, "level-is-too-low"),
    "level a number": ({profiles.LEVEL: 4}, "level-is-too-low"),
    "scope missing": ({"scope": []}, "scope-is-missing"),
    "scope of another": ({"scope": ["nhn:another/api"]}, "scope-is-missing"),
    "scope with more letters": ({"scope": "nhn:hjemvakt/apis"}, "scope-is-missing"),
    "another organisation": ({profiles.PARENT: "elsewhere"}, "not-registered-here"),
    "no organisation": ({profiles.PARENT: None}, "not-registered-here"),
    "staff of nowhere": (
        {"sub": "0d9b1f3e-5a0c-4f6e-9a57-1f0a5b1c2d3e"}, "not-registered-here",
    ),
    "a subject that is no id": ({"sub": "' or 1=1"}, "not-registered-here"),
    "a machine that nobody knows": (
        {
            profiles.LEVEL: None, profiles.PID: None, profiles.HPR: None,
            "sub": None, "client_id": "unknown",
        },
        "not-registered-here",
    ),
}  # fmt: skip


async def test_a_true_token_that_does_not_do_says_what_is_missing(house: House) -> None:
    for name, (other, code) in REFUSED.items():
        answer = await house.ask(house.token(**other))
        assert (answer.status_code, answer.json()["code"]) == (403, code), name


async def test_what_takes_a_registered_clinician_takes_the_number(house: House) -> None:
    path = f"/v1/patients/{house.patient}/enrolments"

    async def enrol(**other: Any) -> httpx.Response:
        token = house.token(**other)
        proof = house.proof(token, path, "POST")
        headers = {"authorization": f"DPoP {token}", "dpop": proof}
        body = {"programme": "home_dialysis"}
        return await house.client.post(path, json=body, headers=headers)

    refused = await enrol(**{profiles.HPR: None})
    assert (refused.status_code, refused.json()["code"]) == (403, "hpr-is-missing")
    assert (await enrol()).status_code == 201


async def test_staff_are_found_by_their_numbers(house: House) -> None:
    """As with HelseID itself, where `sub` means nothing to us."""
    guard = house.record.state.guard
    real = guard.issuers[house.helseid.issuer].model_copy(
        update={"staff_by": "number", "organisations": {"983974724": "nordland"}}
    )
    guard.issuers = {**guard.issuers, real.issuer: real}
    administrator = {"authorization": f"Bearer {await _administrator(house)}"}

    async def add(**more: str) -> int:
        body = {"name": "Ny", "role": "nurse", "units": [], **more}
        answer = await house.client.post("/v1/staff", json=body, headers=administrator)
        return answer.status_code

    async def ask(pid: str | None, hpr: str | None, org: str = "983974724") -> int:
        who = {profiles.PID: pid, profiles.HPR: hpr, profiles.PARENT: org}
        return (await house.ask(house.token(sub="pairwise", **who))).status_code

    assert await ask("49680699185", "9144901") == 403
    assert await add(hpr="9144901") == 201
    assert await ask("49680699185", "9144901") == 200
    assert await ask("49680699185", None) == 403
    assert await add(national_number="49680699185") == 201
    assert await add(national_number="49680699185") == 409
    assert await add(national_number="123") == 422
    assert await ask("49680699185", None) == 200
    assert await ask("49680699185", "1234567") == 200, "a number nobody has noted here"
    assert await ask("41814065640", None) == 403
    assert await ask("49680699185", None, "999999999") == 403
    assert await ask("49680699185", None, "nordland") == 403


async def _administrator(house: House) -> str:
    who = {"role": "administrator", "org": "nordland"}
    return str((await house.client.post("/development/token", json=who)).json()["token"])


async def test_a_scope_more_does_no_harm(house: House) -> None:
    scopes = "openid nhn:hjemvakt/api nhn:other/x"
    assert (await house.ask(house.token(scope=scopes))).status_code == 200


async def test_a_signature_of_rsa_is_as_good(house: House) -> None:
    key = jwk.RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
    house.helseid.keys.insert(0, key)  # type: ignore[arg-type]  # issuers have keys of both kinds
    assert (await house.ask(house.token(key=key))).status_code == 200


async def test_a_small_rsa_key_is_none(house: House) -> None:
    with pytest.warns(SecurityWarning):
        key = jwk.RSAKey.generate_key(1024, {"use": "sig"}, auto_kid=True)
    house.helseid.keys.insert(0, key)  # type: ignore[arg-type]  # as above
    assert (await house.ask(house.token(key=key))).status_code == 401


async def test_who_has_left_is_out_when_the_half_minute_is_over(house: House) -> None:
    token = house.token()
    assert (await house.ask(token)).status_code == 200
    await execute(house.urls, "update patients.staff set left_at = now()")
    house.record.state.guard._verified.clear()  # as the half minute does
    answer = await house.ask(token)
    assert (answer.status_code, answer.json()["code"]) == (403, "not-registered-here")


async def test_a_remembered_token_ends_when_it_ends(house: House) -> None:
    token = house.token(exp=int(time.time()) + 1)
    assert (await house.ask(token)).status_code == 200
    house_clock = time.time() + 1.2
    while time.time() < house_clock:
        pass
    assert (await house.ask(token)).status_code == 401


async def test_two_answers_to_who_asks_are_none(house: House) -> None:
    token = house.token()
    headers = [
        ("authorization", f"DPoP {token}"),
        ("authorization", f"DPoP {token}"),
        ("dpop", house.proof(token)),
    ]
    answer = await house.client.get("/v1/units", headers=headers)
    assert answer.status_code == 401


async def test_a_patient_comes_by_the_other_issuer(house: House) -> None:
    def token(*, typ: str | None = "at+jwt", **other: Any) -> str:
        key = house.idporten.keys[0]
        claims = house.claims(
            iss=house.idporten.issuer, aud="https://hjemvakt.example", cnf=None, sub="pairwise",
            pid=house.patient_number, acr="idporten-loa-high", scope="openid",
            **{profiles.PID: None, profiles.LEVEL: None, profiles.HPR: None, profiles.PARENT: None},
        ) | other  # fmt: skip
        return signed.sign(claims, key, type=typ, kid=key.kid)

    async def ask(token: str, scheme: str = "Bearer") -> int:
        path = f"/v1/patients/{house.patient}"
        headers = {"authorization": f"{scheme} {token}"}
        if scheme == "DPoP":
            headers["dpop"] = house.proof(token, path)
        return (await house.client.get(path, headers=headers)).status_code

    assert await ask(token()) == 200
    assert await ask(token(acr="Level4")) == 200
    assert await ask(token(typ=None)) == 200  # as ID-porten makes them
    assert await ask(token(typ="JWT")) == 401
    assert await ask(token(typ=None, aud="hjemvakt-page")) == 401  # its id token
    assert await ask(token(aud="unspecified")) == 401  # asked for without `resource`
    assert await ask(token(acr="idporten-loa-substantial")) == 403
    assert await ask(token(acr=None)) == 403
    assert await ask(token(pid="13116900216")) == 403  # nobody we know
    assert await ask(token(pid=None)) == 401
    assert await ask(token(), "DPoP") == 401
    assert await ask(token(cnf={"jkt": house.key.thumbprint()})) == 401
    # Each issuer speaks for its own: a patient's issuer cannot make staff.
    assert await ask(token(iss=house.helseid.issuer)) == 401


def test_a_private_key_in_a_header_is_refused() -> None:
    with pytest.raises(Unusable):
        signed.public_key(dict(signed.new_key().as_dict(private=True)))
