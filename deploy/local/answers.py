"""Pure: what the intake's answers say, item by item, as results and codes."""

from collections.abc import Iterator
from typing import Any

from deploy.local import payloads
from deploy.local.payloads import Message

RESULTS = ("stored", "duplicate", "corrected", "voided", "quarantined", "refused", "ignored")
AMENDS = {
    "amended": "corrected",
    "corrected": "corrected",
    "entered-in-error": "voided",
    "cancelled": "voided",
}


def outcomes(
    message: Message, status: int, told: Any, statuses: list[str]
) -> Iterator[tuple[str, list[str]]]:
    """A result and its codes for every item of an answer."""
    if message.door in (payloads.OBSERVATIONS, payloads.UPLOADS):
        for receipt in told["results"]:
            yield receipt["result"], [error["code"] for error in receipt["errors"]]
        return
    if message.door == payloads.HL7_DOOR:
        yield from _acknowledged(told)
        return
    if message.door != "/fhir":
        yield _result(str(status), None, told, statuses[0] if statuses else "")
        return
    for place, entry in enumerate(told["entry"]):
        response = entry["response"]
        amends = statuses[place] if place < len(statuses) else ""
        yield _result(response["status"], response.get("location"), response.get("outcome"), amends)


def _result(status: str, location: str | None, outcome: Any, amends: str) -> tuple[str, list[str]]:
    codes = codes_of(outcome)
    match status[:3]:
        case "201":
            return "stored", []
        case "202":
            return "quarantined", codes
        case "200" if "not-stored" in codes:
            return "ignored", []
        case "200":
            told = next((code for code in codes if code in RESULTS), None)
            # A batch does not tell a correction from its repetition; the resource's status does.
            return told or amends or "duplicate", []
        case _:
            return "refused", codes


def _acknowledged(told: str) -> Iterator[tuple[str, list[str]]]:
    """The counts of MSA-3, the codes of ERR-5: '1 stored, 2 quarantined'."""
    lines = [line.split("|") for line in told.split("\r")]
    codes = [line[5] for line in lines if line[0] == "ERR" and line[4] != "I"]
    counted = next((line[3] for line in lines if line[0] == "MSA" and len(line) > 3), "")
    for part in filter(None, counted.split(", ")):
        number, _, result = part.partition(" ")
        if result not in RESULTS:
            continue  # what else is told of the same results: that nobody follows the patient
        for _ in range(int(number)):
            yield result, codes if result in ("quarantined", "refused") else []


def codes_of(told: Any) -> list[str]:
    """Our own codes: of a problem document, or of an OperationOutcome's details."""
    if not isinstance(told, dict):
        return []
    if isinstance(told.get("code"), str):
        return [told["code"]]
    return [
        coding["code"]
        for issue in told.get("issue", ())
        for coding in issue.get("details", {}).get("coding", ())
        if "code" in coding
    ]


def statuses_of(body: bytes, message: Message) -> list[str]:
    """What the resources of a body say they are: 'corrected', 'voided' or ''."""
    sent = payloads.loads(body)
    if not isinstance(sent, dict):
        return []
    resources = [sent]
    if message.door == "/fhir":
        entries = sent.get("entry") if isinstance(sent.get("entry"), list) else []
        resources = [one.get("resource") or {} for one in entries or [] if isinstance(one, dict)]
    return [AMENDS.get(str(one.get("status")), "") for one in resources]
