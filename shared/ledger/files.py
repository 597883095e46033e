"""The files of attachments: kept before the fact that names them, shown through such a fact."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared import attachments, pictures
from shared.attachments import File
from shared.contracts import Code, Fact
from shared.ledger import reading, waking


@dataclass(frozen=True, slots=True)
class Sent:
    """How much one sender has sent in a day."""

    files: int
    size: int  # bytes


async def file(connection: asyncpg.Connection, org: str, sha256: bytes) -> File | None:
    """What is known of a file; None when it has never been sent."""
    row = await connection.fetchrow(
        """
        select media_type, size, width, height, fault from ledger.attachment
        where org = $1 and sha256 = $2
        """,
        org,
        sha256,
    )
    if row is None:
        return None
    media_type, size, width, height, fault = row
    return File(sha256, media_type, size, width, height, Code(fault) if fault else None)


async def sent_since(connection: asyncpg.Connection, org: str, cred: str, since: datetime) -> Sent:
    row = await connection.fetchrow(
        """
        select count(*), coalesce(sum(size), 0) from ledger.attachment
        where org = $1 and cred = $2 and received_at >= $3
        """,
        org,
        cred,
        since,
    )
    assert row is not None  # a count always answers
    return Sent(int(row[0]), int(row[1]))


async def keep(
    connection: asyncpg.Connection,
    org: str,
    cred: str,
    of: File,
    original: bytes,
    picture: pictures.Picture | None,
) -> None:
    """Keep a file for good; one that is known already stays as it is."""
    await connection.execute(
        """
        insert into ledger.attachment (
            org, sha256, cred, media_type, size, width, height, fault, original,
            shown_type, shown, thumbnail
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        on conflict do nothing
        """,
        org, of.sha256, cred, of.media_type, of.size, of.width, of.height, of.fault, original,
        *_shown(picture),
    )  # fmt: skip


async def original(connection: asyncpg.Connection, org: str, sha256: bytes) -> bytes | None:
    """As it was sent, to be read again."""
    found: bytes | None = await connection.fetchval(
        "select original from ledger.attachment where org = $1 and sha256 = $2", org, sha256
    )
    return found


async def mended(
    connection: asyncpg.Connection, org: str, of: File, picture: pictures.Picture
) -> None:
    """A file that could not be read at first has been read after all."""
    await connection.execute(
        """
        update ledger.attachment
        set width = $3, height = $4, fault = null, shown_type = $5, shown = $6, thumbnail = $7
        where org = $1 and sha256 = $2
        """,
        org, of.sha256, of.width, of.height, *_shown(picture),
    )  # fmt: skip


async def shown(
    connection: asyncpg.Connection, org: str, fact: Fact, *, thumbnail: bool
) -> tuple[str, bytes] | None:
    """Media type and bytes of what may be shown; the caller has seen that the fact is in force."""
    sha256 = bytes.fromhex(fact.body["file"]["sha256"])
    return await by_name(connection, org, sha256, thumbnail=thumbnail)


async def by_name(
    connection: asyncpg.Connection, org: str, sha256: bytes, *, thumbnail: bool
) -> tuple[str, bytes] | None:
    row = await connection.fetchrow(
        "select media_type, file from ledger.shown_file($1, $2, $3)", org, sha256, thumbnail
    )
    return (row[0], row[1]) if row is not None and row[1] is not None else None


async def attachment(connection: asyncpg.Connection, org: str, fact_id: UUID) -> Fact | None:
    """The attachment with this id, if it is in force."""
    known = await reading.read(connection, org, [fact_id])
    found = await reading.in_force(connection, org, [(one.id, one.at) for one in known])
    return next((one for one in found if one.type == attachments.TYPE), None)


async def answer(
    tx: asyncpg.Connection, org: str, patient_id: UUID, about: UUID, text: str, *, by: str
) -> datetime | None:
    """Staff answer a photo, and those of its kind that came before it. None if it is not there."""
    at: datetime | None = await tx.fetchval(
        "select ledger.answer($1, $2, $3, $4, $5)", org, patient_id, about, text, by
    )
    await waking.wake(tx, org)
    return at


async def programmes_of(
    connection: asyncpg.Connection, org: str, patient_id: UUID
) -> frozenset[str]:
    """The programmes the patient is enrolled in now."""
    return frozenset(
        await connection.fetchval("select ledger.programmes_of($1, $2)", org, patient_id)
    )


def _shown(picture: pictures.Picture | None) -> tuple[Any, ...]:
    """Of a document the original is what is shown, and is not kept twice."""
    if picture is None:
        return None, None, None
    is_itself = picture.media_type == attachments.PDF
    return picture.media_type, None if is_itself else picture.shown, picture.thumbnail
