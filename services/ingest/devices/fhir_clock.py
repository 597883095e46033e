"""What a device's own clock said (PHD's coincident timestamp), and whether it can be believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.ingest.devices import fhir_subject, moments
from shared.contracts import Clock

_PROFILE = "PhdCoincidentTimeStampObservation"
_REFERENCE = "CoincidentTimeStampReference"
_MDC = "urn:iso:std:iso:11073:10101"
# MDC_ATTR_TIME_ABS, _TIME_REL, _TIME_REL_HI_RES and _TIME_BO: a clock and nobody's measurement.
_CLOCKS = frozenset(("67975", "67983", "68072", "68226"))


@dataclass(frozen=True, slots=True)
class Told:
    """`state` 'none': the device does not know the time, whatever the message says."""

    state: Clock = "unknown"
    told: dict[str, Any] = field(default_factory=dict)


UNKNOWN = Told()


def is_one(sent: Mapping[str, Any]) -> bool:
    """Whether this Observation is of a clock: it accompanies others and is no reading itself."""
    if sent.get("resourceType") != "Observation":
        return False
    meta, code = sent.get("meta"), sent.get("code")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    if isinstance(profiles, list) and any(_PROFILE in str(each) for each in profiles):
        return True
    codings = code.get("coding") if isinstance(code, dict) else None
    return isinstance(codings, list) and any(
        isinstance(each, dict) and each.get("system") == _MDC and str(each.get("code")) in _CLOCKS
        for each in codings
    )


def of(sent: Mapping[str, Any], around: fhir_subject.Around) -> Told:
    """The clock behind a measurement, where the message holds it."""
    reference = _reference(sent)
    clock = around.find(reference, []) if reference else None
    if clock is None or not is_one(clock):
        return UNKNOWN
    if clock.get("dataAbsentReason") is not None:
        return Told("none")
    said = moments.instant(clock.get("valueDateTime"))
    real = moments.instant(clock.get("effectiveDateTime"))
    if said is None or real is None or said == real:
        return UNKNOWN
    # The gateway has already put its measurements right; this only tells how wrong the clock was.
    return Told(told={"clock_ahead_seconds": int((said - real).total_seconds())})


def _reference(sent: Mapping[str, Any]) -> str | None:
    extensions = sent.get("extension")
    for each in extensions if isinstance(extensions, list) else ():
        if isinstance(each, dict) and str(each.get("url", "")).endswith(_REFERENCE):
            to = each.get("valueReference")
            found = to.get("reference") if isinstance(to, dict) else None
            return found if isinstance(found, str) else None
    return None
