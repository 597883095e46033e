"""FHIR R4: an Observation, a QuestionnaireResponse, or a batch or transaction Bundle of them.

Each entry is judged by itself. Our message id is the sender's identifier: the one of a conditional
request, else the resource's first, else (PUT only) the id it chose itself, else the content hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, cast

from services.ingest.devices import (
    fhir_answers,
    fhir_clock,
    fhir_items,
    fhir_request,
    fhir_subject,
    refused,
)
from services.ingest.devices import fhir_shapes as shapes
from shared import exact
from shared.contracts import Item

KEYS = 200_000

BundleType = Literal["batch", "transaction"]

# Resources that explain the others: read for their identifiers, never stored.
_BESIDE = frozenset(
    ("Patient", "Device", "DeviceMetric", "Practitioner", "PractitionerRole", "Organization")
)
_SHAPES: Mapping[str, type[fhir_items.Shaped]] = {
    "Observation": shapes.Observation,
    "QuestionnaireResponse": shapes.QuestionnaireResponse,
    "Communication": shapes.Communication,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: an item to store, a refusal, or (neither) a resource that only accompanies. `kind`
    is its type; `raw` its bytes."""

    full_url: str | None
    item: Item | None = None
    refusal: refused.Refused | None = None
    kind: str = ""
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Received:
    """A body as read. `bundle` is None for a single resource."""

    entries: tuple[Entry, ...]
    bundle: BundleType | None = None

    @property
    def items(self) -> list[Item]:
        return [entry.item for entry in self.entries if entry.item is not None]


def decode(
    body: bytes,
    media_type: str,
    forms: fhir_answers.Forms | None = None,
    arrived: datetime | None = None,
) -> Received:
    """The entries of a body, or of one Bundle entry by itself (as kept in quarantine).

    Raises a kind of Refused if the whole body is unusable.
    """
    try:
        sliced = exact.slices(body, "entry", KEYS)
        if sliced.many and sliced.outer.get("resourceType") != "Bundle":
            sliced = exact.Sliced([exact.Part(exact.loads(body, KEYS), body)])
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    envelope = fhir_items.Envelope(media_type, forms=forms or {}, arrived=arrived)
    if sliced.many:
        return Received(_entries(sliced.parts, envelope), _bundle_type(sliced.outer))
    return _single(sliced.parts[0], envelope)


def _single(part: exact.Part, envelope: fhir_items.Envelope) -> Received:
    if not isinstance(part.value, dict):
        raise refused.NotAResource
    if part.value.get("resourceType") == "Bundle":
        return Received((), _bundle_type(part.value))
    envelope = replace(envelope, part=part)
    if "resourceType" not in part.value and "resource" in part.value:
        entry = _entry(envelope)
        if entry.refusal is not None:
            raise entry.refusal
    else:
        item = _item(part.value, envelope, None)
        entry = Entry(None, item, kind=str(part.value["resourceType"]), raw=part.raw)
    return Received((entry,))


def _bundle_type(outer: Mapping[str, Any]) -> BundleType:
    if outer.get("type") not in ("batch", "transaction") or "entry" in outer:
        raise refused.BundleNotTaken
    return cast(BundleType, outer["type"])


def _entries(parts: list[exact.Part], whole: fhir_items.Envelope) -> tuple[Entry, ...]:
    around = fhir_subject.Around()
    for part in parts:
        is_one = isinstance(part.value, dict) and isinstance(part.value.get("resource"), dict)
        if is_one and exact.storable(part):  # what is read of it is kept with the others
            around.add(part.value.get("fullUrl"), part.value["resource"])
    return tuple(
        _entry(replace(whole, part=part, position=str(place), around=around))
        for place, part in enumerate(parts)
    )


def _entry(envelope: fhir_items.Envelope) -> Entry:
    sent = envelope.part.value if isinstance(envelope.part.value, dict) else {}
    told, resource = sent.get("fullUrl"), sent.get("resource")
    raw = envelope.part.raw
    is_url = isinstance(told, str) and exact.storable(exact.Part(told, raw))
    full_url = told if is_url else None  # one that cannot be written is not echoed
    try:
        fhir_request.method(sent.get("request"))
        if not isinstance(resource, dict):
            raise refused.NotAResource
        envelope = replace(envelope, position=full_url or envelope.position)
        item = _item(resource, envelope, sent.get("request"))
        return Entry(full_url, item, kind=str(resource["resourceType"]), raw=raw)
    except refused.Refused as refusal:
        return Entry(full_url, refusal=refusal, raw=raw)


def _item(sent: dict[str, Any], envelope: fhir_items.Envelope, request: Any) -> Item | None:
    """The item in a resource, or None if it only accompanies. Raises a kind of Refused."""
    kind = sent.get("resourceType")
    if not isinstance(kind, str):
        raise refused.NotAResource
    if kind in _BESIDE or fhir_clock.is_one(sent):
        return None
    if kind not in _SHAPES:
        raise refused.ResourceNotTaken
    envelope = replace(envelope, request=fhir_request.of(request, sent))
    return fhir_items.read(sent, _SHAPES[kind], envelope)


def as_entry(body: bytes, request: Mapping[str, str]) -> bytes:
    """A resource that came by itself, kept together with how it was sent."""
    return b'{"request":%b,"resource":%b}' % (exact.dumps(request), body)
