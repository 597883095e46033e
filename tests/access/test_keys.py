"""An issuer's keys are turned without anybody noticing, and nobody makes us fetch them for ever."""

from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from shared.access import keys as fetching
from shared.access import signed
from shared.access.keys import Keys
from tests.access.conftest import House


class Counted:
    """The issuer, and how often it was asked for its keys; it can be away."""

    def __init__(self, house: House) -> None:
        self.asked = 0
        self.away = False
        self._issuer = house.issuer
        house.record.state.guard.keys = Keys(httpx.ASGITransport(self))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.away:
            raise httpx.ConnectError("away")
        self.asked += scope["path"].endswith("/jwks")
        await self._issuer(scope, receive, send)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The cache's own clock, which a test may put on."""
    put_on = {"by": 0.0}
    real = fetching.time.monotonic
    monkeypatch.setattr(fetching.time, "monotonic", lambda: real() + put_on["by"])
    return put_on


async def ask(house: House, **other: Any) -> int:
    return (await house.ask(house.token(**other))).status_code


async def test_a_new_key_is_found_and_the_old_one_is_good(
    house: House, clock: dict[str, float]
) -> None:
    counted = Counted(house)
    assert [await ask(house) for _ in range(5)] == [200] * 5
    assert counted.asked == 1
    old = house.helseid.keys[0]
    house.helseid.rotate()
    assert await ask(house) == 200
    assert await ask(house, key=old) == 200
    assert counted.asked == 1, "the coming key was shown beforehand"
    clock["by"] += 61
    house.helseid.rotate()
    assert await ask(house) == 200, "an issuer that changes at once is followed all the same"
    assert await ask(house, key=old) == 200
    assert counted.asked == 2


async def test_unknown_keys_lead_to_one_fetch_a_minute(
    house: House, clock: dict[str, float]
) -> None:
    counted = Counted(house)
    assert await ask(house) == 200
    clock["by"] += 61
    assert {await ask(house, key=signed.new_key()) for _ in range(20)} == {401}
    assert counted.asked == 2
    assert await ask(house) == 200


async def test_an_issuer_that_is_away_costs_nothing_while_its_keys_will_do(
    house: House, clock: dict[str, float]
) -> None:
    counted = Counted(house)
    assert await ask(house) == 200
    counted.away = True
    clock["by"] += 3600
    assert await ask(house) == 200
    clock["by"] += 24 * 3600
    answer = await house.ask(house.token())
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer-does-not-answer")
    assert "retry-after" in answer.headers
    counted.away = False
    clock["by"] += 61
    assert await ask(house) == 200


async def test_a_withdrawn_key_is_forgotten(house: House, clock: dict[str, float]) -> None:
    Counted(house)
    old = house.helseid.keys[0]
    assert await ask(house) == 200
    house.helseid.keys = [signed.new_key()]
    clock["by"] += 601
    assert await ask(house, key=old) == 401
