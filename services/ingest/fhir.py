"""The FHIR doors: a Bundle (batch or transaction), one Observation, one QuestionnaireResponse."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from services.ingest import fhir_examples, fhir_replies, formats, hot
from services.ingest.accept import CannotCommit
from services.ingest.devices import fhir_r4, fhir_xml, refused
from services.ingest.senders import Credential
from shared import crisis, exact, fhir_bundles, ledger
from shared.contracts import Crisis, Watch

router = APIRouter(prefix="/fhir", tags=["FHIR R4"])

MOST_BYTES = 5 * 1024 * 1024
RESOURCE_BYTES = 256 * 1024
KEYS = fhir_r4.KEYS

TYPES = formats.taken("fhir", "fhir-xml", besides=(formats.JSON,))
_CONDITIONS = {
    b"if-none-exist": "ifNoneExist",
    b"if-match": "ifMatch",
    b"if-none-match": "ifNoneMatch",
}
_NOT_OF_A_TYPE = ["GET", "PATCH", "DELETE"]
_NOT_OF_ONE = [*_NOT_OF_A_TYPE, "POST"]
_UPDATED = (
    "200 replaced, or known already; 201 stored, as the first of its message; 202 quarantined "
    "with why. The message is named by the resource's first identifier, else by the id. The "
    "content of an earlier version is known already; to go back to it, say a newer "
    "meta.versionId or meta.lastUpdated."
)


_STORED = {
    201: {"description": "Stored, as the first of its message"},
    202: {"description": "In quarantine, with why; held by us and never lost"},
}


def documented(example: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """`answer`: what 200 means, and whether 201 and 202 are answered too."""
    return {
        "openapi_extra": {
            "security": [{"secret": []}],
            "requestBody": {
                "required": True,
                "content": {fhir_replies.MEDIA: {"schema": {"type": "object"}, "example": example}},
            },
        },
        "responses": {
            200: {"description": answer, "content": {fhir_replies.MEDIA: {}}},
            **(_STORED if "202" in answer else {}),
            401: {"description": "No valid bearer secret"},
            412: {"description": "A condition other than one identifier=system|value"},
            413: {"description": "The body is too large"},
            415: {"description": "Not FHIR in JSON or XML"},
            422: {"description": "An OperationOutcome: the body is unusable"},
            503: {"description": "Nothing can be committed just now; send it again"},
        },
    }


@router.post(
    "",
    summary="Send a batch or transaction Bundle",
    **documented(
        fhir_examples.BUNDLE,
        "A batch-response or transaction-response with every fullUrl echoed. In a batch each "
        "entry stands for itself; a transaction stores all entries or none.",
    ),
)
async def bundle(request: Request) -> Response:
    return await received(request, MOST_BYTES, None)


@router.post(
    "/Observation",
    summary="Send one Observation",
    description="With If-None-Exist: identifier=system|value that identifier names the message.",
    **documented(fhir_examples.OBSERVATION, "Known already; 201 stored, 202 quarantined with why"),
)
async def observation(request: Request) -> Response:
    return await received(request, RESOURCE_BYTES, "Observation")


@router.post(
    "/QuestionnaireResponse",
    summary="Send the answers to a form",
    description="A form that is not finished (in-progress, stopped) is stored and judged too.",
    **documented(fhir_examples.ANSWERS, "Known already; 201 stored, 202 quarantined with why"),
)
async def questionnaire_response(request: Request) -> Response:
    return await received(request, RESOURCE_BYTES, "QuestionnaireResponse")


@router.post(
    "/Communication",
    summary="Send what a patient wrote",
    description="A message to the unit that follows the patient: it stands in the unit's list "
    "until somebody has answered it. No rule reads it. Photos sent before it are named by "
    "payload.contentReference.",
    **documented(fhir_examples.MESSAGE, "Known already; 201 stored, 202 quarantined with why"),
)
async def communication(request: Request) -> Response:
    return await received(request, RESOURCE_BYTES, "Communication")


@router.put(
    "/Observation/{id}",
    summary="Send an Observation in place of its earlier version",
    **documented(fhir_examples.OBSERVATION | {"id": "reading-0001"}, _UPDATED),
)
@router.put(
    "/Observation",
    summary="The same, the message named by ?identifier=system|value",
    **documented(fhir_examples.OBSERVATION, _UPDATED),
)
async def update_observation(request: Request) -> Response:
    return await received(request, RESOURCE_BYTES, "Observation")


@router.put(
    "/QuestionnaireResponse/{id}",
    summary="Send answers in place of their earlier version",
    **documented(fhir_examples.ANSWERS | {"id": "answers-0001"}, _UPDATED),
)
@router.put(
    "/QuestionnaireResponse",
    summary="The same, the message named by ?identifier=system|value",
    **documented(fhir_examples.ANSWERS, _UPDATED),
)
async def update_answers(request: Request) -> Response:
    return await received(request, RESOURCE_BYTES, "QuestionnaireResponse")


@router.api_route("/Observation", methods=_NOT_OF_A_TYPE, include_in_schema=False)
@router.api_route("/Observation/{id}", methods=_NOT_OF_ONE, include_in_schema=False)
@router.api_route("/QuestionnaireResponse", methods=_NOT_OF_A_TYPE, include_in_schema=False)
@router.api_route("/QuestionnaireResponse/{id}", methods=_NOT_OF_ONE, include_in_schema=False)
async def not_taken(request: Request) -> Response:
    answer = fhir_replies.refusal(refused.MethodNotTaken())
    answer.headers["Allow"] = "PUT" if "id" in request.path_params else "POST, PUT"
    return answer


async def received(request: Request, most: int, resource: str | None) -> Response:
    door: hot.Door = request.app.state.door
    headers = dict(request.scope["headers"])
    try:
        credential, body = await door.admitted(request.scope, request.receive, TYPES, most)
    except hot.NotAdmitted as refusal:
        return hot.plain(refusal.answer)
    try:
        try:
            sent = read(request, headers, plain(headers, body), resource)
        except refused.Refused:
            raise
        except Exception as error:
            kept = door.failed(credential, body, fhir_replies.MEDIA, error)
            [receipt] = await door.intake.accept(credential, [kept])
            return fhir_replies.one(receipt)
        hot.must_be_given_for(credential, sent.items)
        if resource is not None and not sent.items:
            return fhir_replies.beside()
        if resource is not None:
            [receipt] = await door.intake.accept(credential, sent.items)
            return fhir_replies.one(receipt)
        if sent.bundle == "transaction":
            return await _transaction(door, credential, sent)
        receipts = await door.intake.accept(credential, sent.items) if sent.items else []
        for entry in sent.entries:
            if entry.refusal is not None:
                door.intake.traffic.refused(credential, entry.refusal.code)
        return fhir_replies.bundle(sent.entries, receipts, "batch")
    except hot.NotAdmitted as refusal:
        return hot.plain(refusal.answer)
    except refused.Refused as unusable:
        door.refuse(unusable, credential, body)
        return fhir_replies.refusal(unusable)
    except CannotCommit:
        return hot.plain(hot.unavailable())


def plain(headers: Mapping[bytes, bytes], body: bytes) -> bytes:
    """The body in JSON: what comes as XML is kept as the JSON that says the same."""
    told = headers.get(b"content-type", b"").decode("latin-1")
    return fhir_xml.as_json(body) if formats.of(told) == "fhir-xml" else body


def read(
    request: Request, headers: Mapping[bytes, bytes], body: bytes, resource: str | None
) -> fhir_r4.Received:
    forms, now = request.app.state.forms, datetime.now(UTC)
    if resource is None:
        received = fhir_r4.decode(body, fhir_replies.MEDIA, forms, now)
        if received.bundle is None:
            raise refused.BundleNotTaken
        return received
    try:
        sent = exact.loads(body)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if not isinstance(sent, dict) or sent.get("resourceType") != resource:
        raise refused.ResourceNotTaken
    if how := _how(request, headers):
        body = fhir_r4.as_entry(body, how)
    return fhir_r4.decode(body, fhir_replies.MEDIA, forms, now)


def _how(request: Request, headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The request of a single resource as a Bundle entry would say it; empty for a plain POST."""
    conditions = {
        name: headers[header].decode("latin-1")
        for header, name in _CONDITIONS.items()
        if header in headers
    }
    if request.method == "POST" and not conditions:
        return {}
    path = request.scope["path"].partition("/fhir/")[2]
    query = f"?{request.url.query}" if request.url.query else ""
    return {"method": request.method, "url": f"{quote(path)}{query}", **conditions}


async def _transaction(
    door: hot.Door, credential: Credential, received: fhir_r4.Received
) -> Response:
    """All or nothing: an entry that could not be stored refuses the whole Bundle."""
    for entry in received.entries:
        if entry.refusal is not None:
            raise entry.refusal
        if entry.item is not None and entry.item.errors:
            return fhir_replies.outcome(
                422, fhir_bundles.quarantined(entry.item.errors, _urgent(received))
            )
    try:
        receipts = await door.intake.accept_transaction(credential, received.items)
    except ledger.NotIndivisible as refusal:
        return fhir_replies.outcome(
            422, fhir_bundles.quarantined(refusal.errors, _urgent(received))
        )
    return fhir_replies.bundle(received.entries, receipts, "transaction")


def _urgent(received: fhir_r4.Received) -> Crisis | None:
    """Nothing is stored, and so nobody will read it; the patient must be told all the same."""
    alarms = [item.alarm for item in received.items if item.alarm is not None]
    worst = max(alarms, key=lambda one: one.harm, default=None)
    return crisis.told(worst, Watch(now=False))
