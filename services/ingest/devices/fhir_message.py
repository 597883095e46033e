"""What a patient writes (Communication): never read by a rule, so a person must. It waits in
quarantine, seen on the patient, until somebody has read it and filed it on the record.
"""

from typing import Any

from services.ingest.devices import fhir_shapes as shapes
from shared.contracts import Code, Draft, ItemError

_MOST = 10_000  # characters


def drafts(
    sent: shapes.Communication, message_id: str, told: dict[str, Any], errors: list[ItemError]
) -> tuple[Draft, ...]:
    texts = [each.contentString for each in sent.payload if isinstance(each.contentString, str)]
    text = "\n".join(each.strip() for each in texts if each.strip())
    if not text:
        errors.append(ItemError("payload", Code.MISSING_VALUE))
    elif len(text) > _MOST or len(texts) != len(sent.payload):
        errors.append(ItemError("payload", Code.BAD_VALUE))
    if errors:
        return ()
    errors.append(ItemError("payload", Code.UNKNOWN_KIND))
    foreign = {"category": ["communication"], "text": "Message", "value": text}
    body = {"v": 1, "message": message_id, "values": {}, "foreign": foreign, **told}
    return (Draft("reading", "foreign", body | {"entered": "manual"}),)
