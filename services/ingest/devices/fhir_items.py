"""One FHIR resource as one item: its id, time, subject, status, and the facts in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from services.ingest.devices import fhir_answers, fhir_observation, fhir_subject, moments
from services.ingest.devices import fhir_shapes as shapes
from shared import exact, fhir
from shared.contracts import Code, Draft, How, Item, ItemError, Subject

Shaped = shapes.Observation | shapes.QuestionnaireResponse

_LONGEST_ID = 200

# What a status means here. None: an ordinary item. A cancelled measurement was never one.
_STATUS: Mapping[str, How | None] = {
    "final": None,
    "completed": None,
    "preliminary": None,
    "registered": None,
    "unknown": None,
    "amended": "correction",
    "corrected": "correction",
    "entered-in-error": "void",
    "cancelled": "void",
}
_ANSWERS_STATUS = frozenset(("completed", "amended", "entered-in-error"))
_PLAIN_STATUS = frozenset(("final", "completed", "amended", "corrected"))


@dataclass(frozen=True, slots=True)
class Request:
    """How an entry was sent; `identifier` is that of a conditional create or update."""

    method: str = "POST"
    identifier: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What surrounds a resource: its bytes, how it was sent and what was sent beside it."""

    part: exact.Part
    media_type: str
    position: str = ""
    request: Request = Request()
    around: fhir_subject.Around = field(default_factory=fhir_subject.Around)
    forms: fhir_answers.Forms = field(default_factory=dict)


def read(sent: dict[str, Any], shape: type[Shaped], envelope: Envelope) -> Item:
    """The item, with errors if it must be quarantined; it never raises."""
    errors: list[ItemError] = []
    content = sha256(exact.canonical(sent)).digest()
    resource = _shaped(shape, sent, envelope.part, errors)
    if resource is None:
        return Item(
            message_id=f"sha256:{content.hex()}",
            content=content,
            raw=envelope.part.raw,
            media_type=envelope.media_type,
            errors=tuple(errors),
            position=envelope.position if exact.storable(envelope.part) else "",
        )
    subject = _subject(resource, envelope.around, errors)
    content = _content(sent, subject, content)
    message_id = _message_id(resource, sent, envelope.request, content)
    how = _how(resource, envelope.request, errors)
    when, until, told = _times(resource, how, errors)
    if isinstance(resource.status, str) and resource.status not in _PLAIN_STATUS:
        told["status"] = resource.status
    serial: str | None = None
    drafts: tuple[Draft, ...] = ()
    if isinstance(resource, shapes.QuestionnaireResponse):
        if how != "void":
            drafts = fhir_answers.drafts(resource, message_id, told, envelope.forms, errors)
    else:
        device, serial = fhir_subject.device(resource, envelope.around)
        told |= _told(resource, device)
        if how != "void":
            drafts = fhir_observation.drafts(resource, message_id, told, errors)
    return Item(
        message_id=message_id,
        content=content,
        raw=envelope.part.raw,
        media_type=envelope.media_type,
        drafts=drafts,
        at=when.at if when else None,
        until=until,
        precision=when.precision if when else "instant",
        serial=serial,
        subject=subject,
        how=how,
        replaces=message_id if how else None,
        version=_version(resource),
        errors=tuple(errors),
        position=envelope.position,
    )


def _shaped(
    shape: type[Shaped],
    sent: dict[str, Any],
    part: exact.Part,
    errors: list[ItemError],
) -> Shaped | None:
    if not exact.storable(part):
        errors.append(ItemError("", Code.NOT_STORABLE))
        return None
    try:
        return shape.model_validate(sent)
    except ValidationError as fault:
        for each in fault.errors(include_input=False, include_url=False, include_context=False)[:5]:
            path = ".".join(str(step) for step in each["loc"])
            errors.append(ItemError(path, Code.UNREADABLE))
        return None


def _subject(
    resource: shapes.Resource, around: fhir_subject.Around, errors: list[ItemError]
) -> Subject | None:
    try:
        return fhir_subject.of(resource, around)
    except fhir_subject.NotAPatient:
        errors.append(ItemError("subject", Code.UNKNOWN_SUBJECT))
        return None


