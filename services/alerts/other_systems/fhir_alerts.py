"""Pure: alerts as FHIR R4 DetectedIssue and Flag, tasks as Task; to be read, not written."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

from shared import fhir
from shared.fhir import Resource

_SEVERITY = {"red": "high", "yellow": "moderate"}
_LANE = f"{fhir.BASE}/CodeSystem/lane"
_GROUP = f"{fhir.BASE}/CodeSystem/rule-group"
_COLOUR = f"{fhir.BASE}/CodeSystem/colour"


def detected_issue(alert: Mapping[str, Any]) -> Resource:
    """`alert` as the API tells it. One that is closed is final."""
    is_closed = alert["state"] == "closed"
    made: Resource = {
        "resourceType": "DetectedIssue",
        "id": alert["id"],
        "meta": {"versionId": str(alert["version"])},
        "identifier": [{"system": "urn:hjv:alert", "value": alert["id"]}],
        "status": "final" if is_closed else "preliminary",
        "code": {
            "coding": [
                {"system": f"{_GROUP}/{alert['programme']}", "code": alert["group"]},
                {"system": _LANE, "code": alert["lane"]},
                {"system": _COLOUR, "code": alert["colour"]},
            ],
            "text": alert["reason"] or None,
        },
        "severity": _SEVERITY.get(alert["colour"], "low"),
        "patient": _patient(alert),
        "identifiedDateTime": alert["raised_at"],
        "detail": alert["reason"] or None,
    }
    return fhir.filled(made)


def flag(alert: Mapping[str, Any]) -> Resource:
    """That an alert is not closed is a flag on the patient."""
    made: Resource = {
        "resourceType": "Flag",
        "id": alert["id"],
        "meta": {"versionId": str(alert["version"])},
        "status": "inactive" if alert["state"] == "closed" else "active",
        "category": [{"coding": [{"system": _LANE, "code": alert["lane"]}]}],
        "code": {
            "coding": [{"system": _COLOUR, "code": alert["colour"]}],
            "text": alert["reason"] or None,
        },
        "subject": _patient(alert),
        "period": {"start": alert["raised_at"], "end": alert.get("closed_at")},
    }
    return fhir.filled(made)


_UNHEARD = {
    ("nb", True): "Ventet måling er ikke kommet, og den som bringer dem er stille.",
    ("nb", False): "Ventet måling er ikke kommet, og er ikke vurdert ennå.",
    ("en", True): "An expected reading has not come, and whoever brings them is silent.",
    ("en", False): "An expected reading has not come, and this is not judged yet.",
}


def not_received(patient_id: UUID, about: Mapping[str, Any], lang: str) -> Resource:
    """That something expected has not come, and nobody has been told of this patient. `about`:
    since when, and the alarm of the silence behind which he stands, if there is one."""
    made: Resource = {
        "resourceType": "Flag",
        # Its own while it lasts: another silence is another flag.
        "id": str(uuid5(patient_id, about["since"])),
        "status": "active",
        "category": [{"coding": [{"system": _LANE, "code": "technical"}]}],
        "code": {"text": _UNHEARD[lang, about["alert"] is not None]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "period": {"start": about["since"]},
    }
    return fhir.filled(made)


def task(told: Mapping[str, Any]) -> Resource:
    is_done = told.get("done_at") is not None
    made: Resource = {
        "resourceType": "Task",
        "id": told["id"],
        "meta": {"versionId": str(told["version"])},
        "status": "completed" if is_done else "requested",
        "intent": "order",
        "description": told["text"],
        "for": _patient(told),
        "authoredOn": told.get("made_at"),
        "lastModified": told.get("done_at") or told.get("made_at"),
        "focus": {"reference": f"DetectedIssue/{told['alert']}"} if told.get("alert") else None,
        "restriction": {"period": {"end": told["due_at"]}} if told.get("due_at") else None,
    }
    return fhir.filled(made)


def _patient(told: Mapping[str, Any]) -> Resource:
    return {"reference": f"Patient/{told['patient']['id']}"}
