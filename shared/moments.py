"""Which moments can be reckoned with. What lies outside is the zero of some program's calendar, or
its end: nothing was measured then, and nothing can be counted back or forth from it.
"""

from datetime import UTC, datetime

FIRST = datetime(1900, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 1, 1, tzinfo=UTC)


def is_sound(at: datetime) -> bool:
    return FIRST <= at < LAST
