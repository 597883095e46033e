"""Results in HL7 v2 (ORU^R01) as items: IHE PCD-01 vital signs, PCD-09 implants, haemodialysis.

Codes decide, whatever surrounds them. What is not known here is kept as text beside what is, and
never judged; a message of which nothing is known waits in quarantine.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from services.ingest.devices import bodies, hl7_message, hl7_observed, moments, refused
from services.ingest.devices.hl7_message import Message, Segment
from services.ingest.devices.hl7_observed import Observed
from shared import exact, identity, kinds, values
from shared.contracts import Code, Draft, How, Item, ItemError, Subject

MEDIA = "application/hl7-v2"

_DEVICE = re.compile(r"model:(?P<model>.*?)/serial:(?P<serial>[^/]+)", re.I)
_OWN_SYSTEM = "urn:hjv:hl7:"
_NATIONAL_TYPES = {
    "FNR": identity.FNR,
    "NNNOR": identity.FNR,
    "DNR": identity.D_NUMBER,
    "FHN": identity.FHN,
}
_TEST = frozenset("TD")  # MSH-11: training, debugging
_IGNORED = frozenset("XO")  # no result is to be had; the order alone
_WITHDRAWN = frozenset("DW")
_SESSION = "721025"
_RESULT = "739696"
_EPISODE = range(739536, 739713)
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


_FIELD_OF = _fields()


@dataclass(slots=True)
class _Group:
    """What becomes one item: the parts of one kind that were measured together."""

    kind: kinds.Kind
    place: str
    rows: dict[str, Observed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """One OBR and its OBX; what every item of it shares."""

    message: Message
    segment: Segment | None
    header: Sequence[Segment]
    rows: Sequence[Observed]
    subject: Subject | None
    serial: str | None
    is_test: bool
    name: str
    made: datetime | None
    arrived: datetime
    episodes: Mapping[str, Sequence[Observed]]


def decode(body: bytes, now: datetime) -> tuple[Message, list[Item]]:
    """The message and its items. Raises NotHl7, MessageNotTaken."""
    message = hl7_message.read(body)
    return message, items(message, now)


def items(message: Message, now: datetime) -> list[Item]:
    """Raises MessageNotTaken."""
    if message.kind[0] != "ORU":
        raise refused.MessageNotTaken
    found = [item for order in orders(message, now) for item in _items(order)]
    return _with_the_rest(message, found) if found else [_unknown(message)]


def _with_the_rest(message: Message, items: list[Item]) -> list[Item]:
    """The first item keeps what none could use, comments and empty results, so that all is kept."""
    kept = {line for item in items for line in item.raw.split(b"\r")}
    lines = [line for each in message.segments[1:] if (line := each.line.encode()) not in kept]
    if not lines:
        return items
    first = dataclasses.replace(items[0], raw=items[0].raw + b"\r".join(lines) + b"\r")
    return [first, *items[1:]]


def orders(message: Message, now: datetime) -> Iterator[Order]:
    pid = message.first("PID")
    subject, serial = whose(pid) if pid else (None, None)
    header = [each for each in message.segments if each.name in ("MSH", "PID", "PV1")]
    made = hl7_observed.moment(message.made)
    runs: list[tuple[Segment | None, list[Observed]]] = []
    place = 0
    for segment in message.segments:
        if segment.name == "OBR":
            runs.append((segment, []))
        elif segment.name == "OBX":
            place += 1
            if not runs:
                runs.append((None, []))
            runs[-1][1].append(hl7_observed.read(segment, place))
    for number, (obr, rows) in enumerate(runs):
        yield Order(
            message=message,
            segment=obr,
            header=header,
            rows=rows,
            subject=subject,
            serial=serial or next((row.serial for row in rows if row.serial and not subject), None),
            is_test=message.processing[:1].upper() in _TEST,
            name=_name(message, obr, number),
            made=made.at if made else None,
            arrived=now,
            episodes=_episodes(rows),
        )


def _episodes(rows: Sequence[Observed]) -> Mapping[str, Sequence[Observed]]:
    """The rows of each group of OBX-4 that tells of an episode: all else is settings."""
    told = [row for row in rows if row.number and row.group and not row.is_absent]
    groups = {row.group for row in told if int(row.number) in _EPISODE}
    return {group: [row for row in told if row.group == group] for group in groups}


def whose(pid: Segment) -> tuple[Subject | None, str | None]:
    """Whom PID names: a national number, else a device (implants), else the sender's own number."""
    others: list[Subject] = []
    serial: str | None = None
    for system, told in numbers(pid, 3):
        if system in identity.NATIONAL:
            return Subject(system=system, value=told), None
        if device := _DEVICE.fullmatch(told):
            serial = serial or device["serial"]
        else:
            others.append(Subject(system=system, value=told))
    return (None, serial) if serial else (next(iter(others), None), None)


