"""Pure: an instrument's score as a FHIR Observation, worked out from the stored answers when it is
asked for. It is stored nowhere, so it cannot differ from the answers it is derived from.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared import fhir, instruments
from shared.contracts import Fact
from shared.instruments import Instrument, Part, Score
from shared.instruments.forms import LOINC, OWN_CODES

PREFIX = "score-"
UNIT = "{score}"
CODES = f"{OWN_CODES}score"
CATEGORY = {
    "coding": [
        {
            "system": f"{fhir.TERMINOLOGY}observation-category",
            "code": "survey",
        }
    ]
}

Wanted = list[list[tuple[str | None, str]]]  # as search.tokens reads them


def id_of(fact: Fact) -> str:
    return f"{PREFIX}{fact.id}"


def answers_of(observation_id: str) -> UUID | None:
    """The answers that a score of this id is derived from."""
    try:
        return UUID(observation_id.removeprefix(PREFIX))
    except ValueError:
        return None


def may_match(codes: Wanted, categories: Wanted) -> bool:
    """Whether any score could bear what is asked for."""
    known = {
        (coding["system"], coding["code"])
        for one in instruments.load_all().values()
        for coding in codings(one)
    }
    return all(
        any(code == each and system in (None, of) for system, code in wanted for of, each in known)
        for wanted in codes
    ) and all(any(code == "survey" for _, code in wanted) for wanted in categories)


def codings(instrument: Instrument) -> list[dict[str, str]]:
    own = {"system": CODES, "code": instrument.slug}
    if not instrument.loinc.total:
        return [own]
    return [{"system": LOINC, "code": instrument.loinc.total}, own]


def observation(fact: Fact, sex: str | None, status: fhir.Status = "final") -> fhir.Resource | None:
    """None for a form that is no instrument, or whose answers do not fit it."""
    instrument = instruments.load_all().get(fhir.questionnaire_name(fact.body["questionnaire"])[0])
    if instrument is None or not instrument.scales:
        return None
    try:
        score = instruments.score(instrument, fact.body["answers"], sex)
    except instruments.CannotBeScored:
        return None
    response = fhir.questionnaire_response(fact)
    made: fhir.Resource = {
        "resourceType": "Observation",
        "id": id_of(fact),
        "meta": response["meta"],
        "identifier": [{"system": fhir.FACT, "value": id_of(fact)}],
        "status": status,
        "category": [CATEGORY],
        "code": {"coding": codings(instrument), "text": f"{instrument.name} score"},
        "subject": response["subject"],
        "effectiveDateTime": response["authored"],
        "issued": fhir.instant(fact.received_at),
        "derivedFrom": [{"reference": f"QuestionnaireResponse/{fact.id}"}],
        "method": {"text": f"Hjemvakt {instrument.slug} {instrument.version}"},
        "component": list(_components(instrument, score)),
    }
    if "total" in instrument.scale_by_name:
        made |= _value(score.total)
    if score.band is not None:
        own = {"system": f"{CODES}-band", "code": f"{instrument.slug}-{score.band.name}"}
        made["interpretation"] = [{"coding": [own], "text": score.band.words.en}]
    if score.missing:
        made["note"] = [{"text": _known(score)}]
    return fhir.filled(made)


def _components(instrument: Instrument, score: Score) -> Iterator[dict[str, Any]]:
    for name, part in score.subscores.items():
        yield {"code": _own(f"{instrument.slug}-{name}", name), **_value(part.total)}
        yield from _bounds(f"{instrument.slug}-{name}", name, part)
    yield from _bounds(instrument.slug, "total", score)


def _bounds(code: str, name: str, part: Part | Score) -> Iterator[dict[str, Any]]:
    """What an incomplete score can be, whatever the missing answers are."""
    if part.total is None and part.lower_bound is not None and part.upper_bound is not None:
        yield {"code": _own(f"{code}-least", f"{name}, at least"), **_value(part.lower_bound)}
        yield {"code": _own(f"{code}-most", f"{name}, at most"), **_value(part.upper_bound)}


def _own(code: str, text: str) -> Mapping[str, Any]:
    return {"coding": [{"system": CODES, "code": code}], "text": text}


def _value(total: Decimal | None) -> dict[str, Any]:
    if total is None:
        absent = f"{fhir.TERMINOLOGY}data-absent-reason"
        return {"dataAbsentReason": {"coding": [{"system": absent, "code": "unknown"}]}}
    return {"valueQuantity": {"value": total, "unit": UNIT, "system": fhir.UCUM, "code": UNIT}}


def _known(score: Score) -> str:
    unanswered = f"Unanswered: {', '.join(score.missing)}."
    if score.total is not None or score.lower_bound is None:
        return unanswered
    return f"{unanswered} No total: at least {score.lower_bound}, at most {score.upper_bound}."
