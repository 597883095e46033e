"""Why an item waits in quarantine, in words for staff."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts import Code

# Only the holder is in doubt; the readings themselves were read and are sound.
WHOSE = frozenset({Code.UNBOUND, Code.WHOSE, Code.SUBJECT_MISMATCH, Code.UNKNOWN_SUBJECT})

REASONS: Mapping[Code, tuple[str, str]] = {
    Code.UNBOUND: (
        "Ingen pasient hadde enheten da det ble målt.",
        "No patient held the device when this was measured.",
    ),
    Code.WHOSE: (
        "Enheten har skiftet bruker, og klokken er for usikker til å si hvem som målte.",
        "The device has changed hands, and its clock is too uncertain to say who measured.",
    ),
    Code.SUBJECT_MISMATCH: (
        "Meldingen sier at den gjelder en annen enn den som har enheten.",
        "The message says it is about somebody else than the holder of the device.",
    ),
    Code.UNKNOWN_SUBJECT: (
        "Meldingen gjelder en person som ikke er registrert her.",
        "The message is about a person who is not registered here.",
    ),
    Code.UNKNOWN_VERSION: (
        "Meldingen har en formatversjon vi ikke kjenner.",
        "The message has a format version that we do not know.",
    ),
    Code.UNKNOWN_KIND: (
        "Meldingen måler noe vi ikke kjenner.",
        "The message measures something that we do not know.",
    ),
    Code.UNKNOWN_FIELD: (
        "Meldingen har en verdi som ikke hører til denne målingen.",
        "The message has a value that does not belong to this measurement.",
    ),
    Code.UNKNOWN_UCUM: (
        "Måleenheten er ukjent for denne målingen.",
        "The unit of measure is not known for this measurement.",
    ),
    Code.UNKNOWN_CODE: (
        "Et svar eller en kode er ukjent.",
        "An answer or a code is not known.",
    ),
    Code.MISSING_VALUE: (
        "En verdi som må være med, mangler.",
        "A value that must be there is missing.",
    ),
    Code.BAD_ID: (
        "Meldingen mangler en brukbar id.",
        "The message has no usable id.",
    ),
    Code.BAD_TIME: (
        "Tidspunktet mangler eller kan ikke brukes.",
        "The time is missing or cannot be used.",
    ),
    Code.BAD_VALUE: (
        "En verdi er ikke et tall eller en gyldig kode.",
        "A value is neither a number nor a valid code.",
    ),
    Code.IMPLAUSIBLE: (
        "En verdi er utenfor det som er mulig.",
        "A value lies outside what is possible.",
    ),
    Code.UNREADABLE: (
        "Meldingen kunne ikke leses.",
        "The message could not be read.",
    ),
    Code.NOT_STORABLE: (
        "Meldingen inneholder noe som ikke kan lagres.",
        "The message holds something that cannot be stored.",
    ),
    Code.REVOKED: (
        "Utstyret var trukket tilbake før meldingen ble lest.",
        "The device had been withdrawn before the message was read.",
    ),
    Code.TRANSACTION: (
        "En samlet sending (transaksjon) der noe ikke kunne lagres. Ingenting av den er lagret.",
        "A transaction of which something could not be stored. Nothing of it is stored.",
    ),
    Code.REJECTED: (
        "Vist bort av en person.",
        "Rejected by a person.",
    ),
}


def may_be_filed(code: Code, drafts: Iterable[Mapping[str, Any]] | None) -> bool:
    """Whether a person may say whose it is: where that alone is in doubt, and what a patient wrote,
    which was read well and is filed by who has read it."""
    return code in WHOSE or any(
        draft["body"].get("foreign", {}).get("category") == ["communication"]
        for draft in drafts or ()
    )
