"""HL7 v2: what both doors do with a message, and the door over HTTP."""

from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
from fastapi import APIRouter, Request, Response

from services.ingest import decoders, formats, hot, tokens
from services.ingest.accept import CannotCommit
from services.ingest.devices import (
    hl7_adt,
    hl7_answers,
    hl7_documents,
    hl7_items,
    hl7_message,
    hl7_oru,
    refused,
)
from services.ingest.senders import Credential
from services.ingest.uploads import Uploads
from shared import access
from shared.contracts import Item, Receipt, Result
from shared.database import DatabaseIsAway

router = APIRouter(tags=["HL7 v2"])

MEDIA = hl7_items.MEDIA
MOST_BYTES = 5 * 1024 * 1024

_TYPES = formats.taken("hl7", besides=("text/plain",))
EXAMPLE = "\r".join(
    (
        r"MSH|^~\&|Engine|Clinic|Hjemvakt|Hospital|20261123071500+0100||ORU^R01^ORU_R01|M-1001|P|2.6",
        "PID|||13116900216^^^&2.16.578.1.12.4.1.4.1&ISO",
        "OBR|1||R-1001|182777000^monitoring of patient^SCT|||20261123071200+0100",
        "OBX|1|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.0.1.1|142|266016^MDC_DIM_MMHG^MDC|||||F",
        "OBX|2|NM|150022^MDC_PRESS_BLD_NONINV_DIA^MDC|1.0.1.2|88|266016^MDC_DIM_MMHG^MDC|||||F",
        "",
    )
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An acknowledgement, and the HTTP status that says the same."""

    status: int
    body: bytes


@router.post(
    "/hl7v2",
    summary="Send one HL7 v2 message (ER7)",
    description=(
        "ORU^R01: IHE PCD-01 vital signs, PCD-09 implants, haemodialysis. ADT of a system's "
        "credential: admission, transfer, discharge, demographics, merge. Answered after the "
        "commit with AA (kept; what could not be filed is named in ERR), AE (nothing of it could "
        "be filed: it waits in quarantine) or AR (not taken, or not now)."
    ),
    openapi_extra={
        "security": [{"secret": []}],
        "requestBody": {
            "required": True,
            "content": {MEDIA: {"schema": {"type": "string"}, "example": EXAMPLE}},
        },
    },
    responses={
        200: {"description": "AA or CA: kept", "content": {MEDIA: {}}},
        202: {"description": "AE or CE: in quarantine, with why", "content": {MEDIA: {}}},
        401: {"description": "No valid bearer secret"},
        413: {"description": "The body is too large"},
        415: {"description": "Not HL7 v2 in ER7"},
        422: {"description": "AR: a message that is not taken", "content": {MEDIA: {}}},
        503: {"description": "AR: nothing can be committed just now; send it again"},
    },
)
async def message(request: Request) -> Response:
    door: hot.Door = request.app.state.door
    try:
        credential, body = await door.admitted(request.scope, request.receive, _TYPES, MOST_BYTES)
    except hot.NotAdmitted as refusal:
        return hot.plain(refusal.answer)
    try:
        reply = await take(door, request.app.state.uploads, credential, body)
    except access.ScopeIsMissing as missing:
        return hot.plain(hot.turned_away(missing))
    more = {"Retry-After": "2"} if reply.status == 503 else {}
    return Response(reply.body, reply.status, more, media_type=MEDIA)


async def take(door: hot.Door, uploads: Uploads, credential: Credential, body: bytes) -> Reply:
    """Store a message and acknowledge it. What cannot be read is kept in quarantine.
    ScopeIsMissing: a token is not given for what is in it."""
    now = datetime.now(UTC)
    sent: hl7_message.Message | None = None
    try:
        sent = hl7_message.read(body)
        items = await _items(door, uploads, credential, sent, now)
    except refused.NotHl7 as fault:
        items, refusal = [decoders.unreadable(body, MEDIA)], fault
    except refused.Refused as fault:
        door.refuse(fault, credential, body)
        return Reply(422, hl7_answers.refused(sent, fault.code, fault.title, now))
    except CannotCommit as fault:
        return _unavailable(sent, fault, now)
    except (access.ScopeIsMissing, DatabaseIsAway, asyncpg.PostgresError, OSError):
        raise
    except Exception as error:
        items, refusal = [_failed(sent, body, error, credential)], refused.NotHl7()
    try:
        receipts = await door.intake.accept(credential, items)
    except CannotCommit as fault:
        return _unavailable(sent, fault, now)
    if sent is None:
        return Reply(202, hl7_answers.refused(None, refusal.code, refusal.title, now))
    return _answered(sent, receipts, now)


def _failed(
    sent: hl7_message.Message | None, body: bytes, error: Exception, credential: Credential
) -> Item:
    """What waits of it, without the secret that it may carry."""
    kept = hl7_items.unknown(sent).raw if sent is not None else body
    return decoders.failed(kept, MEDIA, error, credential.org, credential.sender.cred)


async def _items(
    door: hot.Door,
    uploads: Uploads,
    credential: Credential,
    sent: hl7_message.Message,
    now: datetime,
) -> list[Item]:
    """Raises a kind of Refused, CannotCommit, ScopeIsMissing."""
    if hl7_adt.is_taken(sent):
        tokens.must_have(credential, "administration.write")
        if not credential.sender.names_its_subject:
            raise refused.SenderNotTaken
        return hl7_adt.decode(sent, door.intake.hashes, now)
    rest, files = hl7_documents.split(sent, now)
    if files:
        tokens.must_have(credential, "attachments.write")
    items = hl7_oru.items(rest, now) if not files or hl7_documents.has_results(rest) else []
    return [*items, *await uploads.enclosed(credential, files)] if files else items


def _unavailable(sent: hl7_message.Message | None, fault: CannotCommit, now: datetime) -> Reply:
    return Reply(503, hl7_answers.unavailable(sent, fault.__doc__ or "", now))


def _answered(sent: hl7_message.Message, receipts: list[Receipt], now: datetime) -> Reply:
    is_filed = any(each.result is not Result.QUARANTINED for each in receipts)
    return Reply(200 if is_filed else 202, hl7_answers.stored(sent, receipts, now))
