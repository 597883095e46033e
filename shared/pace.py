"""Pure: how often somebody may do something. A bucket for each, filled evenly, a minute deep.

Kept in memory, so each replica counts for itself: this holds off who has gone mad, and is no
account of what was done.
"""

from collections.abc import Hashable

MOST = 100_000


class Pace:
    """`per_minute` units for each of whoever comes."""

    def __init__(self, per_minute: float, most: int = MOST) -> None:
        self._per_second = per_minute / 60
        self._depth = float(per_minute)
        self._most = most
        # Who -> what was left, and when that was so.
        self._left: dict[Hashable, tuple[float, float]] = {}

    def wait(self, who: Hashable, now: float, units: float = 1.0) -> float:
        """0.0, and the units are taken; else in how many seconds it may be tried again."""
        # One look-up and no call: this is asked for each reading that comes in.
        known = self._left.get(who)
        left = self._depth
        if known is not None:
            left = min(left, known[0] + (now - known[1]) * self._per_second)
        if left < units and left < self._depth:
            return (min(units, self._depth) - left) / self._per_second
        if known is None and len(self._left) >= self._most:
            del self._left[next(iter(self._left))]  # who came first of all
        self._left[who] = left - units, now
        return 0.0

    def missing(self, who: Hashable, now: float) -> float:
        """In how many seconds there is one unit; takes none."""
        known = self._left.get(who)
        if known is None:
            return 0.0
        left = known[0] + (now - known[1]) * self._per_second
        return max(0.0, 1.0 - left) / self._per_second
