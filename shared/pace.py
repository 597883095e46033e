"""Pure: how often somebody may do something. A bucket for each, filled evenly, a minute deep.

Kept in memory, so each replica counts for itself: this holds off who has gone mad, and is no
account of what was done.
"""

from collections import OrderedDict
from collections.abc import Hashable

MOST = 100_000


class Pace:
    """`per_minute` units for each of whoever comes."""

    def __init__(self, per_minute: float, most: int = MOST) -> None:
        self._per_second = per_minute / 60
        self._depth = float(per_minute)
        self._most = most
        # Who -> what is left, and when that was so. Who has not come for longest is forgotten.
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, who: Hashable, now: float, units: float = 1.0) -> float:
        """0.0, and the units are taken; else in how many seconds it may be tried again."""
        if missing := self.missing(who, now, units):
            return missing
        self._left[who] = (self._now(who, now) - units, now)
        self._left.move_to_end(who)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return 0.0

    def missing(self, who: Hashable, now: float, units: float = 1.0) -> float:
        """In how many seconds so many units are there; takes none."""
        # What is larger than a whole bucket goes when the bucket is full.
        return max(0.0, min(units, self._depth) - self._now(who, now)) / self._per_second

    def _now(self, who: Hashable, now: float) -> float:
        left, then = self._left.get(who, (self._depth, now))
        return min(self._depth, left + (now - then) * self._per_second)