def numbers(segment: Segment, of: int) -> Iterator[tuple[str, str]]:
    """Each number in a field (CX), as system and value; one of no known authority is the
    sender's own."""
    for parts in segment.repetitions(of):
        told, _, _, authority, kind = [*parts, "", "", "", ""][:5]
        if not told:
            continue
        namespace, oid = ([*authority.split("&"), "", ""])[:2]
        system = f"urn:oid:{oid}" if oid[:2].replace(".", "").isdigit() else ""
        system = _NATIONAL_TYPES.get(kind.upper(), system)
        if system in identity.NATIONAL:
            yield system, identity.plain_value(system, told)
        else:
            yield system or f"{_OWN_SYSTEM}{namespace}", told


def _name(message: Message, obr: Segment | None, place: int) -> str:
    """What names the results at every sending: the filler's order number, else the message's."""
    order = (obr.raw(3) or obr.raw(2)) if obr else ""
    sender = "|".join(message.sender)
    return f"{sender}|{order}" if order else f"{sender}|{message.control_id}|{place}"


def _items(order: Order) -> Iterator[Item]:
    groups, foreign = _sorted(order)
    known = [*(_reading(order, group) for group in groups), *_events(order)]
    yield from known
    if known and foreign:
        yield _foreign(order, foreign)
    elif foreign:
        yield _item(order, "unknown", foreign, None, errors=[ItemError("OBX", Code.UNKNOWN_CODE)])


def _sorted(order: Order) -> tuple[list[_Group], list[Observed]]:
    """The groups that are readings, and what is not known. Headers without a value are neither."""
    groups: dict[tuple[str, str, str], list[_Group]] = {}
    foreign: list[Observed] = []
    for row in order.rows:
        if not _is_told(row) or _means(order, row) is not None:
            continue
        found = next((_FIELD_OF[each] for each in row.codings if each in _FIELD_OF), None)
        if found is None:
            foreign.append(row)
            continue
        kind, name = found
        whole = kind.category == "device-summary"
        place = "" if whole else row.group.rpartition(".")[0]
        several = groups.setdefault((kind.name, place, "" if whole else row.at), [])
        if not several or name in several[-1].rows:
            several.append(_Group(kind, place))
        several[-1].rows[name] = row
    return [group for several in groups.values() for group in several], foreign


def _is_told(row: Observed) -> bool:
    """Whether it is a result at all. The session's moment is the time of the others."""
    attribute = row.name.startswith(_ATTRIBUTES) or row.number == _SESSION
    return not (row.status in _IGNORED or row.is_absent or attribute)


def _reading(order: Order, group: _Group) -> Item:
    rows = list(group.rows.values())
    reading, errors = values.Reading(), list[ItemError]()
    for name, row in group.rows.items():
        if row.status not in _WITHDRAWN:
            _value(group.kind.fields[name], row, reading)
    how = how_of(rows)
    if how != "void":
        values.judge(group.kind, reading)
        paths = {name: f"OBX.{row.place}" for name, row in group.rows.items()}
        errors += [ItemError(paths.get(name, "OBX"), code) for name, code in reading.faults]
    return _item(order, group.kind.name, rows, group, reading=reading, how=how, errors=errors)


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
        values.take(of, amount, row.ucum(of) or of.ucum, reading)


def how_of(rows: Sequence[Observed]) -> How | None:
    statuses = {row.status for row in rows}
    if statuses <= _WITHDRAWN:
        return "void"
    return "correction" if statuses & (_WITHDRAWN | {"C"}) else None


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
    group = _Group(kind, row.group, {"value": row})
    name = f"{kind.name}.{told}"
    return _item(order, name, rows, group, reading=reading, how=how_of([row]), stamp=stamp)


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
    return _item(order, "foreign", rows, None, foreign=body)


