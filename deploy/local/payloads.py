"""Pure: what is in a payload file, and which messages a client would send of it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from services.ingest.devices import open_mhealth, senml, vendor_clouds
from shared import exact

READINGS = ("Observation", "QuestionnaireResponse")
ENTRIES = 100
ITEMS = 500
KEYS = 1_000_000

BROKER = "mqtt"
UPLOADS = "/v1/uploads"
BINARY = "application/octet-stream"
HL7_DOOR = "/hl7v2"
OBSERVATIONS = "/v1/observations"
JSON = "application/json"
HL7 = "application/hl7-v2"
FHIR = "application/fhir+json"

# Families that Hjemvakt means to take and cannot take yet, by file name.
NOT_YET = {
    ".xml": "XML",
    ".dat": "binary",
    ".bin": "binary",
    ".fit": "FIT",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One request: `items` is how many receipts it must be answered with (None: not known)."""

    door: str
    body: Any
    media_type: str = FHIR
    items: int | None = 1


@dataclass(frozen=True, slots=True)
class Payload:
    """A file as understood. Without messages, `why` says why nothing is sent.

    `fallback` is sent when the messages are refused whole: the readings of a transaction, each
    standing for itself.
    """

    file: str
    family: str
    messages: tuple[Message, ...] = ()
    why: str = ""
    fallback: tuple[Message, ...] = field(default=())


def read(file: str, content: bytes) -> Payload:
    suffix = PurePath(file).suffix.lower()
    if suffix in NOT_YET:
        return _not_yet(file, NOT_YET[suffix])
    if suffix == ".edf" and content[:8] == b"0       ":
        if PurePath(file).name.lower() != "str.edf":
            return Payload(file, "EDF", why="signals; the nights stand in STR.edf")
        return Payload(file, "CPAP card", (Message(UPLOADS, content, BINARY, None),))
    if suffix in (".hl7", ".hl7v2") or content[:4] == b"MSH|":
        return Payload(file, "HL7 v2", (Message(HL7_DOOR, content, HL7, None),))
    if suffix in (".jsonl", ".ndjson"):
        return _lines(file, content)
    if suffix != ".json":
        return Payload(file, "other", why="not a payload")
    try:
        sent = exact.loads(content, KEYS)
    except exact.Unreadable:
        # As a client would that does not know its own fault: the intake says what is wrong.
        return Payload(file, "unreadable JSON", (Message(OBSERVATIONS, content, JSON, None),))
    return _json(file, sent, content)


def loads(body: bytes) -> Any:
    """The JSON of a message, or None."""
    try:
        return exact.loads(body, KEYS)
    except exact.Unreadable:
        return None


def _json(file: str, sent: Any, content: bytes) -> Payload:
    if isinstance(sent, dict) and isinstance(sent.get("resourceType"), str):
        return _fhir(file, sent, content)
    if _is_ours(sent):
        items = len(sent) if isinstance(sent, list) else 1
        return Payload(file, "JSON v1", (Message(OBSERVATIONS, content, JSON, items),))
    if family := _foreign(sent):
        return Payload(file, family, (Message(UPLOADS, content, JSON, None),))
    return Payload(file, "other JSON", why="no family that Hjemvakt knows")


def _fhir(file: str, sent: dict[str, Any], content: bytes) -> Payload:
    kind = sent["resourceType"]
    if kind in READINGS:
        return Payload(file, "FHIR", (Message(f"/fhir/{kind}", content),))
    if kind != "Bundle":
        return Payload(file, "FHIR", why=f"{kind} carries no readings")
    entries = sent.get("entry")
    readings = [one for one in _entries(entries) if _kind(one) in READINGS]
    if sent.get("type") in ("batch", "transaction"):
        count = len(entries) if isinstance(entries, list) else None
        whole = Message("/fhir", content, items=count)
        rest = _batches(entries, readings) if sent["type"] == "transaction" else ()
        return Payload(file, "FHIR", (whole,), fallback=tuple(rest))
    if not readings:
        return Payload(file, "FHIR", why=f"no readings in this {sent.get('type')} Bundle")
    return Payload(file, "FHIR", tuple(_batches(entries, readings)))


def _batches(entries: Any, readings: Sequence[dict[str, Any]]) -> Iterator[Message]:
    """Batch Bundles of the readings, with the patients and devices they refer to beside them."""
    beside = [_posted(one) for one in _entries(entries) if _kind(one) in ("Patient", "Device")]
    for first in range(0, len(readings), ENTRIES):
        part = [_posted(one) for one in readings[first : first + ENTRIES]]
        batch = {"resourceType": "Bundle", "type": "batch", "entry": [*beside, *part]}
        yield Message("/fhir", exact.dumps(batch), items=len(beside) + len(part))


def _posted(entry: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: entry[key] for key in ("fullUrl", "resource") if key in entry}
    return {**kept, "request": {"method": "POST", "url": _kind(entry)}}


def _lines(file: str, content: bytes) -> Payload:
    """One JSON value on each line: FHIR resources, our own JSON, or messages caught at a broker."""
    try:
        lines = [exact.loads(line, KEYS) for line in content.splitlines() if line.strip()]
    except exact.Unreadable:
        return Payload(file, "JSON lines", why="a line is not JSON")
    if all(isinstance(one, dict) and "topic" in one for one in lines):
        told = [(str(one["topic"]), _as_bytes(one.get("payload"))) for one in lines]
        return Payload(file, "MQTT capture", (Message(BROKER, told, "", None),))
    if all(isinstance(one, dict) and "resourceType" in one for one in lines):
        bundle = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": one} for one in lines],
        }
        return _fhir(file, bundle, b"")
    if _is_ours(lines):
        parts = [lines[first : first + ITEMS] for first in range(0, len(lines), ITEMS)]
        messages = (Message(OBSERVATIONS, exact.dumps(part), JSON, len(part)) for part in parts)
        return Payload(file, "JSON v1", tuple(messages))
    return Payload(file, "JSON lines", why="no family that Hjemvakt knows")


def _not_yet(file: str, family: str) -> Payload:
    return Payload(file, family, why="no adapter yet")


def _as_bytes(payload: Any) -> bytes:
    return payload.encode() if isinstance(payload, str) else exact.dumps(payload)


def _is_ours(sent: Any) -> bool:
    if isinstance(sent, list):
        return bool(sent) and all(_is_ours(one) for one in sent)
    return isinstance(sent, dict) and ("kind" in sent or ("v" in sent and "values" in sent))


def _foreign(sent: Any) -> str | None:
    """The family of a file in somebody else's format, as the intake tells it."""
    if isinstance(sent, dict) and "sleep_records" in sent:
        return "CPAP app"
    if senml.is_one(sent):
        return "SenML"
    if vendor_clouds.is_one(sent):
        return "a maker's cloud"
    # An empty document of the family is sent too: the intake must refuse it.
    text = json.dumps(sent, default=str)
    if open_mhealth.is_one(sent) or "effective_time_frame" in text or "schema_id" in text:
        return "Open mHealth"
    return None


def _entries(entries: Any) -> list[dict[str, Any]]:
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []


def _kind(entry: dict[str, Any]) -> str:
    resource = entry.get("resource")
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    return kind if isinstance(kind, str) else ""
