"""Numbers and moments as people read them: decimal comma in Norwegian, point in English."""

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from shared.wall_clock import OSLO as OSLO


def number(value: Decimal, decimals: int, language: str) -> str:
    """At most `decimals` decimals, and one at least where there may be any: 82.40 is 82,4."""
    shown = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text = f"{abs(shown):f}"
    if "." in text:
        whole, _, rest = text.partition(".")
        text = f"{whole}.{rest.rstrip('0') or '0'}"
    if shown < 0:
        text = "−" + text
    return text if language == "en" else text.replace(".", ",")


def limit(value: Decimal, decimals: int, language: str) -> str:
    """A limit beside a value of that precision: as exact as it was set."""
    return number(value, 2 if decimals or value % 1 else 0, language)


def signed(value: Decimal, decimals: int, language: str) -> str:
    text = number(value, decimals, language)
    return "+" + text if value > 0 and text.strip("0.,") else text


def listed(values: list[Decimal], decimals: int, language: str) -> str:
    return ", ".join(number(value, decimals, language) for value in values)


def clock(at: datetime) -> str:
    return at.astimezone(OSLO).strftime("%H:%M")


def day(one: date, language: str) -> str:
    return f"{one.day}.{one.month}." if language != "en" else f"{one.day}/{one.month}"
