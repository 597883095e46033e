"""Who is logged out at the identity provider is so here: by its log-out token, and nothing else."""

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.access import NotAuthenticated, logout, signed, store_sessions
from shared.access.logout import EVENT
from tests.access.conftest import ORG, House, fetch

DOOR = "/me/back-channel/log-out"


async def session(house: House, *, sid: str | None = "s-1", sub: str | None = "p-1") -> str:
    """The nurse's, as the issuer has named it; whose cookie this is."""
    made = secrets.token_urlsafe(32)
    guard = house.record.state.guard
    issuer = guard.issuers[house.helseid.issuer]
    there = logout.names(issuer, {"sid": sid, "sub": sub})
    async with guard.database.transaction() as tx:
        await store_sessions.begin_session(
            tx, hashlib.sha256(made.encode()).digest(), ORG, staff_id=UUID(house.nurse),
            patient_id=None, issuer=issuer.issuer, hpr=None, seconds=600, there=there,
        )  # fmt: skip
    return made


async def is_in(house: House, cookie: str) -> bool:
    try:
        await house.record.state.guard.by_cookie(cookie, of_staff=True)
    except NotAuthenticated:
        return False
    return True


def token(house: House, *, key: signed.Key | None = None, **other: Any) -> str:
    """A log-out token as it should be, but for `other`; None leaves a claim out."""
    header = {"type": "logout+jwt", "kid": house.helseid.keys[0].kid} | other.pop("header", {})
    now = int(time.time())
    claims = {
        "iss": house.helseid.issuer, "aud": "hjemvakt-page", "iat": now, "exp": now + 120,
        "jti": uuid4().hex, "sid": "s-1", "sub": "p-1", "events": {EVENT: {}},
    } | other  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    return signed.sign(claims, key or house.helseid.keys[0], **header)


async def tell(house: House, said: str) -> httpx.Response:
    return await house.client.post(DOOR, data={"logout_token": said})


@pytest.mark.parametrize(
    "about",
    [{}, {"sub": None}, {"sid": None}, {"header": {"type": None}}, {"header": {"type": "JWT"}}],
)
async def test_a_log_out_token_ends_the_session_it_names(
    house: House, about: dict[str, Any]
) -> None:
    mine, another = await session(house), await session(house, sid="s-2", sub="p-2")

    answer = await tell(house, token(house, **about))

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert not await is_in(house, mine)
    assert await is_in(house, another)
    rows = await fetch(
        house.urls, "select org, by, role, about from audit.event where what = 'log-out'"
    )
    assert [tuple(row) for row in rows] == [(ORG, house.nurse, "nurse", "HelseID (development)")]


async def test_a_person_is_logged_out_everywhere_a_session_only_there(house: House) -> None:
    two = [await session(house, sid=sid) for sid in ("s-1", "s-2")]
    unnamed = await session(house, sid=None)
    await tell(house, token(house, sub=None))
    assert [await is_in(house, one) for one in (*two, unnamed)] == [False, True, True]
    await tell(house, token(house))  # of the one that has no name, its person is known
    assert [await is_in(house, one) for one in (two[1], unnamed)] == [True, False]
    await tell(house, token(house, sid=None))
    assert not await is_in(house, two[1])


BAD: dict[str, Callable[[House], str]] = {
    "nothing": lambda _: "",
    "no token": lambda _: "x.y.z",
    "signed by another": lambda h: token(h, key=signed.new_key()),
    "of another issuer": lambda h: token(h, iss="https://example.org"),
    "of one that we are no client of": lambda h: token(h, iss=h.idporten.issuer),
    "for another client": lambda h: token(h, aud="another"),
    "for our API": lambda h: token(h, aud="nhn:hjemvakt"),
    "without an event": lambda h: token(h, events=None),
    "with another event": lambda h: token(h, events={"https://example.org/x": {}}),
    "with an event that says something": lambda h: token(h, events={EVENT: True}),
    "with events as a list": lambda h: token(h, events=[EVENT]),
    "with a nonce": lambda h: token(h, nonce="n"),
    "with an empty nonce": lambda h: token(h, nonce=""),
    "of nobody": lambda h: token(h, sid=None, sub=None),
    "of a number": lambda h: token(h, sid=1, sub=None),
    "without a name": lambda h: token(h, jti=None),
    "without an end": lambda h: token(h, exp=None),
    "without a beginning": lambda h: token(h, iat=None),
    "ended": lambda h: token(h, iat=int(time.time()) - 200, exp=int(time.time()) - 1),
    "from the future": lambda h: token(h, iat=int(time.time()) + 60, exp=int(time.time()) + 180),
    "an access token": lambda h: token(h, header={"type": "at+jwt"}),
    "a proof": lambda h: token(h, header={"type": "dpop+jwt"}),
    "with a key of its own": lambda h: token(
        h, header={"jwk": signed.as_public(h.helseid.keys[0])}
    ),
    "of a key that is not known": lambda h: token(h, header={"kid": "another"}),
}


@pytest.mark.parametrize("how", BAD)
async def test_another_token_ends_nothing(house: House, how: str) -> None:
    mine = await session(house)
    answer = await tell(house, BAD[how](house))
    assert (answer.status_code, answer.json()["code"]) == (400, "log-out-is-not-valid")
    assert await is_in(house, mine)


async def test_a_log_out_token_is_used_once(house: House) -> None:
    said = token(house)
    assert (await tell(house, said)).status_code == 200
    mine = await session(house)  # logged in again, in the same session there
    assert (await tell(house, said)).status_code == 400
    assert await is_in(house, mine)


async def test_a_log_out_token_is_no_access_token(house: House) -> None:
    said = token(house, aud="nhn:hjemvakt", cnf={"jkt": house.key.thumbprint()})
    assert (await house.ask(said)).status_code == 401


async def test_who_logs_out_here_is_led_to_the_issuer_with_the_id_token(house: House) -> None:
    guard = house.record.state.guard
    issuer = guard.issuers[house.helseid.issuer]
    claims = {"sub": "p-1", "sid": "s-1", "iat": 1_790_000_000}
    sealed = logout.hint(guard, "the.id.token", claims)
    assert sealed is not None
    assert b"the.id.token" not in sealed
    row: Any = {"issuer": issuer.issuer, "hint": sealed}

    place = await logout.onwards(guard, row, "http://worklist/login")

    asked = httpx.URL(place or "")
    assert str(asked).startswith(f"{issuer.issuer}/endsession?")
    assert dict(asked.params) == {
        "id_token_hint": "the.id.token", "client_id": "hjemvakt-page",
        "post_logout_redirect_uri": "http://worklist/login", "state": "left",
    }  # fmt: skip
    # Nor is anybody led anywhere by an issuer that was taken off the list since.
    assert await logout.onwards(guard, {**row, "issuer": "https://example.org"}, "/") is None


@pytest.mark.parametrize("claim", [{"pid": "41814065640"}, {"sub": "citizen-41814065640"}])
async def test_an_id_token_with_a_national_number_stands_in_no_address(
    house: House, claim: dict[str, str]
) -> None:
    assert logout.hint(house.record.state.guard, "the.id.token", claim) is None
