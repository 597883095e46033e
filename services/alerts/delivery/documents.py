"""Pure: what other systems are sent. A batch of readings as NHN's PMD takes them, a document for
the journal when an alert is closed, and the word that an alert has changed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from services.alerts.clinical.news2 import PARAMETERS
from shared import fhir, identity, kinds
from shared.contracts import Fact
from shared.fhir import Resource

ORGANISATION = "urn:oid:2.16.578.1.12.4.1.4.101"
_SCT = "http://snomed.info/sct"
_SCORE = "{score}"
_NEWS2 = "1104051000000101"
# SNOMED CT of each part; SpO2 by its scale.
_PARTS = {
    "respiratory_rate": "1104301000000104",
    "supplemental_oxygen": "1104331000000105",
    "systolic_bp": "1104341000000101",
    "pulse": "1104351000000103",
    "consciousness": "1104361000000100",
    "temperature": "1104371000000107",
}
_SPO2 = {1: "1104311000000102", 2: "1104321000000108"}

ALERTS = f"{fhir.BASE}/CodeSystem/alert-kind"
EVENTS = f"{fhir.BASE}/CodeSystem/alert-event"
TRIAGE = f"{fhir.BASE}/CodeSystem/triage"
KINDS: Mapping[str, tuple[str, str]] = {
    "measurement": ("Måling utenfor grense", "A measurement outside its limits"),
    "missing-measurement": ("Manglende måling", "A missing measurement"),
    "form-received": ("Skjema mottatt", "A form was received"),
    "form-missing": ("Manglende skjema", "A missing form"),
    "inactive": ("Inaktiv pasient", "An inactive patient"),
}
_SEVERITY = {"red": ("R", "high"), "yellow": ("Y", "moderate")}

Identified = tuple[str, str]  # system, number


def subject(number: Identified) -> Resource:
    """A patient as other systems know him: by number, never by an id of ours."""
    system, value = number
    return {"type": "Patient", "identifier": {"system": system, "value": value}}


def chosen(numbers: Iterable[Identified]) -> Identified | None:
    """The national number; without one, nobody elsewhere would know whom we mean."""
    found = [each for each in numbers if each[0] in identity.NATIONAL]
    order = (identity.FNR, identity.D_NUMBER, identity.FHN)
    return min(found, key=lambda one: order.index(one[0]), default=None)


# --- readings -----------------------------------------------------------------------------------


def reading(fact: Fact, number: Identified, receiver: str | None, withdrawn: bool) -> Resource:
    """An Observation in its VKP profile, of a patient by number, answered for by somebody."""
    made = fhir.observation(fact, "entered-in-error" if withdrawn else "final")
    who = subject(number)
    made["identifier"] = [{"system": fhir.FACT, "value": str(fact.origin or fact.id)}]
    made["subject"] = who
    is_own = fact.body.get("entered") == "manual"
    made["performer"] = [who] if is_own or not receiver else [_organisation(receiver)]
    return made


def add_ranges(resource: Resource, fact: Fact, ranges: Mapping[str, tuple[Any, Any]]) -> None:
    """The limits that this patient is followed by: of the value, and of each component its own."""
    kind = kinds.CATALOGUE.get(fact.kind)
    if kind is None or "foreign" in fact.body:
        return
    of_code = {of.en: name for name, of in kind.fields.items()}
    if told := _range(kind, "value", ranges):
        resource["referenceRange"] = told
    for component in resource.get("component", ()):
        name = of_code.get(component["code"].get("text"), "")
        if "valueQuantity" in component and (told := _range(kind, name, ranges)):
            component["referenceRange"] = told


def _range(kind: kinds.Kind, name: str, ranges: Mapping[str, tuple[Any, Any]]) -> list[Resource]:
    of = kind.fields.get(name)
    if of is None or of.ucum is None or name not in ranges:
        return []
    bounds = {
        side: {"value": value, "system": fhir.UCUM, "code": of.ucum, "unit": of.ucum}
        for side, value in zip(("low", "high"), ranges[name], strict=True)
        if value is not None
    }
    return [bounds] if bounds else []


def news2(score: Mapping[str, Any], number: Identified, receiver: str | None) -> Resource | None:
    """A complete NEWS2 with its parts; an incomplete one is no total and is not sent."""
    if not score.get("complete") or score.get("total") is None:
        return None
    facts = sorted(str(one["fact"]) for one in score["inputs"].values())
    scale = 2 if score.get("spo2_scale") == 2 else 1
    codes = {**_PARTS, "spo2": _SPO2[scale]}
    who = subject(number)
    return {
        "resourceType": "Observation",
        "identifier": [
            {"system": fhir.FACT, "value": str(uuid5(NAMESPACE_URL, f"news2|{'|'.join(facts)}"))}
        ],
        "status": "final",
        "category": [_concept(f"{fhir.TERMINOLOGY}observation-category", "survey")],
        "code": _concept(_SCT, _NEWS2),
        "subject": who,
        "performer": [_organisation(receiver) if receiver else who],
        "effectiveDateTime": score["at"],
        "valueQuantity": _points(score["total"]),
        "component": [
            {
                "code": _concept(_SCT, codes[name]),
                "valueQuantity": _points(score["subscores"][name]),
            }
            for name in PARAMETERS
            if name in score["subscores"]
        ],
        "derivedFrom": [
            {"identifier": {"system": fhir.FACT, "value": fact}} for fact in dict.fromkeys(facts)
        ],
    }


def batch(resources: Iterable[Resource]) -> tuple[Resource, list[str]]:
    """A batch, and its entries' fullUrls: the same for the same reading in every attempt."""
    entries: list[Resource] = []
    for each in resources:
        named = next(one for one in each["identifier"] if one["system"] == fhir.FACT)
        full_url = f"urn:uuid:{named['value']}"
        condition = f"identifier={named['system']}|{named['value']}"
        request = {"method": "PUT", "url": f"Observation?{condition}"}
        sent = {key: value for key, value in each.items() if key != "id"}
        entries.append({"fullUrl": full_url, "resource": sent, "request": request})
    made = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    return made, [str(each["fullUrl"]) for each in entries]


