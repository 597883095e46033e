"""Loop: tells somebody outside, each minute, that judging and telling live. When it falls silent,
he raises the alarm that we cannot.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import httpx
import structlog

log = structlog.get_logger()

EVERY = 60.0

# A sentence when something stands still.
Asked = Callable[[], Awaitable[str | None]]


class DeadMan:
    """Part of the service. `watched` say whether the loops have done real work just now."""

    def __init__(self, url: str | None, watched: Sequence[Asked], every: float = EVERY) -> None:
        self._url = url
        self._watched = watched
        self._every = every
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        if self._url is not None:
            self._task = asyncio.create_task(self._run(self._url))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def ready(self) -> str | None:
        return None  # who listens outside does not decide whether we work

    async def _run(self, url: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=10, follow_redirects=False) as client:
            while True:
                await asyncio.sleep(self._every)
                still = [said for ask in self._watched if (said := await ask())]
                if still:
                    log.error("The dead-man's call is withheld.", missing=still)
                    continue
                try:
                    answer = await client.get(url)
                    if answer.status_code >= 300:
                        log.warning("The dead-man's call failed.", status=answer.status_code)
                except httpx.HTTPError as error:
                    log.warning("The dead-man's call failed.", fault=type(error).__name__)
