"""Cases: tables of readings with the rules expected to speak, as read from cases.toml.

    when | body_weight | blood_pressure.systolic | phase
    -34h |        82.3 |                         | post
      0h |        84.7 |                     142 |

A column is a kind (its field `value`), kind.field, kind@word of context, form.<linkId>, `phase`,
`flags`, `received` (an offset, when other than the moment of measurement), `lasted` (how long a
period was, as an offset), or attachment:<kind> with a 1 where a file was sent.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from shared.programmes.parts import Figure, Frozen

MOMENT = datetime(2026, 11, 23, 6, 45, tzinfo=UTC)  # a Monday, 07:45 in Oslo
OFFSET = re.compile(r"([+-]?\d+)(d|h|m)")
SPAN = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


class Case(Frozen):
    """One table. `plan` false leaves the plan out, so that only readings are judged.

    `enrolled`, `paused` (from, until) and `answered` (when staff answered all that had come) are
    offsets from `now`; `expect` names every rule that must speak, and no other may;
    `handled` every case that a rule closes by itself.
    """

    name: str
    expect: tuple[str, ...]
    handled: tuple[str, ...] = ()
    readings: str = ""
    now: datetime = MOMENT
    limits: Mapping[str, Figure] = {}
    spo2_scale: int = 1
    born: str = "1960-01-01"
    plan: bool = False
    enrolled: str = "-30d"
    paused: tuple[str, str] | None = None
    answered: tuple[str, ...] = ()
    form: str | None = None


class Row(Frozen):
    at: datetime
    cells: Mapping[str, str]


class TableIsUnreadable(ValueError):
    """A table of readings has a row that does not fit its head, or an unreadable time."""


def read(folder: Path) -> tuple[Case, ...]:
    text = (folder / "cases.toml").read_text(encoding="utf-8")
    return tuple(
        Case.model_validate(case)
        for case in tomllib.loads(text, parse_float=Decimal).get("case", ())
    )


def rows(case: Case) -> tuple[Row, ...]:
    lines = [line for line in case.readings.splitlines() if line.strip()]
    if not lines:
        return ()
    head, *table = [[cell.strip() for cell in line.split("|")] for line in lines]
    found = []
    for cells in table:
        if len(cells) != len(head) or head[0] != "when":
            raise TableIsUnreadable(f"{case.name}: {' | '.join(cells)}")
        given = {name: cell for name, cell in zip(head[1:], cells[1:], strict=True) if cell}
        found.append(Row(at=case.now + offset(cells[0]), cells=given))
    return tuple(found)


def offset(text: str) -> timedelta:
    """-48h, 0h, +90m or -30d from the case's moment."""
    match = OFFSET.fullmatch(text)
    if match is None:
        raise TableIsUnreadable(text)
    return int(match[1]) * SPAN[match[2]]
