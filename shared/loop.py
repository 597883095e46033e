"""A loop of a service: the same thing again and again. No fault ends it, and it knows when it
stands still.
"""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod

import asyncpg
import structlog

from shared.database import Database, DatabaseIsAway

log = structlog.get_logger()

AWAY = (DatabaseIsAway, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class Loop(ABC):
    """Part of a service. The next turn begins `every` seconds after the last, or when it is woken:
    by `wake`, or by anything said on the database's channel `hears`. It never begins within `pause`
    seconds, and never so soon that turns fill more than `share` of the time.

    After `fresh` seconds without a whole turn the loop stands still, and the service is not ready.
    Without `fresh` the service is ready without it.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        *,
        every: float,
        fresh: float | None = None,
        pause: float = 0.0,
        share: float = 1.0,
        hears: str | None = None,
    ) -> None:
        self._name, self._database = name, database
        self._every, self._fresh, self._pause, self._share = every, fresh, pause, share
        self._hears = hears
        self._woken = asyncio.Event()
        self._turned_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    @abstractmethod
    async def turn(self) -> object:
        """Once. Answers whether more waits, and the next turn begins at once."""

    async def open(self) -> None:
        self._turned_at = time.monotonic()
        if self._hears is not None:
            listening = self._database.listen(self._hears, lambda _said: self.wake())
            self._tasks.append(asyncio.create_task(listening))
        self._tasks.append(asyncio.create_task(self._run()))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def wake(self) -> None:
        self._woken.set()

    async def ready(self) -> str | None:
        if self._fresh is None or time.monotonic() - self._turned_at <= self._fresh:
            return None
        return f"The {self._name} loop stands still."

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            began = time.monotonic()
            if not await self._turned():
                await self._rest(time.monotonic() - began)

    async def _turned(self) -> bool:
        """Whether more waits. What failed is tried again after a rest."""
        try:
            more = bool(await self.turn())
        except AWAY as error:
            fault = type(error).__name__
            log.warning("A loop waits for the database.", loop=self._name, fault=fault)
            return False
        except Exception as error:
            # The type only: a message may repeat a value.
            fault = type(error).__name__
            log.error("A loop failed and goes on.", loop=self._name, fault=fault)
            return False
        self._turned_at = time.monotonic()
        return more

    async def _rest(self, spent: float) -> None:
        least = max(self._pause, spent * (1 / self._share - 1))
        await asyncio.sleep(least)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), max(0, self._every - least))
