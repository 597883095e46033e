"""FHIR bodies as other systems write them, and what the ledger holds of them afterwards."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from tests.ingest.conftest import ORG, Holder

# Lately: what is older than a week is filed as late, and answered so.
AT = (datetime.now(UTC) - timedelta(days=3)).isoformat(timespec="seconds")
FHIR = {"content-type": "application/fhir+json"}


def observation(patient: object, value: object = 82.4, **changed: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": "urn:example:app", "value": f"o-{uuid4()}"}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": AT,
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "kg"},
        **changed,
    }


def bundle(kind: str, *resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [
            {
                "fullUrl": f"urn:uuid:{uuid4()}",
                "request": {"method": "POST", "url": resource["resourceType"]},
                "resource": resource,
            }
            for resource in resources
        ],
    }


def code(answer: httpx.Response) -> str:
    issue = answer.json()["issue"][0]
    return str(issue["details"]["coding"][0]["code"])


def answers(patient: object, *items: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "identifier": {"system": "urn:example:app", "value": f"a-{uuid4()}"},
        "questionnaire": "https://hjemvakt.example/fhir/Questionnaire/home-dialysis-daily",
        "subject": {"reference": f"Patient/{patient}"},
        "authored": AT,
        "item": list(items),
    }


async def in_force(owner: asyncpg.Connection, holder: Holder) -> list[dict[str, Any]]:
    """The bodies of the patient's facts."""
    rows = await owner.fetch(
        "select body::text from ledger.current where org = $1 and patient_id = $2 order by at, id",
        ORG,
        holder.patient_id,
    )
    return [json.loads(row["body"], parse_float=Decimal) for row in rows]


async def kilos(owner: asyncpg.Connection, holder: Holder) -> list[Any]:
    return sorted(body["values"]["value"] for body in await in_force(owner, holder))
