"""The page of a record that is shut for the reader: how to open it, or who must."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.alerts.page import shown, words
from services.alerts.page.frame import frame

View = dict[str, Any]
Json = Mapping[str, Any]


def shut_view(data: Json, lang: str, now: datetime) -> View:
    """`why`: locked, blocked or not-your-unit · `patient_id` · patient?, number? (where her unit
    treats him) · reasons [codes] · typed? {"reason", "text"} and problem? after a refused try."""
    t = words.words(lang)
    said = t["shut"]
    typed = data.get("typed") or {}
    return {
        **frame(data, lang),
        "title": said["title"],
        "why": data["why"],
        "head": said[data["why"]]["head"],
        "text": said[data["why"]]["text"],
        "can_open": data["why"] != "blocked",
        "patient_id": str(data["patient_id"]),
        "person": shown.person(data["patient"], data.get("number"), now, lang)
        if data.get("patient")
        else None,
        "reasons": [
            {"code": code, "text": said["reasons"][code], "on": code == typed.get("reason")}
            for code in data.get("reasons") or ()
        ],
        "typed": str(typed.get("text") or ""),
        "problem": said[data["problem"]] if data.get("problem") else None,
    }
