"""Loop: what came in of each connection, added up in memory and written every few seconds.

Beside the commits, never in them: a reading does not wait for a statistic. No patient is in it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import asyncpg
import structlog

from services.ingest import store
from services.ingest.senders import Credential
from shared.contracts import Item
from shared.database import Database, DatabaseIsAway
from shared.ledger import Answer
from shared.loop import Loop

log = structlog.get_logger()

SECONDS = 3.0
KEPT = timedelta(days=31)
MOST = 20_000  # different things waiting to be written; more than that are not counted
REFUSED = "refused"


class Key(NamedTuple):
    org: str
    cred: str
    kind: str
    result: str
    code: str


class Traffic(Loop):
    """Part of the service."""

    def __init__(self, database: Database) -> None:
        super().__init__("traffic", database, every=SECONDS)
        self._counted: dict[Key, int] = {}
        self._cleared: datetime | None = None

    async def close(self) -> None:
        await super().close()
        await self.write(datetime.now(UTC))

    def answered(
        self, credential: Credential, items: Sequence[Item], answers: Sequence[Answer]
    ) -> None:
        for item, answer in zip(items, answers, strict=True):
            kind = item.drafts[0].kind if item.drafts else ""
            code = answer.errors[0].code if answer.errors else ""
            self._add(Key(credential.org, credential.sender.cred, kind, answer.result, code))

    def refused(self, credential: Credential, code: str) -> None:
        self._add(Key(credential.org, credential.sender.cred, "", REFUSED, code))

    def _add(self, key: Key) -> None:
        if key in self._counted or len(self._counted) < MOST:
            self._counted[key] = self._counted.get(key, 0) + 1

    async def turn(self) -> None:
        await self.write(datetime.now(UTC))

    async def write(self, now: datetime) -> None:
        """What could not be written is added to what comes next."""
        counted, self._counted = self._counted, {}
        is_due = self._cleared is None or now - self._cleared > timedelta(hours=1)
        if not counted and not is_due:
            return
        try:
            async with self._database.transaction() as tx:
                if counted:
                    await store.add_traffic(tx, sorted(counted.items()), now)
                if is_due:
                    await store.clear_traffic(tx, now - KEPT)
                    self._cleared = now
        except (DatabaseIsAway, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("What came in was not counted yet.", fault=type(error).__name__)
            for key, number in counted.items():
                self._counted[key] = self._counted.get(key, 0) + number
