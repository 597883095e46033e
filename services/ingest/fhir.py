"""The FHIR doors: a Bundle (batch or transaction), one Observation, one QuestionnaireResponse."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest import hot
from services.ingest.accept import CannotCommit
from services.ingest.devices import fhir_r4, refused
from services.ingest.senders import Credential
from shared import exact, fhir_bundles, ledger
from shared.contracts import Receipt, Result
from shared.database import DatabaseIsAway

router = APIRouter(prefix="/fhir", tags=["FHIR R4"])

FHIR = "application/fhir+json"
MOST_BYTES = 5 * 1024 * 1024
RESOURCE_BYTES = 256 * 1024

_STATUS = {Result.STORED: 201, Result.QUARANTINED: 202}
_TYPES = (b"application/fhir+json", b"application/json")

_BUNDLE_EXAMPLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "batch",
    "entry": [
        {
            "fullUrl": "urn:uuid:5c5a0b7e-0c4e-4f1d-9a53-2a8f2f4b8f11",
            "request": {"method": "POST", "url": "Observation"},
            "resource": {
                "resourceType": "Observation",
                "status": "final",
                "identifier": [{"system": "urn:example:app", "value": "reading-0001"}],
                "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
                "subject": {"reference": "Patient/3f1f4f5e-6a53-4c39-9c1f-3a3d2f6d7a10"},
                "effectiveDateTime": "2026-11-23T07:10:00+01:00",
                "valueQuantity": {
                    "value": 82.4,
                    "system": "http://unitsofmeasure.org",
                    "code": "kg",
                },
            },
        }
    ],
}
_OBSERVATION_EXAMPLE = _BUNDLE_EXAMPLE["entry"][0]["resource"]
_ANSWERS_EXAMPLE: dict[str, Any] = {
    "resourceType": "QuestionnaireResponse",
    "status": "completed",
    "identifier": {"system": "urn:example:app", "value": "answers-0001"},
    "questionnaire": "https://hjemvakt.example/fhir/Questionnaire/home-dialysis-daily",
    "subject": {"reference": "Patient/3f1f4f5e-6a53-4c39-9c1f-3a3d2f6d7a10"},
    "authored": "2026-11-23T07:15:00+01:00",
    "item": [{"linkId": "effluent", "answer": [{"valueCoding": {"code": "clear"}}]}],
}


def _documented(example: Mapping[str, Any], answer: str) -> dict[str, Any]:
    return {
        "openapi_extra": {
            "security": [{"secret": []}],
            "requestBody": {
                "required": True,
                "content": {FHIR: {"schema": {"type": "object"}, "example": example}},
            },
        },
        "responses": {
            200: {"description": answer, "content": {FHIR: {}}},
            401: {"description": "No valid bearer secret"},
            413: {"description": "The body is too large"},
            415: {"description": "Not FHIR JSON"},
            422: {"description": "An OperationOutcome: the body is unusable"},
            503: {"description": "Nothing can be committed just now; send it again"},
        },
    }


@router.post(
    "",
    summary="Send a batch or transaction Bundle",
    **_documented(
        _BUNDLE_EXAMPLE,
        "A batch-response or transaction-response with every fullUrl echoed. In a batch each "
        "entry stands for itself; a transaction stores all entries or none.",
    ),
)
async def bundle(request: Request) -> Response:
    return await _received(request, MOST_BYTES, None)


@router.post(
    "/Observation",
    summary="Send one Observation",
    **_documented(_OBSERVATION_EXAMPLE, "Known already; 201 stored, 202 quarantined with why"),
)
async def observation(request: Request) -> Response:
    return await _received(request, RESOURCE_BYTES, "Observation")


@router.post(
    "/QuestionnaireResponse",
    summary="Send the answers to a form",
    **_documented(_ANSWERS_EXAMPLE, "Known already; 201 stored, 202 quarantined with why"),
)
async def questionnaire_response(request: Request) -> Response:
    return await _received(request, RESOURCE_BYTES, "QuestionnaireResponse")


async def _received(request: Request, most: int, resource: str | None) -> Response:
    door: hot.Door = request.app.state.door
    headers = dict(request.scope["headers"])
    try:
        credential = await door.credential(headers)
    except DatabaseIsAway:
        return _plain(hot.unavailable())
    if credential is None:
        return _plain(hot.unauthenticated())
    fault = hot.unacceptable(headers, _TYPES)
    if fault is not None:
        return _plain(fault)
    body = await hot.read(request.receive, headers, most)
    if body is None:
        return _plain(hot.too_large(most))
    try:
        received = fhir_r4.decode(body, FHIR, request.app.state.forms)
        _must_be(received, body, resource)
        if resource is not None:
            return await _one(door, credential, received)
        if received.bundle == "transaction":
            return await _transaction(door, credential, received)
        return await _batch(door, credential, received)
    except refused.Refused as unusable:
        hot.refuse(unusable, credential, body)
        return _outcome(
            400 if isinstance(unusable, refused.NotReadable) else 422,
            fhir_bundles.outcome(unusable.code, unusable.title, issue="structure"),
        )
    except CannotCommit:
        return _plain(hot.unavailable())


def _must_be(received: fhir_r4.Received, body: bytes, resource: str | None) -> None:
    if resource is None:
        if received.bundle is None:
            raise refused.BundleNotTaken
        return
    if received.bundle is not None or exact.loads(body).get("resourceType") != resource:
        raise refused.ResourceNotTaken


async def _one(door: hot.Door, credential: Credential, received: fhir_r4.Received) -> Response:
    [receipt] = await door.intake.accept(credential, received.items)
    answer = fhir_bundles.answer(receipt)
    headers = {"Location": f"/fhir/{answer.location}"} if answer.location else {}
    return _outcome(
        _STATUS.get(receipt.result, 200),
        answer.outcome
        or fhir_bundles.outcome(
            receipt.result.value, "The item is stored.", "information", "informational"
        ),
        headers,
    )


async def _batch(door: hot.Door, credential: Credential, received: fhir_r4.Received) -> Response:
    receipts = iter(await door.intake.accept(credential, received.items) if received.items else [])
    return _bundle(_answers(received.entries, receipts), "batch")


async def _transaction(
    door: hot.Door, credential: Credential, received: fhir_r4.Received
) -> Response:
    """All or nothing: an entry that could not be stored refuses the whole Bundle."""
    faulty = [
        entry for entry in received.entries if entry.refusal or (entry.item and entry.item.errors)
    ]
    if faulty:
        first = faulty[0]
        if first.refusal is not None:
            raise first.refusal
        assert first.item is not None
        return _outcome(422, fhir_bundles.quarantined(first.item.errors))
    try:
        receipts = iter(await door.intake.accept_transaction(credential, received.items))
    except ledger.NotIndivisible as refusal:
        return _outcome(422, fhir_bundles.quarantined(refusal.errors))
    return _bundle(_answers(received.entries, receipts), "transaction")


def _answers(entries: Sequence[fhir_r4.Entry], receipts: Any) -> list[fhir_bundles.Answer]:
    answers = []
    for entry in entries:
        if entry.item is not None:
            receipt: Receipt = next(receipts)
            answers.append(fhir_bundles.answer(receipt, entry.full_url))
        elif entry.refusal is not None:
            answers.append(
                fhir_bundles.Answer(
                    "422 Unprocessable Entity",
                    entry.full_url,
                    None,
                    fhir_bundles.outcome(entry.refusal.code, entry.refusal.title),
                )
            )
        else:
            answers.append(
                fhir_bundles.Answer(
                    "200 OK",
                    entry.full_url,
                    None,
                    fhir_bundles.outcome(
                        "not-stored",
                        "Read for what the other entries say of it; not stored.",
                        "information",
                        "informational",
                    ),
                )
            )
    return answers


def _bundle(answers: list[fhir_bundles.Answer], kind: fhir_r4.BundleType) -> Response:
    return Response(exact.dumps(fhir_bundles.response(answers, kind)), 200, media_type=FHIR)


def _outcome(
    status: int, outcome: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    return Response(exact.dumps(outcome), status, dict(headers or {}), media_type=FHIR)


def _plain(answer: hot.Answer) -> Response:
    status, media_type, body, more = answer
    headers = {name.decode(): value.decode() for name, value in more}
    return Response(body, status, headers, media_type.decode())
