"""The further FHIR doors: files inside Media and DocumentReference, `$validate`, and what this
intake can do (CapabilityStatement).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from services.ingest import fhir, fhir_examples, fhir_replies, hot
from services.ingest.accept import CannotCommit
from services.ingest.devices import fhir_files, refused
from services.ingest.uploads import Uploads
from shared import exact, fhir_bundles, filing, pictures
from shared import fhir as facts

router = APIRouter(prefix="/fhir", tags=["FHIR R4"])

FILE_BYTES = pictures.MOST_BYTES * 4 // 3 + 64 * 1024
_TAKEN = ("Observation", "QuestionnaireResponse", "Communication")


@router.post(
    "/Media",
    summary="Send a photo",
    **fhir.documented(fhir_examples.MEDIA, "Known already; 201 stored, 202 quarantined with why"),
)
async def media(request: Request) -> Response:
    return await _file(request, "Media")


@router.post(
    "/DocumentReference",
    summary="Send a report",
    **fhir.documented(
        fhir_examples.DOCUMENT, "Known already; 201 stored, 202 quarantined with why"
    ),
)
async def document(request: Request) -> Response:
    return await _file(request, "DocumentReference")


async def _file(request: Request, resource: str) -> Response:
    """The file stands in the resource as base64; its first identifier names the message."""
    door: hot.Door = request.app.state.door
    uploads: Uploads = request.app.state.uploads
    headers = dict(request.scope["headers"])
    try:
        credential, body = await door.admitted(
            request.scope, request.receive, fhir.TYPES, FILE_BYTES
        )
    except hot.NotAdmitted as refusal:
        return hot.plain(refusal.answer)
    try:
        try:
            enclosed = fhir_files.read(_object(fhir.plain(headers, body), resource))
        except refused.Refused:
            raise
        except Exception as error:
            items = [door.failed(credential, body, fhir_replies.MEDIA, error)]
        else:
            items = await uploads.enclosed(credential, [enclosed])
        hot.must_be_given_for(credential, items)
        [receipt] = await door.intake.accept(credential, items)
    except refused.Refused as unusable:
        door.refuse(unusable, credential, body)
        return fhir_replies.refusal(unusable)
    except filing.FileNotTaken:
        return fhir_replies.refusal(fhir_files.NotAFile())
    except hot.NotAdmitted as refusal:
        return hot.plain(refusal.answer)
    except CannotCommit:
        return hot.plain(hot.unavailable())
    return fhir_replies.one(receipt)


def _object(body: bytes, resource: str) -> dict[str, Any]:
    try:
        sent = exact.loads(body)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if not isinstance(sent, dict) or sent.get("resourceType") != resource:
        raise refused.ResourceNotTaken
    return sent


_TOLD = "It tells of readings. Send it in the Bundle with them: a serial number is then known."
_NOT_STORED = "Known, and not stored by itself"


@router.post(
    "/Device",
    summary="Send a device by itself",
    description=_TOLD,
    **fhir.documented(fhir_examples.DEVICE, _NOT_STORED),
)
@router.put(
    "/Device/{id}",
    summary="Send a device in place of its earlier version",
    description=_TOLD,
    **fhir.documented(fhir_examples.DEVICE | {"id": "scale-1"}, _NOT_STORED),
)
@router.put(
    "/Device",
    summary="The same, named by ?identifier=system|value",
    description=_TOLD,
    **fhir.documented(fhir_examples.DEVICE, _NOT_STORED),
)
async def device(request: Request) -> Response:
    return await _beside(request, "Device")


@router.post(
    "/DeviceMetric",
    summary="Send what a device can measure by itself",
    description=_TOLD,
    **fhir.documented(fhir_examples.METRIC, _NOT_STORED),
)
@router.put(
    "/DeviceMetric/{id}",
    summary="Send what a device can measure in place of its earlier version",
    description=_TOLD,
    **fhir.documented(fhir_examples.METRIC | {"id": "metric-1"}, _NOT_STORED),
)
@router.put(
    "/DeviceMetric",
    summary="The same, named by ?identifier=system|value",
    description=_TOLD,
    **fhir.documented(fhir_examples.METRIC, _NOT_STORED),
)
async def device_metric(request: Request) -> Response:
    return await _beside(request, "DeviceMetric")


async def _beside(request: Request, resource: str) -> Response:
    """A personal health gateway tells of its devices before it sends their readings."""
    door: hot.Door = request.app.state.door
    headers = dict(request.scope["headers"])
    try:
        credential, body = await door.admitted(
            request.scope, request.receive, fhir.TYPES, fhir.RESOURCE_BYTES
        )
    except hot.NotAdmitted as refusal:
        return hot.plain(refusal.answer)
    try:
        _object(fhir.plain(headers, body), resource)
    except refused.Refused as unusable:
        door.refuse(unusable, credential, body)
        return fhir_replies.refusal(unusable)
    return fhir_replies.beside()


@router.post(
    "/Observation/$validate",
    summary="What would become of an Observation",
    description="Read as if it were sent, and nothing is stored. Whose it is, is not asked.",
    **fhir.documented(fhir_examples.OBSERVATION, "An OperationOutcome"),
)
@router.post(
    "/QuestionnaireResponse/$validate",
    summary="What would become of answers",
    **fhir.documented(fhir_examples.ANSWERS, "An OperationOutcome"),
)
@router.post(
    "/Communication/$validate",
    summary="What would become of what a patient wrote",
    **fhir.documented(fhir_examples.MESSAGE, "An OperationOutcome"),
)
@router.post(
    "/Bundle/$validate",
    summary="What would become of the entries of a Bundle",
    **fhir.documented(fhir_examples.BUNDLE, "An OperationOutcome"),
)
async def validate(request: Request) -> Response:
    """As a resource, or as the part `resource` of Parameters. 200 whatever is found."""
    door: hot.Door = request.app.state.door
    headers = dict(request.scope["headers"])
    try:
        _, body = await door.admitted(request.scope, request.receive, fhir.TYPES, fhir.MOST_BYTES)
    except hot.NotAdmitted as refusal:
        return hot.plain(refusal.answer)
    kind = request.scope["path"].split("/")[-2]
    try:
        body = _unwrapped(fhir.plain(headers, body))
        sent = fhir.read(request, {}, body, None if kind == "Bundle" else kind)
    except refused.Refused as unusable:
        return fhir_replies.outcome(200, _refusal(unusable, ""))
    issues: list[Any] = []
    for place, entry in enumerate(sent.entries):
        where = f"Bundle.entry[{place}]" if kind == "Bundle" else ""
        if entry.refusal is not None:
            issues += _refusal(entry.refusal, where)["issue"]
        elif entry.item is not None and entry.item.errors:
            issues += [
                _at(one, where) for one in fhir_bundles.quarantined(entry.item.errors)["issue"]
            ]
    if not issues:
        text = "It can be stored, once it is known whose it is."
        return fhir_replies.outcome(
            200, fhir_bundles.outcome("usable", text, "information", "informational")
        )
    return fhir_replies.outcome(200, {"resourceType": "OperationOutcome", "issue": issues})


def _unwrapped(body: bytes) -> bytes:
    try:
        sent = exact.loads(body, fhir.KEYS)
    except exact.Unreadable as fault:
        raise refused.NotReadable.because(fault) from None
    if not isinstance(sent, dict) or sent.get("resourceType") != "Parameters":
        return body
    parts = sent.get("parameter")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get("name") == "resource":
            return exact.dumps(part.get("resource"))
    raise refused.NotAResource


def _refusal(fault: refused.Refused, where: str) -> dict[str, Any]:
    told: dict[str, Any] = fhir_bundles.outcome(fault.code, fault.title, issue="structure")
    return {**told, "issue": [_at(one, where) for one in told["issue"]]}


def _at(issue: Mapping[str, Any], where: str) -> dict[str, Any]:
    if not where:
        return dict(issue)
    own = [f"{where}.resource.{each}" for each in issue.get("expression", ())]
    return {**issue, "expression": own or [where]}


@router.get("/metadata", summary="What this intake can do")
async def metadata(request: Request) -> Response:
    return fhir_replies.outcome(200, statement(request.app.version, datetime.now(UTC)))


def statement(version: str, now: datetime) -> dict[str, Any]:
    """Exactly the doors there are; a test walks it against the routes."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": facts.instant(now),
        "kind": "instance",
        "software": {"name": "Hjemvakt", "version": version},
        "implementation": {"description": "Hjemvakt, intake"},
        "fhirVersion": "4.0.1",
        "format": ["json", "xml"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Resources come as JSON or XML; answers are JSON. A message is "
                "named by its first identifier. What is not usable as it is waits in quarantine "
                "(202).",
                "security": {"description": "A credential's secret as bearer token."},
                "interaction": [{"code": "batch"}, {"code": "transaction"}],
                "resource": [
                    *(_resource(kind) for kind in (*_TAKEN, *fhir_files.RESOURCES)),
                    *(_accompanying(kind) for kind in ("Device", "DeviceMetric")),
                ],
                "operation": [_VALIDATE],
            }
        ],
    }


_VALIDATE = {
    "name": "validate",
    "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate",
}


def _resource(kind: str) -> dict[str, Any]:
    is_updated = kind in ("Observation", "QuestionnaireResponse")
    codes = ["create", "update"] if is_updated else ["create"]
    told: dict[str, Any] = {"type": kind, "interaction": [{"code": code} for code in codes]}
    if kind in _TAKEN:
        told |= {"conditionalCreate": True, "operation": [_VALIDATE]}
    if is_updated:
        told |= {"updateCreate": True, "conditionalUpdate": True}
    return told


def _accompanying(kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "documentation": "Read for the readings it is sent with, in a Bundle or contained; by "
        "itself it is answered (200, not-stored) and not kept.",
        "interaction": [{"code": "create"}, {"code": "update"}],
        "updateCreate": True,
        "conditionalUpdate": True,
    }
