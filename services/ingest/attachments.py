"""The HTTP door of photos and documents: the file as the body, what it is in one header."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from services.ingest import hot, receipts
from services.ingest.accept import CannotCommit
from services.ingest.devices import attachment, refused
from services.ingest.senders import Credential
from services.ingest.uploads import Taken, Uploads
from shared import exact, filing, pictures, service

router = APIRouter(tags=["intake"])

ABOUT = b"hjemvakt-about"
TYPES = (
    b"image/jpeg", b"image/png", b"image/webp", b"application/pdf", b"application/octet-stream",
)  # fmt: skip
AT_ONCE = 4  # bodies in memory
SECONDS = 120.0

_reading = asyncio.Semaphore(AT_ONCE)

EXAMPLE: dict[str, Any] = {
    "v": 1,
    "id": "0190f3a2-7c1e-7b4a-9b1d-2f6f0c1a0077",
    "kind": "wound_photo",
    "at": "2026-11-23T07:12:00+01:00",
    "site": "left heel",
    "context": {"ruler": True, "light": True},
}
RECEIPT: dict[str, Any] = {
    "v": 1,
    "id": EXAMPLE["id"],
    "result": "stored",
    "ref": "Media/8c0f7f6e-52c1-8d7a-b0c8-6b3a90a6b2de",
    "received": "2026-11-23T06:12:03.120Z",
    "flags": [],
    "errors": [],
    "watch": {"now": False, "until": None, "next": "2026-11-23T06:45:00.000Z"},
    "answer_by": "2026-11-25T14:30:00.000Z",
}


@router.post(
    "/v1/attachments",
    summary="Send a photo or a document",
    description=(
        "The body is the file itself: a JPEG, PNG or WebP picture or a PDF, at most 20 MiB. The "
        "header `hjemvakt-about` says what it is, as one JSON object of at most 4 KiB with "
        "letters beyond ASCII escaped. The receipt is as for readings; `answer_by` is when an "
        "answer is promised, or null."
    ),
    openapi_extra={
        "security": [{"secret": []}],
        "parameters": [
            {
                "name": "hjemvakt-about",
                "in": "header",
                "required": True,
                "schema": {"type": "string", "maxLength": attachment.MOST_ABOUT},
                "example": exact.dumps(EXAMPLE).decode(),
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                media_type.decode(): {
                    "schema": {"type": "string", "format": "binary"},
                    "example": "the bytes of the file",
                }
                for media_type in TYPES
            },
        },
    },
    responses={
        200: {
            "description": "Its receipt",
            "content": {"application/json": {"example": {"results": [RECEIPT]}}},
        },
        **{
            status: {"description": text, "content": {"application/problem+json": {}}}
            for status, text in {
                400: "hjemvakt-about is not JSON that can be read safely",
                401: "No valid bearer secret",
                408: "The body came too slowly; send it again",
                413: "The file is larger than 20 MiB",
                415: "Not a file of these types, or a content-encoding",
                422: "hjemvakt-about is missing, too long or not an object",
                429: "Too many files from this credential today; keep them and send them later",
                503: "Nothing can be committed just now; keep the file and send it again",
            }.items()
        },
    },
)
async def attachments(request: Request) -> Response:
    status, media_type, body, more = await _received(request)
    headers = {name.decode(): value.decode() for name, value in more}
    return Response(body, status, headers, media_type.decode())


async def _received(request: Request) -> hot.Answer:
    door: hot.Door = request.app.state.door
    headers = dict(request.scope["headers"])
    try:
        credential = await door.credential(request.scope, headers)
        door.count(credential, 0)
    except hot.NotAdmitted as refusal:
        return refusal.answer
    fault = hot.unacceptable(headers, TYPES)
    if fault is not None:
        return fault
    async with _reading:
        return await _taken(request, credential, headers)


async def _taken(
    request: Request, credential: Credential, headers: Mapping[bytes, bytes]
) -> hot.Answer:
    door: hot.Door = request.app.state.door
    uploads: Uploads = request.app.state.uploads
    try:
        async with asyncio.timeout(SECONDS):
            file = await hot.read(request.receive, headers, pictures.MOST_BYTES)
    except TimeoutError:
        return hot.problem(408, "too-slow", "The body came too slowly; send it again")
    if file is None:
        return hot.too_large(pictures.MOST_BYTES)
    try:
        said = attachment.about(headers.get(ABOUT, b""))
        taken = await uploads.accept(credential, said, file)
    except refused.Refused as unusable:
        return door.refuse(unusable, credential, file)
    except filing.FileNotTaken as unusable:
        _log_refusal(unusable, credential, file)
        return _problem(415, unusable)
    except filing.TooManyAttachments as unusable:
        return _problem(429, unusable, [(b"retry-after", b"3600")])
    except CannotCommit:
        return hot.unavailable()
    return 200, hot.JSON, exact.dumps({"results": [_receipt(taken)]}), []


def _receipt(taken: Taken) -> dict[str, Any]:
    told = msgspec.structs.asdict(receipts.sent(taken.receipt))
    sent = {name: said for name, said in told.items() if name != "crisis"}
    by = taken.answer_by
    return sent | {"answer_by": receipts.moment(by) if by else None}


def _log_refusal(fault: Exception, credential: Credential, file: bytes) -> None:
    """Counted and written down, so that nothing is lost unseen."""
    code = service.code_of(type(fault))
    hot.REFUSED.labels(code).inc()
    hot.log.warning(
        "A body was refused.",
        cred=credential.sender.cred,
        org=credential.org,
        code=code,
        sha256=hashlib.sha256(file).hexdigest(),
        size=len(file),
    )


def _problem(
    status: int, fault: Exception, headers: list[tuple[bytes, bytes]] | None = None
) -> hot.Answer:
    return hot.problem(status, service.code_of(type(fault)), service.title_of(type(fault)), headers)
