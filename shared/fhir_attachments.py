"""Photos as FHIR R4 Media, documents as DocumentReference. The bytes are behind the url."""

from typing import Literal

from shared import attachments, fhir
from shared.contracts import Fact
from shared.fhir import Resource

Name = Literal["Media", "DocumentReference"]

KINDS: dict[Name, list[str]] = {
    "Media": [name for name, of in attachments.KINDS.items() if attachments.PDF not in of.takes],
    "DocumentReference": [
        name for name, of in attachments.KINDS.items() if attachments.PDF in of.takes
    ],
}
SYSTEM = f"{fhir.BASE}/CodeSystem/attachment"
_MEDIA_TYPES = "http://terminology.hl7.org/CodeSystem/media-type"


def resource(fact: Fact, url: str, *, withdrawn: bool = False) -> Resource:
    """`url` is where the file can be fetched; of what was withdrawn nothing is told of the file."""
    return (_media if fact.kind in KINDS["Media"] else _document)(fact, url, withdrawn)


def _media(fact: Fact, url: str, withdrawn: bool) -> Resource:
    file = fact.body["file"]
    made: Resource = {
        "resourceType": "Media",
        **_head(fact),
        "status": "entered-in-error" if withdrawn else "completed",
        "type": {"coding": [{"system": _MEDIA_TYPES, "code": "image", "display": "Image"}]},
        "modality": _kind(fact),
        "subject": {"reference": f"Patient/{fact.patient_id}"},
        "createdDateTime": fhir.instant(fact.at),
        "issued": fhir.instant(fact.received_at),
        "content": {"contentType": "image/jpeg"} if withdrawn else _content(fact, url),
    }
    if withdrawn:
        return made
    if "width" in file:
        made |= {"height": file["height"], "width": file["width"]}
    if site := fact.body.get("site"):
        made["bodySite"] = {"text": site}
    if note := fact.body.get("note"):
        made["note"] = [{"text": note}]
    return made


def _document(fact: Fact, url: str, withdrawn: bool) -> Resource:
    content = {"contentType": attachments.PDF} if withdrawn else _content(fact, url)
    made: Resource = {
        "resourceType": "DocumentReference",
        **_head(fact),
        "status": "entered-in-error" if withdrawn else "current",
        "type": _kind(fact),
        "subject": {"reference": f"Patient/{fact.patient_id}"},
        "date": fhir.instant(fact.at),
        "content": [{"attachment": content}],
    }
    if (note := fact.body.get("note")) and not withdrawn:
        made["description"] = note
    return made


def _head(fact: Fact) -> Resource:
    tags = [{"system": fhir.FLAGS, "code": str(flag)} for flag in sorted(fact.flags)]
    meta: Resource = {"lastUpdated": fhir.instant(fact.received_at)}
    return {
        "id": str(fact.id),
        "meta": {**meta, "tag": tags} if tags else meta,
        "identifier": [{"system": fhir.MESSAGE, "value": fact.body["message"]}],
    }


def _kind(fact: Fact) -> Resource:
    of = attachments.KINDS[fact.kind]
    return {"coding": [{"system": SYSTEM, "code": fact.kind, "display": of.en}], "text": of.en}


def _content(fact: Fact, url: str) -> Resource:
    """A photo is fetched as JPEG whatever it was sent as, so neither size nor hash is told."""
    is_document = fact.kind in KINDS["DocumentReference"]
    return {
        "contentType": attachments.PDF if is_document else attachments.JPEG,
        "url": url,
        "creation": fhir.instant(fact.at),
    }
