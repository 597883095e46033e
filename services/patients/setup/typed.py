"""Pure: what stands in an enrolment's steps, read as a plan and as limits of the patient's own.

Fields are texts as they were typed. What cannot be read is a `Fault`, which names its place, so
that the page says beside it what to do; nothing typed is lost by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.programmes import PlanItem, Programme

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` names a sentence of the page's words, `members` fill it."""

    at: str
    code: str
    members: Mapping[str, Any] = field(default_factory=dict)


def of_plan(programme: Programme) -> dict[str, str]:
    """The programme's own plan, as it would have been typed."""
    said: dict[str, str] = {}
    for item in programme.plan:
        said[f"{item.id}.on"] = "on"
        said[f"{item.id}.opens"] = f"{item.opens:%H:%M}"
        said[f"{item.id}.due"] = f"{item.due:%H:%M}"
        said |= {f"{item.id}.{day}": "on" for day in item.days}
    return said


def plan(programme: Programme, typed: Fields) -> tuple[list[PlanItem], list[Fault]]:
    """What is expected of this patient. Only what the programme knows can be expected."""
    items: list[PlanItem] = []
    faults: list[Fault] = []
    for item in programme.plan:
        if f"{item.id}.on" not in typed:
            continue
        opens = clock(typed.get(f"{item.id}.opens", ""))
        due = clock(typed.get(f"{item.id}.due", ""))
        days = tuple(day for day in DAYS if f"{item.id}.{day}" in typed)
        if opens is None or due is None:
            faults.append(Fault(item.id, "not-a-clock"))
        elif opens > due:
            faults.append(Fault(item.id, "opens-after-due"))
        elif not days:
            faults.append(Fault(item.id, "no-day"))
        else:
            changed = {"opens": opens, "due": due, "days": days}
            items.append(item.model_copy(update=changed))
    if programme.plan and not items and not faults:
        faults.append(Fault("", "nothing-expected"))
    return items, faults


def limits(programme: Programme, typed: Fields) -> tuple[dict[str, Decimal], list[Fault]]:
    """The numbers that are the patient's own; an empty field is the programme's number."""
    own: dict[str, Decimal] = {}
    faults: list[Fault] = []
    for limit in programme.limits:
        said = typed.get(limit.name, "").strip()
        if not said:
            continue
        value = number(said)
        if value is None:
            faults.append(Fault(limit.name, "not-a-number"))
        elif not limit.min <= value <= limit.max:
            faults.append(Fault(limit.name, "out-of-bounds", {"min": limit.min, "max": limit.max}))
        elif value != limit.default:
            own[limit.name] = value
    if own and not typed.get("why", "").strip():
        faults.append(Fault("why", "no-reason"))
    return own, faults


def number(said: str) -> Decimal | None:
    """With comma or point."""
    try:
        value = Decimal(said.strip().replace(",", ".").replace("\u2212", "-"))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def clock(said: str) -> time | None:
    """08:00, 8.00, 0800 or 8."""
    digits = said.strip().replace(".", ":").replace(":", "")
    if not digits.isdigit() or not digits.isascii() or len(digits) > 4:
        return None
    hours, minutes = (digits, "0") if len(digits) <= 2 else (digits[:-2], digits[-2:])
    try:
        return time(int(hours), int(minutes))
    except ValueError:
        return None


def day(said: str) -> date | None:
    """1969-11-13 or 13.11.1969."""
    try:
        if "." in said:
            first, month, year = said.strip().split(".")
            return date(int(year), int(month), int(first))
        return date.fromisoformat(said.strip())
    except ValueError:
        return None
