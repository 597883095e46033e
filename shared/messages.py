"""Pure: a message between a patient and his unit, as a fact of its own. No rule ever reads it.

Bodies: {"v": 1, "message": id, "text", "photos"?: [fact id], "answers"?: [fact id], "by_name"?}.
`photos` name attachments that the patient sent before; `answers` what the unit's message answers.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal
from uuid import UUID

from shared.contracts import Draft, Fact

TYPE: Literal["message"] = "message"
FROM_PATIENT, FROM_UNIT = "from-patient", "from-unit"
MOST = 10_000  # characters
PHOTOS = 5


def from_patient(
    message_id: str, text: str, told: Mapping[str, Any], photos: Iterable[UUID] = ()
) -> Draft:
    body = {"v": 1, "message": message_id, "text": text, **told}
    if named := [str(one) for one in photos]:
        body["photos"] = named
    return Draft(TYPE, FROM_PATIENT, body)


def from_unit(message_id: str, text: str, by_name: str, answers: Iterable[UUID]) -> Draft:
    body: dict[str, Any] = {"v": 1, "message": message_id, "text": text, "by_name": by_name}
    if named := [str(one) for one in answers]:
        body["answers"] = named
    return Draft(TYPE, FROM_UNIT, body)


def is_from_patient(fact: Fact) -> bool:
    return fact.kind == FROM_PATIENT


def photos(fact: Fact) -> list[UUID]:
    """What the message points at: whose it is, is for the reader to ask."""
    found = []
    for told in fact.body.get("photos") or ():
        try:
            found.append(UUID(str(told)))
        except ValueError:
            continue
    return found
