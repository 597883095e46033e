"""Pure: what an attempt came to, and whose turn is next: this channel again, another, nobody."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

# A round through all channels; then a pause that doubles.
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=5)
PATIENCE = timedelta(minutes=10)  # with a receiver who asks us to wait
GIVE_UP = timedelta(hours=2)

PASSING = (408, 425, 429)


class Result(StrEnum):
    """delivered: the channel has taken it. failed: later, perhaps. refused: never here."""

    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`why` is a word, never what the other side wrote."""

    result: Result
    why: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    state: str
    place: int
    next_at: datetime | None


def of_status(status: int, retry_after: str | None, now: datetime) -> Outcome:
    if 200 <= status < 300:
        return Outcome(Result.DELIVERED, f"http-{status}")
    if status in PASSING or status >= 500:
        return Outcome(Result.FAILED, f"http-{status}", _wait(retry_after, now))
    # A redirect would lead what we say to somebody whom nobody has chosen.
    return Outcome(Result.REFUSED, f"http-{status}")


def turn(
    outcome: Outcome,
    *,
    place: int,
    routes: int,
    refused: Collection[int],
    failures: int,
    made_at: datetime,
    now: datetime,
) -> Turn:
    """`refused` are the channels that never will, this one included if it did; `failures` counts
    the attempts that failed, this one included."""
    if outcome.result is Result.DELIVERED:
        return Turn("delivered", place, None)
    left = [one for one in range(routes) if one not in refused]
    if not left or now - made_at > GIVE_UP:
        return Turn("undeliverable", place, None)
    later = [one for one in left if one > place]
    if later:
        return Turn("failed", later[0], now)
    if outcome.result is Result.REFUSED and failures == 0:
        return Turn("failed", left[0], now)
    rounds = max(0, failures - 1) // max(1, len(left))
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(rounds, 10))
    if outcome.wait is not None and len(left) == 1:
        pause = max(pause, min(outcome.wait, PATIENCE))
    return Turn("failed", left[0], now + pause)


def _wait(text: str | None, now: datetime) -> timedelta | None:
    if text is None:
        return None
    if text.strip().isdigit():
        return timedelta(seconds=min(int(text.strip()[:6]), 86_400))
    try:
        return max(timedelta(0), parsedate_to_datetime(text) - now)
    except (TypeError, ValueError):
        return None
