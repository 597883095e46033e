"""Results in HL7 v2 (ORU^R01) as items: IHE PCD-01 vital signs, PCD-09 implants, haemodialysis.

Codes decide, whatever surrounds them. What is not known here is kept as text beside what is, and
never judged; a message of which nothing is known waits in quarantine.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.ingest.devices import hl7_items, hl7_message, hl7_observed, hl7_order, refused
from services.ingest.devices.hl7_message import Message
from services.ingest.devices.hl7_observed import Observed
from services.ingest.devices.hl7_order import Order
from shared import kinds, values
from shared.contracts import Code, Item, ItemError

_IGNORED = frozenset("XO")  # no result is to be had; the order alone
_RESULT = "739696"
_MOST_FOREIGN = 500

# What a device says of itself and its clock, between its measurements.
_ATTRIBUTES = ("MDC_ATTR_", "MDC_TIME_", "MDC_REG_", "MDC_ID_", "MDC_DEV_")


def _fields() -> Mapping[kinds.Coding, tuple[kinds.Kind, str]]:
    """Where a code belongs. A kind's own code goes before a part of another: 8867-4 alone is a
    heart rate, not the pulse of a blood pressure."""
    all_kinds = kinds.CATALOGUE.values()
    parts = {code: (kind, name) for kind in all_kinds for code, name in kind.field_of.items()}
    whole = {code: (kind, "value") for kind in all_kinds if "value" in kind.fields
             for code in kind.codes}  # fmt: skip
    return parts | whole


FIELD_OF = _fields()


@dataclass(slots=True)
class _Group:
    """What becomes one item: the parts of one kind that were measured together."""

    kind: kinds.Kind
    place: str
    nth: int = 0  # of those of this kind and place
    rows: dict[str, Observed] = field(default_factory=dict)


def decode(body: bytes, now: datetime) -> tuple[Message, list[Item]]:
    """The message and its items. Raises NotHl7, MessageNotTaken."""
    message = hl7_message.read(body)
    return message, items(message, now)


def items(message: Message, now: datetime) -> list[Item]:
    """Raises MessageNotTaken."""
    if message.kind[0] != "ORU":
        raise refused.MessageNotTaken
    found = [item for order in hl7_order.orders(message, now) for item in _items(order)]
    return _with_the_rest(message, found) if found else [hl7_items.unknown(message)]


def _with_the_rest(message: Message, items: list[Item]) -> list[Item]:
    """The first item keeps what none could use, comments and empty results, so that all is kept."""
    kept = {line for item in items for line in item.raw.split(b"\r")}
    lines = [line for each in message.segments[1:] if (line := each.line.encode()) not in kept]
    if not lines:
        return items
    first = dataclasses.replace(items[0], raw=items[0].raw + b"\r".join(lines) + b"\r")
    return [first, *items[1:]]


def _items(order: Order) -> Iterator[Item]:
    groups, foreign = _sorted(order)
    known = [*(_reading(order, group) for group in groups), *_events(order)]
    yield from known
    if known and foreign:
        yield _foreign(order, foreign)
    elif foreign:
        yield hl7_items.item(
            order, "unknown", foreign, None, errors=[ItemError("OBX", Code.UNKNOWN_CODE)]
        )


def _sorted(order: Order) -> tuple[list[_Group], list[Observed]]:
    """The groups that are readings, and what is not known. Headers without a value are neither."""
    groups: dict[tuple[str, str, str], list[_Group]] = {}
    foreign: list[Observed] = []
    for row in order.rows:
        if not _is_told(row) or _means(order, row) is not None:
            continue
        found = next((FIELD_OF[each] for each in row.codings if each in FIELD_OF), None)
        if found is None:
            foreign.append(row)
            continue
        kind, name = found
        if kind.category == "device-summary" and not _says_its_unit(kind.fields[name], row):
            foreign.append(row)  # one value of hundreds: the others stand
            continue
        whole = kind.category == "device-summary"
        place = "" if whole else row.group.rpartition(".")[0]
        several = groups.setdefault((kind.name, place, "" if whole else row.at), [])
        if not several or name in several[-1].rows:
            several.append(_Group(kind, place, len(several)))
        several[-1].rows[name] = row
    return [_alone(group) for several in groups.values() for group in several], foreign


def _alone(group: _Group) -> _Group:
    """A pulse that no saturation or pressure stands beside is a heart rate of its own."""
    names = list(group.rows)
    if len(names) != 1 or names[0] not in group.kind.split:
        return group
    rate = kinds.CATALOGUE["heart_rate"]
    return _Group(rate, group.place, group.nth, {"value": group.rows[names[0]]})


def _says_its_unit(of: kinds.Field, row: Observed) -> bool:
    return of.ucum is None or row.ucum(of) != ""


def _is_told(row: Observed) -> bool:
    """Whether it is a result at all. The session's moment is the time of the others."""
    attribute = row.name.startswith(_ATTRIBUTES) or row.number == hl7_order.SESSION
    return not (row.status in _IGNORED or row.is_absent or attribute)


