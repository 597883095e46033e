"""POST /v1/observations below ASGI: uvicorn's protocol without a task and messages for each answer.

Only what is plain is answered here: a remembered credential, and a body of moderate size that can
be used. All else goes the ordinary way, to `hot.Application`, which knows every refusal. A device
sends the same head with every reading: what was read of it once is true of the same bytes again,
whatever connection of a proxy they come by.
"""

from collections.abc import Mapping
from functools import cached_property, partial
from hashlib import sha256
from typing import Any, cast

from fastapi import FastAPI
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from services.ingest import hot, receipts
from services.ingest.accept import CannotCommit
from shared import service
from shared.contracts import Receipt

END = b"\r\n\r\n"
HEADS = 10_000

# By the hash of a head's bytes, since they hold a secret: that secret's hash, the body's length.
_heads: dict[bytes, tuple[bytes, int]] = {}

_UNKNOWN = (b"", -1)
_ALWAYS = b"".join(b"%b: %b\r\n" % header for header in service.HEADERS)


class Wire(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with a shorter way for the one path."""

    _held: tuple[RequestResponseCycle, Any] | None = None  # its turn has come, its body has not
    _own: RequestResponseCycle | None = None  # the last that was taken here
    _data = b""  # what came last, and whether a message ended just before it
    _is_whole = False
    _within = False  # a message has begun and not ended

    @cached_property  # asked for each request, and the application's state is slow to tell
    def _door(self) -> hot.Door:
        door: hot.Door = cast(FastAPI, self.app).state.door
        return door

    def data_received(self, data: bytes) -> None:
        if self._is_taken(data):
            return
        self._data, self._is_whole = data, not self._within
        super().data_received(data)
        self._data = b""

    def _is_taken(self, data: bytes) -> bool:
        """A request whose head is known, alone and whole, between two others."""
        cycle = self._own
        if (
            cycle is None
            or cycle is not self.cycle
            or not cycle.response_complete
            or self._within
            or (self.limit_concurrency and len(self.connections) >= self.limit_concurrency)
        ):
            return False
        end = data.find(END) + len(END)
        secret_hash, length = _heads.get(sha256(data[:end]).digest(), _UNKNOWN)
        if len(data) - end != length:
            return False
        taken = self._door.at_once(secret_hash, data[end:])
        if taken is None:
            return False
        self._unset_keepalive_if_required()
        cycle.response_started = cycle.response_complete = False
        self._door.intake.put(*taken, partial(self._answer, cycle))
        return True

    def on_message_begin(self) -> None:
        self._within = True
        super().on_message_begin()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if app is not self.app or not _is_plain(cycle):
            super()._start_asgi_task(cycle, app)
        elif cycle.more_body:
            self._held = cycle, app
        else:
            self._take(cycle, app)

    def on_message_complete(self) -> None:
        self._within = False
        super().on_message_complete()
        if self._held is not None:
            held, self._held = self._held, None
            self._take(*held)

    def _take(self, cycle: RequestResponseCycle, app: Any) -> None:
        headers, body = dict(cycle.scope["headers"]), bytes(cycle.body)
        door = self._door
        secret_hash = door.secret_hash(headers)
        taken = door.at_once(secret_hash, body) if secret_hash is not None else None
        if secret_hash is None or taken is None:
            super()._start_asgi_task(cycle, app)
            return
        self._own = cycle
        if cycle.keep_alive and b"upgrade" not in headers:
            self._remember(secret_hash, body)
        door.intake.put(*taken, partial(self._answer, cycle))

    def _remember(self, secret_hash: bytes, body: bytes) -> None:
        """The head, if what came last was the whole request and nothing else."""
        end = self._data.find(END) + len(END)
        if self._is_whole and self._data[end:] == body:
            if len(_heads) >= HEADS:
                _heads.clear()
            _heads[sha256(self._data[:end]).digest()] = secret_hash, len(body)

    def _answer(self, cycle: RequestResponseCycle, outcome: list[Receipt] | CannotCommit) -> None:
        if cycle.disconnected:  # what is stored stays stored
            return
        if isinstance(outcome, CannotCommit):
            status, media_type, body, more = hot.unavailable()
        else:
            status, media_type, body, more = 200, hot.JSON, receipts.results(outcome), []
        lines = [*self.server_state.default_headers, *more]  # the date, and what this answer says
        if not cycle.keep_alive:
            lines.append((b"connection", b"close"))
        self.transport.write(
            b"%bcontent-type: %b\r\ncontent-length: %d\r\n%b%b\r\n%b"
            % (
                STATUS_LINE[status],
                media_type,
                len(body),
                _ALWAYS,
                b"".join([b"%b: %b\r\n" % line for line in lines]),
                body,
            )
        )
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()


def _is_plain(cycle: RequestResponseCycle) -> bool:
    scope = cycle.scope
    return (
        scope["path"] == hot.PATH
        and scope["method"] == "POST"
        and not cycle.waiting_for_100_continue
        and _announced(dict(scope["headers"])) <= HIGH_WATER_LIMIT  # above it uvicorn stops reading
    )


def _announced(headers: Mapping[bytes, bytes]) -> float:
    """The body's length; endless where it is not told beforehand."""
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else float("inf")
