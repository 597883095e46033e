"""Several statements sent as one. For a reading that comes alone, the ways to the database and
back cost more than what is done there.

The law: the statements see nothing of each other, so no two of them touch the same row.
"""

import re
from functools import lru_cache
from typing import Any

import asyncpg

_ARGUMENT = re.compile(r"\$(\d+)")


class Together:
    """`add` takes a statement as `execute` of a connection does; `$1` is its own first argument."""

    def __init__(self) -> None:
        self._statements: list[str] = []
        self._arguments: list[Any] = []

    def add(self, statement: str, *arguments: Any) -> None:
        self._statements.append(statement)
        self._arguments += arguments

    async def execute(self, tx: asyncpg.Connection) -> None:
        if self._statements:
            await tx.execute(_joined(tuple(self._statements)), *self._arguments)


@lru_cache(maxsize=128)
def _joined(statements: tuple[str, ...]) -> str:
    """One text for the same statements, so that the connection has it prepared."""
    if len(statements) == 1:
        return statements[0]
    parts, before = [], 0
    for place, statement in enumerate(statements):
        # A piece at an even place is text, the next one the number of an argument.
        pieces = _ARGUMENT.split(statement)
        numbers = [int(number) for number in pieces[1::2]]
        pieces[1::2] = [f"${number + before}" for number in numbers]
        parts.append(f"part_{place} as ({''.join(pieces)})")
        before += max(numbers)
    return "with " + ",\n".join(parts) + "\nselect"
