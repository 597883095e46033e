"""What a sender says of a file, as an item. The words come beside the file, in a header, with the
same names as in a reading; what the file is was found in its bytes.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from services.ingest.devices import bodies, moments, refused
from shared import attachments, exact, identity
from shared.attachments import File
from shared.contracts import Clock, Code, Draft, How, Item, ItemError, Subject

MOST_ABOUT = 4 * 1024  # bytes

_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_TEXTS: Mapping[str, int] = {"site": 100, "note": 2000, "form": 64}
_CHECKS = ("ruler", "light")  # what the app asked for when the photo was taken
_CLOCKS: tuple[Clock, ...] = ("synced", "set-by-user", "unknown", "none")


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that came inside a message, and what that says of it. `how`: it corrects or withdraws
    the file of the same id; `made` is when its sender made this version."""

    said: Mapping[str, Any]
    file: bytes
    how: How | None = None
    made: datetime | None = None
    arrived: datetime | None = None


class AboutMissing(refused.Refused):
    """The header hjemvakt-about must say, as a JSON object of at most 4 KiB, what the file is."""

    code = "about-missing"


class FileNotTaken(refused.Refused):
    """The file is not a JPEG, PNG or WebP picture, nor a PDF document."""

    code = "file-not-taken"
    status = 415


def about(header: bytes) -> dict[str, Any]:
    """What the sender says. Raises AboutMissing, refused.NotReadable."""
    if not header or len(header) > MOST_ABOUT:
        raise AboutMissing
    try:
        said = exact.loads(header)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if type(said) is not dict:
        raise AboutMissing
    return said


def item(said: Mapping[str, Any], file: File) -> Item:
    """One item. What is wrong with it keeps the file waiting in quarantine."""
    raw = exact.canonical({"about": said, "file": file.told()})
    content = sha256(exact.canonical({"about": said, "file": file.sha256.hex()})).digest()
    errors: list[ItemError] = []
    message_id = said.get("id")
    if not (type(message_id) is str and _ID.fullmatch(message_id)):
        errors.append(ItemError("id", Code.BAD_ID))
        message_id = f"sha256:{content.hex()}"
    else:
        content = bodies.content_of_sent({"about": said, "file": file.sha256.hex()})
    if not exact.storable(exact.Part(said, raw)):
        errors.append(ItemError("", Code.NOT_STORABLE))
        return Item(message_id, content, raw, attachments.MEDIA, errors=tuple(errors))
    if said.get("v") != 1:
        errors.append(ItemError("v", Code.UNKNOWN_VERSION))
    at = moments.instant(said.get("at"))
    if at is None:
        errors.append(ItemError("at", Code.BAD_TIME))
    device = _device(said)
    slot, subject = _slot(said, errors), _subject(said, errors)
    return Item(
        message_id=message_id,
        content=content,
        raw=raw,
        media_type=attachments.MEDIA,
        drafts=_drafts(said, message_id, file, device, errors),
        at=at,
        clock=device.get("clock", "unknown"),
        slot=slot,
        serial=device.get("serial"),
        subject=subject,
        errors=tuple(errors),
    )


def enclosed(of: Enclosed, file: File) -> Item:
    """The item of a file that came inside a message."""
    made = item(of.said, file)
    if of.how is None:
        return made
    return dataclasses.replace(
        made,
        how=of.how,
        drafts=made.drafts if of.how == "correction" else (),
        replaces=made.message_id,
        updated=of.made,
        arrived=of.arrived,
    )


def again(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """What was said and the sha-256 of the file, out of an item's raw bytes."""
    kept = exact.loads(raw)
    return kept["about"], bytes.fromhex(kept["file"]["sha256"])


def _drafts(
    said: Mapping[str, Any],
    message_id: str,
    file: File,
    device: Mapping[str, Any],
    errors: list[ItemError],
) -> tuple[Draft, ...]:
    kind = said.get("kind")
    kind = kind if type(kind) is str else ""
    errors += attachments.errors(kind, file)
    around = _around(said, errors)
    if device:
        around["device"] = dict(device)
    return () if errors else (attachments.draft(kind, message_id, file, around),)


def _around(said: Mapping[str, Any], errors: list[ItemError]) -> dict[str, Any]:
    entered = "device" if said.get("entered") == "device" else "manual"
    around: dict[str, Any] = {"claimed_at": said.get("at"), "entered": entered}
    for name, longest in _TEXTS.items():
        text = said.get(name)
        if text is not None and (type(text) is not str or len(text) > longest):
            errors.append(ItemError(name, Code.BAD_VALUE))
        elif text:
            around[name] = text
    context = said.get("context")
    if context is not None and type(context) is not dict:
        errors.append(ItemError("context", Code.BAD_VALUE))
    elif context:
        around["context"] = {
            name: context[name] for name in _CHECKS if isinstance(context.get(name), bool)
        }
    return around


def _device(said: Mapping[str, Any]) -> dict[str, Any]:
    device = said.get("device")
    if type(device) is not dict:
        return {}
    kept: dict[str, Any] = {
        key: text
        for key in ("manufacturer", "model", "serial")
        if type(text := device.get(key)) is str and 0 < len(text) <= 128
    }
    if device.get("clock") in _CLOCKS:
        kept["clock"] = device["clock"]
    return kept


def _slot(said: Mapping[str, Any], errors: list[ItemError]) -> str | None:
    """Which of a household's patients. A national number would be kept in the open."""
    slot = said.get("patient")
    if slot is None:
        return None
    if type(slot) is str and 0 < len(slot) <= 64 and identity.kind_of(slot) is None:
        return slot
    errors.append(ItemError("patient", Code.BAD_VALUE))
    return None


def _subject(said: Mapping[str, Any], errors: list[ItemError]) -> Subject | None:
    """Whom a system speaks of: {"system", "value"} or {"id"} as we named him."""
    subject = said.get("subject")
    if subject is None:
        return None
    if type(subject) is dict:
        system, value, own = (subject.get(name) for name in ("system", "value", "id"))
        if type(system) is str and type(value) is str and system and value:
            return Subject(system=system, value=value)
        if type(own) is str:
            try:
                return Subject(patient_id=UUID(own))
            except ValueError:
                pass
    errors.append(ItemError("subject", Code.BAD_VALUE))
    return None
