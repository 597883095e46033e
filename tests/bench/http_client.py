"""HTTP/1.1 as far as a load needs it: keep-alive, one request at a time, no futures.

The answer's last byte sends the next request. Answers need a Content-Length.
"""

import asyncio
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

END = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """Sends what `request()` gives until it gives None; `answered(status, body, seconds)`."""

    def __init__(
        self,
        request: Callable[[], bytes | None],
        answered: Callable[[bytes, bytes, float], None],
    ) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._answered = answered
        self._buffer = b""
        self._began = 0.0
        self._transport: asyncio.WriteTransport

    def start(self) -> None:
        request = self._request()
        if request is None:
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is no subclass of it

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        head = data.find(END)
        if head < 0 or len(data) < head + 4 + content_length(data[: head + 2]):
            self._buffer = data
            return
        self._buffer = b""
        self._answered(data[9:12], data[head + 4 :], time.perf_counter() - self._began)
        self.start()


def content_length(head: bytes) -> int:
    """`head` ends with the line break of its last header."""
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 : head.find(b"\r\n", at)]) if at >= 0 else 0


def head(url: str, secret: str, size: int) -> bytes:
    """The head of a POST of `size` bytes; no character of it may be a %."""
    address = urlsplit(url)
    return (
        f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {size}\r\n\r\n"
    ).encode()


async def open_all(
    url: str,
    count: int,
    request: Callable[[], bytes | None],
    answered: Callable[[bytes, bytes, float], None],
) -> list[Connection]:
    address = urlsplit(url)
    loop = asyncio.get_running_loop()
    made = []
    for _ in range(count):
        _, connection = await loop.create_connection(
            lambda: Connection(request, answered), address.hostname or "", address.port or 80
        )
        made.append(connection)
    return made
