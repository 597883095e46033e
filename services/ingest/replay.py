"""Reads quarantined bytes again when staff ask for it: after a mended decoder, the normal path.

Staff ask in the patients service; ingest alone knows the protocols. The item keeps its first
times, and each ends released or waiting with a reason, exactly once.
"""

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
from shared.database import Database
from shared.filing import Desk
from shared.loop import Loop

log = structlog.get_logger()

POLL_SECONDS = 2.0
FRESH = 120.0
BATCH = 200


class Replay(Loop):
    """A loop that every replica may run: a row that another took first is simply gone."""

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
                for row in await store.to_read_again(connection, org, BATCH):
                    await self._read_or_hold(connection, org, row)
                    done += 1
                if done:
                    await ledger.wake(connection, org)
        return done

    async def _read_or_hold(self, connection: asyncpg.Connection, org: str, row: Any) -> None:
        """What the database refuses to store it would refuse for ever: it waits on with that for a
        reason, and those behind it are read."""
        try:
            await self._read(connection, org, row)
        except asyncpg.PostgresError as error:
            if not (error.sqlstate or "").startswith(ledger.DEFINITE):
                raise
            code = Code.NOT_STORABLE.value
            log.error("An item read again cannot be stored.", org=org, item=str(row["id"]))
            await store.mend(
                connection, org, row["id"], at=None, clock_good=False, extra=None, drafts=None,
                code=code, errors=[{"path": "", "code": code}],
            )  # fmt: skip

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
        except Exception as error:  # a fault of ours: the item waits on, and those behind it do not
            fault = type(error).__name__
            log.error("A decoder failed.", media_type=media_type, item=str(row["id"]), fault=fault)
            return None
        if len(items) == 1:
            return items[0]
        return decoders.not_whole_again(raw or b"", media_type, arrived, self._forms)

    async def _looked_at(self, org: str, raw: bytes) -> Item | None:
        """An upload again: of what was said of the file, and the file as it is kept."""
        said, sha256 = attachment.again(raw)
        file = await self._desk.look_again(org, sha256)
        return attachment.item(said, file) if file is not None else None
