"""A number as it stands in a body: exact, finite, and never a truth."""

from decimal import Decimal
from functools import lru_cache
from typing import Any


def decimal(value: Any) -> Decimal:
    if type(value) is int:
        return _whole(value)
    if type(value) is Decimal and value.is_finite():
        return value
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str | float):
        raise TypeError("not a number")
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError("not a number")
    return number


@lru_cache(maxsize=2048)
def _whole(value: int) -> Decimal:
    """Pressures and pulses are the same few hundred numbers, and one weighs 100 bytes."""
    return Decimal(value)
