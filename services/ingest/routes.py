"""The other HTTP doors of ingest, and the hot one's entry in the OpenAPI document."""

from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest import hot

router = APIRouter(tags=["intake"])

EXAMPLE: dict[str, Any] = {
    "v": 1,
    "id": "0190f3a2-7c1e-7b4a-9b1d-2f6f0c1a0001",
    "kind": "blood_pressure",
    "at": "2026-11-23T07:12:00+01:00",
    "values": {"systolic": 142, "diastolic": 88, "pulse": 71},
    "device": {"manufacturer": "Example", "model": "Cuff 1", "serial": "123", "clock": "synced"},
}

ANSWERS: dict[str, Any] = {
    "v": 1,
    "id": "0190f3a2-7c1e-7b4a-9b1d-2f6f0c1a0002",
    "kind": "questionnaire",
    "at": "2026-11-23T07:15:00+01:00",
    "questionnaire": "phq-9",
    "status": "completed",
    "answers": {"item-1": "LA6569-3", "item-2": 2, "item-9": "LA6568-5"},
}

RECEIPT: dict[str, Any] = {
    "v": 1,
    "id": EXAMPLE["id"],
    "result": "stored",
    "ref": "Observation/8c0f7f6e-52c1-8d7a-b0c8-6b3a90a6b2de",
    "received": "2026-11-23T06:12:03.120Z",
    "flags": [],
    "errors": [],
    "watch": {"now": False, "until": None, "next": "2026-11-23T06:45:00.000Z"},
}

ITEMS = [
    {"$ref": "#/components/schemas/Observation"},
    {"$ref": "#/components/schemas/FormAnswers"},
]

_ERRORS = {
    400: "The body is not JSON that can be read safely",
    401: "No valid bearer secret",
    413: "The body is larger than 256 KiB",
    415: "Not JSON, or a content-encoding",
    422: "Neither an object nor an array of at most 500 objects",
    503: "Nothing can be committed just now; keep the readings and send them again",
}


@router.post(
    hot.PATH,
    summary="Send readings in JSON, version 1",
    description=(
        "One object or an array of at most 500. Each item gets a receipt, in order, after it is "
        "durably stored. Sent again with the same id and content it is answered `duplicate`. "
        "An item with a fault is quarantined and named; the others are stored. One that a person "
        "has rejected since is `quarantined` with `rejected` as its first error: it is not to be "
        "sent again. The answers to a "
        "form are an item of kind `questionnaire`. A receipt has `crisis` when an answer is red by "
        "itself, stored or not: words and numbers to show the patient at once."
    ),
    openapi_extra={
        "security": [{"secret": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "oneOf": [
                            *ITEMS,
                            {"type": "array", "maxItems": 500, "items": {"oneOf": ITEMS}},
                        ]
                    },
                    "examples": {
                        "one": {"value": EXAMPLE},
                        "many": {"value": [EXAMPLE]},
                        "answers": {"value": ANSWERS},
                    },
                }
            },
        },
    },
    responses={
        200: {
            "description": "A receipt per item, in order",
            "content": {"application/json": {"example": {"results": [RECEIPT]}}},
        },
        **{
            status: {"description": text, "content": {"application/problem+json": {}}}
            for status, text in _ERRORS.items()
        },
    },
)
async def observations(request: Request) -> Response:
    door: hot.Door = request.app.state.door
    return hot.plain(await door.observations(request.scope, request.receive))
