"""An opaque place in a list by time: where the next page begins."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from uuid import UUID

_MICROSECOND = timedelta(microseconds=1)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # for lists that are not by time


class PlaceIsUnknown(Exception):
    """The cursor is not one that was given out here"""


def cursor(at: datetime, id: UUID) -> str:
    text = f"{(at - BEGINNING) // _MICROSECOND}.{id.hex}"  # a float would miss some microseconds
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The place a cursor names; None for the beginning. Raises PlaceIsUnknown."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        microseconds, _, id = base64.urlsafe_b64decode(padded).decode("ascii").partition(".")
        return BEGINNING + int(microseconds) * _MICROSECOND, UUID(id)
    except (binascii.Error, ValueError, OverflowError, OSError):
        raise PlaceIsUnknown from None
