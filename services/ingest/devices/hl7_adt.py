"""ADT: who is in hospital, what a person is called, which two numbers are one person.

Only what the record needs is read: when, which visit, who. What it means for a patient is decided
in the record, not here. A person's number never stands in the body, only the keyed hash of one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from services.ingest.devices import (
    hl7_items,
    hl7_message,
    hl7_observed,
    hl7_oru,
    hl7_subject,
    moments,
)
from services.ingest.devices.hl7_message import Message, Segment
from shared import exact
from shared.contracts import Code, Draft, Item, ItemError

# The keyed hashes of a number, one under each key that is in use.
Hashes = Callable[[str, str], Sequence[bytes]]

# HL7 table 0003: what is taken, and the word that the record knows it by.
EVENTS: Mapping[str, str] = {
    "A01": "admitted",
    "A02": "moved",
    "A03": "discharged",
    "A08": "changed",
    "A11": "admission-cancelled",
    "A13": "discharge-cancelled",
    "A31": "changed",
    "A40": "merged",
}
_TEST = ("T", "D")
_SEXES = {"F": "female", "M": "male", "O": "other", "A": "other"}
_OF_ITS_OWN = {"A01": 44, "A03": 45}  # PV1: when he came, when he left


def is_taken(message: Message) -> bool:
    return message.kind[0] == "ADT" and message.kind[1] in EVENTS


def decode(message: Message, hashes: Hashes, now: datetime) -> list[Item]:
    """One item per person that the message is about: several only where numbers are merged."""
    return [
        _item(message, pid, group, place, hashes, now)
        for place, (pid, group) in enumerate(_people(message))
    ] or [_nobody(message)]


def _people(message: Message) -> Iterator[tuple[Segment, Sequence[Segment]]]:
    """Each PID with what follows it."""
    places = [n for n, each in enumerate(message.segments) if each.name == "PID"]
    ends = [*places, len(message.segments)][1:]
    for place, end in zip(places, ends, strict=True):
        yield message.segments[place], message.segments[place:end]


def _item(
    message: Message,
    pid: Segment,
    group: Sequence[Segment],
    place: int,
    hashes: Hashes,
    now: datetime,
) -> Item:
    subject, _ = hl7_subject.of(pid)
    event = EVENTS[message.kind[1]]
    head = [each for each in message.segments if each.name == "EVN"]
    segments = [*head, *group]
    when = _when(message, segments, now)
    merged = [each for each in group if each.name == "MRG"]
    prior = sorted({number for mrg in merged for number in _hashes(mrg, hashes)})
    name = f"{'|'.join(message.sender)}|{message.control_id}|{place}"
    message_id = f"adt:{sha256(name.encode()).hexdigest()[:40]}"
    person = _person(pid, when, now) if event == "changed" else {}
    errors = []
    if subject is None:
        errors.append(ItemError("PID.3", Code.UNKNOWN_SUBJECT))
    if when is None:
        errors.append(ItemError("EVN.2", Code.BAD_TIME))
    if event == "merged" and not prior:
        errors.append(ItemError("MRG.1", Code.MISSING_VALUE))
    body = {
        "v": 1,
        "message": message_id,
        "event": event,
        **_visit(group, now),
        **({"person": person} if person else {}),
        **({"prior": prior} if prior else {}),
        **({"test": True} if message.processing[:1].upper() in _TEST else {}),
    }
    told = [each.fields[1:] for each in segments]
    return Item(
        message_id=message_id,
        content=sha256(exact.canonical([message.kind, told])).digest(),
        raw=_raw(message, segments),
        media_type=hl7_items.MEDIA,
        drafts=() if errors else (Draft("administration", event, body),),
        at=when.at if when else None,
        subject=subject,
        errors=tuple(errors),
        position=f"PID.{place + 1}",
    )


def _when(message: Message, segments: Sequence[Segment], now: datetime) -> moments.When | None:
    """When it happened: the visit's own time, the event's, when it was recorded, the message's."""
    pv1, evn = _first(segments, "PV1"), _first(segments, "EVN")
    own = _OF_ITS_OWN.get(message.kind[1])
    stamps = (
        pv1.text(own) if pv1 and own else "",
        *((evn.text(6), evn.text(2)) if evn else ()),
        message.made,
    )
    told = (hl7_observed.moment(each, now) for each in stamps if each)
    return next((when for when in told if when and when.precision == "instant"), None)


def _visit(group: Sequence[Segment], now: datetime) -> dict[str, Any]:
    """Which stay it is of (PV1-19), of what class (PV1-2), and when its end is expected (PV2-9)."""
    pv1, pv2 = _first(group, "PV1"), _first(group, "PV2")
    expected = hl7_observed.moment(pv2.text(9), now) if pv2 and pv2.text(9) else None
    told = {
        "visit": pv1.text(19) if pv1 else "",
        "class": pv1.text(2).upper() if pv1 else "",
        "expected_end": expected.at.isoformat() if expected else "",
    }
    return {key: value for key, value in told.items() if value}


def _person(pid: Segment, when: moments.When | None, now: datetime) -> dict[str, str]:
    born = hl7_observed.moment(pid.text(7)[:8], now) if pid.text(7) else None
    died = hl7_observed.moment(pid.text(29), now) if pid.text(29) else None
    is_dead = died is not None or pid.text(30).upper() == "Y"
    told = {
        "name": _name(pid),
        "born": born.at.astimezone(moments.OSLO).date().isoformat() if born else "",
        "sex": _SEXES.get(pid.text(8).upper(), ""),
        "died": _died(died, when) if is_dead else "",
    }
    return {key: value for key, value in told.items() if value}


def _died(died: moments.When | None, when: moments.When | None) -> str:
    found = died or when
    return found.at.isoformat() if found else ""


def _name(pid: Segment) -> str:
    """Given, middle and family name of the legal name, else of the first."""
    names = [[*parts, "", "", "", "", "", "", ""][:7] for parts in pid.repetitions(5)]
    chosen = next((each for each in names if each[6] == "L"), names[0] if names else None)
    if chosen is None:
        return ""
    family, given, middle = chosen[0].split(pid.signs.part)[0], chosen[1], chosen[2]
    return " ".join(part for part in (given, middle, family) if part and part != '""')


def _hashes(mrg: Segment, hashes: Hashes) -> Iterator[str]:
    for system, value in hl7_subject.numbers(mrg, 1):
        for each in hashes(system, value):
            yield each.hex()


def _first(segments: Sequence[Segment], name: str) -> Segment | None:
    return next((each for each in segments if each.name == name), None)


def _raw(message: Message, segments: Sequence[Segment]) -> bytes:
    lines = [hl7_items.without_secret(message.segments[0]), *(each.line for each in segments)]
    return ("\r".join(lines) + "\r").encode()


def _nobody(message: Message) -> Item:
    """Names no person at all."""
    raw = _raw(message, message.segments[1:])
    content = sha256(raw).digest()
    return Item(
        message_id=f"sha256:{content.hex()}",
        content=content,
        raw=raw,
        media_type=hl7_items.MEDIA,
        errors=(ItemError("PID", Code.MISSING_VALUE),),
    )


def again(body: bytes, now: datetime, hashes: Hashes) -> list[Item]:
    """The items of kept bytes, administration or results. Raises a kind of Refused."""
    message = hl7_message.read(body)
    return decode(message, hashes, now) if is_taken(message) else hl7_oru.decode(body, now)[1]