def _item(
    order: Order,
    name: str,
    rows: Sequence[Observed],
    group: _Group | None,
    *,
    reading: values.Reading | None = None,
    foreign: dict[str, Any] | None = None,
    how: How | None = None,
    errors: Sequence[ItemError] = (),
    stamp: str = "",
) -> Item:
    at, until, claimed = times(order, rows, stamp)
    faults = list(errors)
    if at is None and how != "void":
        faults.append(ItemError("OBX-14", Code.BAD_TIME))
    place = f"{group.place}|{rows[0].at}" if group else ""
    message_id = f"hl7:{sha256(f'{order.name}|{name}|{place}'.encode()).hexdigest()[:40]}"
    around = {**claimed, **_doubts(rows)}
    drafts: tuple[Draft, ...] = ()
    if faults or how == "void":
        pass
    elif order.is_test or any("TEST" in row.doubts for row in rows):
        # A test is not a measurement of anybody: kept, and never judged as one.
        body = {"v": 1, "message": message_id, "state": "test", **claimed}
        drafts = (Draft("device-event", "device_status", body),)
    elif foreign is not None:
        body = {"v": 1, "message": message_id, "values": {}, "foreign": foreign, **around}
        drafts = (Draft("reading", "foreign", body),)
    elif group is not None and reading is not None:
        drafts = tuple(bodies.of_reading(group.kind, reading, message_id, around))
    raw = _raw(order, rows)
    return Item(
        message_id=message_id,
        content=sha256(exact.canonical(_content(order, rows))).digest(),
        raw=raw,
        media_type=MEDIA,
        drafts=drafts,
        at=at.at if at else None,
        until=until,
        precision=at.precision if at else "instant",
        serial=order.serial,
        subject=order.subject,
        how=how,
        replaces=message_id if how else None,
        updated=order.made if how else None,
        arrived=order.arrived if how else None,
        errors=tuple(faults),
        position=f"OBX.{rows[0].place}",
    )


def times(
    order: Order, rows: Sequence[Observed], stamp: str
) -> tuple[moments.When | None, datetime | None, dict[str, Any]]:
    """When it was: its own time, the time above it in the tree, the session's, the order's."""
    above = {row.group: row.at for row in order.rows if row.at}
    session = next((row.text for row in order.rows if row.number == _SESSION), "")
    ordered = order.segment.text(7) if order.segment else ""
    own = [stamp, *(row.at for row in rows), *(_above(rows[0].group, above))]
    for told in (*own, session, ordered):
        if told and (when := hl7_observed.moment(told)) is not None:
            end = hl7_observed.moment(order.segment.text(8)) if order.segment else None
            until = end.at if end and not any(own) and end.at >= when.at else None
            return when, until, {"claimed_at": told}
        if told:
            return None, None, {}
    return None, None, {}


def _above(group: str, known: Mapping[str, str]) -> Iterator[str]:
    while group:
        group = group.rpartition(".")[0]
        if group in known:
            yield known[group]


def _doubts(rows: Sequence[Observed]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    doubts = {each for row in rows for each in row.doubts}
    if doubts & {"QUES", "EARLY"}:
        told["quality"] = "questionable"
    if verdict := sorted(doubts - {"QUES", "EARLY", "TEST"}):
        told["interpretation"] = verdict
    if any(row.status in "PRSI" for row in rows):
        told["status"] = "preliminary"
    return told


def _content(order: Order, rows: Sequence[Observed]) -> dict[str, Any]:
    subject = order.subject
    return {
        "who": [subject.system, subject.value] if subject else order.serial,
        "test": order.is_test,
        "rows": [row.segment.fields[2:] for row in rows],
    }


def _raw(order: Order, rows: Sequence[Observed]) -> bytes:
    """The segments that this item needs to be read again; the sender's secret is left out."""
    own = [row.segment for row in rows]
    session = [
        row.segment for row in order.rows if row.number == _SESSION and row.segment not in own
    ]
    parts = [*order.header, *([order.segment] if order.segment else []), *session, *own]
    lines = [without_secret(each) if each.name == "MSH" else each.line for each in parts]
    return ("\r".join(lines) + "\r").encode()


def without_secret(msh: Segment) -> str:
    fields = [*msh.fields]
    if len(fields) > 8 and len(fields[8]) > 15:
        fields[8] = ""
    return msh.signs.field.join([fields[0], *fields[2:]])


def _unknown(message: Message) -> Item:
    raw = "\r".join(
        without_secret(each) if each.name == "MSH" else each.line for each in message.segments
    )
    content = sha256(raw.encode()).digest()
    return Item(
        message_id=f"sha256:{content.hex()}",
        content=content,
        raw=raw.encode(),
        media_type=MEDIA,
        errors=(ItemError("OBX", Code.MISSING_VALUE),),
    )
