"""Reads quarantined bytes again when staff ask for it: after a mended decoder, the normal path.

Staff ask in the patients service; ingest alone knows the protocols. The item keeps its first
times, and each ends released or waiting with a reason, exactly once, whenever the process dies.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from services.ingest import decoders, store
from services.ingest.devices import attachment, discovery, refused
from services.ingest.devices.fhir_answers import Forms
from services.ingest.devices.gateway_table import Gateway
from shared import attachments, identity, ledger
from shared.contracts import Code, Item
from shared.database import Database
from shared.filing import Desk
from shared.loop import AWAY, Loop

log = structlog.get_logger()

POLL_SECONDS = 2.0
FRESH = 120.0
BATCH = 500
BATCH_BYTES = 8 * 1024 * 1024
BATCH_SECONDS = 3.0  # of reading, while the transaction waits for it
FILE_SECONDS = 30.0


class Replay(Loop):
    """A loop that every replica may run: one at a time reads for an organisation."""

    def __init__(
        self,
        database: Database,
        keys: identity.Keys,
        forms: Forms,
        desk: Desk,
        gateways: Sequence[Gateway],
    ) -> None:
        super().__init__(
            "replay", database, every=POLL_SECONDS, fresh=FRESH, hears=ledger.REPLAY_CHANNEL
        )
        self._hashed = partial(identity.hashed, keys.first)
        self._hashes = keys.hashes
        self._forms = forms
        self._desk = desk
        self._gateways = gateways

    async def turn(self) -> int:
        done = 0
        async with self._database.connection() as connection:
            for org in await ledger.organisations(connection):
                done += await self._one_batch(connection, org)
        return done

    async def _one_batch(self, connection: asyncpg.Connection, org: str) -> int:
        """What waits to be read, as much as one transaction may hold: after a crash it is read
        again, and none of it was stored. How many. An organisation that another replica reads for
        is its own affair."""
        async with connection.transaction():
            if not await store.reads_again(connection, org):
                return 0
            rows = await store.to_read_again(connection, org, BATCH, BATCH_BYTES)
            mended: list[store.Mended] = []
            until = time.monotonic() + BATCH_SECONDS
            for row in rows:
                if row["media_type"] != attachments.MEDIA and time.monotonic() < until:
                    mended.append(self._mended(org, row, self._decoded(row)))
                    await asyncio.sleep(0)  # what is measured just now goes first
            told = Counter(await self._mend(connection, org, mended))
        files = [row for row in rows if row["media_type"] == attachments.MEDIA]
        until = time.monotonic() + FILE_SECONDS
        for row in files:  # by itself: to look at a file takes its time
            if time.monotonic() < until:
                item = await self._looked_at(org, row)
                async with connection.transaction():
                    told += await self._mend(connection, org, [self._mended(org, row, item)])
        if told:
            await ledger.wake(connection, org)
            log.info("Quarantined items were read again.", org=org, **told)
        return told.total()

    def _mended(self, org: str, row: Any, item: Item | None) -> store.Mended:
        if item is None:
            return _waits(row["id"], Code.UNREADABLE)
        errors = [{"path": each.path, "code": each.code.value} for each in item.errors]
        return store.Mended(
            row["id"], item.at, item.clock == "synced",
            ledger.extra_of(org, ledger.Sender(row["cred"]), item, self._hashed),
            ledger.drafts_of(org, row["cred"], item) or None,
            item.errors[0].code.value if item.errors else None, errors or None,
        )  # fmt: skip

    async def _mend(
        self, connection: asyncpg.Connection, org: str, mended: Sequence[store.Mended]
    ) -> Counter[str]:
        """A batch that cannot be stored is halved down to the item. What the database refuses to
        store it would refuse for ever: it waits on with that for a reason, the others are stored.
        """
        if not mended:
            return Counter()
        try:
            async with connection.transaction():
                return Counter(await store.mend(connection, org, mended))
        except asyncpg.PostgresError as error:
            if not (error.sqlstate or "").startswith(ledger.DEFINITE):
                raise
        if len(mended) == 1:
            log.error("An item read again cannot be stored.", org=org, item=str(mended[0].id))
            held = _waits(mended[0].id, Code.NOT_STORABLE)
            return Counter(await store.mend(connection, org, [held]))
        middle = len(mended) // 2
        first = await self._mend(connection, org, mended[:middle])
        return first + await self._mend(connection, org, mended[middle:])

    def _decoded(self, row: Any) -> Item | None:
        """The item, as it would have been read when it came; None if it still cannot be."""
        raw, media_type, arrived = row["raw"] or b"", row["media_type"], row["received_at"]
        taken = (discovery.row(**one) for one in row["topics"] or ())
        table = (*taken, *self._gateways)
        try:
            items = decoders.decode_again(
                raw, media_type, arrived, self._forms, table, self._hashes
            )
            if len(items) == 1:
                return items[0]
            return decoders.not_whole_again(raw, media_type, arrived, self._forms)
        except refused.Refused:
            return None
        except Exception as error:  # a fault of ours: the item waits on, and those behind it do not
            _failed(row, error)
            return None

    async def _looked_at(self, org: str, row: Any) -> Item | None:
        """An upload again: of what was said of the file, and the file as it is kept."""
        try:
            said, sha256 = attachment.again(row["raw"])
            file = await self._desk.look_again(org, sha256)
            return attachment.item(said, file) if file is not None else None
        except AWAY:
            raise
        except Exception as error:
            _failed(row, error)
            return None


def _failed(row: Any, error: Exception) -> None:
    fault = type(error).__name__
    log.error("A decoder failed.", media_type=row["media_type"], item=str(row["id"]), fault=fault)


def _waits(item: UUID, code: Code) -> store.Mended:
    """Nothing could be made of it."""
    errors = [{"path": "", "code": code.value}]
    return store.Mended(item, None, False, None, None, code.value, errors)
