"""Pure: who may do what, as table.toml says it, and what that means for one patient."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shared.access.caller import Blocked, Locked, NotRelated, Role

FILE = Path(__file__).with_name("table.toml")


class Reach(StrEnum):
    OWN = "own"
    UNIT = "unit"
    ORG = "org"
    GIVEN = "given"


@dataclass(frozen=True, slots=True)
class Act:
    """One row of the table."""

    on: str
    do: str
    says: str
    reach: Mapping[Role, Reach]
    routes: tuple[str, ...]
    clinical: bool = False
    emergency: bool = False
    hpr: bool = False
    scope: str | None = None
    "What a system's token must be given for, after its audience and a slash."
    open: bool = False
    by_secret: bool = False
    per_minute: int | None = None
    "How often one person may do it, so that nobody tries all names and numbers."


class TableIsUnusable(Exception):
    """The table of who may do what contradicts itself."""


@functools.cache
def acts() -> tuple[Act, ...]:
    return tuple(_act(row) for row in tomllib.loads(FILE.read_text())["act"])


@functools.cache
def by_route() -> Mapping[str, Act]:
    """`METHOD /path` -> its one row. TableIsUnusable when a route stands twice."""
    found: dict[str, Act] = {}
    for act in acts():
        for route in act.routes:
            if route in found:
                raise TableIsUnusable(route)
            found[route] = act
    return MappingProxyType(found)


def _act(row: Mapping[str, Any]) -> Act:
    reach = {role: Reach(row[role.value]) for role in Role if role.value in row}
    roles = {role.value for role in Role}
    nobody_logs_in = row.get("open", False) or row.get("by_secret", False)
    if (Role.SYSTEM in reach or row.get("by_secret", False)) != ("scope" in row):
        raise TableIsUnusable(f"{row['on']}: {row['do']}")
    if row.keys() - roles - Act.__dataclass_fields__.keys() or bool(reach) == nobody_logs_in:
        raise TableIsUnusable(f"{row['on']}: {row['do']}")
    mine = {name: value for name, value in row.items() if name not in roles}
    return Act(**mine | {"reach": MappingProxyType(reach), "routes": tuple(row["routes"])})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a member of staff stands to a patient just now."""

    treats: bool
    blocked: bool = False
    locked: bool = False
    emergency: str | None = None
    "The reason for which she has opened the record."


# Why somebody may look, as the access log says it.
REASON = {
    Reach.OWN: "own",
    Reach.UNIT: "treatment",
    Reach.ORG: "administration",
    Reach.GIVEN: "on-behalf-of",
}


def why(reach: Reach, standing: Standing, *, emergency_counts: bool) -> str:
    """Why the caller may see this patient. Blocked, Locked, NotRelated.

    A block is asked first: the patient's word beats also an emergency.
    """
    if reach is not Reach.UNIT:
        return REASON[reach]
    if standing.blocked:
        raise Blocked
    if standing.treats and not standing.locked:
        return REASON[reach]
    if standing.emergency is not None and emergency_counts:
        return f"emergency:{standing.emergency}"
    raise Locked if standing.treats else NotRelated


def describe() -> str:
    """The table as a page for people."""
    roles = [role for role in Role if any(role in act.reach for act in acts())]
    lines = [
        f"| | | {' | '.join(role.value for role in roles)} "
        "| clinical | emergency | HPR | scope | a minute |",
        f"|---|---|{'---|' * len(roles)}---|---|---|---|---|",
    ]
    for act in acts():
        if act.open or act.by_secret:
            whom = "nobody logs in" if act.open else "a device, app or system by its secret"
            whom += "; a system by token" if act.by_secret else ""
            cells = [whom, *[""] * (len(roles) - 1)]
        else:
            cells = [str(act.reach.get(role, "–")) for role in roles]
        marks = ["yes" if mark else "" for mark in (act.clinical, act.emergency, act.hpr)]
        marks.append(f"`{act.scope}`" if act.scope else "")
        marks.append(str(act.per_minute or ""))
        lines.append(f"| **{act.on}**: {act.do} | {act.says} | {' | '.join(cells + marks)} |")
    routes = [
        f"- **{act.on}**: {act.do}: {', '.join(f'`{route}`' for route in act.routes)}"
        for act in acts()
    ]
    return "\n".join([*lines, "", "## Which door is which act", "", *routes, ""])
