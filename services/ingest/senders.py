"""Who may send: credentials, looked up once and remembered for half a minute.

A change of credentials empties the memory at once (NOTIFY); the half minute bounds what a lost
notification could cost.
"""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.ingest import store
from shared import access
from shared.database import Database
from shared.ledger import Sender

SECONDS = 30.0
UNKNOWN_SECONDS = 5.0
MOST = 50_000
CHANNEL = "credentials"

_FORGOTTEN = (0.0, None)
_UNKNOWN = (False, None)


@dataclass(frozen=True, slots=True)
class Credential:
    org: str
    sender: Sender
    unit_id: UUID | None


class Senders:
    """Remembers credentials by secret hash and by (org, cred)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes | tuple[str, str], tuple[float, Credential | None]] = {}
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._listening = asyncio.create_task(
            self._database.listen(CHANNEL, lambda _payload: self._known.clear())
        )

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()

    async def ready(self) -> str | None:
        return None

    async def by_secret(self, secret: str) -> Credential | None:
        """The credential with this bearer secret, or None. DatabaseIsAway if not remembered."""
        key = access.secret_hash(secret)
        found, credential = self._remembered(key)
        if found:
            return credential
        async with self._database.connection() as connection:
            row = await store.credential_by_secret(connection, key)
        return self._remember(key, row)

    async def by_name(self, org: str, cred: str) -> Credential | None:
        """The credential that a broker has authenticated as this user."""
        found, credential = self._remembered((org, cred))
        if found:
            return credential
        async with self._database.connection() as connection:
            row = await store.credential_by_name(connection, org, cred)
        return self._remember((org, cred), row)

    def remembered(self, org: str, cred: str) -> Credential | None:
        """The same without waiting; None also when it is simply not remembered."""
        return self._remembered((org, cred))[1]

    def _remembered(self, key: bytes | tuple[str, str]) -> tuple[bool, Credential | None]:
        until, credential = self._known.get(key, _FORGOTTEN)
        return (True, credential) if until > time.monotonic() else _UNKNOWN

    def _remember(
        self, key: bytes | tuple[str, str], row: asyncpg.Record | None
    ) -> Credential | None:
        credential = _credential(row)
        if len(self._known) >= MOST:
            self._known.clear()
        lasts = SECONDS if credential is not None else UNKNOWN_SECONDS
        self._known[key] = (time.monotonic() + lasts, credential)
        return credential


def _credential(row: asyncpg.Record | None) -> Credential | None:
    if row is None:
        return None
    sender = Sender(row["cred"], names_its_subject=row["kind"] == "system")
    return Credential(row["org"], sender, row["unit_id"])
