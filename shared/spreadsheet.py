"""Pure: tables for a spreadsheet, which takes a text that begins like a formula for one."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

# Also in full width, as a keyboard of another script writes them.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def table(rows: Iterable[Sequence[Any]], *, mark: bool = False) -> bytes:
    """UTF-8 with semicolons; `mark`: begins with the sign by which a spreadsheet knows that."""
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([[_cell(cell) for cell in row] for row in rows])
    return (b"\xef\xbb\xbf" if mark else b"") + text.getvalue().encode()


def _cell(value: Any) -> str:
    """What somebody has named or written is told to be text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(FORMULA) else text
