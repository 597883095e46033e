"""A FHIR Observation as a reading. A number that is said to be absent never becomes one."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from services.ingest.devices import bodies
from services.ingest.devices import fhir_shapes as shapes
from shared import kinds, values
from shared.contracts import Code, Draft, ItemError

_VITAL_SIGNS = "vital-signs"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_REASON = re.compile(r"[a-z-]{1,32}")
_CONTEXT = re.compile(r"ctx-([a-z0-9-]{1,32})")
_ON_OXYGEN = ("http://snomed.info/sct", "371825009")
_YES_NO = {"373066001": True, "373067005": False}
# Vital signs that are well known and that no rule reads: height, head circumference, BMI, pain,
# and the panel that only points at its members. Any other unknown one could be a mistyped weight.
_NEVER_JUDGED = frozenset(
    ("http://loinc.org", code) for code in ("8302-2", "9843-4", "39156-5", "72514-3", "85353-1")
)
_PARTS = frozenset(pair for kind in kinds.CATALOGUE.values() for pair in kind.field_of)
_COUNTED = ("{score}", "{#}")  # a number of these may come without a unit


def drafts(
    sent: shapes.Observation,
    message_id: str,
    around: Mapping[str, Any],
    errors: list[ItemError],
) -> tuple[Draft, ...]:
    """The facts in it; errors are added for whatever makes it unusable."""
    kind = kinds.find(sent.code.pairs())
    if kind is None:
        return _foreign(sent, message_id, around, errors)
    reading, context = _read(kind, sent)
    for name, code in reading.faults:
        errors.append(ItemError("value" if name == "value" else f"component.{name}", code))
    if errors:
        return ()
    if context:
        around = {"context": bodies.sound_context(context), **around}
    return tuple(bodies.of_reading(kind, reading, message_id, around))


def _read(kind: kinds.Kind, sent: shapes.Observation) -> tuple[values.Reading, dict[str, Any]]:
    reading, context = values.Reading(), dict[str, Any]()
    if "value" in kind.fields:
        _value(kind.fields["value"], sent, reading)
    for component in sent.component:
        codings = [kinds.known(pair) for pair in component.code.pairs()]
        name = next((kind.field_of[pair] for pair in codings if pair in kind.field_of), None)
        if name is not None:
            _value(kind.fields[name], component, reading)
        else:
            context.update(_context(codings, component))
    if (reason := _absent(sent)) is not None:
        for name in kind.required:
            if name not in reading.values:
                reading.absent.setdefault(name, reason)
    values.judge(kind, reading)
    return reading, context


def _value(of: kinds.Field, sent: shapes.Valued, reading: values.Reading) -> None:
    if of.name in reading.values or of.name in reading.absent:
        reading.faults.append((of.name, Code.BAD_VALUE))  # said twice: which one holds?
    elif (reason := _absent(sent)) is not None:
        reading.absent[of.name] = reason
    elif of.enum:
        _letter(of, sent, reading)
    elif sent.valueQuantity is not None:
        _quantity(of, sent.valueQuantity, reading)
    elif sent.valueInteger is not None:
        _number(of, sent.valueInteger, None, reading)
    elif sent.valueString is not None or sent.valueCodeableConcept is not None:
        reading.faults.append((of.name, Code.BAD_VALUE))


def _letter(of: kinds.Field, sent: shapes.Valued, reading: values.Reading) -> None:
    """A, C, V, P or U: by code, or as the text itself."""
    concept = sent.valueCodeableConcept
    letter = sent.valueString
    if concept is not None:
        texts = [concept.text, *(each.code for each in concept.coding)]
        letter = kinds.consciousness(concept.pairs())
        letter = letter or next((text for text in texts if text in of.enum), "")
    if letter is None:
        return
    if isinstance(letter, str) and letter in of.enum:
        reading.values[of.name] = letter
    else:
        reading.faults.append((of.name, Code.BAD_VALUE))


def _quantity(of: kinds.Field, sent: shapes.Quantity, reading: values.Reading) -> None:
    if sent.value is None:
        return
    if sent.comparator is not None:  # "> 33.3" is a bound, not a measurement
        reading.faults.append((of.name, Code.BAD_VALUE))
        return
    _number(of, sent.value, sent.code or sent.unit, reading)


def _number(of: kinds.Field, sent: Any, unit: str | None, reading: values.Reading) -> None:
    if type(sent) is not int and type(sent) is not Decimal:
        reading.faults.append((of.name, Code.BAD_VALUE))
        return
    if of.ucum in _COUNTED and unit in (None, "1", "{Score}", *_COUNTED):
        unit = of.ucum
    if unit is not None and unit not in of.accept:
        unit = kinds.spelt(unit)
    values.take(of, sent, unit or "", reading)


def _absent(sent: shapes.Valued) -> str | None:
    """Why there is no value: from the element, or from an extension on the missing number."""
    if sent.dataAbsentReason is not None:
        return _reason(pair[1] for pair in sent.dataAbsentReason.pairs())
    extra = (sent.valueQuantity.model_extra or {}).get("_value") if sent.valueQuantity else None
    if not isinstance(extra, dict) or not isinstance(extra.get("extension"), list):
        return None
    told = [each for each in extra["extension"] if isinstance(each, dict)]
    codes = [each.get("valueCode") for each in told if each.get("url") == _ABSENT]
    return _reason(iter(codes)) if codes else None


def _reason(codes: Any) -> str:
    first = next(iter(codes), None)
    return first if isinstance(first, str) and _REASON.fullmatch(first) else "unknown"


def _context(codings: list[kinds.Coding], sent: shapes.Component) -> dict[str, Any]:
    if _ON_OXYGEN in codings:
        answer = sent.valueBoolean
        if sent.valueCodeableConcept is not None:
            codes = [code for _, code in sent.valueCodeableConcept.pairs()]
            answer = next((_YES_NO[code] for code in codes if code in _YES_NO), None)
        return {} if answer is None else {"on_oxygen": answer}
    for system, code in codings:
        name = _CONTEXT.fullmatch(code) if system == kinds.OWN_SYSTEM else None
        if name:
            value = sent.valueQuantity.value if sent.valueQuantity else None
            told = (sent.valueBoolean, sent.valueInteger, sent.valueString, value)
            return {name[1].replace("-", "_"): each for each in told if each is not None}
    return {}


def _foreign(
    sent: shapes.Observation,
    message_id: str,
    around: Mapping[str, Any],
    errors: list[ItemError],
) -> tuple[Draft, ...]:
    """A laboratory result and its like: kept as text, never judged.

    Not so a vital sign of unknown code, something that does not say what it is, or a panel with
    a part that rules read: a person must look at that.
    """
    categories = [code for each in sent.category for _, code in each.pairs()]
    parts = {kinds.known(pair) for each in sent.component for pair in each.code.pairs()}
    known_part = any(kinds.find([part]) or part in _PARTS for part in parts)
    pairs = sent.code.pairs()
    doubtful = _VITAL_SIGNS in categories and _NEVER_JUDGED.isdisjoint(pairs)
    if not categories or doubtful or not pairs or known_part:
        errors.append(ItemError("code", Code.UNKNOWN_CODE))
    if errors:
        return ()
    foreign = {"category": categories, **_as_text(sent.code, sent)}
    if sent.component:
        foreign["components"] = [_as_text(each.code, each) for each in sent.component]
    body = {"v": 1, "message": message_id, "values": {}, "foreign": foreign, **around}
    return (Draft("reading", "foreign", body),)


def _as_text(code: shapes.Concept, sent: shapes.Valued) -> dict[str, Any]:
    codings = [{"system": each.system, "code": each.code} for each in code.coding]
    text = code.text or next((each.display for each in code.coding if each.display), None)
    told: dict[str, Any] = {"code": codings, "text": text}
    if (reason := _absent(sent)) is not None:
        told["absent"] = reason
    elif (quantity := sent.valueQuantity) is not None:
        told["value"] = None if quantity.value is None else str(quantity.value)
        told["unit"] = quantity.unit or quantity.code
        told["comparator"] = quantity.comparator
    elif (concept := sent.valueCodeableConcept) is not None:
        names = [concept.text, *(each.display or each.code for each in concept.coding)]
        told["value"] = next((name for name in names if name), None)
    else:
        told["value"] = _simple_text(sent)
    return {key: value for key, value in told.items() if value is not None}


def _simple_text(sent: shapes.Valued) -> str | None:
    extra = sent.model_extra or {}
    given = (sent.valueString, sent.valueInteger, extra.get("valueDateTime"))
    if isinstance(sent.valueBoolean, bool):
        return "true" if sent.valueBoolean else "false"
    return next((str(each) for each in given if isinstance(each, str | int)), None)
