"""What steering was worked out to be, kept for some minutes: weeks do not change while one reads.

One answer per question and units of whoever asks; two who ask the same at once wait for one answer.
"""

import asyncio
import time
from collections.abc import Hashable

from services.alerts.looking_back import steering
from services.alerts.looking_back.weeks import Steering
from services.alerts.reader import Reader
from services.alerts.views import Parts

SECONDS = 300.0
MOST = 64


class Kept:
    """Of one service, in its memory."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[float, Steering]] = {}
        self._asking: dict[Hashable, asyncio.Lock] = {}

    async def steering(self, parts: Parts, by: Reader, question: steering.Question) -> Steering:
        """As `steering.steering`, at most five minutes old."""
        steering.may(by, question)
        key = (by.org, by.units, question)
        async with self._asking.setdefault(key, asyncio.Lock()):
            at, known = self._answers.get(key, (0.0, None))
            if known is not None and time.monotonic() - at < SECONDS:
                return known
            told = await steering.steering(parts, by, question)
            self._keep(key, told)
            return told

    def _keep(self, key: Hashable, told: Steering) -> None:
        self._answers.pop(key, None)
        self._answers[key] = (time.monotonic(), told)
        while len(self._answers) > MOST:
            oldest = next(iter(self._answers))
            self._answers.pop(oldest)
            self._asking.pop(oldest, None)
