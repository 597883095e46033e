"""FHIR R4 in XML as the same resource in JSON, for what intake reads. Nothing but the plain format
is parsed: a document type, an entity or another encoding than UTF-8 is refused.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from xml.parsers import expat

from services.ingest.devices import refused
from shared import exact

_FHIR = "http://hl7.org/fhir"
_DEEPEST = 64
_MOST = 200_000
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,20})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")

# What is written once or several times in XML alike, and is a list in JSON.
_LISTS = frozenset((
    "answer", "basedOn", "category", "coding", "component", "contained", "content", "derivedFrom",
    "deviceName", "entry", "extension", "focus", "given", "hasMember", "interpretation", "item",
    "line", "link", "modifierExtension", "note", "partOf", "payload", "performer", "profile",
    "property", "recipient", "referenceRange", "security", "specialization", "tag", "telecom",
    "udiCarrier",
))  # fmt: skip
_ONE_IDENTIFIER = ("QuestionnaireResponse", "Bundle")
_OF_PEOPLE = ("Patient", "Practitioner", "RelatedPerson", "Organization")
_TRUTHS = frozenset(("valueBoolean", "active", "deceasedBoolean", "userSelected"))
_WHOLES = frozenset(("valueInteger", "valuePositiveInt", "valueUnsignedInt", "total", "size"))
_AMOUNTS = re.compile(r".*(?:Quantity|Range|[lL]ow|[hH]igh|numerator|denominator)")


class NotXml(refused.Refused):
    """The body is not FHIR in XML that can be read safely: no document type and no entities."""

    code = "not-fhir-xml"
    status = 400


@dataclass(slots=True)
class _Element:
    name: str
    of_fhir: bool
    value: str | None
    id: str | None
    url: str | None
    children: list["_Element"] = field(default_factory=list)


def as_json(body: bytes) -> bytes:
    """The resource in JSON. Raises NotXml."""
    root = _tree(body)
    return exact.dumps(_resource(root))


def _tree(body: bytes) -> _Element:
    parser = expat.ParserCreate(encoding="UTF-8", namespace_separator=" ")
    open_: list[_Element] = []
    found: list[_Element] = []
    count = 0

    def start(name: str, given: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > _MOST or len(open_) >= _DEEPEST:
            raise NotXml
        space, _, local = name.rpartition(" ")
        made = _Element(
            local, space == _FHIR, given.get("value"), given.get("id"), given.get("url")
        )
        (open_[-1].children if open_ else found).append(made)
        open_.append(made)

    def refuse(*_: object) -> None:
        raise NotXml

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: open_.pop()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ProcessingInstructionHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise NotXml from None
    if not found or not found[0].of_fhir:
        raise NotXml
    return found[0]


def _resource(root: _Element) -> dict[str, Any]:
    return {"resourceType": root.name, **_members(root, root.name, root.name)}


def _members(element: _Element, parent: str, resource: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for child in element.children:
        if not child.of_fhir:  # the narrative is for people
            continue
        name = child.name
        told, beside = _value(child, parent, resource)
        if _is_list(name, parent, resource):
            made.setdefault(name, []).append(told)
        elif name in made:
            raise NotXml
        elif told is not None:
            made[name] = told
        if beside:
            made[f"_{name}"] = beside
    return made


def _value(element: _Element, parent: str, resource: str) -> tuple[Any, dict[str, Any]]:
    """What an element says, and what stands beside a simple value."""
    children = [each for each in element.children if each.of_fhir]
    if element.name in ("resource", "contained") and len(children) == 1:
        return _resource(children[0]), {}
    extensions = [each for each in children if each.name == "extension"]
    is_simple = element.value is not None or (
        extensions and len(extensions) == len(children) and element.name != "extension"
    )
    if is_simple:
        beside = {"extension": [_value(each, element.name, resource)[0] for each in extensions]}
        told = None if element.value is None else _simple(element.name, element.value, parent)
        return told, beside if extensions else {}
    made = _members(element, element.name, resource)
    for key, told in (("id", element.id), ("url", element.url)):
        if told is not None:
            made.setdefault(key, told)
    return made, {}


def _simple(name: str, told: str, parent: str) -> Any:
    if name in _TRUTHS:
        return {"true": True, "false": False}.get(told, told)
    if name in _WHOLES and _WHOLE.fullmatch(told):
        return int(told)
    is_amount = name == "value" and _AMOUNTS.fullmatch(parent) is not None
    if (is_amount or name == "valueDecimal") and _NUMBER.fullmatch(told):
        return int(told) if _WHOLE.fullmatch(told) else Decimal(told)
    return told


def _is_list(name: str, parent: str, resource: str) -> bool:
    if name == "identifier":
        return parent == resource and resource not in _ONE_IDENTIFIER
    if name in ("name", "address"):
        return parent in _OF_PEOPLE
    if name == "category" and resource == "DeviceMetric":
        return False
    if name == "content" and parent == "payload":
        return False
    if name == "performer" and parent == "component":
        return False
    return name in _LISTS
