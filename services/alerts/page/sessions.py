"""Dialysis sessions as a table: each figure against its limit, by colour, shape and number."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.alerts.page import words, written

View = dict[str, Any]
Json = Mapping[str, Any]

NOTHING = "–"


def sessions(data: Json, now: datetime, lang: str) -> View | None:
    """`data["sessions"]` (`one_patient/sessions.py`): None where the programme has none."""
    given = data.get("sessions")
    if given is None:
        return None
    t = words.words(lang)
    said = t["sessions"]
    target = given["target"]
    rows = [_row(one, now, t, lang) for one in given["sessions"]]
    limits = given["limits"]
    heads = {
        "percent": _limit(limits, "interdialytic_gain_yellow", said["yellow"], lang),
        "gap": _limit(limits, "target_gap_yellow", said["yellow"], lang),
        "rate": _limit(limits, "uf_rate_yellow", said["yellow"], lang),
        "pressure_after": _limit(limits, "systolic_post_red_low", said["red_below"], lang),
    }
    return {
        "target": said["target"].format(value=written.quantity(target, "kg", lang))
        if target is not None
        else said["no_target"],
        "rows": rows,
        "heads": heads,
        "more": said["shown"].format(n=len(rows), of=given["of"])
        if given["of"] > len(rows)
        else "",
    }


def _limit(limits: Json, name: str, said: str, lang: str) -> str:
    value = limits.get(name)
    return said.format(value=written.number(value, lang)) if value is not None else ""


def _row(one: Json, now: datetime, t: words.Words, lang: str) -> View:
    return {
        "clock": written.clock(one["at"], now, t, lang),
        "iso": written.iso(one["at"]),
        "target": _figure(one["target"], lang, 1),
        "before": _cell(_figure(one["before"], lang, 1)),
        "after": _cell(_figure(one["after"], lang, 1)),
        "gap": _cell(_signed(one["gap"], lang), one["gap_tone"], t),
        "gain": _cell(_signed(one["gain"], lang)),
        "percent": _cell(_figure(one["percent"], lang, 1), one["percent_tone"], t),
        "removed": _cell(_figure(one["removed"], lang, 0)),
        "minutes": _cell(_figure(one["minutes"], lang, 0)),
        "rate": _cell(_figure(one["rate"], lang, 1), one["rate_tone"], t),
        "pressure_before": _cell(
            _pressure(one["pressure_before"], lang), one["pressure_before_tone"], t
        ),
        "pressure_after": _cell(
            _pressure(one["pressure_after"], lang), one["pressure_after_tone"], t
        ),
        "lowest": _cell(_figure(one["lowest"], lang, 0), one["lowest_tone"], t),
        "said": _said(one, t),
    }


def _cell(text: str, tone: str | None = None, t: words.Words | None = None) -> View:
    word = t["colours"][tone] if tone and t else ""
    return {"text": text, "tone": tone or "", "word": word}


def _figure(value: Decimal | None, lang: str, places: int) -> str:
    if value is None:
        return NOTHING
    return written.number(value, lang, at_least=places, at_most=places)


def _signed(value: Decimal | None, lang: str) -> str:
    if value is None:
        return NOTHING
    text = _figure(value, lang, 1).removeprefix("−")
    if not round(value, 1):
        return text
    return f"+{text}" if value > 0 else f"−{text}"


def _pressure(pair: tuple[Decimal, Decimal | None] | None, lang: str) -> str:
    if pair is None:
        return NOTHING
    high, low = pair
    return _figure(high, lang, 0) + (f"/{_figure(low, lang, 0)}" if low is not None else "")


def _said(one: Json, t: words.Words) -> str:
    """Symptoms, and why it was stopped, in words; nothing is said where nothing was told."""
    symptoms, stopped = one.get("symptoms"), one.get("stopped")
    pieces = [words.code(t, "symptoms", str(symptoms))] if symptoms else []
    if stopped and stopped != "no":
        because = words.code(t, "stopped_early", str(stopped))
        pieces.append(t["sessions"]["stopped"].format(why=because))
    return ", ".join(pieces) or NOTHING
