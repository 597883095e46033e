"""The orders of an HL7 v2 message: each OBR with its OBX, whose they are and when they were."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.ingest.devices import hl7_observed, hl7_subject, moments
from services.ingest.devices.hl7_message import Message, Segment
from services.ingest.devices.hl7_observed import Observed
from shared.contracts import How, Subject

SESSION = "721025"
_TEST = frozenset("TD")  # MSH-11: training, debugging
_EPISODE = range(739536, 739713)
WITHDRAWN = frozenset("DW")


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


def orders(message: Message, now: datetime) -> Iterator[Order]:
    pid = message.first("PID")
    subject, serial = hl7_subject.of(pid) if pid else (None, None)
    header = [each for each in message.segments if each.name in ("MSH", "PID", "PV1")]
    made = hl7_observed.moment(message.made, now)
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


def _name(message: Message, obr: Segment | None, place: int) -> str:
    """What names the results at every sending: the filler's order number, else the message's."""
    order = (obr.raw(3) or obr.raw(2)) if obr else ""
    sender = "|".join(message.sender)
    return f"{sender}|{order}" if order else f"{sender}|{message.control_id}|{place}"


def how_of(rows: Sequence[Observed]) -> How | None:
    statuses = {row.status for row in rows}
    if statuses <= WITHDRAWN:
        return "void"
    return "correction" if statuses & (WITHDRAWN | {"C"}) else None


def times(
    order: Order, rows: Sequence[Observed], stamp: str
) -> tuple[moments.When | None, datetime | None, dict[str, Any]]:
    """When it was: its own time, the time above it in the tree, the session's, the order's."""
    above = {row.group: row.at for row in order.rows if row.at}
    session = next((row.text for row in order.rows if row.number == SESSION), "")
    ordered = order.segment.text(7) if order.segment else ""
    own = [stamp, *(row.at for row in rows), *(_above(rows[0].group, above))]
    for told in (*own, session, ordered):
        if told and (when := hl7_observed.moment(told, order.arrived)) is not None:
            ended = order.segment.text(8) if order.segment else ""
            end = hl7_observed.moment(ended, order.arrived)
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
