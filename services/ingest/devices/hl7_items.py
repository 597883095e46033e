"""The parts of an HL7 v2 message as items: their names, faults, and the bytes that are kept."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from services.ingest.devices import bodies, hl7_order
from services.ingest.devices.hl7_message import Message, Segment
from services.ingest.devices.hl7_observed import Observed
from services.ingest.devices.hl7_order import Order
from shared import exact, kinds, values
from shared.contracts import Code, Draft, How, Item, ItemError

MEDIA = "application/hl7-v2"


def item(
    order: Order,
    name: str,
    rows: Sequence[Observed],
    kind: kinds.Kind | None,
    place: str = "",
    *,
    reading: values.Reading | None = None,
    foreign: dict[str, Any] | None = None,
    how: How | None = None,
    errors: Sequence[ItemError] = (),
    stamp: str = "",
) -> Item:
    at, until, claimed = hl7_order.times(order, rows, stamp)
    faults = list(errors)
    if at is None and how != "void":
        faults.append(ItemError("OBX-14", Code.BAD_TIME))
    place = f"{place}|{rows[0].at}" if kind else ""
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
    elif kind is not None and reading is not None:
        drafts = tuple(bodies.of_reading(kind, reading, message_id, around))
    raw = _raw(order, rows)
    content = sha256(exact.canonical(_content(order, rows))).digest()
    if reading is not None and drafts and at is not None:
        statuses = [row.status for row in rows]
        content = bodies.content(
            drafts, at.at, until, None, None, _who(order), at.precision, statuses
        )
    return Item(
        message_id=message_id,
        content=content,
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


def unknown(message: Message) -> Item:
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
    return {
        "who": _who(order),
        "test": order.is_test,
        "rows": [row.segment.fields[2:] for row in rows],
    }


def _who(order: Order) -> Any:
    subject = order.subject
    return [subject.system, subject.value] if subject else order.serial


def _raw(order: Order, rows: Sequence[Observed]) -> bytes:
    """The segments that this item needs to be read again; the sender's secret is left out."""
    own = [row.segment for row in rows]
    session = [
        row.segment
        for row in order.rows
        if row.number == hl7_order.SESSION and row.segment not in own
    ]
    parts = [*order.header, *([order.segment] if order.segment else []), *session, *own]
    lines = [without_secret(each) if each.name == "MSH" else each.line for each in parts]
    return ("\r".join(lines) + "\r").encode()


def without_secret(msh: Segment) -> str:
    fields = [*msh.fields]
    if len(fields) > 8 and len(fields[8]) > 15:
        fields[8] = ""
    return msh.signs.field.join([fields[0], *fields[2:]])
