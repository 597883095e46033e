"""Good payloads of every decoder, changed until something gives way: 100 000 times by `make fuzz`.

What a decoder may do with a changed payload is refuse it whole, set an item aside with a reason, or
read it. Whatever it read must be storable, finite, of an aware moment, and readable again.
"""

import io
import json
import os
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.ingest import formats
from services.ingest.devices import (
    attachment,
    cpap,
    fhir_files,
    fhir_r4,
    fhir_xml,
    foreign,
    gateway_table,
    gateways,
    hl7_adt,
    hl7_documents,
    hl7_message,
    hl7_oru,
    json_v1,
    refused,
    resmed,
    status,
)
from shared import exact
from shared.attachments import File
from shared.contracts import Item
from tests.devices import given

MUTATIONS = int(os.environ.get("HJEMVAKT_MUTATIONS", "500"))
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TABLE = gateway_table.load()
PAYLOADS = Path(__file__).parent / "payloads"

_ANY = (
    b"", b"null", b"true", b"[]", b"{}", b"0", b"-1", b"1e5", b"1e999", b"-0.0", b"NaN",
    b"9" * 400, b'"', b"'", b"\\", b"\\u0000", b"\\ud800", b"\x00", b"\xff\xfe", b"\r", b"\n", b"|",
    b"^", b"~", b"&", b"||||F", b":", b",", b"[[[[[[[[", b'{"a":', b"</a>", b"<a>", b"&#0;",
    "é\u202e".encode(), b"2028-02-30T25:61:00Z", b"0000-00-00", b"9999-12-31T23:59:59-14:00",
    b"0001-01-01T00:00:00+14:00", b"20261301", b"99991231235959", b"-9999999999999", b"1795420000",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, Decimal("1e-30"), "", "x", "\x00", "\u202e", [], {}, [[]],
    [None], {"": None}, "1e400", "NaN", "2028-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00", [{}, {}], {"value": None}, "a" * 5000,
)  # fmt: skip

Edits = Sequence[tuple[int, int, int]]
TOGETHER = 25  # mutations of one example: hypothesis costs more than a decoder


def edits(of: random.Random) -> Edits:
    return [
        (of.randrange(8), of.randrange(65_536), of.randrange(65_536))
        for _ in range(of.choice((1, 1, 1, 2, 2, 3, 5)))
    ]


def changed(body: bytes, edits: Edits) -> bytes:
    """The payload with each edit made: of its bytes, or of a place in its JSON."""
    for what, place, which in edits:
        if what >= 4 and (told := _in_json(body, what, place, which)) is not None:
            body = told
            continue
        at = place % (len(body) + 1)
        to = min(len(body), at + which % 40)
        piece = _ANY[which % len(_ANY)]
        match what % 4:
            case 0:
                body = body[:at] + piece + body[at:]
            case 1:
                body = body[:at] + body[to:]
            case 2:
                body = body[:at] + piece + body[to:]
            case _:
                body = body[:to] + body[at:to] * (1 + which % 3) + body[to:]
    return body


def _in_json(body: bytes, what: int, place: int, which: int) -> bytes | None:
    try:
        sent = json.loads(body, parse_float=Decimal)
        places = list(_places(sent))
        holder, key = places[place % len(places)]
    except (ValueError, ArithmeticError, RecursionError):
        return None
    other, other_key = places[which % len(places)]
    if what == 4 and isinstance(holder, dict):
        del holder[key]
    elif what == 5:
        holder[key] = [holder[key]]
    elif what == 6 and not isinstance(other[other_key], dict | list):
        holder[key] = other[other_key]
    else:
        holder[key] = _VALUES[which % len(_VALUES)]
    try:
        return exact.dumps(sent)
    except (ValueError, TypeError, OverflowError):
        return None


def _places(sent: Any) -> Iterator[tuple[Any, Any]]:
    if not isinstance(sent, dict | list):
        return
    steps: Any = sent.items() if isinstance(sent, dict) else enumerate(sent)
    for key, inner in list(steps):
        yield sent, key
        yield from _places(inner)


