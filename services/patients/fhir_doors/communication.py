"""Pure: a message as FHIR R4 Communication."""

from typing import Literal
from uuid import UUID

from shared import fhir, messages
from shared.contracts import Fact

Status = Literal["completed", "entered-in-error"]


def resource(fact: Fact, status: Status = "completed") -> fhir.Resource:
    patient = {"reference": f"Patient/{fact.patient_id}"}
    is_own = messages.is_from_patient(fact)
    payload: list[fhir.Resource] = [{"contentString": str(fact.body.get("text") or "")}]
    payload += [
        {"contentReference": {"reference": f"Media/{one}"}} for one in messages.photos(fact)
    ]
    made: fhir.Resource = {
        "resourceType": "Communication",
        "id": str(fact.id),
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{fact.id}"}],
        "status": status,
        "subject": patient,
        "sent": fhir.instant(fact.at),
        "received": fhir.instant(fact.received_at),
        "payload": payload,
    }
    if is_own:
        return made | {"sender": patient}
    by = str(fact.body.get("by_name") or "")
    made |= {"recipient": [patient]}
    if by:
        made["sender"] = {"type": "Practitioner", "display": by}
    if answers := _answers(fact):
        made["inResponseTo"] = [{"reference": f"Communication/{one}"} for one in answers]
    return made


def _answers(fact: Fact) -> list[UUID]:
    return [UUID(str(one)) for one in fact.body.get("answers") or ()]