def statuses(answer: Any, sent: Sequence[str]) -> dict[str, int]:
    """The status of each entry by its fullUrl; by place where it was not echoed."""
    told_entries = answer.get("entry") if isinstance(answer, dict) else None
    entries: list[Any] = told_entries if isinstance(told_entries, list) else []
    found: dict[str, int] = {}
    for place, entry in enumerate(entries):
        told = entry.get("response") if isinstance(entry, dict) else None
        text = str(told.get("status", "")) if isinstance(told, dict) else ""
        full_url = entry.get("fullUrl") if isinstance(entry, dict) else None
        if not isinstance(full_url, str) and len(entries) == len(sent):
            full_url = sent[place]
        if isinstance(full_url, str) and text[:3].isdigit():
            found[full_url] = int(text[:3])
    return found


# --- the journal's document ---------------------------------------------------------------------


def document(
    delivery: UUID,
    alert: Mapping[str, Any],
    kind: str,
    moves: Iterable[Mapping[str, Any]],
    evidence: Iterable[Fact],
    number: Identified,
    receiver: str | None,
    now: datetime,
) -> Resource:
    """Composition, DetectedIssue and what it rests on. The events carry their times."""
    who = subject(number)
    author = _organisation(receiver) if receiver else {"display": "Hjemvakt"}
    resources = [_evidence(fact, number, receiver) for fact in evidence]
    issue = _issue(alert, kind, list(moves), who, [_urn(one["id"]) for one in resources])
    entries = [issue, *resources]
    composition: Resource = {
        "resourceType": "Composition",
        "id": str(uuid5(NAMESPACE_URL, f"composition|{delivery}")),
        "status": "final",
        "type": _concept(ALERTS, kind, KINDS[kind][0]),
        "subject": who,
        "date": fhir.instant(now),
        "author": [author],
        "title": KINDS[kind][0],
        "section": [{"entry": [{"reference": _urn(one["id"])} for one in entries]}],
    }
    return {
        "resourceType": "Bundle",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{delivery}"},
        "type": "document",
        "timestamp": fhir.instant(now),
        "entry": [{"fullUrl": _urn(one["id"]), "resource": one} for one in (composition, *entries)],
    }


def _issue(
    alert: Mapping[str, Any],
    kind: str,
    moves: Sequence[Mapping[str, Any]],
    who: Resource,
    evidence: Sequence[str],
) -> Resource:
    triage, severity = _SEVERITY[alert["colour"]]
    issue: Resource = {
        "resourceType": "DetectedIssue",
        "id": str(alert["id"]),
        "identifier": [{"system": "urn:hjv:alert", "value": str(alert["id"])}],
        "status": "final",
        "code": {
            "coding": [{"system": ALERTS, "code": kind}, {"system": TRIAGE, "code": triage}],
            "text": KINDS[kind][0],
        },
        "severity": severity,
        "patient": who,
        "identifiedDateTime": fhir.instant(alert["opened_at"]),
        "detail": str(alert["says"]),
        "mitigation": [_event("opened", alert["opened_at"], None, None)],
    }
    for move in moves:
        word = {"acknowledge": "accepted", "close": "closed"}.get(move["move"])
        if word is not None:
            issue["mitigation"].append(_event(word, move["at"], move["by_name"], move["note"]))
    if evidence:
        issue["evidence"] = [{"detail": [{"reference": each} for each in evidence]}]
    return issue


def _event(word: str, at: datetime, by: str | None, note: str | None) -> Resource:
    made: Resource = {"action": _concept(EVENTS, word, note), "date": fhir.instant(at)}
    return {**made, "author": {"display": by}} if by else made


def _evidence(fact: Fact, number: Identified, receiver: str | None) -> Resource:
    if fact.type == "answers":
        return {**fhir.questionnaire_response(fact), "subject": subject(number)}
    return reading(fact, number, receiver, withdrawn=False)


# --- webhooks -----------------------------------------------------------------------------------


def changed(delivery: UUID, event: str, alert: Mapping[str, Any], at: datetime) -> Resource:
    """That an alert has changed: no name, number or value. Who may read it, reads it here."""
    return {
        "delivery": str(delivery),
        "event": f"alert-{event}",
        "at": fhir.instant(at),
        "alert": {
            "id": str(alert["id"]),
            "reference": f"DetectedIssue/{alert['id']}",
            "version": alert["version"],
            "state": alert["state"],
            "colour": alert["colour"],
            "lane": alert["lane"],
            "emergency": alert["emergency"],
            "unit": str(alert["unit_id"]) if alert["unit_id"] else None,
        },
    }


def _urn(told: Any) -> str:
    return f"urn:uuid:{told}"


def _organisation(number: str) -> Resource:
    return {"type": "Organization", "identifier": {"system": ORGANISATION, "value": number}}


def _concept(system: str, code: str, text: str | None = None) -> Resource:
    made: Resource = {"coding": [{"system": system, "code": code}]}
    return {**made, "text": text} if text else made


def _points(value: Any) -> Resource:
    return {"value": value, "system": fhir.UCUM, "code": _SCORE, "unit": "score"}
