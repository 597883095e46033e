"""Stored facts as FHIR R4, with the catalogue's codes.

A number goes out exactly as it came in; only one we converted is rounded, to the kind's decimals.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from shared import kinds
from shared.contracts import Fact

Resource = dict[str, Any]

BASE = "https://hjemvakt.example/fhir"
QUESTIONNAIRES = f"{BASE}/Questionnaire/"
FLAGS = f"{BASE}/CodeSystem/flag"
MESSAGE = "urn:hjv:message"
FACT = "urn:hjv:fact"
UCUM = "http://unitsofmeasure.org"

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_CATEGORIES = f"{TERMINOLOGY}observation-category"
_ABSENT = f"{TERMINOLOGY}data-absent-reason"
_INTERPRETATIONS = f"{TERMINOLOGY}v3-ObservationInterpretation"
_OSLO = ZoneInfo("Europe/Oslo")

Status = Literal["final", "corrected", "amended", "entered-in-error"]


def observation(fact: Fact, status: Status = "final") -> Resource:
    """A reading. A part split from another (a cuff's pulse) has its own codes and identifier."""
    body = fact.body
    made: Resource = {
        "resourceType": "Observation",
        "id": str(fact.id),
        "meta": _meta(fact),
        "identifier": _identifiers(fact),
        "status": _status(body, status),
        **_code(fact),
        "subject": {"reference": f"Patient/{fact.patient_id}"},
        **_effective(fact),
        "issued": instant(fact.received_at),
    }
    if body.get("entered") == "manual":
        made["performer"] = [made["subject"]]
    if body.get("interpretation"):
        made["interpretation"] = [
            _concept(_INTERPRETATIONS, code) for code in body["interpretation"]
        ]
    if body.get("note"):
        made["note"] = [{"text": body["note"]}]
    if display := device_text(body.get("device") or {}):
        made["device"] = {"display": display}
    made |= _foreign(body["foreign"]) if "foreign" in body else _measured(fact)
    return made


def questionnaire_response(
    fact: Fact, status: Status = "final", form: Mapping[str, Any] | None = None
) -> Resource:
    """Answers, one flat item per question; of the form's own types and codes, where it is known."""
    body = fact.body
    asked = {item["linkId"]: item for item in _items((form or {}).get("item", ()))}
    how = {"final": body.get("status", "completed"), "corrected": "amended"}.get(status, status)
    return {
        "resourceType": "QuestionnaireResponse",
        "id": str(fact.id),
        "meta": _meta(fact),
        "identifier": _identifiers(fact)[0],
        "questionnaire": questionnaire_url(body["questionnaire"], body.get("version")),
        "status": how,
        "subject": {"reference": f"Patient/{fact.patient_id}"},
        "authored": _claimed(fact, "claimed_at", fact.at),
        "item": [
            {
                "linkId": link_id,
                "answer": [_answer(value, asked.get(link_id, {})) for value in values],
            }
            for link_id, values in body["answers"].items()
        ],
    }


def resource(
    fact: Fact, status: Status = "final", form: Mapping[str, Any] | None = None
) -> Resource:
    """The FHIR resource of a reading or of answers."""
    if fact.type == "answers":
        return questionnaire_response(fact, status, form)
    return observation(fact, status)


def touch(made: Resource, at: datetime | None) -> None:
    """Let the resource say that it was last changed then: withdrawn, or filed on another."""
    if at is not None:
        made["meta"] = {**made["meta"], "lastUpdated": instant(at)}


def questionnaire_url(name: str, version: object = None) -> str:
    url = name if "/" in name else f"{QUESTIONNAIRES}{name}"
    return f"{url}|{version}" if version else url


def questionnaire_name(url: str) -> tuple[str, str | None]:
    """Name and version in a canonical url; of somebody else's questionnaire the whole url."""
    name, _, version = url.partition("|")
    for ours in (QUESTIONNAIRES, "Questionnaire/"):
        name = name.removeprefix(ours)
    return name, version or None


def device_text(device: Mapping[str, Any]) -> str:
    """'A&D UA-651BLE 5210300123', or what the sender called it."""
    names = [device.get(key) for key in ("manufacturer", "model", "serial")]
    text = " ".join(str(name) for name in names if name)
    return text or str(device.get("display") or device.get("reference") or "")


def instant(at: datetime) -> str:
    """A moment in UTC, with Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def shown(fact: Fact, name: str) -> Any:
    """One value as it goes out: rounded only if we converted it."""
    value = fact.body["values"][name]
    unit = fact.body.get("original", {}).get(name, {}).get("unit")
    field = kinds.CATALOGUE[fact.kind].fields[name]
    conversion = field.accept.get(unit) if unit else None
    if conversion is None or conversion.same or not isinstance(value, Decimal):
        return value
    step = Decimal(1).scaleb(-field.decimals)
    return value.quantize(step, ROUND_HALF_UP)


def _measured(fact: Fact) -> Resource:
    kind, body = kinds.CATALOGUE[fact.kind], fact.body
    made: Resource = {}
    absent = body.get("absent", {})
    if "value" in body["values"]:
        made |= _value(kind, kind.fields["value"], shown(fact, "value"))
    elif "value" in absent:
        made["dataAbsentReason"] = _concept(_ABSENT, absent["value"])
    components: list[Resource] = []
    for name, field in kind.fields.items():
        code = {"code": {"coding": _codings(field.codes), "text": field.en}}
        if name == "value":
            continue
        if name in body["values"]:
            components.append(code | _value(kind, field, shown(fact, name)))
        elif name in absent:
            components.append(code | {"dataAbsentReason": _concept(_ABSENT, absent[name])})
    for name, value in body.get("context", {}).items():
        if name != "unread":
            components.extend(_context(name, value))
    return {**made, "component": components} if components else made


def _value(kind: kinds.Kind, field: kinds.Field, value: Any) -> Resource:
    if field.ucum is None:
        scale = "acvpu" if kind.name == "consciousness" else kind.name.replace("_", "-")
        own = {"system": kinds.OWN_SYSTEM, "code": f"{scale}-{value}"}
        return {"valueCodeableConcept": {"coding": [own], "text": value}}
    quantity = {"value": value, "unit": field.ucum, "system": UCUM, "code": field.ucum}
    return {"valueQuantity": quantity}


def _context(name: str, value: Any) -> list[Resource]:
    own = {"system": kinds.OWN_SYSTEM, "code": f"ctx-{name.replace('_', '-')}"}
    match value:
        case bool():
            told: Resource = {"valueBoolean": value}
        case int():
            told = {"valueInteger": value}
        case Decimal():
            told = {"valueQuantity": {"value": value}}
        case str():
            told = {"valueString": value}
        case _:
            return []
    return [{"code": {"coding": [own]}, **told}]


def _code(fact: Fact) -> Resource:
    if "foreign" in fact.body:
        foreign = fact.body["foreign"]
        categories = [_concept(_CATEGORIES, code) for code in foreign.get("category", ())]
        return {"category": categories, "code": _told_code(foreign)}
    kind = kinds.CATALOGUE[fact.kind]
    codes, text = kind.codes, kind.en
    if whole := fact.body.get("split_from"):
        name = str(fact.body["message"]).rpartition("#")[2]
        codes = kinds.CATALOGUE[whole].fields[name].codes
    return {
        "category": [_concept(_CATEGORIES, kind.category)],
        "code": {"coding": _codings(codes), "text": text},
    }


def _foreign(foreign: Mapping[str, Any]) -> Resource:
    made = _told_value(foreign)
    parts = [
        {"code": _told_code(each), **_told_value(each)} for each in foreign.get("components", ())
    ]
    return {**made, "component": parts} if parts else made


def _told_code(told: Mapping[str, Any]) -> Resource:
    codings = [filled(dict(each)) for each in told.get("code", ())]
    return filled({"coding": codings or None, "text": told.get("text")})


def _told_value(told: Mapping[str, Any]) -> Resource:
    """Kept as text, so it goes out as text, its unit beside it."""
    if "absent" in told:
        return {"dataAbsentReason": _concept(_ABSENT, told["absent"])}
    parts = [told.get(key) for key in ("comparator", "value", "unit")]
    text = " ".join(str(part) for part in parts if part)
    return {"valueString": text} if "value" in told else {}


def _status(body: Mapping[str, Any], status: Status) -> str:
    told = body.get("status")
    return str(told) if told in ("preliminary", "registered") and status == "final" else status


def _meta(fact: Fact) -> Resource:
    kind = kinds.CATALOGUE.get(fact.kind)
    tags = [{"system": FLAGS, "code": str(flag)} for flag in sorted(fact.flags)]
    made: Resource = {"lastUpdated": instant(fact.received_at)}
    if kind is not None and kind.profile:
        made["profile"] = [kind.profile]
    return {**made, "tag": tags} if tags else made


def _identifiers(fact: Fact) -> list[Resource]:
    message = fact.body.get("message")
    if not message:
        return [{"system": FACT, "value": str(fact.origin or fact.id)}]
    system, bar, value = message.rpartition("|")
    theirs = [{"system": system, "value": value}] if bar and system and value else []
    return [{"system": MESSAGE, "value": message}, *theirs]


def _effective(fact: Fact) -> Resource:
    start = _claimed(fact, "claimed_at", fact.at)
    if fact.until is None:
        return {"effectiveDateTime": start}
    return {"effectivePeriod": {"start": start, "end": _claimed(fact, "claimed_until", fact.until)}}


def _claimed(fact: Fact, key: str, at: datetime) -> str:
    """The time in the sender's own words, as long as it is still the one we hold to be true."""
    told = fact.body.get(key)
    if fact.precision == "day":
        return at.astimezone(_OSLO).date().isoformat()
    try:
        if told is not None and datetime.fromisoformat(told) == at:
            return str(told)
    except (TypeError, ValueError):
        pass
    return instant(at)


_TEXTS = {"date": "valueDate", "dateTime": "valueDateTime", "time": "valueTime", "url": "valueUri"}
_ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"


def _answer(value: Any, asked: Mapping[str, Any]) -> Resource:
    """As the form would take it back: a code with its system, a number with its unit."""
    if (option := _option(value, asked)) is not None:
        return option
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    match asked.get("type"):
        case "decimal" if number:
            return {"valueDecimal": value}
        case "quantity" if number:
            return {"valueQuantity": {"value": value, **_unit(asked)}}
        case "choice" if isinstance(value, str) and not asked.get("answerOption"):
            return {"valueCoding": {"code": value}}
        case str(kind) if kind in _TEXTS and isinstance(value, str):
            return {_TEXTS[kind]: value}
    return _plain(value)


def _option(value: Any, asked: Mapping[str, Any]) -> Resource | None:
    """The option of this code, or, where points were given for it, of this score."""
    by_points = isinstance(value, int | Decimal) and not isinstance(value, bool)
    for option in asked.get("answerOption", ()):
        coding = option.get("valueCoding")
        if coding is None:
            continue
        if coding.get("code") == value or (by_points and _points(option) == Decimal(value)):
            told = {key: coding[key] for key in ("system", "code", "display") if key in coding}
            return {"valueCoding": told}
    return None


def _points(option: Mapping[str, Any]) -> Decimal | None:
    for holder in (option, option["valueCoding"]):
        for each in holder.get("extension", ()):
            if each.get("url") == _ORDINAL and "valueDecimal" in each:
                return Decimal(each["valueDecimal"])
    return None


def _unit(asked: Mapping[str, Any]) -> Resource:
    for each in asked.get("extension", ()):
        if str(each.get("url", "")).endswith(("/questionnaire-unit", "/questionnaire-unitOption")):
            coding = each.get("valueCoding", {})
            return filled({"system": coding.get("system"), "code": coding.get("code")})
    return {}


def _items(items: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for item in items:
        yield item
        yield from _items(item.get("item", ()))


def _plain(value: Any) -> Resource:
    match value:
        case bool():
            return {"valueBoolean": value}
        case int():
            return {"valueInteger": value}
        case Decimal():
            return {"valueDecimal": value}
        case _:
            return {"valueString": str(value)}


def _codings(codes: Iterable[kinds.Coding]) -> list[Resource]:
    return [{"system": system, "code": code} for system, code in codes]


def _concept(system: str, code: str) -> Resource:
    return {"coding": [{"system": system, "code": code}]}


def filled(made: Resource) -> Resource:
    """Without the elements that have nothing in them: FHIR has no null and no empty list."""
    return {key: value for key, value in made.items() if value not in (None, [])}
