"""What the FHIR doors answer: a receipt as status, headers and outcome, a Bundle entry by entry."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.utils import format_datetime
from typing import Any

from fastapi import Response

from services.ingest.devices import fhir_r4, refused
from shared import exact, fhir_bundles
from shared.contracts import Receipt, Result

MEDIA = "application/fhir+json"

_STATUS = {Result.STORED: 201, Result.QUARANTINED: 202}
_PHRASES = {
    400: "400 Bad Request",
    405: "405 Method Not Allowed",
    412: "412 Precondition Failed",
    422: "422 Unprocessable Entity",
}
_ISSUES = {405: "not-supported", 412: "conflict"}
_BESIDE = fhir_bundles.outcome(
    "not-stored",
    "It tells of the readings beside it, and is kept with them; by itself it is not stored.",
    "information",
    "informational",
)


def one(receipt: Receipt) -> Response:
    answer = fhir_bundles.answer(receipt)
    headers = {}
    if answer.location is not None:
        headers = {
            "Location": f"/fhir/{answer.location}",
            "ETag": fhir_bundles.ETAG,
            "Last-Modified": format_datetime(receipt.received, usegmt=True),
        }
    return outcome(_STATUS.get(receipt.result, 200), fhir_bundles.taken(receipt), headers)


def beside() -> Response:
    """Of a resource that is no reading, and came alone."""
    return outcome(200, _BESIDE)


def bundle(
    entries: Sequence[fhir_r4.Entry], receipts: Iterable[Receipt], kind: fhir_r4.BundleType
) -> Response:
    answers = list(_answers(entries, iter(receipts)))
    return Response(exact.dumps(fhir_bundles.response(answers, kind)), 200, media_type=MEDIA)


def _answers(
    entries: Iterable[fhir_r4.Entry], receipts: Iterator[Receipt]
) -> Iterator[fhir_bundles.Answer]:
    for entry in entries:
        if entry.item is not None:
            yield fhir_bundles.answer(next(receipts), entry.full_url)
        elif entry.refusal is not None:
            status = _PHRASES[entry.refusal.status]
            yield fhir_bundles.Answer(status, entry.full_url, None, _why(entry.refusal))
        else:
            yield fhir_bundles.Answer("200 OK", entry.full_url, None, _BESIDE)


def refusal(fault: refused.Refused) -> Response:
    return outcome(fault.status, _why(fault))


def _why(fault: refused.Refused) -> Any:
    issue = _ISSUES.get(fault.status, "structure")
    return fhir_bundles.outcome(fault.code, fault.title, issue=issue)


def outcome(
    status: int, told: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    return Response(exact.dumps(told), status, dict(headers or {}), media_type=MEDIA)