@dataclass(frozen=True)
class Decoder:
    name: str
    bodies: Sequence[bytes]
    read: Callable[[bytes], list[Item]]


def _hashes(system: str, value: str) -> list[bytes]:
    return [f"{system}|{value}".encode()]


def _hl7(body: bytes) -> list[Item]:
    message = hl7_message.read(body)
    if hl7_adt.is_taken(message):
        return hl7_adt.decode(message, _hashes, NOW)
    rest, files = hl7_documents.split(message, NOW)
    items = hl7_oru.items(rest, NOW)
    return [*items, *(_file(each) for each in files)]


def _file(of: attachment.Enclosed) -> Item:
    return attachment.enclosed(of, File(b"\x00" * 32, "application/pdf", len(of.file)))


def _gateway(body: bytes) -> list[Item]:
    topic, _, payload = body.partition(b"\n")
    return gateways.decode(TABLE, topic.decode("utf-8", "replace"), payload, NOW)


def _card(body: bytes) -> list[Item]:
    try:
        return cpap.of_card(resmed.read(body), NOW)
    except resmed.NotACard:
        raise refused.NotACard from None


def _about(body: bytes) -> list[Item]:
    return [attachment.item(attachment.about(body), File(b"\x00" * 32, "image/jpeg", 10, 10, 10))]


def _media(body: bytes) -> list[Item]:
    try:
        sent = exact.loads(body)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if not isinstance(sent, dict):
        raise refused.NotAResource
    return [_file(fhir_files.read(sent))]


def _zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("STR.edf", content)
        made.writestr("Identification.tgt", b"#SRN 23200000000\n#PNA AirSense_11\n")
    return file.getvalue()


def _fhir() -> list[bytes]:
    bodies = [each.read_bytes() for each in sorted(PAYLOADS.glob("*.json"))]
    return [each for each in bodies if b'"resourceType"' in each]


DECODERS = (
    Decoder("json-v1", given.OWN, lambda b: json_v1.decode(b, formats.JSON, 500)),
    Decoder("fhir-json", _fhir(), lambda b: fhir_r4.decode(b, formats.FHIR, arrived=NOW).items),
    Decoder(
        "fhir-xml",
        given.XML,
        lambda b: fhir_r4.decode(fhir_xml.as_json(b), formats.FHIR, arrived=NOW).items,
    ),
    Decoder("fhir-files", given.MEDIA, _media),
    Decoder("hl7-results", given.RESULTS, _hl7),
    Decoder("hl7-administration", given.ADMINISTRATION, _hl7),
    Decoder("gateways", given.GATEWAYS, _gateway),
    Decoder("open-mhealth", given.OPEN_MHEALTH, lambda b: foreign.decode(b, NOW)),
    Decoder("senml", given.SENML, lambda b: foreign.decode(b, NOW)),
    Decoder("clouds", given.CLOUDS, lambda b: foreign.decode(b, NOW)),
    Decoder("cpap-app", given.CPAP_APP, lambda b: foreign.decode(b, NOW)),
    Decoder("cpap-card", (given.card(), _zip(given.card())), _card),
    Decoder("status", given.STATUS, lambda b: status.decode(b, formats.STATUS, NOW)),
    Decoder("attachment", given.ABOUT, _about),
)


def sound(items: Sequence[Item]) -> None:
    for item in items:
        assert item.message_id
        assert len(item.message_id.encode()) < 1_000
        assert not (item.errors and item.drafts), item
        assert item.errors or item.drafts or item.how == "void", item
        assert item.at is None or item.at.tzinfo is not None
        assert item.until is None or item.at is None or item.until >= item.at
        for draft in item.drafts:
            exact.dumps(draft.body)
            _finite(draft.body)


def _finite(told: Any) -> None:
    if isinstance(told, dict):
        for each in told.values():
            _finite(each)
    elif isinstance(told, list | tuple):
        for each in told:
            _finite(each)
    else:
        assert not isinstance(told, float)
        assert not isinstance(told, str) or "\x00" not in told
        assert not isinstance(told, Decimal) or told.is_finite()