def _reading(order: Order, group: _Group) -> Item:
    rows = list(group.rows.values())
    reading, errors = values.Reading(), list[ItemError]()
    for name, row in group.rows.items():
        if row.status not in hl7_order.WITHDRAWN:
            _value(group.kind.fields[name], row, reading)
    how = hl7_order.how_of(rows)
    if how != "void":
        values.judge(group.kind, reading)
        paths = {name: f"OBX.{row.place}" for name, row in group.rows.items()}
        errors += [ItemError(paths.get(name, "OBX"), code) for name, code in reading.faults]
    return hl7_items.item(
        order,
        group.kind.name,
        rows,
        group.kind,
        f"{group.place}#{group.nth}" if group.nth else group.place,
        reading=reading,
        how=how,
        errors=errors,
    )


def _value(of: kinds.Field, row: Observed, reading: values.Reading) -> None:
    if of.enum:
        found = next((part for part in row.value if part in of.enum), None)
        if found is None:
            reading.faults.append((of.name, Code.BAD_VALUE))
        else:
            reading.values[of.name] = found
        return
    amount = row.amount()
    if amount is None:
        reading.faults.append((of.name, Code.BAD_VALUE))
    else:
        values.take(of, amount, row.ucum(of), reading)


def _events(order: Order) -> Iterator[Item]:
    """The maker's own verdicts as events, each at its own time."""
    for row in order.rows:
        if _is_told(row) and (told := _means(order, row)) is not None:
            yield _event(order, told, row)


def _means(order: Order, row: Observed) -> str | None:
    """The event that this answer stands for, if it is one."""
    rules = [rule for rule in hl7_observed.EVENTS if row.number in rule["of"]]
    if not rules or not row.number:
        return None
    episode = order.episodes.get(row.group, ())
    for rule in rules:
        if (episode or not rule.get("episode")) and row.says(rule["codes"], rule["words"]):
            therapy = any(each.number == _RESULT for each in episode)
            means: str = rule["treated"] if therapy and "treated" in rule else rule["means"]
            return means
    return None


def _event(order: Order, told: str, row: Observed) -> Item:
    kind = kinds.CATALOGUE["cied_event"]
    reading = values.Reading(values={"value": told})
    rows = [row, *(each for each in order.episodes.get(row.group, ()) if each is not row)]
    stamp = next((each.text for each in rows if each.type in ("DTM", "TS")), "") or row.at
    name = f"{kind.name}.{told}"
    return hl7_items.item(
        order,
        name,
        rows,
        kind,
        row.group,
        reading=reading,
        how=hl7_order.how_of([row]),
        stamp=stamp,
    )


def _foreign(order: Order, rows: Sequence[Observed]) -> Item:
    told = [
        {
            "code": [{"system": system, "code": code} for system, code in row.codings],
            "text": row.name,
            "value": row.text,
            "unit": next(iter(row.units), None),
        }
        for row in rows[:_MOST_FOREIGN]
        if row.type != "ED"
    ]
    documents = sum(row.type == "ED" for row in rows)
    kept = [{key: value for key, value in each.items() if value} for each in told]
    body: dict[str, Any] = {"components": kept, **({"documents": documents} if documents else {})}
    return hl7_items.item(order, "foreign", rows, None, foreign=body)
