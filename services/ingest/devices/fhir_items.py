"""One FHIR resource as one item: its id, time, subject, status, and the facts in it."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.ingest.devices import (
    bodies,
    fhir_answers,
    fhir_clock,
    fhir_message,
    fhir_observation,
    fhir_request,
    fhir_subject,
    moments,
    refused,
)
from services.ingest.devices import fhir_shapes as shapes
from shared import exact, fhir
from shared.contracts import Alarm, Code, Draft, How, Item, ItemError, Subject

Shaped = shapes.Observation | shapes.QuestionnaireResponse | shapes.Communication

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
    "in-progress": None,
    "stopped": None,
    "preparation": None,
    "on-hold": None,
    "not-done": "void",
}
_ANSWERS_STATUS = frozenset(("in-progress", "completed", "amended", "entered-in-error", "stopped"))
_OBSERVED_STATUS = _STATUS.keys() - {"preparation", "on-hold", "not-done"}
_MESSAGE_STATUS = frozenset(
    ("preparation", "in-progress", "completed", "on-hold", "stopped", "unknown", "not-done",
     "entered-in-error")
)  # fmt: skip
_PLAIN_STATUS = frozenset(("final", "completed", "amended", "corrected"))


_NOTHING = exact.Part(None, b"")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What surrounds a resource: its bytes, how it was sent and what was sent beside it."""

    media_type: str
    part: exact.Part = _NOTHING
    position: str = ""
    request: fhir_request.Request = fhir_request.PLAIN
    around: fhir_subject.Around = field(default_factory=fhir_subject.Around)
    forms: fhir_answers.Forms = field(default_factory=dict)
    arrived: datetime | None = None


