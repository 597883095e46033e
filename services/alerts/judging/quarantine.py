"""Loop: notices when what waits in quarantine of known patients changes. No hand-over tells of it,
and the pages shall show it as live as the rest.
"""

import asyncio
import time
from uuid import UUID

import asyncpg
import structlog

from services.alerts import store_views
from services.alerts.organisations import Organisations
from services.alerts.rows import store_rows
from services.alerts.store_views import Held
from services.alerts.stream import Notifier
from shared.database import Database, DatabaseIsAway

log = structlog.get_logger()

TICK = 2.0


class Quarantine:
    """Part of the service. Every replica looks: to tell a page twice harms nobody."""

    def __init__(self, database: Database, notifier: Notifier) -> None:
        self._database = database
        self._organisations = Organisations(database)
        self._notifier = notifier
        self._known: dict[str, dict[UUID, Held]] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def ready(self) -> str | None:
        return None

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                for org in await self._organisations.all():
                    await self.look(org)
            except (DatabaseIsAway, asyncpg.PostgresError, OSError) as error:
                log.warning("Quarantine could not be looked at.", fault=type(error).__name__)
            # Never more than a tenth of the time, however much waits.
            await asyncio.sleep(max(TICK, 9 * (time.monotonic() - began)))

    async def look(self, org: str) -> set[UUID]:
        """Whose quarantine is another than at the last look; the first look only remembers."""
        async with self._database.connection() as connection:
            held = await store_views.held(connection, org)
            known = self._known.get(org, held)
            patients = [*held.keys() | known.keys()]
            changed = {one for one in patients if held.get(one) != known.get(one)}
            rows = await store_rows.units_of_rows(connection, org, list(changed)) if changed else []
        self._known[org] = held
        units: dict[UUID, set[UUID]] = {}
        for patient_id, unit_id in rows:
            units.setdefault(unit_id, set()).add(patient_id)
        self._notifier.tell(org, units)
        return changed
