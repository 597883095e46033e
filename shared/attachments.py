"""Photos and documents as facts: which kinds there are, and the draft of one. Pure.

The fact says what the file is and names it by its sha-256; the bytes lie apart
(shared/ledger/attachments.py). A file without a fact in force is nobody's, and nobody is shown it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.contracts import Code, Draft, Fact, ItemError

ANSWERED = "answered"  # the decision by which staff answer what a patient sent
TYPE: Literal["attachment"] = "attachment"
PREFIX = "attachment:"  # how plans and rules name a kind of attachment
# What a receipt keeps as the raw bytes of an upload: what was said of the file, and its sha-256.
MEDIA = "application/vnd.hjemvakt.attachment+json"

JPEG = "image/jpeg"
PNG = "image/png"
WEBP = "image/webp"
PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Kind:
    """`takes` are the media types it may be."""

    nb: str
    en: str
    takes: tuple[str, ...]


_PHOTO = (JPEG, PNG, WEBP)

KINDS: Mapping[str, Kind] = {
    "wound_photo": Kind("Bilde av sår", "Photo of a wound", _PHOTO),
    "photo": Kind("Bilde", "Photo", _PHOTO),
    "document": Kind("Dokument", "Document", (PDF,)),
}


@dataclass(frozen=True, slots=True)
class File:
    """What is known of a file that was sent. `fault` says why nothing of it can be shown."""

    sha256: bytes
    media_type: str
    size: int
    width: int | None = None
    height: int | None = None
    fault: Code | None = None

    def told(self) -> dict[str, Any]:
        """As the fact keeps it."""
        about: dict[str, Any] = {
            "sha256": self.sha256.hex(),
            "media_type": self.media_type,
            "size": self.size,
        }
        if self.width is not None:
            about |= {"width": self.width, "height": self.height}
        return about


@dataclass(frozen=True, slots=True)
class Answer:
    """What staff answered the patient, and when."""

    at: datetime
    by: str
    text: str


def errors(kind: str | None, file: File) -> list[ItemError]:
    """What keeps the file from being stored as an attachment of this kind."""
    of = KINDS.get(kind or "")
    if of is None:
        return [ItemError("kind", Code.UNKNOWN_KIND)]
    if file.fault is not None:
        path = "file.pixels" if file.fault is Code.IMPLAUSIBLE else "file"
        return [ItemError(path, file.fault)]
    if file.media_type not in of.takes:
        return [ItemError("file", Code.BAD_VALUE)]
    return []


def draft(kind: str, message: str, file: File, around: Mapping[str, Any]) -> Draft:
    """`around`: site, form, note, context, device, claimed_at, entered."""
    return Draft(TYPE, kind, {"v": 1, "message": message, "file": file.told(), **around})


def answers(decisions: Iterable[Fact]) -> dict[UUID, Answer]:
    """The latest answer to each thing the patient sent, by the origin of that."""
    return {
        UUID(str(one)): Answer(decision.at, str(decision.body["by"]), decision.body["text"])
        for decision in decisions
        if decision.type == ANSWERED
        for one in decision.body["facts"]
    }


def answer_to(fact: Fact, given: Mapping[UUID, Answer]) -> Answer | None:
    """A file of which something was put right stays answered."""
    corrected = fact.body.get("corrects")
    origins = [fact.origin or fact.id, *([UUID(str(corrected))] if corrected else [])]
    return next((given[one] for one in origins if one in given), None)
