"""POST /v1/observations below ASGI: uvicorn's protocol without a task and messages for each answer.

Only what is plain is answered here: a remembered credential, and a body of moderate size that can
be used. All else goes the ordinary way, to `hot.Application`, which knows every refusal.
"""

from collections.abc import Mapping
from functools import partial
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

_ALWAYS = b"".join(b"%b: %b\r\n" % header for header in service.HEADERS)


class Wire(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with a shorter way for the one path."""

    _held: tuple[RequestResponseCycle, Any] | None = None  # its turn has come, its body has not

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if app is not self.app or not _is_plain(cycle):
            super()._start_asgi_task(cycle, app)
        elif cycle.more_body:
            self._held = cycle, app
        else:
            self._take(cycle, app)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._held is not None:
            held, self._held = self._held, None
            self._take(*held)

    def _take(self, cycle: RequestResponseCycle, app: Any) -> None:
        door: hot.Door = cast(FastAPI, app).state.door
        taken = door.at_once(dict(cycle.scope["headers"]), bytes(cycle.body))
        if taken is None:
            super()._start_asgi_task(cycle, app)
        else:
            door.intake.put(*taken, partial(self._answer, cycle))

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
