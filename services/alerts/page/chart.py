"""Curves of the patient's page as JSON: one time axis, one chart per kind, gaps kept open.

Figures become floats here, on their way to the screen only; the table beside the curves is exact.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.alerts.page import shown, words, written

View = dict[str, Any]
Json = Mapping[str, Any]

# Drawn together because they are one measurement with one unit.
TOGETHER = {"systolic": "diastolic"}
ORDER = ("body_weight", "blood_pressure", "heart_rate", "spo2", "resp_rate", "body_temp", "glucose")


def chart_view(data: Json, lang: str, now: datetime) -> View:
    """The answer of /patients/{id}/chart.json (input and output: package docstring)."""
    days = int(data.get("days") or 30)
    start = now - timedelta(days=days)
    given = sorted(data.get("series") or (), key=_rank)
    hidden = {
        (each["kind"], TOGETHER[each["field"]]) for each in given if each.get("field") in TOGETHER
    }
    return {
        "from": start.timestamp(),
        "to": now.timestamp(),
        "days": days,
        "charts": [
            _chart(each, _partner(each, given), start, now, lang)
            for each in given
            if (each["kind"], each.get("field", "value")) not in hidden
        ],
        "events": [_event(each, now, lang) for each in data.get("events") or ()],
    }


def _rank(series: Json) -> tuple[int, str]:
    kind = str(series["kind"])
    return (ORDER.index(kind) if kind in ORDER else len(ORDER), kind)


def _partner(series: Json, given: Sequence[Json]) -> Json | None:
    other = TOGETHER.get(str(series.get("field")))
    for each in given:
        if other and each["kind"] == series["kind"] and each.get("field") == other:
            return each
    return None


def _chart(series: Json, partner: Json | None, start: datetime, now: datetime, lang: str) -> View:
    t = words.words(lang)
    kind, field, ucum = str(series["kind"]), str(series.get("field", "value")), series.get("ucum")
    points = _points(series, start)
    low = {at: value for at, value, _ in _points(partner, start)} if partner else {}
    missed = [written.moment(at).timestamp() for at in series.get("missed") or ()]
    label = words.kind(t, kind) if partner else words.kind(t, kind, field)
    return {
        "kind": kind,
        "field": field,
        "label": label,
        "unit": t["ucum"].get(ucum, ucum or ""),
        "times": [at for at, _, _ in points],
        "values": [value for _, value, _ in points],
        "lows": [low.get(at) for at, _, _ in points] if partner else None,
        "after": [phase == "post" for _, _, phase in points],
        "limits": [_limit(each, start) for each in series.get("limits") or ()],
        "handles": [
            {**one, "offset": float(one["offset"]), "value": float(one["value"])}
            for one in series.get("handles") or ()
        ],
        "missed": [at for at in missed if start.timestamp() <= at <= now.timestamp()],
        "latest": _latest(series, partner, now, lang),
    }


def _points(series: Json, start: datetime) -> list[tuple[float, float, str | None]]:
    rows = []
    for at, value, *phase in series.get("points") or ():
        moment = written.moment(at)
        if moment >= start:
            rows.append((moment.timestamp(), float(value), phase[0] if phase else None))
    return sorted(rows, key=lambda row: row[0])


def _limit(each: Json, start: datetime) -> View:
    """A limit from one moment on: a change of limit is a step, old readings keep the old one."""
    return {
        "from": written.moment(each["from"]).timestamp() if each.get("from") else start.timestamp(),
        "to": written.moment(each["to"]).timestamp() if each.get("to") else None,
        "low": None if each.get("low") is None else float(each["low"]),
        "high": None if each.get("high") is None else float(each["high"]),
        "tone": str(each.get("colour") or "yellow"),
    }


def _latest(series: Json, partner: Json | None, now: datetime, lang: str) -> View | None:
    points = sorted(series.get("points") or (), key=lambda point: written.moment(point[0]))
    if not points:
        return None
    at, value = points[-1][0], points[-1][1]
    text = written.number(value, lang)
    if partner:
        pair = [p[1] for p in partner.get("points") or () if p[0] == at]
        text += f"/{written.number(pair[0], lang)}" if pair else ""
    else:
        text = written.quantity(value, series.get("ucum"), lang)
    return {"text": text, **shown.moment(at, now, lang)}


def _event(each: Json, now: datetime, lang: str) -> View:
    """{"at", "what": "alert|move|limit|contact", "colour", "text"}: lines through every chart."""
    t = words.words(lang)
    return {
        "at": written.moment(each["at"]).timestamp(),
        "what": str(each["what"]),
        "tone": str(each.get("colour") or ""),
        "text": t["contacts"]["ways"][each["way"]]
        if each.get("way")
        else words.say(each.get("text"), lang),
        "clock": written.clock(each["at"], now, t, lang),
    }
