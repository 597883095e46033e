"""The answers around resources in FHIR R4: search results, outcomes, the reply to a Bundle."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from shared import fhir
from shared.contracts import Code, Crisis, Flag, ItemError, Receipt, Result

ISSUES = f"{fhir.BASE}/CodeSystem/issue"

Severity = Literal["error", "warning", "information"]

_STATUS: Mapping[Result, str] = {
    Result.STORED: "201 Created",
    Result.DUPLICATE: "200 OK",
    Result.CORRECTED: "200 OK",
    Result.VOIDED: "200 OK",
    Result.QUARANTINED: "202 Accepted",
}

# The FHIR issue type of each reason, and what the sender can do about it.
_ISSUES: Mapping[Code, tuple[str, str]] = {
    Code.UNBOUND: ("not-found", "No patient is bound to this device at the time of measurement."),
    Code.WHOSE: ("business-rule", "The device changed hands; a person must say whose this is."),
    Code.SUBJECT_MISMATCH: ("forbidden", "The subject is not the patient of this credential."),
    Code.UNKNOWN_SUBJECT: ("not-found", "The subject is not a patient known here."),
    Code.UNKNOWN_VERSION: ("not-supported", "This version of the message is not known."),
    Code.UNKNOWN_KIND: ("code-invalid", "This kind of measurement is not known."),
    Code.UNKNOWN_FIELD: (
        "code-invalid",
        "This kind has no such value; or the form no such question, or does not ask it here.",
    ),
    Code.UNKNOWN_UCUM: ("code-invalid", "The unit is missing or not one this value accepts."),
    Code.UNKNOWN_CODE: (
        "code-invalid",
        "The code is not one known here, is ambiguous, or is no option of the question.",
    ),
    Code.MISSING_VALUE: ("required", "A required value is missing."),
    Code.BAD_ID: ("value", "The id must be 8 to 64 of A-Z a-z 0-9 . _ : -"),
    Code.BAD_TIME: ("value", "The time is missing, or has no offset from UTC."),
    Code.BAD_VALUE: ("value", "The value is not of the type or list expected here."),
    Code.IMPLAUSIBLE: ("business-rule", "The value is outside what is possible."),
    Code.UNREADABLE: ("structure", "The element does not have the shape FHIR gives it."),
    Code.NOT_STORABLE: ("value", "A text holds characters that cannot be stored."),
    Code.REVOKED: ("security", "The sender's credential had been withdrawn."),
    Code.TRANSACTION: ("business-rule", "Another entry of the transaction could not be stored."),
    Code.REJECTED: (
        "business-rule",
        "A person has looked at it and rejected it: it will not be stored. Do not send it again.",
    ),
}


# What became of an item that was taken.
_RESULTS: Mapping[Result, str] = {
    Result.STORED: "It is stored.",
    Result.DUPLICATE: "It is stored already, with the same content; nothing was added.",
    Result.CORRECTED: "It is stored in place of the earlier version.",
    Result.VOIDED: "The earlier one is withdrawn.",
}

_FLAGS: Mapping[str, str] = {
    Flag.CLOCK_SUSPECT: "Its time is in the future, or its clock is not set: taken as of now.",
    Flag.IDENTITY_UNCERTAIN: "Whose it is, is not certain.",
    Flag.ID_REUSED: "Its identifier was used before for other content; both are kept.",
    Flag.LATE: "It is older than a week and was filed as late.",
}

_NOT_FOLLOWED = "The patient is enrolled in nothing, or has died: nobody watches, and nobody will."

# A stored version never changes: a correction is stored under another id.
ETAG = 'W/"1"'


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to one entry. `full_url` is echoed, so that the sender knows which it was."""

    status: str
    full_url: str | None = None
    location: str | None = None
    outcome: fhir.Resource | None = None
    modified: datetime | None = None


def searchset(
    resources: Iterable[fhir.Resource],
    address: str,
    total: int | None = None,
    links: Mapping[str, str] | None = None,
) -> fhir.Resource:
    """Search results. `address`: base url of this server; `links` by relation (self, next)."""
    entries = [
        {
            "fullUrl": f"{address.rstrip('/')}/{each['resourceType']}/{each['id']}",
            "resource": each,
            "search": {"mode": "match"},
        }
        for each in resources
    ]
    named = [{"relation": relation, "url": url} for relation, url in (links or {}).items()]
    made = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": named,
        "entry": entries,
    }
    return fhir.filled(made)


