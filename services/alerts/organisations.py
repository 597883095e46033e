"""Which organisations there are to look after. A loop that turns twice a second need not ask each
time: one that has just been made waits for a few seconds.
"""

import time

from shared import ledger
from shared.database import Database

ASK_AGAIN = 5.0


class Organisations:
    """As one loop knows them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: list[str] = []
        self._asked_at = -ASK_AGAIN

    async def all(self) -> list[str]:
        if time.monotonic() - self._asked_at >= ASK_AGAIN:
            async with self._database.connection() as connection:
                self._known = await ledger.organisations(connection)
            self._asked_at = time.monotonic()
        return self._known
