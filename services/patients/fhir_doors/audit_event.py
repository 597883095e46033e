"""Pure: an act in the audit trail as a FHIR R4 AuditEvent, after IHE's Basic Audit Log Patterns."""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared import fhir
from shared.audit import Event

BALP = "https://profiles.ihe.net/ITI/BALP"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
TYPES = "http://terminology.hl7.org/CodeSystem/audit-event-type"
REST = "http://hl7.org/fhir/restful-interaction"
ENTITIES = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLES = "http://terminology.hl7.org/CodeSystem/object-role"
PARTICIPANTS = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
REASONS = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
HPR = "urn:oid:2.16.578.1.12.4.1.4.4"

_FIRST, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
LISTS = ("worklist", "list", "search", "alerts", "tasks", "proposals", "stream", "access-log")
SESSIONS: Mapping[str, tuple[str, str]] = {
    "log-in": ("110122", "Login"),
    "log-out": ("110123", "Logout"),
}
# Why -> purpose of use.
PURPOSES: Mapping[str, str] = {
    "treatment": "TREAT",
    "emergency": "ETREAT",
    "own": "PATRQT",
    "on-behalf-of": "FAMRQT",
    "administration": "HOPERAT",
    "audit": "HCOMPL",
    "integration": "TREAT",
}
# FHIR's outcome: 0 success, 4 minor failure (refused as it should be), 8 serious failure.
OUTCOMES: Mapping[str, str] = {"shown": "0", "changed": "0", "refused": "4", "failed": "8"}


def id_of(event: Event) -> str:
    """Moment and id, because the trail is kept by moment."""
    return f"{(event.at - _FIRST) // _MICROSECOND}-{event.id.hex}"


def place_of(id: str) -> tuple[datetime, UUID] | None:
    """None when it is no id of ours."""
    microseconds, _, rest = id.partition("-")
    try:
        return _FIRST + int(microseconds) * _MICROSECOND, UUID(rest)
    except (ValueError, OverflowError, OSError):
        return None


def resource(event: Event, about: UUID | None = None) -> fhir.Resource:
    """`about`: only this patient of those the act showed."""
    patients = [about] if about is not None else event.patients
    made: fhir.Resource = {
        "resourceType": "AuditEvent",
        "id": id_of(event),
        "meta": {"profile": [named]} if (named := profile(event)) else None,
        "type": _type(event),
        "subtype": [_subtype(event)],
        "action": _action(event),
        "recorded": fhir.instant(event.at),
        "outcome": OUTCOMES[event.outcome],
        "outcomeDesc": event.outcome,
        "purposeOfEvent": list(_purposes(event)),
        "agent": list(_agents(event)),
        "source": {
            "observer": {"display": "Hjemvakt"},
            "type": [{"system": f"{TYPES.rpartition('/')[0]}/security-source-type", "code": "4"}],
        },
        "entity": [*(_patient(one) for one in patients), *_entities(event)],
    }
    return fhir.filled(made)


def profile(event: Event) -> str | None:
    """None for a log-in: BALP has no pattern for it."""
    if event.what in SESSIONS:
        return None
    verb = {"C": "Create", "R": "Read", "U": "Update", "E": "Query"}[_action(event)]
    whose = "Patient" if event.patients else ""
    return f"{BALP}/StructureDefinition/IHE.BasicAudit.{whose}{verb}"


def _type(event: Event) -> Mapping[str, str]:
    if event.what in SESSIONS:
        return {"system": DCM, "code": "110114", "display": "User Authentication"}
    return {"system": TYPES, "code": "rest", "display": "RESTful Operation"}


def _subtype(event: Event) -> Mapping[str, str]:
    if event.what in SESSIONS:
        code, display = SESSIONS[event.what]
        return {"system": DCM, "code": code, "display": display}
    code = {"C": "create", "R": "read", "U": "update", "E": "search-type"}[_action(event)]
    return {"system": REST, "code": code, "display": event.what}


def _action(event: Event) -> str:
    if event.what in LISTS or event.what in SESSIONS or len(event.patients) > 1:
        return "E"
    is_read = event.outcome == "shown" or (event.door or "").startswith(("GET", "HEAD"))
    if is_read:
        return "R"
    return "C" if event.what in ("registration", "emergency-access") else "U"


def _purposes(event: Event) -> Iterator[fhir.Resource]:
    reason, _, template = event.why.partition(":")
    if reason in PURPOSES:
        coding = {"system": REASONS, "code": PURPOSES[reason]}
        yield fhir.filled({"coding": [coding], "text": template or None})


def _agents(event: Event) -> Iterator[fhir.Resource]:
    client = {
        "type": _coded(DCM, "110153", "Source Role ID"),
        "who": {"display": event.door or event.what},
        "requestor": False,
        "network": {"address": event.address, "type": "2"} if event.address else None,
    }
    yield fhir.filled(client)
    yield {
        "type": _coded(DCM, "110152", "Destination Role ID"),
        "who": {"display": "Hjemvakt"},
        "requestor": False,
    }
    if event.by:
        identifier = {"system": HPR, "value": event.hpr} if event.hpr else None
        who = {"reference": _reference(event), "identifier": identifier, "display": event.name}
        user = {
            "type": _coded(PARTICIPANTS, "IRCP", "information recipient"),
            "who": fhir.filled(who),
            "requestor": True,
            "role": [
                {"text": event.role},
                *({"text": f"Organization/{one}"} for one in event.units),
            ],
        }
        yield fhir.filled(user)
    if event.on_behalf:
        yield {
            "type": _coded(PARTICIPANTS, "SBJ", "on behalf of"),
            "who": {"reference": f"Patient/{event.on_behalf}"},
            "requestor": False,
        }


def _reference(event: Event) -> str:
    kinds = {
        "patient": "Patient",
        "system": "Device",
        "device": "Device",
        "app": "Device",
        "relative": "RelatedPerson",
    }
    return f"{kinds.get(event.role, 'Practitioner')}/{event.by}"


def _patient(patient: UUID) -> fhir.Resource:
    return {
        "what": {"reference": f"Patient/{patient}"},
        "type": {"system": ENTITIES, "code": "1", "display": "Person"},
        "role": {"system": ROLES, "code": "1", "display": "Patient"},
    }


def _entities(event: Event) -> Iterator[fhir.Resource]:
    if event.request_id:
        yield {
            "what": {"identifier": {"value": event.request_id}},
            "type": {
                "system": f"{BALP}/CodeSystem/BasicAuditEntityType",
                "code": "XrequestId",
            },
        }
    if _action(event) == "E" and event.what not in SESSIONS:
        # The template of the address: what was searched by may name a person.
        yield {
            "type": {"system": ENTITIES, "code": "2", "display": "System Object"},
            "role": {"system": ROLES, "code": "24", "display": "Query"},
            "query": base64.b64encode((event.door or event.what).encode()).decode(),
        }
    else:
        yield {
            "what": {"display": event.about or event.what},
            "type": {"system": ENTITIES, "code": "2", "display": "System Object"},
            "role": {"system": ROLES, "code": "4", "display": "Domain Resource"},
        }


def _coded(system: str, code: str, display: str) -> fhir.Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}
