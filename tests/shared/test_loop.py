"""A loop is ended by no fault, is woken for what there is to do, says when it stands still."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from shared.database import Database, DatabaseIsAway
from shared.loop import Loop
from tests.conftest import DatabaseUrls

LONG = 3600.0


class Counting(Loop):
    """Does what it is told at each turn, and counts them."""

    def __init__(self, database: Database, each: Callable[[int], object], **how: object) -> None:
        super().__init__("counting", database, **how)  # type: ignore[arg-type]
        self.turns = 0
        self._each = each

    async def turn(self) -> object:
        self.turns += 1
        return self._each(self.turns)


@asynccontextmanager
async def running(loop: Counting) -> AsyncIterator[Counting]:
    await loop.open()
    try:
        yield loop
    finally:
        await loop.close()


@pytest.fixture
async def database(database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    database = Database(database_urls.alerts, name="test")
    await database.open()
    yield database
    await database.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - what is waited for is a loop that knows no event
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    "fault", [ValueError("Nina Eksempel"), asyncpg.InterfaceError(""), DatabaseIsAway(), OSError()]
)
async def test_no_fault_ends_a_loop(
    database: Database, fault: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(number: int) -> None:
        if number < 3:
            raise fault

    async with running(Counting(database, fail, every=0.001)) as loop:
        await until(lambda: loop.turns >= 5)

    assert "Eksempel" not in capsys.readouterr().out


async def test_what_waits_is_taken_at_once_and_then_it_rests(database: Database) -> None:
    async with running(Counting(database, lambda turn: turn < 4, every=LONG)) as loop:
        await until(lambda: loop.turns == 4)
        await asyncio.sleep(0.05)

    assert loop.turns == 4


async def test_a_loop_that_is_woken_does_not_wait(database: Database) -> None:
    async with running(Counting(database, lambda _: False, every=LONG)) as loop:
        await until(lambda: loop.turns == 1)
        loop.wake()
        await until(lambda: loop.turns == 2)


async def test_what_is_said_on_its_channel_wakes_it(database: Database) -> None:
    how = {"every": LONG, "hears": "something"}
    async with running(Counting(database, lambda _: False, **how)) as loop:
        await until(lambda: loop.turns >= 2)  # once at the start, and once when it began to listen
        heard = loop.turns
        async with database.connection() as connection:
            await connection.execute("select pg_notify('something', '')")
        await until(lambda: loop.turns > heard)


async def test_turns_leave_the_rest_of_the_time_to_others(database: Database) -> None:
    how = {"every": 0.0, "share": 0.2}
    async with running(Counting(database, lambda _: time.sleep(0.02), **how)) as loop:
        began = time.monotonic()
        await until(lambda: loop.turns == 3)

    assert time.monotonic() - began >= 2 * (0.02 + 0.08)


async def test_a_loop_without_a_whole_turn_says_that_it_stands_still(database: Database) -> None:
    def fail(_: int) -> None:
        raise ValueError

    async with running(Counting(database, fail, every=0.001, fresh=0.05)) as loop:
        await asyncio.sleep(0.1)
        assert await loop.ready() == "The counting loop stands still."
    async with running(Counting(database, lambda _: False, every=0.001, fresh=5.0)) as loop:
        await until(lambda: loop.turns > 1)
        assert await loop.ready() is None


async def test_a_loop_that_nobody_depends_on_keeps_no_service_from_being_ready(
    database: Database,
) -> None:
    def fail(_: int) -> None:
        raise ValueError

    async with running(Counting(database, fail, every=0.001)) as loop:
        await until(lambda: loop.turns > 3)
        assert await loop.ready() is None
