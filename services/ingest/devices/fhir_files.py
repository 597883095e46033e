"""Photos and reports in FHIR (Media, DocumentReference): the file inside, and what is told."""

import binascii
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from services.ingest.devices import fhir_shapes as shapes
from services.ingest.devices import fhir_subject, moments, refused
from services.ingest.devices.attachment import Enclosed
from shared import pictures
from shared.attachments import PDF

RESOURCES = ("Media", "DocumentReference")
_VOID = "entered-in-error"


class NoFile(refused.Refused):
    """The file must stand in the resource as base64: what is behind a url is not fetched."""

    code = "no-file-inside"


class NotAFile(refused.Refused):
    """Taken are JPEG, PNG and WebP pictures, and PDF documents."""

    code = "file-not-taken"


def read(sent: Mapping[str, Any]) -> Enclosed:
    """Raises a kind of Refused."""
    content = _content(sent)
    data = content.get("data")
    if not isinstance(data, str):
        raise NoFile
    try:
        file = binascii.a2b_base64(data)
    except (binascii.Error, ValueError):
        raise NotAFile from None
    if (media_type := pictures.type_of(file)) is None:
        raise NotAFile
    at = moments.instant(_time(sent))
    said: dict[str, Any] = {
        "v": 1,
        "id": _name(sent, file),
        "kind": "document" if media_type == PDF else "photo",
        "at": at.isoformat() if at else _time(sent),
        "note": _note(sent, content),
        "status": sent.get("status"),
        **_whose(sent),
    }
    is_withdrawn = sent.get("status") == _VOID
    return Enclosed({key: each for key, each in said.items() if each}, file,
                    how="void" if is_withdrawn else None)  # fmt: skip


def _content(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    if sent.get("resourceType") == "Media":
        told = sent.get("content")
    else:
        listed = sent.get("content")
        first = listed[0] if isinstance(listed, list) and len(listed) == 1 else None
        told = first.get("attachment") if isinstance(first, dict) else None
    if not isinstance(told, dict):
        raise NoFile
    return told


def _time(sent: Mapping[str, Any]) -> Any:
    names = ("createdDateTime", "issued") if sent.get("resourceType") == "Media" else ("date",)
    return next((sent[name] for name in names if sent.get(name)), None)


def _name(sent: Mapping[str, Any], file: bytes) -> str:
    """The resource's first identifier, in the spelling that uploads have, else its content's."""
    listed = sent.get("identifier")
    for each in listed if isinstance(listed, list) else ():
        value = each.get("value") if isinstance(each, dict) else None
        if isinstance(value, str) and value:
            told = f"{each.get('system') or ''}|{value}"
            return f"fhir:{sha256(told.encode('utf-8', 'replace')).hexdigest()[:40]}"
    return f"fhir:{sha256(file).hexdigest()[:40]}"


def _note(sent: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    notes = sent.get("note")
    texts = [each.get("text") for each in notes if isinstance(each, dict)] \
        if isinstance(notes, list) else []  # fmt: skip
    told = [sent.get("description"), content.get("title"), *texts]
    return next((each for each in told if isinstance(each, str) and each), "")[:200]


def _whose(sent: Mapping[str, Any]) -> dict[str, Any]:
    try:
        resource = shapes.Resource.model_validate(
            {"subject": sent.get("subject"), "contained": sent.get("contained") or []}
        )
        subject = fhir_subject.of(resource, fhir_subject.Around())
    except (ValueError, fhir_subject.NotAPatient):
        return {"subject": "unreadable"}
    if subject is None:
        return {}
    if subject.patient_id is not None:
        return {"subject": {"id": str(subject.patient_id)}}
    return {"subject": {"system": subject.system, "value": subject.value}}
