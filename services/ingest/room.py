"""Room for large bodies: so many at a time, from the first bytes to the answer.

Others wait, and what they send waits in their own buffers: fifty connections with the largest body
each do not take fifty times its memory.
"""

import asyncio
from collections.abc import MutableMapping
from typing import Any

SMALL = 256 * 1024  # bytes; less needs no room
AT_ONCE = 2

_KEY = "hjemvakt.room"


class Room:
    """One for all doors of a process."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def enter(self) -> None:
        await self._free.acquire()

    def leave(self) -> None:
        self._free.release()

    async def enter_for(self, scope: MutableMapping[str, Any], announced: bytes | None) -> None:
        """For the rest of a request whose body is large, or does not say how large it is."""
        small = announced is not None and announced.isdigit() and int(announced) <= SMALL
        if not small and _KEY not in scope:
            await self.enter()
            scope[_KEY] = True

    def leave_for(self, scope: MutableMapping[str, Any]) -> None:
        if scope.pop(_KEY, False):
            self.leave()
