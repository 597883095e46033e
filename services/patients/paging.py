"""An opaque place in a list by time: where the next page begins."""

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

_MICROSECOND = 1_000_000
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # for lists that are not by time


class PlaceIsUnknown(Exception):
    """The cursor is not one that was given out here"""


def cursor(at: datetime, id: UUID) -> str:
    microseconds = round(at.timestamp() * _MICROSECOND)
    text = f"{microseconds}.{id.hex}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The place a cursor names; None for the beginning. Raises PlaceIsUnknown."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        microseconds, _, id = base64.urlsafe_b64decode(padded).decode("ascii").partition(".")
        seconds, rest = divmod(int(microseconds), _MICROSECOND)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest), UUID(id)
    except (binascii.Error, ValueError, OverflowError, OSError):
        raise PlaceIsUnknown from None