def read(sent: dict[str, Any], shape: type[Shaped], envelope: Envelope) -> Item:
    """The item, with errors if it must be quarantined. Raises NotNamed."""
    errors: list[ItemError] = []
    content = sha256(exact.canonical(sent)).digest()
    resource = _shaped(shape, sent, envelope.part, errors)
    if resource is None:
        return Item(
            message_id=_named_by(content),
            content=content,
            raw=envelope.part.raw,
            media_type=envelope.media_type,
            errors=tuple(errors),
            position=envelope.position if exact.storable(envelope.part) else "",
        )
    subject = _subject(resource, envelope.around, errors)
    content = _by_subject(sent, subject, content)
    message_id = _message_id(resource, sent["resourceType"], envelope.request, content)
    how = _how(resource, envelope.request.method, errors)
    when, until, told = _times(resource, how, errors)
    if isinstance(resource.status, str) and resource.status not in _PLAIN_STATUS:
        told["status"] = resource.status
    serial: str | None = None
    clock = fhir_clock.UNKNOWN
    drafts: tuple[Draft, ...] = ()
    alarm: Alarm | None = None
    if isinstance(resource, shapes.QuestionnaireResponse):
        if how != "void":
            drafts, alarm = fhir_answers.drafts(resource, message_id, told, envelope.forms, errors)
    elif isinstance(resource, shapes.Communication):
        if how != "void":
            drafts = fhir_message.drafts(resource, message_id, told, errors)
    else:
        clock = fhir_clock.of(sent, envelope.around)
        told |= clock.told
        device, serial = fhir_subject.device(resource, envelope.around)
        told |= _told(resource, device)
        if how != "void":
            drafts = fhir_observation.drafts(resource, message_id, told, errors)
    if message_id != _named_by(content):
        content = _content(sent, resource, subject, drafts, when, until)
    return Item(
        message_id=message_id,
        content=content,
        raw=envelope.part.raw,
        media_type=envelope.media_type,
        drafts=drafts,
        at=when.at if when else None,
        until=until,
        precision=when.precision if when else "instant",
        clock=clock.state,
        serial=serial,
        subject=subject,
        how=how,
        replaces=message_id if how else None,
        version=_version(resource),
        # One of several versions that says nothing of its age is the later, the later it came.
        updated=_updated(resource) or (envelope.arrived if how else None),
        arrived=envelope.arrived if how else None,
        errors=tuple(errors),
        position=envelope.position,
        alarm=alarm,
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


def _named_by(content: bytes) -> str:
    """The name of what has none."""
    return f"sha256:{content.hex()}"


def _by_subject(sent: dict[str, Any], subject: Subject | None, content: bytes) -> bytes:
    """A reference into the Bundle is new in every Bundle; who it leads to is the content."""
    reference = (sent.get("subject") or {}).get("reference")
    if subject is None or not isinstance(reference, str) or not reference.startswith("urn:"):
        return content
    who = {"system": subject.system, "value": subject.value}
    return sha256(exact.canonical({**sent, "subject": who})).digest()


def _content(
    sent: dict[str, Any],
    resource: Shaped,
    subject: Subject | None,
    drafts: tuple[Draft, ...],
    when: moments.When | None,
    until: datetime | None,
) -> bytes:
    """What makes two resources of one name the same. Another version says another thing, were it
    of the same values: it may be the way back to them."""
    who = [subject.patient_id, subject.system, subject.value] if subject else None
    if not drafts or when is None or bodies.is_foreign(drafts):
        return bodies.content_of_sent({**sent, "subject": who} if who else sent)
    meta = resource.meta
    made = [_instant(meta.lastUpdated), _instant(_made(resource))]
    version = [resource.status, meta.versionId, *made]
    read = [_without_place(one) for one in drafts]
    return bodies.content(read, when.at, until, None, None, who, when.precision, version)


def _without_place(draft: Draft) -> Draft:
    """A device's place in the Bundle is new in every Bundle, as its subject's is."""
    device = draft.body.get("device") or {}
    if not str(device.get("reference", "")).startswith(("urn:", "#")):
        return draft
    told = {key: value for key, value in device.items() if key != "reference"}
    return Draft(draft.type, draft.kind, {**draft.body, "device": told})


def _instant(told: Any) -> Any:
    return moments.instant(told) or told


def _message_id(resource: Shaped, kind: str, request: fhir_request.Request, content: bytes) -> str:
    told = _identified(resource, request.identifier)
    if not told and request.method == "PUT":
        if request.id is None or _is_a_fact(request.id):
            # A fact's id is ours: as a message's name it would make another message of it.
            raise refused.NotNamed
        told = f"{kind}/{request.id}"
    if not told:
        return _named_by(content)
    if len(told) > _LONGEST_ID:
        return f"sha256:{sha256(told.encode()).hexdigest()}"
    return told


def _identified(resource: Shaped, condition: str | None) -> str | None:
    """The resource's first identifier, or the one that a condition asks for."""
    given = resource.identifier
    listed = given if isinstance(given, list) else [given] if given else []
    if condition is None:
        return next((_name(each.system, each.value) for each in listed if each.value), None)
    system, bar, value = condition.rpartition("|")
    if not bar:  # of whatever system: the resource may say which
        system = next((each.system or "" for each in listed if each.value == value), "")
    return _name(system, value)


def _name(system: str | None, value: str) -> str:
    return f"{system}|{value}" if system and system != fhir.MESSAGE else value


def _is_a_fact(told: str) -> bool:
    try:
        return UUID(told).version == 8
    except ValueError:
        return False


def _how(resource: shapes.Resource, method: str, errors: list[ItemError]) -> How | None:
    status = resource.status
    taken: Container[str] = _OBSERVED_STATUS
    if isinstance(resource, shapes.QuestionnaireResponse):
        taken = _ANSWERS_STATUS
    elif isinstance(resource, shapes.Communication):
        taken = _MESSAGE_STATUS
    if not isinstance(status, str) or status not in taken:
        errors.append(ItemError("status", Code.BAD_VALUE))
        return None
    how = _STATUS[status]
    return "correction" if how is None and method == "PUT" else how


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
    if isinstance(resource, shapes.Communication):
        return resource.sent, None, "sent"
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
    return int(told) if told and len(told) <= 20 and told.isascii() and told.isdigit() else None


def _updated(resource: Shaped) -> datetime | None:
    """When the sender made this version of it; what FHIR defines `issued` and `authored` to be."""
    return moments.instant(resource.meta.lastUpdated) or moments.instant(_made(resource))


def _made(resource: Shaped) -> Any:
    if isinstance(resource, shapes.QuestionnaireResponse):
        return resource.authored
    return resource.sent if isinstance(resource, shapes.Communication) else resource.issued