def outcome(code: str, text: str, severity: Severity = "error", issue: str = "invalid") -> Any:
    """An OperationOutcome with one issue; `code` is ours, `issue` of FHIR's issue types."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(severity, issue, code, text)]}


def quarantined(errors: Iterable[ItemError], urgent: Crisis | None = None) -> fhir.Resource:
    """Why an item was set aside. It is kept, so this is a warning to the sender, not an error."""
    issues = [
        {**_issue("warning", *_typed(error.code)), "expression": [error.path]}
        if error.path
        else _issue("warning", *_typed(error.code))
        for error in errors
    ]
    spare = _issue("warning", "informational", "quarantined", "The item awaits a person.")
    return {"resourceType": "OperationOutcome", "issue": (issues or [spare]) + crisis(urgent)}


def crisis(told: Crisis | None) -> list[dict[str, Any]]:
    """What the patient is to read at once, in nb, with nn and en beside it."""
    if told is None:
        return []
    issue = _issue("information", "informational", "crisis", told.nb)
    issue["details"]["_text"] = {
        "extension": [_translation("nn", told.nn), _translation("en", told.en)]
    }
    issue["extension"] = [
        {
            "url": f"{fhir.BASE}/StructureDefinition/crisis-number",
            "valueContactPoint": {"system": "phone", "value": each["number"]},
        }
        for each in told.numbers
    ]
    return [issue]


def _translation(language: str, text: str) -> dict[str, Any]:
    said = [{"url": "lang", "valueCode": language}, {"url": "content", "valueString": text}]
    return {"url": "http://hl7.org/fhir/StructureDefinition/translation", "extension": said}


def taken(receipt: Receipt) -> fhir.Resource:
    """What became of an item, with a stable code, and every doubt about it."""
    if receipt.result is Result.QUARANTINED:
        return quarantined(receipt.errors, receipt.crisis)
    result = receipt.result
    issues = [_issue("information", "informational", result.value, _RESULTS[result])]
    issues += [
        _issue("warning", "informational", str(flag), _FLAGS.get(flag, "A doubt about it."))
        for flag in receipt.flags
    ]
    if not receipt.watch.followed:
        issues.append(_issue("warning", "business-rule", "not-followed", _NOT_FOLLOWED))
    return {"resourceType": "OperationOutcome", "issue": issues + crisis(receipt.crisis)}


def answer(receipt: Receipt, full_url: str | None = None) -> Answer:
    """The reply that goes with a receipt. What is simply stored needs no further word."""
    if receipt.result is Result.QUARANTINED:
        told = quarantined(receipt.errors, receipt.crisis)
        return Answer(_STATUS[receipt.result], full_url, None, told)
    plain = receipt.result is Result.STORED and not receipt.flags and receipt.crisis is None
    outcome = None if plain and receipt.watch.followed else taken(receipt)
    return Answer(_STATUS[receipt.result], full_url, receipt.ref, outcome, receipt.received)


def response(answers: Iterable[Answer], bundle: Literal["batch", "transaction"]) -> fhir.Resource:
    """The reply to a Bundle, one entry per entry in the same order."""
    entries = [
        fhir.filled(
            {
                "fullUrl": each.full_url,
                "response": fhir.filled(
                    {
                        "status": each.status,
                        "location": each.location,
                        "etag": ETAG if each.location else None,
                        "lastModified": fhir.instant(each.modified) if each.modified else None,
                        "outcome": each.outcome,
                    }
                ),
            }
        )
        for each in answers
    ]
    made = {"resourceType": "Bundle", "type": f"{bundle}-response", "entry": entries}
    return fhir.filled(made)


def _typed(code: Code) -> tuple[str, str, str]:
    issue, text = _ISSUES[code]
    return issue, str(code), text


def _issue(severity: Severity, issue: str, code: str, text: str) -> dict[str, Any]:
    details = {"coding": [{"system": ISSUES, "code": code}], "text": text}
    return {"severity": severity, "code": issue, "details": details}
