"""What the FHIR doors take, by example: for the OpenAPI and the AsyncAPI document."""

from typing import Any

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "identifier": [{"system": "urn:example:app", "value": "reading-0001"}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/3f1f4f5e-6a53-4c39-9c1f-3a3d2f6d7a10"},
    "effectiveDateTime": "2026-11-23T07:10:00+01:00",
    "valueQuantity": {"value": 82.4, "system": "http://unitsofmeasure.org", "code": "kg"},
}

ANSWERS: dict[str, Any] = {
    "resourceType": "QuestionnaireResponse",
    "status": "completed",
    "identifier": {"system": "urn:example:app", "value": "answers-0001"},
    "questionnaire": "https://hjemvakt.example/fhir/Questionnaire/home-dialysis-daily",
    "subject": {"reference": "Patient/3f1f4f5e-6a53-4c39-9c1f-3a3d2f6d7a10"},
    "authored": "2026-11-23T07:15:00+01:00",
    "item": [{"linkId": "effluent", "answer": [{"valueCoding": {"code": "clear"}}]}],
}

DEVICE: dict[str, Any] = {
    "resourceType": "Device",
    "identifier": [{"system": "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680", "value": "00-1C-05"}],
    "manufacturer": "Example",
    "modelNumber": "Scale 2",
    "serialNumber": "5210300123",
}

METRIC: dict[str, Any] = {
    "resourceType": "DeviceMetric",
    "type": {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": "188736"}]},
    "source": {"reference": "Device/scale-1"},
    "category": "measurement",
}

MESSAGE: dict[str, Any] = {
    "resourceType": "Communication",
    "status": "completed",
    "identifier": [{"system": "urn:example:app", "value": "message-0001"}],
    "subject": {"reference": "Patient/3f1f4f5e-6a53-4c39-9c1f-3a3d2f6d7a10"},
    "sent": "2026-11-23T07:20:00+01:00",
    "payload": [{"contentString": "Kateteret klør litt i dag."}],
}

_FILE = "JVBERi0xLjQKMSAwIG9iago8PD4+CmVuZG9iagolJUVPRgo="

MEDIA: dict[str, Any] = {
    "resourceType": "Media",
    "status": "completed",
    "identifier": [{"system": "urn:example:app", "value": "photo-0001"}],
    "subject": {"reference": "Patient/3f1f4f5e-6a53-4c39-9c1f-3a3d2f6d7a10"},
    "createdDateTime": "2026-11-23T07:20:00+01:00",
    "content": {"contentType": "application/pdf", "data": _FILE},
}

DOCUMENT: dict[str, Any] = {
    "resourceType": "DocumentReference",
    "status": "current",
    "identifier": [{"system": "urn:example:portal", "value": "report-0001"}],
    "subject": {"reference": "Patient/3f1f4f5e-6a53-4c39-9c1f-3a3d2f6d7a10"},
    "date": "2026-11-23T07:20:00+01:00",
    "description": "Rapport fra hjertestarterportalen",
    "content": [{"attachment": {"contentType": "application/pdf", "data": _FILE}}],
}

BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "batch",
    "entry": [
        {
            "fullUrl": "urn:uuid:5c5a0b7e-0c4e-4f1d-9a53-2a8f2f4b8f11",
            "request": {"method": "POST", "url": "Observation"},
            "resource": OBSERVATION,
        }
    ],
}
