"""HL7 v2 over MLLP: frames in, an acknowledgement after the commit, one message at a time a
connection.

MLLP knows no log-in. A message is of the credential whose secret it carries in MSH-8, else of the
one this listener was given; a listener belongs on a private network or behind a tunnel.
"""

import asyncio
import contextlib
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter

from services.ingest import hl7, hot
from services.ingest.devices import hl7_answers, hl7_message, refused
from services.ingest.room import SMALL, Room
from services.ingest.senders import Credential
from services.ingest.uploads import Uploads
from shared.database import DatabaseIsAway

log = structlog.get_logger()

START, END = b"\x0b", b"\x1c\r"
MOST_CONNECTIONS = 50
IDLE_SECONDS = 3600.0
FRAME_SECONDS = 60.0
PIECE = 64 * 1024

FRAMES = Counter("hjemvakt_mllp_frames_total", "HL7 v2 messages over MLLP", ["fate"])


class Frames:
    """The messages of one connection. A large one is read on only where there is room for it."""

    def __init__(self, reader: asyncio.StreamReader, room: Room) -> None:
        self._reader = reader
        self._room = room
        self._rest = bytearray()
        self._has_room = False

    async def next(self) -> bytes | None:
        """The next message, or None when the connection is at its end or sends no frames."""
        try:
            return await self._next()
        except BaseException:
            self.done()
            raise

    def done(self) -> None:
        """The message that was read last is answered."""
        if self._has_room:
            self._has_room = False
            self._room.leave()

    async def _next(self) -> bytes | None:
        while not self._rest.lstrip(b"\r\n"):
            self._rest.clear()
            if not await self._more(IDLE_SECONDS):
                return None
        begun = self._rest.lstrip(b"\r\n")
        self._rest = begun
        if not begun.startswith(START):
            return None
        seen = 0
        while (end := self._rest.find(END, seen)) < 0:
            seen = max(0, len(self._rest) - len(END))
            if len(self._rest) > SMALL and not self._has_room:
                await self._room.enter()
                self._has_room = True
            if len(self._rest) > hl7.MOST_BYTES + PIECE or not await self._more(FRAME_SECONDS):
                FRAMES.labels("unfinished").inc()
                self.done()
                return None
        frame = bytes(memoryview(self._rest)[len(START) : end])
        del self._rest[: end + len(END)]
        return frame

    async def _more(self, seconds: float) -> bool:
        piece = await asyncio.wait_for(self._reader.read(PIECE), seconds)
        self._rest += piece
        return bool(piece)


class Listener:
    """Part of the service: a port for interface engines."""

    def __init__(
        self, address: str, speaks_for: str | None, door: hot.Door, uploads: Uploads
    ) -> None:
        host, _, port = address.rpartition(":")
        self._host, self._port = host or "127.0.0.1", int(port)
        org, _, cred = (speaks_for or "").partition("/")
        self._speaks_for = (org, cred) if cred else None
        self._door = door
        self._uploads = uploads
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(
            self._connected, self._host, self._port, limit=PIECE
        )

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def ready(self) -> str | None:
        serving = self._server is not None and self._server.is_serving()
        return None if serving else "The MLLP listener is not open."

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._connections) >= MOST_CONNECTIONS:
                FRAMES.labels("too-many-connections").inc()
                return
            self._connections.add(task)
            frames = Frames(reader, self._door.room)
            while (frame := await frames.next()) is not None:
                try:
                    answer = await self._answer(frame)
                finally:
                    frames.done()
                del frame
                writer.write(START + answer + END)
                await asyncio.wait_for(writer.drain(), FRAME_SECONDS)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the engine sends again what it has no answer to
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, frame: bytes) -> bytes:
        try:
            credential = await self._credential(frame)
        except DatabaseIsAway:
            FRAMES.labels("unavailable").inc()
            return hl7_answers.unavailable(_read(frame), "The database cannot be reached", _now())
        if credential is None:
            FRAMES.labels("unauthenticated").inc()
            log.warning("An HL7 v2 message without a credential was refused.")
            return hl7_answers.refused(
                _read(frame), "unauthenticated", "Send the credential's secret in MSH-8", _now()
            )
        try:
            reply = await hl7.take(self._door, self._uploads, credential, frame)
        except Exception as error:  # the engine keeps it; what is behind it goes on
            FRAMES.labels("failed").inc()
            log.error("An HL7 v2 message could not be taken.", fault=type(error).__name__)
            return hl7_answers.unavailable(_read(frame), "It could not be taken just now", _now())
        FRAMES.labels(str(reply.status)).inc()
        return reply.body

    async def _credential(self, frame: bytes) -> Credential | None:
        sent = _read(frame)
        if sent is not None and sent.security:
            return await self._door.senders.by_secret(sent.security)
        if self._speaks_for is None:
            return None
        return await self._door.senders.by_name(*self._speaks_for)


def _read(frame: bytes) -> hl7_message.Message | None:
    try:
        return hl7_message.read(frame)
    except refused.NotHl7:
        return None


def _now() -> datetime:
    return datetime.now(UTC)
