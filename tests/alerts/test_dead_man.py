"""Somebody outside hears of us while we work, and stops hearing when we do not."""

import asyncio

from services.alerts.delivery.deadman import DeadMan
from tests import sinks


class Loop:
    """A part that can stand still."""

    still: str | None = None

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ready(self) -> str | None:
        return self.still


async def test_the_call_stops_when_a_loop_stands_still_and_comes_again_when_it_goes_on() -> None:
    judging, clock = Loop(), Loop()
    with sinks.web() as web:
        caller = DeadMan(f"{web.url}/alive", [judging.ready, clock.ready], every=0.02)
        await caller.open()
        try:
            await calls(web, 2)
            clock.still = "The clock loop stands still."
            await asyncio.sleep(0.1)
            silent = len(web.posts)
            await asyncio.sleep(0.2)
            assert len(web.posts) == silent

            clock.still = None
            await calls(web, silent + 2)
            web.statuses["/alive"] = 500  # who listens does not decide whether we go on
            await calls(web, silent + 4)
        finally:
            await caller.close()
        assert {(one.method, one.body) for one in web.posts} == {("GET", b"")}


async def test_without_an_address_nobody_is_called() -> None:
    caller = DeadMan(None, [Loop().ready], every=0.01)
    await caller.open()
    await asyncio.sleep(0.05)
    await caller.close()

    assert await caller.ready() is None


async def calls(web: sinks.WebSink, n: int) -> None:
    async with asyncio.timeout(5):
        while len(web.posts) < n:  # noqa: ASYNC110  # another thread counts them
            await asyncio.sleep(0.01)
