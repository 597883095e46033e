"""NEWS2 as it may be shown: a total only when all seven were measured, otherwise bounds.

The law: an incomplete score is never shown as a total, whatever number came with it, and a
missing measure never counts as 0.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.alerts.page import words, written

PARTS = (
    "respiratory_rate",
    "spo2",
    "supplemental_oxygen",
    "systolic_bp",
    "pulse",
    "consciousness",
    "temperature",
)
# The highest points the chart gives a measure: oxygen is 0 or 2, the others 0 to 3.
HIGHEST = dict.fromkeys(PARTS, 3) | {"supplemental_oxygen": 2}
UCUM = {"spo2": "%", "temperature": "Cel"}

View = dict[str, Any]


def news2(score: Mapping[str, Any] | None, now: datetime, lang: str) -> View | None:
    """A score as the API answers it, with `inputs` {part: {"value", "at"}} where known."""
    if not score:
        return None
    t = words.words(lang)
    said = t["news2"]
    missing = {part for part in PARTS if _is_missing(score, part)}
    known = len(PARTS) - len(missing)
    complete = bool(score.get("complete")) and not missing and score.get("total") is not None
    return {
        **_sums(score, known, complete, said),
        "complete": complete,
        "known": said["known"].format(known=known),
        "band": _band(score, complete, said),
        "single": said["single"] if score.get("any_single_3") else None,
        "expired": said["expired"] if score.get("expired") else None,
        "at": _at(score, now, lang),
        "never_zero": None if complete else said["never_zero"],
        "parts": [_part(part, score, part in missing, now, lang) for part in PARTS],
    }


def line(score: Mapping[str, Any] | None, now: datetime, lang: str) -> View | None:
    """For a row: NEWS2 7, or NEWS2 minst 5 (5 av 7 mål), and its clock time. None once expired."""
    shown = news2(score, now, lang)
    if shown is None or shown["expired"]:
        return None
    return {"text": shown["line"], "clock": shown["at"]["clock"] if shown["at"] else ""}


def _is_missing(score: Mapping[str, Any], part: str) -> bool:
    if "missing" in score:
        return part in score["missing"]
    return (score.get("subscores") or {}).get(part) is None


def _sums(score: Mapping[str, Any], known: int, complete: bool, said: Mapping[str, Any]) -> View:
    if complete:
        total = said["complete"].format(n=score["total"])
        return {"line": total, "head": total, "short": str(score["total"])}
    if known == 0:
        return {"line": said["nothing"], "head": said["nothing"], "short": said["nothing_short"]}
    low, high = score.get("lower_bound", 0), score.get("upper_bound")
    line = said["at_least"].format(n=low, known=known)
    return {
        "line": line,
        "head": line if high is None else said["between"].format(low=low, high=high),
        "short": said["at_least_short"].format(n=low),
    }


def _band(score: Mapping[str, Any], complete: bool, said: Mapping[str, Any]) -> str | None:
    if complete:
        return str(said["bands"].get(score.get("band"), "")) or None
    lowest = said["bands"].get(score.get("lowest_band"))
    return said["at_least_band"].format(band=lowest) if lowest else None


def _at(score: Mapping[str, Any], now: datetime, lang: str) -> View | None:
    if not score.get("at"):
        return None
    t = words.words(lang)
    return {
        "iso": written.iso(score["at"]),
        "clock": written.clock(score["at"], now, t, lang),
        "age": written.age(score["at"], now, t),
    }


def _part(part: str, score: Mapping[str, Any], missing: bool, now: datetime, lang: str) -> View:
    t = words.words(lang)
    said = t["news2"]
    scored = score.get("subscores") or {}
    taken = (score.get("inputs") or {}).get(part) or {}
    if missing:
        points, tone = f"0–{HIGHEST[part]}", "missing"
    elif part not in scored:  # SpO2 on scale 2 while nobody knows of oxygen
        points, tone = said["uncertain"], "missing"
    else:
        n = scored[part]
        points = words.count(said["points"], n) if n else "0"
        tone = {2: "p2", 3: "p3"}.get(n, "")
    figure = taken.get("value")
    if missing or figure is None:
        figure_text = t["page"]["missing"] if missing else ""
    else:
        figure_text = written.value(part, part, figure, UCUM.get(part), lang)
    at = taken.get("at")
    return {
        "name": said["parts"][part],
        "value": figure_text,
        "points": points,
        "tone": tone,
        "clock": written.clock(at, now, t, lang) if at and not missing else None,
        "iso": written.iso(at) if at and not missing else None,
    }
