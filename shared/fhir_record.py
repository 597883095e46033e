"""People, devices and questionnaires as FHIR R4."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from shared import fhir


def patient(
    patient_id: UUID,
    name: str,
    born: str | None = None,
    sex: str | None = None,
    language: str | None = None,
    identifiers: Iterable[tuple[str, str]] = (),
    deceased_at: datetime | None = None,
    unit: str | None = None,
) -> fhir.Resource:
    """A person. `born` as YYYY-MM-DD; `identifiers` as (system, value)."""
    made: fhir.Resource = {
        "resourceType": "Patient",
        "id": str(patient_id),
        "identifier": [{"system": system, "value": value} for system, value in identifiers],
        "active": deceased_at is None,
        "name": [{"use": "official", "text": name}],
        "gender": sex if sex in ("male", "female", "other") else "unknown",
        "birthDate": born,
        "deceasedDateTime": fhir.instant(deceased_at) if deceased_at else None,
        "managingOrganization": {"display": unit} if unit else None,
    }
    if language:
        coding = {"system": "urn:ietf:bcp:47", "code": language}
        made["communication"] = [{"language": {"coding": [coding]}}]
    return fhir.filled(made)


def device(
    device_id: UUID,
    manufacturer: str | None = None,
    model: str | None = None,
    serial: str | None = None,
    name: str | None = None,
    patient_id: UUID | None = None,
    active: bool = True,
) -> fhir.Resource:
    made: fhir.Resource = {
        "resourceType": "Device",
        "id": str(device_id),
        "status": "active" if active else "inactive",
        "manufacturer": manufacturer,
        "modelNumber": model,
        "serialNumber": serial,
        "deviceName": [{"name": name, "type": "user-friendly-name"}] if name else None,
        "patient": {"reference": f"Patient/{patient_id}"} if patient_id else None,
    }
    return fhir.filled(made)


def questionnaire(form: Mapping[str, Any], name: str, version: str | None = None) -> fhir.Resource:
    """A programme's questionnaire as it is, under the address our responses name."""
    made = {
        **form,
        "resourceType": "Questionnaire",
        "id": name,
        "url": f"{fhir.QUESTIONNAIRES}{name}",
    }
    return {**made, "version": version} if version else made
