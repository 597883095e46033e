"""Keeping a sent file: looked at once, known files not again; what one sender may send in a day is
bounded, and one picture at a time is decoded in a process, off the event loop.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import pictures
from shared.attachments import File
from shared.contracts import Code
from shared.database import Database
from shared.ledger import files

DAY = timedelta(days=1)
MIB = 1024 * 1024


class TooManyAttachments(Exception):
    """So many files have come from this sender today; keep the rest and send them tomorrow"""


class FileNotTaken(Exception):
    """The file is not a JPEG, PNG or WebP picture, nor a PDF document"""


@dataclass(frozen=True, slots=True)
class Quota:
    """Of one credential, in 24 hours."""

    files: int
    mib: int


class Desk:
    """Where files are looked at and put away. No connection is held while a picture is decoded."""

    def __init__(self, database: Database, quota: Quota) -> None:
        self._database = database
        self._quota = quota
        self._one = asyncio.Semaphore(1)

    async def keep(self, org: str, cred: str, file: bytes, now: datetime) -> File:
        """Commit the file, and say what it is. Raises FileNotTaken, TooManyAttachments."""
        sha256 = hashlib.sha256(file).digest()
        async with self._database.connection() as connection:
            known = await files.file(connection, org, sha256)
            if known is not None:
                return known
            media_type = pictures.type_of(file)
            if media_type is None:
                raise FileNotTaken
            sent = await files.sent_since(connection, org, cred, now - DAY)
        if sent.files >= self._quota.files or sent.size + len(file) > self._quota.mib * MIB:
            raise TooManyAttachments
        found, picture = await self.look(file, sha256, media_type)
        async with self._database.connection() as connection:
            await files.keep(connection, org, cred, found, file, picture)
        return found

    async def look(
        self, file: bytes, sha256: bytes, media_type: str
    ) -> tuple[File, pictures.Picture | None]:
        """What a file of that type is, and what may be shown of it, if anything."""
        async with self._one:
            try:
                picture = await asyncio.to_thread(pictures.read, file, media_type)
            except pictures.TooManyPixels:
                return File(sha256, media_type, len(file), fault=Code.IMPLAUSIBLE), None
            except pictures.CannotBeRead:
                return File(sha256, media_type, len(file), fault=Code.UNREADABLE), None
        return File(sha256, media_type, len(file), picture.width, picture.height), picture

    async def look_again(self, org: str, sha256: bytes) -> File | None:
        """A file that is kept, once more: what could not be read at first may be by now."""
        async with self._database.connection() as connection:
            known = await files.file(connection, org, sha256)
            if known is None or known.fault is None:
                return known
            original = await files.original(connection, org, sha256)
        if original is None:
            return known
        found, picture = await self.look(original, sha256, known.media_type)
        if picture is not None:
            async with self._database.connection() as connection:
                await files.mended(connection, org, found, picture)
        return found
