"""Where notifications arrive in the tests: a web server and a mail server that write down what they
are sent and can be told to fail.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Post:
    """One request, as it arrived."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def delivery(self) -> str:
        return self.headers["hjemvakt-delivery"]


@dataclass
class WebSink:
    """`answers` gives the status of a request by its path; `hold` seconds it takes to answer."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    hold: float = 0.0
    answer: Callable[[Post], bytes] = lambda _post: b""

    def at(self, path: str, status: int | None = None) -> list[Post]:
        return [
            one
            for one in list(self.posts)
            if one.path.startswith(path) and (status is None or one.status == status)
        ]


@contextmanager
def web() -> Iterator[WebSink]:
    sink = WebSink()

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            status = next(
                (code for path, code in sink.statuses.items() if self.path.startswith(path)), 200
            )
            headers = {name.lower(): value for name, value in self.headers.items()}
            post = Post(time.time(), self.command, self.path, headers, body, status)
            sink.posts.append(post)
            if sink.hold:
                time.sleep(sink.hold)
            self.send_response(status)
            for name, value in sink.headers.items():
                self.send_header(name, value)
            answer = sink.answer(post)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET = _take

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    sink.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MailSink:
    """`refuses` answers each recipient with this code instead of taking him."""

    url: str = ""
    letters: list[EmailMessage] = field(default_factory=list)
    refuses: int | None = None


@contextmanager
def mail() -> Iterator[MailSink]:
    sink = MailSink()
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop: list[Callable[[], None]] = []

    async def serve() -> None:
        server = await asyncio.start_server(lambda r, w: _session(sink, r, w), "127.0.0.1", 0)
        sink.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        stopped = asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(stopped.set) and None)
        started.set()
        async with server:
            await stopped.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(5)
    try:
        yield sink
    finally:
        stop[0]()
        thread.join(5)
        loop.close()


async def _session(
    sink: MailSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """The few words of SMTP that a client needs to hand over a letter."""
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        word = line.strip().upper()
        if word.startswith((b"EHLO", b"HELO")):
            writer.write(b"250 sink\r\n")
        elif word.startswith(b"RCPT") and sink.refuses:
            writer.write(f"{sink.refuses} no\r\n".encode())
        elif word.startswith((b"MAIL", b"RCPT", b"RSET", b"NOOP")):
            writer.write(b"250 ok\r\n")
        elif word == b"DATA":
            writer.write(b"354 go on\r\n")
            sink.letters.append(await _letter(reader))
            writer.write(b"250 taken\r\n")
        elif word == b"QUIT":
            writer.write(b"221 bye\r\n")
            break
        else:
            writer.write(b"502 unknown\r\n")
    writer.close()


async def _letter(reader: asyncio.StreamReader) -> EmailMessage:
    lines = []
    while (line := await reader.readline()) not in (b".\r\n", b""):
        lines.append(line[1:] if line.startswith(b"..") else line)
    letter = message_from_bytes(b"".join(lines), policy=policy.default)
    assert isinstance(letter, EmailMessage)
    return letter
