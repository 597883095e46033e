"""Edge: follows what the hospital's own register says. One loop; any number of replicas run it."""

import asyncio
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter

from services.patients.followup import administer, store_administration
from services.patients.followup.store_administration import Noted
from shared.database import Database, DatabaseIsAway
from shared.loop import Loop

log = structlog.get_logger()

ACTED = Counter("hjemvakt_administration_total", "Messages of the register acted on", ["fate"])

POLL_SECONDS = 0.5
FRESH = 60.0
MOST_TRIES = 5


class Consumer(Loop):
    """Part of the service: each message is acted on in the transaction that settles it."""

    def __init__(self, database: Database) -> None:
        super().__init__("register", database, every=POLL_SECONDS, fresh=FRESH)

    async def turn(self) -> bool:
        return await self.once()

    async def once(self) -> bool:
        """Act on the oldest message. Whether there was one."""
        noted: Noted | None = None
        try:
            async with self._database.transaction() as tx:
                noted = await store_administration.next_noted(tx)
                if noted is None:
                    return False
                now = datetime.now(UTC)
                outcome = await administer.act(tx, noted, now)
                await store_administration.settle(tx, noted.org, noted.fact_id, outcome, now)
        except (DatabaseIsAway, OSError):
            raise
        except Exception as error:
            # One message that cannot be acted on must not hold up those behind it.
            if noted is None:
                raise
            await self._failed(noted, type(error).__name__)
            return True
        ACTED.labels("done").inc()
        log.info("The register was followed.", org=noted.org, fact=str(noted.fact_id), did=outcome)
        return True

    async def _failed(self, noted: Noted, fault: str) -> None:
        ACTED.labels("failed").inc()
        log.error(
            "A message of the register could not be acted on.",
            org=noted.org, fact=str(noted.fact_id), fault=fault, tries=noted.tries + 1,
        )  # fmt: skip
        async with self._database.transaction() as tx:
            await store_administration.failed(tx, noted.org, noted.fact_id, fault, MOST_TRIES)
        await asyncio.sleep(POLL_SECONDS)
