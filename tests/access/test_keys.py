"""An issuer's keys are turned without anybody noticing, and nobody makes us fetch them for ever."""

import asyncio
import time
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
        self.hangs = False
        self.hanging = 0  # how many wait for it just now
        self.given_up = asyncio.Event()
        self._issuer = house.issuer
        house.record.state.guard.keys = Keys(httpx.ASGITransport(self))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.away:
            raise httpx.ConnectError("away")
        self.asked += scope["path"].endswith("/jwks")
        if self.hangs and scope["path"].endswith("/jwks"):
            self.hanging += 1
            try:
                await asyncio.sleep(600)
            finally:
                self.hanging -= 1
                self.given_up.set()
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


async def many(house: House, number: int, **other: Any) -> tuple[set[int], float]:
    """So many requests at once: their statuses, and how long the slowest took."""
    began = time.perf_counter()
    statuses = await asyncio.gather(*[ask(house, **other) for _ in range(number)])
    return set(statuses), time.perf_counter() - began


async def test_an_issuer_that_hangs_holds_nobody_up(
    house: House, clock: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 4.0)
    counted = Counted(house)
    assert await ask(house) == 200
    counted.hangs = True

    clock["by"] += fetching.AGEING + 1
    statuses, _ = await many(house, 50)
    assert (statuses, counted.asked) == ({200}, 2), "the old keys serve while one fetch runs"
    assert counted.hanging == 1, "nobody has waited until it was given up"
    await counted.given_up.wait()

    clock["by"] += fetching.FRESH + 1
    statuses, _ = await many(house, 50)
    assert (statuses, counted.asked) == ({200}, 3)
    assert counted.hanging == 1, "an issuer that did not answer lately is asked beside"

    statuses, _ = await many(house, 50, key=signed.new_key())
    assert statuses == {503}, "whether it has this key by now, nobody can say"
    assert counted.asked == 3, "they wait for the same fetch, and for no other"

    counted.hangs = False
    clock["by"] += fetching.AGAIN + 1
    assert await ask(house) == 200


async def test_the_first_fetch_is_one_for_all_who_wait(house: House) -> None:
    counted = Counted(house)
    statuses, _ = await many(house, 50)
    assert (statuses, counted.asked) == ({200}, 1)


async def test_an_issuer_that_hangs_from_the_start_is_said_plainly_and_asked_again_soon(
    house: House, clock: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 0.5)
    counted = Counted(house)
    counted.hangs = True
    statuses, seconds = await many(house, 30)
    assert statuses == {503}
    assert seconds < 2.0
    answer = await house.ask(house.token())
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer-does-not-answer")
    assert int(answer.headers["retry-after"]) > 0
    assert counted.asked <= 1
    counted.hangs = False
    clock["by"] += fetching.AGAIN + 1
    assert await ask(house) == 200, "not only after a minute"


async def test_a_slow_description_does_not_hold_up_who_logs_in(
    house: House, clock: dict[str, float]
) -> None:
    counted = Counted(house)
    keys = house.record.state.guard.keys
    issuer = house.record.state.guard.issuers[house.helseid.issuer]
    first = await keys.about(issuer)
    counted.away = True
    clock["by"] += fetching.FRESH + 1
    assert await keys.about(issuer) == first
