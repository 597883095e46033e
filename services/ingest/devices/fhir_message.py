"""What a patient writes (Communication): a message to his unit, which a person answers. No rule
reads it. Photos are named, not carried: Media/<id> or DocumentReference/<id>, sent before it.
"""

import re
from typing import Any
from uuid import UUID

from services.ingest.devices import fhir_shapes as shapes
from shared import messages
from shared.contracts import Code, Draft, ItemError

_FILE = re.compile(r"(?:Media|DocumentReference)/([0-9a-fA-F-]{36})")


def drafts(
    sent: shapes.Communication, message_id: str, told: dict[str, Any], errors: list[ItemError]
) -> tuple[Draft, ...]:
    texts: list[str] = []
    photos: list[UUID] = []
    for each in sent.payload:
        file = _file(each)
        if isinstance(each.contentString, str) and each.contentReference is None:
            texts.append(each.contentString.strip())
        elif file is not None and each.contentString is None:
            photos.append(file)
        else:
            errors.append(ItemError("payload", Code.BAD_VALUE))
            return ()
    text = "\n".join(one for one in texts if one)
    if not text:
        errors.append(ItemError("payload", Code.MISSING_VALUE))
    elif len(text) > messages.MOST or len(photos) > messages.PHOTOS:
        errors.append(ItemError("payload", Code.BAD_VALUE))
    if errors:
        return ()
    return (messages.from_patient(message_id, text, told, photos),)


def _file(part: shapes.Payload) -> UUID | None:
    named = part.contentReference.reference if part.contentReference else None
    found = _FILE.fullmatch(named or "")
    try:
        return UUID(found[1]) if found else None
    except ValueError:
        return None
