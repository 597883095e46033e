"""POST /v1/uploads: files in the formats of others, as the sender has them."""

import asyncio
from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from services.ingest import card, formats, hot, receipts
from services.ingest.accept import CannotCommit
from services.ingest.devices import cpap, foreign, refused
from services.ingest.senders import Credential
from shared.contracts import Item, Receipt

router = APIRouter(tags=["intake"])

MOST_BYTES = 20 * 1024 * 1024
AT_ONCE = 200  # items a commit
# A card is read in a process of its own; two at a time are as many as the machine bears.
_CARDS = asyncio.Semaphore(2)

_KEPT = "application/octet-stream"  # of a file that a decoder of ours failed on
_FILES = (
    "application/zip",
    "application/x-zip-compressed",
    "application/edf",
    "application/octet-stream",
)
_TYPES = formats.taken("senml", besides=(formats.JSON, *_FILES))
_EXAMPLE = {
    "header": {
        "id": "0190f3a2-7c1e-7b4a-9b1d-2f6f0c1a0001",
        "schema_id": {"namespace": "omh", "name": "body-weight", "version": "3.0"},
        "acquisition_provenance": {"source_name": "Example", "modality": "sensed"},
    },
    "body": {
        "body_weight": {"value": 82.4, "unit": "kg"},
        "effective_time_frame": {"date_time": "2026-11-23T07:12:00+01:00"},
    },
}


@router.post(
    "/v1/uploads",
    summary="Send a file in somebody else's format",
    description=(
        "A CPAP card (the zip of it, or its STR.edf), the nights of the maker's app (JSON), Open "
        "mHealth or IEEE 1752.1 data points, SenML, measure groups of Withings and data lists of "
        "iHealth. At most 20 MiB; the content says what it is. Each measurement gets a receipt, in "
        "order; sent again it is `duplicate`, and a night that has grown is `corrected`."
    ),
    openapi_extra={
        "security": [{"secret": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {}, "example": _EXAMPLE},
                "application/senml+json": {"schema": {"type": "array"}},
                "application/zip": {"schema": {"type": "string", "format": "binary"}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        },
    },
    responses={
        200: {"description": "A receipt for each measurement, in order"},
        400: {"description": "JSON that cannot be read safely"},
        401: {"description": "No valid bearer secret"},
        413: {"description": "The file is too large"},
        415: {"description": "Another media type"},
        422: {"description": "A file of no format that is taken"},
        503: {"description": "Nothing can be committed just now; send it again"},
    },
)
async def upload(request: Request) -> Response:
    door: hot.Door = request.app.state.door
    try:
        credential, body = await door.admitted(request.scope, request.receive, _TYPES, MOST_BYTES)
    except hot.NotAdmitted as refusal:
        return hot.plain(refusal.answer)
    try:
        answered = await _take(door, credential, body)
    except refused.Refused as unusable:
        return hot.plain(door.refuse(unusable, credential, body))
    except CannotCommit:
        return hot.plain(hot.unavailable())
    return Response(receipts.results(answered), 200, media_type="application/json")


async def _take(door: hot.Door, credential: Credential, body: bytes) -> list[Receipt]:
    """The receipts. What was committed before a failure is a duplicate when it is sent again."""
    try:
        items = await _read(body)
    except (refused.Refused, OSError):
        raise
    except Exception as error:
        items = [door.failed(credential, body, _KEPT, error)]
    answered: list[Receipt] = []
    for first in range(0, len(items), AT_ONCE):
        answered += await door.intake.accept(credential, items[first : first + AT_ONCE])
    return answered


async def _read(body: bytes) -> list[Item]:
    now = datetime.now(UTC)
    if not foreign.is_card(body):
        return foreign.decode(body, now)
    async with _CARDS:
        told = await card.read(body)
    return cpap.of_card(told, now)
