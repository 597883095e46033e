"""Synthetic national numbers, formed as the tax authority's test population (month + 80)."""

from datetime import date
from random import Random

_FIRST = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_SECOND = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_SHIFT = 80


def synthetic(born: date, random: Random) -> str:
    """A valid number of nobody. Not every individual number has check digits, so some are tried."""
    head = f"{born.day:02}{born.month + _SHIFT:02}{born.year % 100:02}"
    while True:
        digits = [int(digit) for digit in f"{head}{random.randrange(1000):03}"]
        for weights in (_FIRST, _SECOND):
            digits.append(_check(digits, weights))
        if max(digits) < 10:
            return "".join(map(str, digits))


def _check(digits: list[int], weights: tuple[int, ...]) -> int:
    return -sum(weight * digit for weight, digit in zip(weights, digits, strict=True)) % 11
