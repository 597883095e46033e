"""Loop: what devices announced of themselves, kept in memory and written every few seconds.

Beside the commits: an announcement is no reading, and is made again at every start of its device.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import asyncpg
import structlog

from services.ingest import store
from services.ingest.devices.discovery import Suggestion
from shared.database import Database, DatabaseIsAway

log = structlog.get_logger()

SECONDS = 1.0
MOST = 10_000  # waiting to be written; more than that are not kept
OF_ONE = 500  # of one credential: a gateway hears a neighbourhood, not a town

Key = tuple[str, str, str, str]  # organisation, credential, topic, path


class Suggestions:
    """Part of the service."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._heard: dict[Key, Suggestion] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.write(datetime.now(UTC))

    async def ready(self) -> str | None:
        return None  # readings come in without it

    def heard(self, org: str, cred: str, told: Iterable[Suggestion]) -> None:
        for one in told:
            key = (org, cred, one.topic, one.path)
            if key in self._heard or len(self._heard) < MOST:
                self._heard[key] = one

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self.write(datetime.now(UTC))

    async def write(self, now: datetime) -> None:
        """What could not be written is tried again with what comes next."""
        heard, self._heard = self._heard, {}
        if not heard:
            return
        try:
            async with self._database.transaction() as tx:
                for key in sorted(heard):  # in an order: replicas do it too
                    await store.add_suggestion(tx, key[0], key[1], heard[key], now, OF_ONE)
        except (DatabaseIsAway, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("What was announced was not written yet.", fault=type(error).__name__)
            self._heard = heard | self._heard
