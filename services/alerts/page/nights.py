"""Nights as a calendar: figures in each square, by colour, shape and number, a gap kept a gap."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from services.alerts.page import words, written

View = dict[str, Any]
Json = Mapping[str, Any]

MINUTES = 60
RANK = {"red": 0, "yellow": 1}


def nights(data: Json, now: datetime, lang: str) -> View | None:
    """`data["nights"]` (`one_patient/nights.py`): None where the programme has none."""
    given = data.get("nights")
    if given is None:
        return None
    t = words.words(lang)
    said = t["nights"]
    squares = [_square(one, given["kind"], t, lang) for one in given["days"]]
    first = date.fromisoformat(given["days"][0]["day"])
    last = date.fromisoformat(given["days"][-1]["day"])
    return {
        "kind": given["kind"],
        "title": said[given["kind"]],
        "sub": said["span"].format(first=_day(first, lang), last=_day(last, lang)),
        "weekdays": t["time"]["weekdays"],
        "weeks": [squares[place : place + 7] for place in range(0, len(squares), 7)],
        "share": _share(given.get("share"), t, lang),
        "key": said[f"key_{given['kind']}"],
        "limits": _limits(given["limits"], t, lang),
        "any": any(one["state"] == "told" for one in given["days"]),
    }


def _square(one: Json, kind: str, t: words.Words, lang: str) -> View:
    said = t["nights"]
    day = date.fromisoformat(one["day"])
    figures = [_figure(each, kind, t, lang) for each in one.get("figures") or ()]
    tones = [each["tone"] for each in figures if each["tone"]]
    tone = min(tones, key=lambda each: RANK[each], default="")
    whole = {"told": "", "missing": said["missing"], "outside": ""}[one["state"]]
    spoken = ", ".join(each["spoken"] for each in figures) or whole
    weekday = t["time"]["weekdays"][day.weekday()]
    return {
        "day": str(day.day),
        "state": one["state"],
        "missing": whole,
        "figures": figures,
        "tone": tone,
        "word": t["colours"][tone] if tone else "",
        "fact": one.get("fact"),
        "about": f"{weekday} {_day(day, lang)}: {spoken}",
    }


def _figure(each: Json, kind: str, t: words.Words, lang: str) -> View:
    said = t["nights"]
    value, field, tone = each["value"], each["field"], each["tone"] or ""
    if value is None:
        text = "–"
    elif field == "usage":
        text = usage(value, t)
    else:
        text = written.number(value, lang, at_most=1)
    name = said["fields"][field]
    colour = f" ({t['colours'][tone].lower()})" if tone else ""
    return {
        "name": name,
        "text": text,
        "tone": tone,
        "spoken": f"{words.kind(t, kind, field)} {text}{colour}",
    }


def usage(minutes: Decimal, t: words.Words) -> str:
    """6 t 12: how long the machine was used."""
    whole = int(minutes)
    if whole < MINUTES:
        return str(t["time"]["minutes"]).format(n=whole)
    if whole % MINUTES == 0:
        return str(t["time"]["hours"]).format(n=whole // MINUTES)
    return str(t["time"]["hours_minutes"]).format(h=whole // MINUTES, m=f"{whole % MINUTES:02}")


def _share(share: Json | None, t: words.Words, lang: str) -> str:
    if share is None:
        return ""
    text = t["nights"]["share"].format(
        enough=usage(share["enough"], t),
        nights=share["nights"],
        of=share["of"],
        percent=written.number(Decimal(100 * share["nights"]) / share["of"], lang, at_most=0),
    )
    if share["without"]:
        text += " " + words.count(t["nights"]["without"], share["without"])
    return str(text)


def _limits(limits: Json, t: words.Words, lang: str) -> str:
    said = t["nights"]["limits"]
    pieces = []
    for name, value in limits.items():
        if value is None or name not in said:
            continue
        text = usage(value, t) if name.startswith("usage") else written.number(value, lang)
        pieces.append(said[name].format(value=text))
    return " · ".join(pieces)


def _day(day: date, lang: str) -> str:
    if lang == "nb":
        return f"{day.day}.{day.month}."
    return f"{day.day} {written.MONTHS[day.month - 1]}"
