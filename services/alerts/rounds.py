"""A loop over all organisations, again and again, that no fault ends and that knows when it stands
still.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from services.alerts.organisations import Organisations
from shared.database import Database, DatabaseIsAway

log = structlog.get_logger()


class Rounds:
    """`one` looks at an organisation; `tick` seconds lie between two rounds. After `fresh` seconds
    without a whole round the loop stands still."""

    def __init__(
        self,
        name: str,
        database: Database,
        one: Callable[[str], Awaitable[object]],
        *,
        tick: float,
        fresh: float,
    ) -> None:
        self._name, self._one = name, one
        self._organisations = Organisations(database)
        self._tick, self._fresh = tick, fresh
        self._rounded_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def ready(self) -> str | None:
        late = time.monotonic() - self._rounded_at > self._fresh
        return f"The {self._name} loop stands still." if late else None

    async def _run(self) -> None:
        while True:
            try:
                for org in await self._organisations.all():
                    await self._one(org)
                self._rounded_at = time.monotonic()
            except (DatabaseIsAway, asyncpg.PostgresError, OSError) as error:
                fault = type(error).__name__
                log.warning("A loop could not look.", loop=self._name, fault=fault)
            except Exception as error:
                # The type only: a message may repeat a value.
                fault = type(error).__name__
                log.error("A loop failed and goes on.", loop=self._name, fault=fault)
            await asyncio.sleep(self._tick)
