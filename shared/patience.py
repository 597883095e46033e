"""How long a body may take to come. The front door has a limit of its own; this one holds where a
service is reached past it."""

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = 120.0  # a photo of 20 MiB over a poor line


class BodyInTime:
    """Answers 408 when the whole body has not come in time. What is read after it (a stream waits
    so for the reader to go) has all the time there is."""

    def __init__(self, app: ASGIApp, seconds: float = SECONDS) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        until = time.monotonic() + self._seconds
        is_whole = False

        async def received() -> Message:
            nonlocal is_whole
            if is_whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()))
            except TimeoutError:
                raise HTTPException(408, "The body came too slowly; send it again") from None
            is_whole = not message.get("more_body", False)
            return message

        await self._app(scope, received, send)
