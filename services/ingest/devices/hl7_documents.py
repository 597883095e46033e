"""Files inside results: an OBX of type ED with base64, such as an implant's report as a PDF.

They are taken out of the message before it is read: the bytes lie apart, as those of any document,
and the results keep none of them.
"""

import binascii
import dataclasses
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

from services.ingest.devices import hl7_order
from services.ingest.devices.attachment import Enclosed
from services.ingest.devices.hl7_message import Message, Segment
from services.ingest.devices.hl7_observed import Observed
from shared import pictures
from shared.attachments import PDF

_ENCODED = "BASE64"
_NOT_KEPT = frozenset("XOI")
_DATA = 4  # of ED: source, type, subtype, encoding, data
_NOTE = 200


def split(message: Message, now: datetime) -> tuple[Message, list[Enclosed]]:
    """The message without the files that could be taken out, and those."""
    if not any(_holds_a_file(each) for each in message.segments):
        return message, []
    found = list(_found(message, now))
    if not found:
        return message, []
    taken = {id(row.segment) for row, _ in found}
    rest = [each for each in message.segments if id(each) not in taken]
    return dataclasses.replace(message, segments=rest), [enclosed for _, enclosed in found]


def has_results(message: Message) -> bool:
    return message.first("OBX") is not None


def _holds_a_file(segment: Segment) -> bool:
    return segment.name == "OBX" and segment.text(2).upper() == "ED"


def _found(message: Message, now: datetime) -> Iterator[tuple[Observed, Enclosed]]:
    for order in hl7_order.orders(message, now):
        for row in order.rows:
            is_test = order.is_test or "TEST" in row.doubts
            if row.type != "ED" or row.status in _NOT_KEPT or is_test:
                continue
            file = _file(row)
            when, _, claimed = hl7_order.times(order, [row], "")
            if file is not None and when is not None:
                yield row, _enclosed(order, row, file, when.at, claimed)


def _file(row: Observed) -> bytes | None:
    """The bytes, if they are of a type that is taken. What is not stays with the results."""
    parts = row.value
    if len(parts) <= _DATA or parts[_DATA - 1].upper() != _ENCODED:
        return None
    try:
        file = binascii.a2b_base64(parts[_DATA])
    except (binascii.Error, ValueError):
        return None
    return file if pictures.type_of(file) is not None else None


def _enclosed(
    order: hl7_order.Order, row: Observed, file: bytes, at: datetime, claimed: dict[str, Any]
) -> Enclosed:
    name = f"{order.name}|document|{row.number or row.name}|{row.group}|{row.at}"
    subject = order.subject
    said: dict[str, Any] = {
        "v": 1,
        "id": f"hl7:{sha256(name.encode()).hexdigest()[:40]}",
        "kind": "document" if pictures.type_of(file) == PDF else "photo",
        "at": at.isoformat(),
        "entered": "device",
        "note": row.name[:_NOTE],
        # The rest of its segment, without the file: nothing that was said of it is lost.
        "obx": _without_file(row),
        **claimed,
    }
    if subject is not None:
        said["subject"] = {"system": subject.system, "value": subject.value}
    elif order.serial:
        said["device"] = {"serial": order.serial}
    how = hl7_order.how_of([row])
    return Enclosed(said, file, how, order.made, order.arrived)


def _without_file(row: Observed) -> str:
    signs = row.segment.signs
    fields = [*row.segment.fields]
    fields[5] = signs.component.join([*row.value[:_DATA], ""])
    return signs.field.join(fields)
