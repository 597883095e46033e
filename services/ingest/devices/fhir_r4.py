"""FHIR R4: an Observation, a QuestionnaireResponse, or a batch or transaction Bundle of them.

Each entry is judged by itself. Our message id is the sender's identifier: the one of a conditional
request, else the resource's first, else (PUT only) its own id, else the content hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast
from urllib.parse import parse_qs

from services.ingest.devices import fhir_answers, fhir_items, fhir_subject, refused
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
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: an item to store, a refusal, or (neither) a resource that only accompanies."""

    full_url: str | None
    method: str = "POST"
    item: Item | None = None
    refusal: refused.Refused | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A body as read. `bundle` is None for a single resource."""

    entries: tuple[Entry, ...]
    bundle: BundleType | None = None

    @property
    def items(self) -> list[Item]:
        return [entry.item for entry in self.entries if entry.item is not None]


def decode(body: bytes, media_type: str, forms: fhir_answers.Forms | None = None) -> Received:
    """The entries of a body, or of one Bundle entry by itself (as kept in quarantine).

    Raises a kind of Refused if the whole body is unusable.
    """
    try:
        sliced = exact.slices(body, "entry", KEYS)
        if sliced.many and sliced.outer.get("resourceType") != "Bundle":
            sliced = exact.Sliced([exact.Part(exact.loads(body, KEYS), body)])
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    forms = forms or {}
    if sliced.many:
        return Received(_entries(sliced.parts, media_type, forms), _bundle_type(sliced.outer))
    return _single(sliced.parts[0], media_type, forms)


def _single(part: exact.Part, media_type: str, forms: fhir_answers.Forms) -> Received:
    if not isinstance(part.value, dict):
        raise refused.NotAResource
    if part.value.get("resourceType") == "Bundle":
        return Received((), _bundle_type(part.value))
    envelope = fhir_items.Envelope(part, media_type, forms=forms)
    if "resourceType" not in part.value and "resource" in part.value:
        entry = _entry(envelope)
    else:
        entry = _resource(part.value, envelope, None)
    if entry.refusal is not None:
        raise entry.refusal
    if entry.item is None:
        raise refused.ResourceNotTaken
    return Received((entry,))


def _bundle_type(outer: Mapping[str, Any]) -> BundleType:
    if outer.get("type") not in ("batch", "transaction") or "entry" in outer:
        raise refused.BundleNotTaken
    return cast(BundleType, outer["type"])


def _entries(
    parts: list[exact.Part], media_type: str, forms: fhir_answers.Forms
) -> tuple[Entry, ...]:
    around = fhir_subject.Around()
    for part in parts:
        if isinstance(part.value, dict) and isinstance(part.value.get("resource"), dict):
            around.add(part.value.get("fullUrl"), part.value["resource"])
    return tuple(
        _entry(fhir_items.Envelope(part, media_type, str(place), around=around, forms=forms))
        for place, part in enumerate(parts)
    )


def _entry(envelope: fhir_items.Envelope) -> Entry:
    sent = envelope.part.value if isinstance(envelope.part.value, dict) else {}
    told, resource = sent.get("fullUrl"), sent.get("resource")
    full_url = told if isinstance(told, str) else None
    request = _request(sent.get("request"))
    if request.method not in ("POST", "PUT"):
        return Entry(full_url, request.method, refusal=refused.MethodNotTaken())
    if not isinstance(resource, dict):
        return Entry(full_url, request.method, refusal=refused.NotAResource())
    envelope = replace(envelope, request=request, position=full_url or envelope.position)
    return _resource(resource, envelope, full_url)


def _resource(sent: dict[str, Any], envelope: fhir_items.Envelope, full_url: str | None) -> Entry:
    kind, method = sent.get("resourceType"), envelope.request.method
    if not isinstance(kind, str):
        return Entry(full_url, method, refusal=refused.NotAResource())
    if kind in _BESIDE:
        return Entry(full_url, method)
    if kind not in _SHAPES:
        return Entry(full_url, method, refusal=refused.ResourceNotTaken())
    return Entry(full_url, method, fhir_items.read(sent, _SHAPES[kind], envelope))


def _request(sent: Any) -> fhir_items.Request:
    """Method and the one identifier of `ifNoneExist` or of a conditional url."""
    if not isinstance(sent, dict):
        return fhir_items.Request()
    method, url, condition = sent.get("method"), sent.get("url"), sent.get("ifNoneExist")
    if not isinstance(condition, str):
        condition = url.partition("?")[2] if isinstance(url, str) else ""
    identifiers = parse_qs(condition.lstrip("?")).get("identifier", [])
    identifier = identifiers[0] if len(identifiers) == 1 else None
    return fhir_items.Request(method.upper() if isinstance(method, str) else "POST", identifier)
