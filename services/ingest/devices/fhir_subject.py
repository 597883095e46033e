"""Whom a resource is about, and which device it names: our own id, a number in an identifier
system, or a reference to something else in the same message.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.ingest.devices import fhir_shapes as shapes
from shared import identity
from shared.contracts import Subject

# A reference we can neither follow nor own is still one patient's name at that sender.
REFERENCE = "urn:hjv:reference"

_OURS = re.compile(
    r"(?:.*/)?patient/([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?:/_history/.*)?", re.I
)
_TYPED = re.compile(r"(?:.*/)?([A-Za-z]+)/([A-Za-z0-9.\-]{1,64})(?:/_history/.*)?")


class NotAPatient(ValueError):
    """The subject is a device, a group or a place."""


@dataclass(slots=True)
class Around:
    """The resources sent beside this one, by fullUrl and by Type/id (type in lower case)."""

    resources: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def add(self, full_url: object, resource: Mapping[str, Any]) -> None:
        if isinstance(full_url, str):
            self.resources[full_url] = resource
        if isinstance(resource.get("id"), str):
            self.resources[_typed(f"{resource.get('resourceType')}/{resource['id']}")] = resource

    def find(self, reference: str, contained: list[dict[str, Any]]) -> Mapping[str, Any] | None:
        if reference.startswith("#"):
            return next((each for each in contained if each.get("id") == reference[1:]), None)
        return self.resources.get(reference) or self.resources.get(_typed(reference))


def of(resource: shapes.Resource, around: Around) -> Subject | None:
    """The subject, or None when the resource names none. Raises NotAPatient."""
    if (sent := resource.subject) is None:
        return None
    system, value = _identifier(sent.identifier)
    reference = (sent.reference or "").strip()
    if not reference:
        return Subject(system=system, value=value) if value else None
    found = around.find(reference, resource.contained)
    if found is not None and found.get("resourceType") != "Patient":
        raise NotAPatient
    if found is not None and value is None:
        system, value = _of_patient(found)
    if found is None and (ours := _OURS.fullmatch(reference)):
        return Subject(UUID(ours[1]), system, value)
    typed = _TYPED.fullmatch(reference)
    if found is None and typed and typed[1].lower() != "patient":
        raise NotAPatient
    if value is None:
        system, value = REFERENCE, _typed(reference) if "://" not in reference else reference
    return Subject(system=system, value=value)


def device(resource: shapes.Observation, around: Around) -> tuple[dict[str, Any], str | None]:
    """What is kept of the device, and its serial number if one is told."""
    if (sent := resource.device) is None:
        return {}, None
    found = around.find(sent.reference or "", resource.contained)
    kept = {"display": sent.display, "reference": sent.reference}
    serial = sent.identifier.value if sent.identifier else None
    if found is not None and found.get("resourceType") == "Device":
        kept["manufacturer"] = _text(found.get("manufacturer"))
        kept["model"] = _text(found.get("modelNumber"))
        serial = serial or _text(found.get("serialNumber")) or _own_number(found)
    kept["serial"] = serial
    return {key: text for key, text in kept.items() if text}, serial


def _own_number(device: Mapping[str, Any]) -> str | None:
    """A device without a serial number is known by its first identifier (PHD: its EUI-64)."""
    return next((_text(each.get("value")) for each in _list(device.get("identifier"))), None)


def _identifier(sent: shapes.Identifier | None) -> tuple[str | None, str | None]:
    if sent is None or not sent.value or not sent.system:
        return None, None
    return identity.plain_system(sent.system), identity.plain_value(sent.system, sent.value)


def _of_patient(patient: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """A national number if the patient has one, else the first identifier with a system."""
    pairs = []
    for sent in _list(patient.get("identifier")):
        system, value = _text(sent.get("system")), _text(sent.get("value"))
        if system and value:
            pairs.append((identity.plain_system(system), identity.plain_value(system, value)))
    national = [pair for pair in pairs if pair[0] in identity.NATIONAL]
    return next(iter(national + pairs), (None, None))


def _typed(reference: str) -> str:
    """'patient/1', 'http://there/Patient/1' and 'Patient/1/_history/2' are all 'Patient/1'."""
    if (parts := _TYPED.fullmatch(reference)) is None:
        return reference
    kind = "Patient" if parts[1].lower() == "patient" else parts[1]
    return f"{kind}/{parts[2]}"


def _list(sent: Any) -> list[dict[str, Any]]:
    return [each for each in sent if isinstance(each, dict)] if isinstance(sent, list) else []


def _text(sent: Any) -> str | None:
    return sent if isinstance(sent, str) and sent else None
