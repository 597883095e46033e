"""Readings in the patient's table, and the forms to enter one or to correct one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.alerts.page import alert, shown, words, written
from shared import kinds

View = dict[str, Any]
Json = Mapping[str, Any]

# What staff may type in; the service says what is possible for each value.
ENTERED = (
    "blood_pressure",
    "body_weight",
    "heart_rate",
    "spo2",
    "resp_rate",
    "body_temp",
    "consciousness",
    "glucose",
)


def latest(figure: View, now: datetime, lang: str) -> View:
    given = figure["given"]
    at = shown.moment(figure["at"], now, lang)
    at["old"] = at["old"] or bool(given.get("stale"))
    return {
        "name": figure["name"],
        "text": figure["text"],
        **at,
        "source": alert.source(given, lang),
        "flags": alert.flags(given, words.words(lang)),
    }


def reading(each: Json, now: datetime, lang: str) -> View:
    t = words.words(lang)
    kind = str(each["kind"])
    values = [
        {"kind": kind, "field": field, "value": value, "at": each["at"]}
        for field, value in each["values"].items()
    ]
    figures = shown.joined(values, lang)
    status = str(each.get("status") or "valid")
    whole = words.kind(t, kind)
    return {
        "fact": str(each["fact"]),
        "kind": kind,
        "name": figures[0]["name"] if len(figures) == 1 else whole,
        "text": " · ".join(
            f["text"] if len(figures) == 1 else f"{f['name']} {f['text']}" for f in figures
        ),
        "phase": words.code(t, "phase", str(each["phase"])) if each.get("phase") else "",
        **shown.moment(each["at"], now, lang),
        "source": alert.source(each, lang),
        "flags": alert.flags(each, t),
        "status": status,
        "status_word": t["patient"].get(status, "") if status != "valid" else "",
        "note": str(each.get("note") or ""),
        "fields": [_field(kind, field, t) for field in each["values"]],
    }


def _field(kind: str, field: str, t: words.Words) -> View:
    """One input. Text with a decimal keyboard: a number input would refuse the Norwegian comma."""
    codes = t["codes"].get(kind)
    ucum = words.ucum(kind, field)
    return {
        "name": f"values.{field}",
        "label": words.kind(t, kind, field),
        "unit": t["ucum"].get(ucum, ucum or ""),
        "options": [{"value": code, "text": f"{code}: {text}"} for code, text in codes.items()]
        if codes
        else [],
    }


def entry(kind: str, t: words.Words) -> View:
    return {
        "kind": kind,
        "name": words.kind(t, kind),
        "fields": [_field(kind, field, t) for field in kinds.CATALOGUE[kind].required],
    }


def correct(data: Json, readings: list[View], t: words.Words, lang: str) -> View | None:
    """The reading chosen for correction, with empty fields: nothing is prefilled."""
    chosen = data.get("reading")
    found = next((each for each in readings if each["fact"] == str(chosen)), None)
    if found is None or found["status"] != "valid":
        return None
    given = next(each for each in data["readings"] if str(each["fact"]) == found["fact"])
    return {**found, "at_input": written.local_input(written.moment(given["at"]))}
