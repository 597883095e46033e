"""Pure: the page where one reading is typed, and what is asked about before it is sent."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.patients.me.mine import Mine
from services.patients.page import frame, words, written
from services.patients.page.frame import View
from shared import kinds

# What a person can read off and type. Sessions, implants and alarms come from their equipment.
TYPED = (
    "body_weight", "blood_pressure", "heart_rate", "body_temp", "spo2", "resp_rate", "glucose",
    "pain", "peak_flow", "fev1", "wound",
)  # fmt: skip
LEFT_OUT = {("blood_pressure", "mean"), ("spo2", "oxygen_flow")}
# Farther than this from the last one, the patient is asked once whether it is right. Nothing is
# refused for it: a number that is unlikely may be the one that matters.
DOUBT: Mapping[tuple[str, str], Decimal] = {
    ("body_weight", "value"): Decimal("3"),
    ("blood_pressure", "systolic"): Decimal("40"),
    ("blood_pressure", "diastolic"): Decimal("30"),
    ("blood_pressure", "pulse"): Decimal("40"),
    ("heart_rate", "value"): Decimal("40"),
    ("body_temp", "value"): Decimal("1.5"),
    ("spo2", "value"): Decimal("6"),
    ("spo2", "pulse"): Decimal("40"),
    ("resp_rate", "value"): Decimal("10"),
    ("glucose", "value"): Decimal("8"),
}
# Outside these a number is asked about although there is no earlier one. Not limits: nothing is
# judged by them.
USUAL: Mapping[tuple[str, str], tuple[str, str]] = {
    ("body_weight", "value"): ("35", "180"),
    ("blood_pressure", "systolic"): ("70", "230"),
    ("blood_pressure", "diastolic"): ("35", "130"),
    ("body_temp", "value"): ("34", "41"),
    ("spo2", "value"): ("70", "100"),
    ("resp_rate", "value"): ("6", "40"),
    ("heart_rate", "value"): ("35", "180"),
}


def can_be_typed(kind: str) -> bool:
    return kind in TYPED


def offered(mine: Mine) -> list[str]:
    """What this patient's programmes look at, in the order of the catalogue."""
    read = {
        source.kind
        for programme in mine.programmes.values()
        for one in programme.inputs
        for source in one.sources
    }
    return [kind for kind in TYPED if kind in read]


def choice(kind: str, lang: str) -> dict[str, str]:
    return {"kind": kind, "name": written.name(kind, lang)}


def entry_view(kind: str, mine: Mine | None, lang: str, now: datetime, replaces: str = "") -> View:
    """Without `mine` as the phone shows it with no network: nothing of the patient is in it."""
    t = words.words(lang)
    of = kinds.CATALOGUE[kind]
    last = mine.last(kind) if mine else None
    fields = [
        _field(of, field, last.body.get("values", {}) if last else {}, lang)
        for field in of.fields.values()
        if (kind, field.name) not in LEFT_OUT
    ]
    return {
        "kind": kind,
        "name": of.en if lang == "en" else of.nb,
        "ask": t["ask"].get(kind) or t["ask"]["other"],
        "fields_list": fields,
        "below": dict(of.below),
        "replaces": replaces,
        "last": {
            "text": written.reading(last, t, lang),
            "when": written.day(last.at, now, t),
        }
        if last
        else None,
        "watch": frame.watched(mine.watches, now, t) if mine else None,
    }


def _field(
    of: kinds.Kind, field: kinds.Field, last: Mapping[str, Any], lang: str
) -> dict[str, Any]:
    t = words.words(lang)
    doubt, usual = DOUBT.get((of.name, field.name)), USUAL.get((of.name, field.name))
    return {
        "name": field.name,
        "label": written.field_name(field, lang),
        "unit": written.unit(field.ucum, t),
        "required": field.required or len(of.fields) == 1,
        "low": f"{field.hard_min:f}",
        "high": f"{field.hard_max:f}",
        "decimals": field.decimals,
        "last": f"{last[field.name]}" if field.name in last else "",
        "doubt": f"{doubt:f}" if doubt is not None else "",
        "usual_low": usual[0] if usual else "",
        "usual_high": usual[1] if usual else "",
    }
