"""Who may send: credentials, looked up once and remembered for half a minute.

A change of credentials empties the memory at once (NOTIFY); the half minute bounds what a lost
notification could cost.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import asyncpg

from services.ingest import store
from services.ingest.devices import discovery
from services.ingest.devices.gateway_table import Gateway
from shared import access
from shared.database import Database
from shared.ledger import Sender

SECONDS = 30.0
UNKNOWN_SECONDS = 5.0
MOST = 50_000
CHANNEL = "credentials"

Key = bytes | tuple[str, str]  # a secret's hash, or (org, cred)
Ask = Callable[[asyncpg.Connection], Awaitable[asyncpg.Record | None]]

_BOUND = b"bound "
_FORGOTTEN = (0.0, None)
_UNKNOWN = (False, None)


@dataclass(frozen=True, slots=True)
class Credential:
    org: str
    sender: Sender
    unit_id: UUID | None
    scopes: frozenset[str] | None = None  # what its token is given for; None: it showed a secret
    thumbprint: str | None = None  # of the key without which its secret serves for nothing
    topics: tuple[Gateway, ...] = ()  # of a gateway: those that staff have said how to read
    is_revoked: bool = False  # what the broker took of it before is still to be told


class Senders:
    """Remembers credentials by secret hash and by (org, cred)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[Key, tuple[float, Credential | None]] = {}
        self._asked: dict[Key, asyncio.Task[Credential | None]] = {}
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
        return await self._look_up(key, partial(store.credential_by_secret, secret_hash=key))

    async def by_bound_secret(self, secret: str) -> Credential | None:
        """One whose secret is bound to a key; that the sender has the key is yet to be proven.
        What is remembered of it nobody finds who looks for a plain secret."""
        key = access.secret_hash(secret)
        place = _BOUND + key
        found, credential = self._remembered(place)
        if found:
            return credential
        return await self._look_up(
            place, partial(store.credential_by_bound_secret, secret_hash=key)
        )

    async def by_name(self, org: str, cred: str) -> Credential | None:
        """The credential of this name that may send."""
        credential = await self.of_broker(org, cred)
        return None if credential is None or credential.is_revoked else credential

    async def of_broker(self, org: str, cred: str) -> Credential | None:
        """The credential that a broker authenticated as this user when it took the message. It may
        have been revoked since."""
        found, credential = self._remembered((org, cred))
        if found:
            return credential
        return await self._look_up(
            (org, cred), partial(store.credential_by_name, org=org, cred=cred)
        )

    async def _look_up(self, key: Key, ask: Ask) -> Credential | None:
        """Ask once for all who wait: a device that reconnects sends many messages together."""
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._ask(key, ask))
            asked.add_done_callback(lambda _: self._asked.pop(key))
        return await asyncio.shield(asked)

    async def _ask(self, key: Key, ask: Ask) -> Credential | None:
        async with self._database.connection() as connection:
            row = await ask(connection)
        return self._remember(key, row)

    def remembered_by_hash(self, secret_hash: bytes) -> Credential | None:
        """The same without waiting; None also when it is simply not remembered."""
        return self._remembered(secret_hash)[1]

    def remembered_by_bound_hash(self, secret_hash: bytes) -> Credential | None:
        """Of a secret that is bound to a key."""
        return self._remembered(_BOUND + secret_hash)[1]

    def remembered(self, org: str, cred: str) -> Credential | None:
        return self._remembered((org, cred))[1]

    def _remembered(self, key: Key) -> tuple[bool, Credential | None]:
        until, credential = self._known.get(key, _FORGOTTEN)
        return (True, credential) if until > time.monotonic() else _UNKNOWN

    def _remember(self, key: Key, row: asyncpg.Record | None) -> Credential | None:
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
    topics = tuple(discovery.row(**one) for one in row.get("topics") or ())
    return Credential(
        row["org"], sender, row["unit_id"],
        thumbprint=row.get("thumbprint"), topics=topics,
        is_revoked=row.get("is_revoked", False),
    )  # fmt: skip
