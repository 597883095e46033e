"""Pure: whom payloads are about, and how a foreign reference becomes an identifier we can look up.

A foreign `Patient/<id>` means nothing here, and may by chance be the id of a patient of ours. So
the subject is replaced by a logical identifier made of that reference; every other byte stays.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from deploy.local.payloads import READINGS
from services.ingest.devices import hl7_message, hl7_subject, refused

SYSTEM = "urn:hjemvakt:replay"


@dataclass(frozen=True, slots=True)
class Foreign:
    """An identifier that a made patient is registered under."""

    system: str
    value: str

    @property
    def instead(self) -> "Foreign":
        """For an identifier that may not be registered here, such as a real national number."""
        return Foreign(SYSTEM, sha256(f"{self.system}|{self.value}".encode()).hexdigest()[:32])

    def as_subject(self) -> dict[str, Any]:
        return {"identifier": {"system": self.system, "value": self.value}}


def of(sent: Any, file: str) -> set[Foreign]:
    """Everybody a FHIR resource or Bundle has readings of."""
    around = _around(sent)
    return {
        foreign
        for resource in _readings(sent)
        if (foreign := _foreign(resource, around, file)) is not None
    }


def of_hl7(body: bytes) -> tuple[Foreign | None, str | None]:
    """Whom an HL7 v2 message is about: a number, or the serial number of an implant."""
    try:
        pid = hl7_message.read(body).first("PID")
    except refused.NotHl7:
        return None, None
    subject, serial = hl7_subject.of(pid) if pid else (None, None)
    if subject is None or subject.system is None or subject.value is None:
        return None, serial
    return Foreign(subject.system, subject.value), serial


def mapped(sent: Any, file: str, refused: Collection[Foreign]) -> bool:
    """Put the identifiers into `sent`. True when anything had to be changed."""
    around = _around(sent)
    changed = False
    for resource in _readings(sent):
        foreign = _foreign(resource, around, file)
        if foreign is None or (_has_identifier(resource) and foreign not in refused):
            continue
        resource["subject"] = (foreign.instead if foreign in refused else foreign).as_subject()
        changed = True
    return changed


def _foreign(
    resource: Mapping[str, Any], around: Mapping[str, Mapping[str, Any]], file: str
) -> Foreign | None:
    """None: nobody, or no person."""
    subject = resource.get("subject")
    if not isinstance(subject, dict):
        return None
    if _has_identifier(resource):
        return Foreign(subject["identifier"]["system"], subject["identifier"]["value"])
    reference = subject.get("reference")
    if not isinstance(reference, str) or not reference.strip():
        return None
    found = around.get(reference)
    kind = found.get("resourceType") if found else _kind_of(reference)
    if kind not in ("Patient", None):
        return None
    # A contained or bundled patient is known by that name in this file only.
    within = f"{file}{reference}" if reference.startswith("#") else reference
    return Foreign(SYSTEM, within if len(within) <= 64 else f"sha256:{_short(within)}")


def _short(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:40]


def _kind_of(reference: str) -> str | None:
    """'Device' of 'Device/1' and 'https://there/Device/1'; None if the reference does not say."""
    if reference.startswith(("#", "urn:")):
        return None
    parts = reference.split("/")
    return parts[-2].capitalize() if len(parts) > 1 else None


def _has_identifier(resource: Mapping[str, Any]) -> bool:
    identifier = resource["subject"].get("identifier") if resource.get("subject") else None
    return (
        isinstance(identifier, dict)
        and isinstance(identifier.get("system"), str)
        and isinstance(identifier.get("value"), str)
        and not resource["subject"].get("reference")
    )


def _readings(sent: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(sent, dict):
        return
    if sent.get("resourceType") in READINGS:
        yield sent
    entries = sent.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") in READINGS:
            yield resource


def _around(sent: Any) -> dict[str, Mapping[str, Any]]:
    """The resources of a Bundle by fullUrl, and contained ones by #id."""
    found: dict[str, Mapping[str, Any]] = {}
    entries = sent.get("entry") if isinstance(sent, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
            found[str(entry.get("fullUrl"))] = entry["resource"]
    for resource in _readings(sent):
        contained = resource.get("contained")
        for one in contained if isinstance(contained, list) else ():
            if isinstance(one, dict) and isinstance(one.get("id"), str):
                found[f"#{one['id']}"] = one
    return found
