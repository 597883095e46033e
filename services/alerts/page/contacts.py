"""Contacts with the patient, his own plan, and the limits that wait for a word, on his page."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from services.alerts.page import shown, words, written
from shared import zones

View = dict[str, Any]
Json = Mapping[str, Any]

WAYS = ("phone", "video", "visit")
OUTCOMES = ("reached", "relative", "no-answer", "cancelled")


def contacts(data: Json, me: str | None, now: datetime, lang: str) -> View:
    """`data["contacts"]`: newest first, {"at", "way", "outcome"?, "note"?, "minutes"?, "by",
    "closed"}; "contact_programmes" [{"slug", "name"}]; "video"? the address of his room."""
    t = words.words(lang)
    said = t["contacts"]
    several = list(data.get("contact_programmes") or ())
    return {
        "rows": [_row(one, me, now, t, lang) for one in data.get("contacts") or ()],
        "ways": [{"value": way, "text": said["ways"][way]} for way in WAYS],
        "outcomes": [{"value": one, "text": said["outcomes"][one]} for one in OUTCOMES],
        "programmes": [
            {"slug": one["slug"], "name": words.say(one["name"], lang)} for one in several
        ]
        if len(several) > 1
        else [],
        "video": data.get("video"),
    }


def _row(one: Json, me: str | None, now: datetime, t: words.Words, lang: str) -> View:
    said = t["contacts"]
    who = shown.staff(one["by"], me, now, lang)
    text = said["ways"][one["way"]]
    if one.get("minutes"):
        text += f", {t['time']['minutes'].format(n=one['minutes'])}"
    outcome = one.get("outcome")
    return {
        "text": text,
        "outcome": said["closed"] if one.get("closed") else said["outcomes"].get(outcome, ""),
        "note": str(one.get("note") or ""),
        "by": who["short"] if who else str(one["by"].get("name") or ""),
        "clock": written.clock(one["at"], now, t, lang),
    }


def plan(data: Json, lang: str) -> list[View]:
    """`data["zones"]`: what the patient reads on his own page, in the same words."""
    t = words.words(lang)
    return [
        {
            **shown.colour(zone["colour"], lang),
            "signs": [
                {
                    "text": _sign(sign, t, lang),
                    "do": " ".join(
                        zones.advice([words.say(one, lang) for one in sign["tells"]], lang)
                    ),
                }
                for sign in zone["signs"]
            ],
        }
        for zone in data.get("zones") or ()
    ]


def _sign(sign: Json, t: words.Words, lang: str) -> str:
    name = words.say(sign["names"], lang)
    if sign["number"] is None:
        return name
    side = t["contacts"]["over" if sign["over"] else "under"]
    return f"{name}: {side} {written.quantity(sign['number'], sign['ucum'], lang)}"


def proposals(data: Json, me: str | None, now: datetime, lang: str) -> list[View]:
    """`data["proposals"]`: limits that a second clinician must confirm."""
    t = words.words(lang)
    return [
        {
            "id": one["id"],
            "text": f"{words.say(one['label'], lang)}: "
            f"{_number(one['before'], one['ucum'], lang)} → "
            f"{_number(one['value'], one['ucum'], lang)}",
            "reason": one["reason"],
            "by": t["try"]["proposed_by"].format(
                who=one["by"]["name"], clock=written.clock(one["at"], now, t, lang)
            ),
            "is_mine": one["by"]["id"] == me,
        }
        for one in data.get("proposals") or ()
    ]


def suggested(data: Json, lang: str) -> list[View]:
    """`data["suggested"]`: what his own values of the trial weeks suggest."""
    t = words.words(lang)
    said = t["suggested"]
    return [
        {
            "programme": one["programme"],
            "name": one["name"],
            "label": words.say(one["label"], lang),
            "value": f"{Decimal(one['value']):f}",
            "least": f"{Decimal(one['min']):f}",
            "most": f"{Decimal(one['max']):f}",
            "unit": t["ucum"].get(one["ucum"], one["ucum"]),
            "figure": _number(one["value"], one["ucum"], lang),
            "before": _number(one["before"], one["ucum"], lang)
            if one["before"] is not None
            else "",
            "rests_on": said["rests_on"].format(
                median=written.number(one["median"], lang, at_most=1),
                spread=written.number(one["spread"], lang, at_most=1),
                n=one["n"],
                first=written.date_of(one["first"], lang),
                last=written.date_of(one["last"], lang),
            ),
        }
        for one in data.get("suggested") or ()
    ]


def _number(value: Any, ucum: str, lang: str) -> str:
    return written.quantity(value, ucum, lang) if value is not None else "–"
