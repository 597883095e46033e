"""Every bad token and every bad proof at every door that asks who is there: all refused, all alike.

A few at each door in an ordinary run, together all of them; `make fuzz` tries all at each.
"""

import itertools
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from services.alerts import app as alerts
from shared.access import dpop, signed, table
from shared.access.keys import Keys
from tests.access.conftest import RECORD, House
from tests.access.test_table import route_names
from tests.access.test_tokens import BAD

EACH = int(os.environ.get("HJEMVAKT_TEST_TOKENS", "6"))
Proofs = Callable[[House, str, str, str], list[str]]


def proof(house: House, token: str, path: str, method: str, **other: Any) -> str:
    key = other.pop("key", house.key)
    header = {"type": "dpop+jwt", "jwk": signed.as_public(key)} | other.pop("header", {})
    claims = {
        "jti": uuid4().hex, "htm": method, "htu": f"{RECORD}{path}", "iat": int(time.time()),
        "ath": dpop.hash_of(token),
    } | other  # fmt: skip
    return signed.sign({k: v for k, v in claims.items() if v is not None}, key, **header)


def made(**other: Any) -> Proofs:
    return lambda h, token, path, method: [proof(h, token, path, method, **other)]


PROOFS: dict[str, Proofs] = {
    "none": lambda *_: [],
    "empty": lambda *_: [""],
    "no proof": lambda *_: ["x.y.z"],
    "two": lambda *request: [proof(*request), proof(*request)],
    "the token itself": lambda h, token, *_: [token],
    "another method": lambda h, t, path, method: [proof(h, t, path, f"{method}X")],
    "another path": lambda h, t, path, method: [proof(h, t, f"{path}/x", method)],
    "another host": made(htu="http://elsewhere/v1/units"),
    "no address": made(htu=None),
    "another token": made(ath=dpop.hash_of("another")),
    "no token": made(ath=None),
    "a minute and more old": made(iat=int(time.time()) - 300),
    "from the future": made(iat=int(time.time()) + 3600),
    "no moment": made(iat=None),
    "no name": made(jti=None),
    "another key": lambda h, t, path, method: [proof(h, t, path, method, key=signed.new_key())],
    "another key's half": lambda h, t, path, method: [
        proof(h, t, path, method, header={"jwk": signed.as_public(signed.new_key())})
    ],
    "a private key": lambda h, t, path, method: [
        proof(h, t, path, method, header={"jwk": dict(h.key.as_dict(private=True))})
    ],
    "another type": made(header={"type": "JWT"}),
}


def doors(app: FastAPI) -> list[tuple[str, str]]:
    found = []
    for name in route_names(app):
        act = table.by_route().get(name)
        if act is not None and act.reach:
            method, _, path = name.partition(" ")
            found.append((method, re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), path)))
    return found


@pytest.fixture
async def apps(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[tuple[FastAPI, httpx.AsyncClient]]]:
    """The record, and the worklist with the same issuers; where a thousand failures hold nobody."""
    monkeypatch.setenv("HJEMVAKT_DATABASE_ALERTS", house.urls.alerts)
    worklist = alerts.create()
    worklist.state.guard.keys = Keys(httpx.ASGITransport(house.issuer))
    transport = httpx.ASGITransport(worklist, raise_app_exceptions=False)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worklist.router.lifespan_context(worklist))
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url=RECORD)
        )
        yield [(house.record, house.client), (worklist, client)]


Apps = list[tuple[FastAPI, httpx.AsyncClient]]


def is_refused(answer: httpx.Response, path: str) -> bool:
    """Without a word on what was wrong; a page leads to its log-in."""
    is_page = not path.startswith(("/v1/", "/fhir/", "/development/"))
    if is_page and answer.status_code == 303:
        return "login" in answer.headers["location"]
    challenge = answer.headers.get("www-authenticate", "")
    return answer.status_code == 401 and (is_page or challenge.startswith("DPoP "))


async def test_a_bad_token_is_refused_at_every_door(apps: Apps, house: House) -> None:
    assert len(BAD) >= 60
    turn = itertools.cycle(BAD.items())
    let_in, said, tried = [], set(), 0
    for app, client in apps:
        for method, path in doors(app):
            for name, make in itertools.islice(turn, min(EACH, len(BAD))):
                token = make(house)
                headers = {
                    "authorization": f"DPoP {token}".encode(),
                    "dpop": house.proof(token, path, method),
                }
                answer = await client.request(method, path, headers=headers)
                tried += 1
                if not is_refused(answer, path):
                    let_in.append((name, method, path, answer.status_code))
                if answer.status_code == 401 and path.startswith(("/v1/", "/fhir/")):
                    said.add(answer.text)
    sys.stderr.write(f"{tried} bad tokens\n")
    assert let_in == []
    assert len(said) == 1
    assert tried >= len(BAD), "each was tried somewhere"


async def test_a_bad_proof_is_refused_at_every_door(apps: Apps, house: House) -> None:
    turn = itertools.cycle(PROOFS.items())
    let_in, tried = [], 0
    token = house.token()
    for app, client in apps:
        for method, path in doors(app):
            for name, make in itertools.islice(turn, min(EACH, len(PROOFS))):
                headers = [("authorization", f"DPoP {token}")]
                headers += [("dpop", one) for one in make(house, token, path, method)]
                answer = await client.request(method, path, headers=headers)
                tried += 1
                if not is_refused(answer, path):
                    let_in.append((name, method, path, answer.status_code))
    sys.stderr.write(f"{tried} bad proofs\n")
    assert let_in == []
    assert tried >= len(PROOFS)
