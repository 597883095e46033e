"""Media types: what a sender calls a format. One table for the doors over HTTP and for MQTT 5's
Content Type, and the names under which the bytes of each are kept.
"""

from collections.abc import Mapping
from typing import Literal

from services.ingest.devices import hl7_items, senml

Format = Literal["json", "fhir", "fhir-xml", "senml", "hl7", "status"]

JSON = "application/json"
FHIR = "application/fhir+json"
STATUS = "application/vnd.hjemvakt.status+json"
HL7 = hl7_items.MEDIA

# What senders say. `application/json` is not here: it says nothing that a door or a topic does not
# say better, and is taken by all that read JSON.
TYPES: Mapping[Format, tuple[str, ...]] = {
    "fhir": (FHIR,),
    "fhir-xml": ("application/fhir+xml", "application/xml", "text/xml"),
    "senml": ("application/senml+json",),
    "hl7": (HL7, "x-application/hl7-v2+er7"),
}
# As what a body is kept, for a decoder to read again.
KEPT: Mapping[Format, str] = {
    "json": JSON,
    "fhir": FHIR,
    "fhir-xml": FHIR,
    "senml": senml.MEDIA,
    "hl7": HL7,
    "status": STATUS,
}
_FORMATS = {told: name for name, several in TYPES.items() for told in several}


def plain(told: str) -> str:
    """Without parameters: `application/json; charset=utf-8` is JSON."""
    return told.partition(";")[0].strip().lower()


def of(told: str) -> Format | None:
    """The format of this name; None where it names none by itself."""
    return _FORMATS.get(plain(told))


def taken(*formats: Format, besides: tuple[str, ...] = ()) -> tuple[bytes, ...]:
    """The types of a door, as its headers are compared."""
    several = [told for name in formats for told in TYPES[name]]
    return tuple([told.encode() for told in (*several, *besides)])
