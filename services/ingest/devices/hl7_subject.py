"""Whom a PID names: a patient by number, or an implanted device by its serial number."""

import re
from collections.abc import Iterator

from services.ingest.devices.hl7_message import Segment
from shared import identity
from shared.contracts import Subject

_DEVICE = re.compile(r"model:(?P<model>.*?)/serial:(?P<serial>[^/]+)", re.I)
_OWN_SYSTEM = "urn:hjv:hl7:"
_NATIONAL_TYPES = {
    "FNR": identity.FNR,
    "NNNOR": identity.FNR,
    "DNR": identity.D_NUMBER,
    "FHN": identity.FHN,
}


def of(pid: Segment) -> tuple[Subject | None, str | None]:
    """Whom PID names: a national number, else a device (implants), else the sender's own number."""
    others: list[Subject] = []
    serial: str | None = None
    for system, told in numbers(pid, 3):
        if system in identity.NATIONAL:
            return Subject(system=system, value=told), None
        if device := _DEVICE.fullmatch(told):
            serial = serial or device["serial"]
        else:
            others.append(Subject(system=system, value=told))
    return (None, serial) if serial else (next(iter(others), None), None)


def numbers(segment: Segment, of: int) -> Iterator[tuple[str, str]]:
    """Each number in a field (CX), as system and value; one of no known authority is the
    sender's own."""
    for parts in segment.repetitions(of):
        told, _, _, authority, kind = [*parts, "", "", "", ""][:5]
        if not told:
            continue
        namespace, oid = ([*authority.split("&"), "", ""])[:2]
        system = f"urn:oid:{oid}" if oid[:2].replace(".", "").isdigit() else ""
        system = _NATIONAL_TYPES.get(kind.upper(), system)
        if system in identity.NATIONAL:
            yield system, identity.plain_value(system, told)
        else:
            yield system or f"{_OWN_SYSTEM}{namespace}", told
