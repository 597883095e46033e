"""The verb of an upload: keep the file, then let the fact that names it go the way of all items.

The file is committed first. A crash in between leaves a file that no fact names, which nobody is
shown; the sender, who has no receipt, sends it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from services.ingest.accept import CannotCommit, Intake
from services.ingest.devices import attachment
from services.ingest.devices.attachment import Enclosed
from services.ingest.senders import Credential
from shared import attachments, filing, programmes
from shared.attachments import File
from shared.contracts import Item, Receipt, Result
from shared.database import Database, DatabaseIsAway
from shared.filing import Desk
from shared.ledger import files
from shared.programmes import Programme

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Taken:
    """The receipt of an upload, and by when an answer to it is promised."""

    item: Item
    receipt: Receipt
    answer_by: datetime | None


class Uploads:
    def __init__(
        self,
        database: Database,
        intake: Intake,
        desk: Desk,
        followed: Mapping[str, Programme],
    ) -> None:
        self._database = database
        self._intake = intake
        self._desk = desk
        self._followed = followed

    async def accept(self, credential: Credential, said: Mapping[str, Any], file: bytes) -> Taken:
        """Raises filing.FileNotTaken, filing.TooManyAttachments, CannotCommit."""
        item = attachment.item(said, await self._kept(credential, file))
        [receipt] = await self._intake.accept(credential, [item])
        return Taken(item, receipt, await self._promised(credential.org, item, receipt))

    async def enclosed(self, credential: Credential, files: Sequence[Enclosed]) -> list[Item]:
        """The items of files that came inside a message, which wait for its commit. Raises
        CannotCommit."""
        try:
            return [
                attachment.enclosed(one, await self._kept(credential, one.file)) for one in files
            ]
        except filing.TooManyAttachments as error:
            raise CannotCommit from error

    async def _kept(self, credential: Credential, file: bytes) -> File:
        try:
            return await self._desk.keep(
                credential.org, credential.sender.cred, file, datetime.now(UTC)
            )
        except (DatabaseIsAway, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("A file could not be kept.", org=credential.org, fault=type(error).__name__)
            raise CannotCommit from error

    async def _promised(self, org: str, item: Item, receipt: Receipt) -> datetime | None:
        """What is stored stands; if the programmes cannot be asked, nothing is promised."""
        if receipt.patient_id is None or receipt.result is Result.QUARANTINED or not item.drafts:
            return None
        slugs = await self._programmes_of(org, receipt.patient_id)
        followed = (one for slug, one in self._followed.items() if slug in slugs)
        kind = f"{attachments.PREFIX}{item.drafts[0].kind}"
        return programmes.answer_by(followed, kind, receipt.received)

    async def _programmes_of(self, org: str, patient_id: UUID) -> frozenset[str]:
        try:
            async with self._database.connection() as connection:
                return await files.programmes_of(connection, org, patient_id)
        except (DatabaseIsAway, asyncpg.PostgresError):
            return frozenset()