def _content(sent: dict[str, Any], subject: Subject | None, content: bytes) -> bytes:
    """A reference into the Bundle is new in every Bundle; who it leads to is the content."""
    reference = (sent.get("subject") or {}).get("reference")
    if subject is None or not isinstance(reference, str) or not reference.startswith("urn:"):
        return content
    who = {"system": subject.system, "value": subject.value}
    return sha256(exact.canonical({**sent, "subject": who})).digest()


def _message_id(
    resource: Shaped,
    sent: Mapping[str, Any],
    request: Request,
    content: bytes,
) -> str:
    told = _identified(resource, request)
    if not told and request.method == "PUT" and isinstance(sent.get("id"), str):
        told = f"{sent['resourceType']}/{sent['id']}"
    if not told:
        return f"sha256:{content.hex()}"
    if len(told) > _LONGEST_ID:
        return f"sha256:{sha256(told.encode()).hexdigest()}"
    return told


def _identified(resource: Shaped, request: Request) -> str | None:
    if request.identifier:
        return request.identifier.removeprefix(f"{fhir.MESSAGE}|")
    given = resource.identifier
    for each in given if isinstance(given, list) else [given] if given else []:
        if each.value and (not each.system or each.system == fhir.MESSAGE):
            return each.value
        if each.value:
            return f"{each.system}|{each.value}"
    return None


def _how(resource: shapes.Resource, request: Request, errors: list[ItemError]) -> How | None:
    status = resource.status
    taken = _ANSWERS_STATUS if isinstance(resource, shapes.QuestionnaireResponse) else _STATUS
    if not isinstance(status, str) or status not in taken:
        errors.append(ItemError("status", Code.BAD_VALUE))
        return None
    how = _STATUS[status]
    return "correction" if how is None and request.method == "PUT" else how


def _times(
    resource: Shaped,
    how: How | None,
    errors: list[ItemError],
) -> tuple[moments.When | None, datetime | None, dict[str, Any]]:
    """When it was, until when, and both as claimed. What is withdrawn needs no time."""
    start, end, path = _sent_times(resource)
    when = moments.moment(start)
    until = moments.moment(end)
    if when is None and how != "void":
        errors.append(ItemError(path, Code.BAD_TIME))
    backwards = when is not None and until is not None and until.at < when.at
    if end is not None and how != "void" and (until is None or backwards):
        errors.append(ItemError("effectivePeriod.end", Code.BAD_TIME))
    claimed = {"claimed_at": start} if when else {}
    if until:
        claimed["claimed_until"] = end
    return when, until.at if until else None, claimed


def _sent_times(
    resource: Shaped,
) -> tuple[Any, Any, str]:
    if isinstance(resource, shapes.QuestionnaireResponse):
        return resource.authored, None, "authored"
    if resource.effectivePeriod is not None:
        return resource.effectivePeriod.start, resource.effectivePeriod.end, "effectivePeriod.start"
    return resource.effectiveDateTime or resource.effectiveInstant, None, "effectiveDateTime"


def _told(resource: shapes.Observation, device: dict[str, Any]) -> dict[str, Any]:
    """What is kept beside the values: the device, the sender's own verdict, notes."""
    told: dict[str, Any] = {}
    if device:
        told["device"] = device
    if resource.derivedFrom:
        told["entered"] = "derived"
    elif resource.device is not None:
        told["entered"] = "device"
    elif any(_is_patient(each) for each in resource.performer):
        told["entered"] = "manual"
    if verdict := [code for each in resource.interpretation for _, code in each.pairs()]:
        told["interpretation"] = verdict
    if note := "\n".join(each.text for each in resource.note if each.text):
        told["note"] = note
    return told


def _is_patient(performer: shapes.Reference) -> bool:
    return performer.type == "Patient" or "patient/" in (performer.reference or "").lower()


def _version(resource: shapes.Resource) -> int | None:
    told = resource.meta.versionId
    return int(told) if told and len(told) < 10 and told.isascii() and told.isdigit() else None
