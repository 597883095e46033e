"""Reads quarantined bytes again when staff ask for it: after a mended decoder, the normal path.

Staff ask in the patients service; ingest alone knows the protocols. The item keeps its first
times, and each ends released or waiting with a reason, exactly once.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import asyncpg
import structlog

from services.ingest import decoders, store
from services.ingest.devices import attachment, discovery, refused
from services.ingest.devices.fhir_answers import Forms
from services.ingest.devices.gateway_table import Gateway
from shared import attachments, identity, ledger
from shared.contracts import Code, Item
from shared.database import Database, DatabaseIsAway
from shared.filing import Desk

log = structlog.get_logger()

POLL_SECONDS = 2.0
BATCH = 200


class Replay:
    """A loop that every replica may run: a row that another took first is simply gone."""

    def __init__(
        self,
        database: Database,
        keys: identity.Keys,
        forms: Forms,
        desk: Desk,
        gateways: Sequence[Gateway],
    ) -> None:
        self._database = database
        self._hashed = partial(identity.hashed, keys.first)
        self._hashes = keys.hashes
        self._forms = forms
        self._desk = desk
        self._gateways = gateways
        self._asked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self._tasks = [
            asyncio.create_task(
                self._database.listen(ledger.REPLAY_CHANNEL, lambda _payload: self._asked.set())
            ),
            asyncio.create_task(self._run()),
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def ready(self) -> str | None:
        return None

    async def _run(self) -> None:
        while True:
            try:
                if not await self._once():
                    await _wait(self._asked, POLL_SECONDS)
            except (
                DatabaseIsAway,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                OSError,
            ) as error:
                log.warning(
                    "Reading quarantine again waits for the database.", fault=type(error).__name__
                )
                await asyncio.sleep(POLL_SECONDS)

    async def _once(self) -> int:
        done = 0
        async with self._database.connection() as connection:
            for org in await ledger.organisations(connection):
                for row in await store.to_read_again(connection, org, BATCH):
                    await self._read(connection, org, row)
                    done += 1
                if done:
                    await ledger.wake(connection, org)
        return done

    async def _read(self, connection: asyncpg.Connection, org: str, row: Any) -> None:
        if row["media_type"] == attachments.MEDIA:
            item = await self._looked_at(org, row["raw"])
        else:
            item = self._decoded(row)
        if item is None:
            errors = [{"path": "", "code": Code.UNREADABLE.value}]
            outcome = await store.mend(
                connection, org, row["id"], at=None, clock_good=False, extra=None, drafts=None,
                code=Code.UNREADABLE.value, errors=errors,
            )  # fmt: skip
        else:
            code = item.errors[0].code.value if item.errors else None
            outcome = await store.mend(
                connection, org, row["id"], at=item.at, clock_good=item.clock == "synced",
                extra=ledger.extra_of(org, ledger.Sender(row["cred"]), item, self._hashed),
                drafts=ledger.drafts_of(org, row["cred"], item) or None,
                code=code,
                errors=[{"path": e.path, "code": e.code.value} for e in item.errors] or None,
            )  # fmt: skip
        log.info("A quarantined item was read again.", org=org, item=str(row["id"]), now=outcome)

    def _decoded(self, row: Any) -> Item | None:
        """The item, as it would have been read when it came; None if it still cannot be."""
        raw, media_type, arrived = row["raw"], row["media_type"], row["received_at"]
        taken = (discovery.row(**one) for one in row["topics"] or ())
        table = (*taken, *self._gateways)
        try:
            items = decoders.decode_again(
                raw or b"", media_type, arrived, self._forms, table, self._hashes
            )
        except refused.Refused:
            return None
        return items[0] if len(items) == 1 else None

    async def _looked_at(self, org: str, raw: bytes) -> Item | None:
        """An upload again: of what was said of the file, and the file as it is kept."""
        said, sha256 = attachment.again(raw)
        file = await self._desk.look_again(org, sha256)
        return attachment.item(said, file) if file is not None else None


async def _wait(asked: asyncio.Event, seconds: float) -> None:
    asked.clear()
    try:
        await asyncio.wait_for(asked.wait(), seconds)
    except TimeoutError:
        return
