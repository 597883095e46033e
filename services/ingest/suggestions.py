"""Loop: what devices announced of themselves, kept in memory and written every second.

Beside the commits: an announcement is no reading, and is made again at every start of its device.
"""

import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime

from services.ingest import store
from services.ingest.devices.discovery import Suggestion
from shared.database import Database
from shared.loop import AWAY, Loop

SECONDS = 1.0
MOST = 10_000  # waiting to be written; more than that are not kept
OF_ONE = 500  # of one credential: a gateway hears a neighbourhood, not a town

Key = tuple[str, str, str, str]  # organisation, credential, topic, path


class Suggestions(Loop):
    """Part of the service. Readings come in without it."""

    def __init__(self, database: Database) -> None:
        super().__init__("suggestions", database, every=SECONDS)
        self._heard: dict[Key, Suggestion] = {}

    async def close(self) -> None:
        await super().close()
        with contextlib.suppress(*AWAY):
            await self.write(datetime.now(UTC))

    def heard(self, org: str, cred: str, told: Iterable[Suggestion]) -> None:
        for one in told:
            key = (org, cred, one.topic, one.path)
            if key in self._heard or len(self._heard) < MOST:
                self._heard[key] = one

    async def turn(self) -> None:
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
        except AWAY:
            self._heard = heard | self._heard
            raise
