"""How the follow-up of some units goes, as curves with their tables, and as rows of a table. Pure.

A figure without anything under it is left out, never drawn as nought: no alert was answered is not
that they were answered at once.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from services.alerts.looking_back.weeks import COUNTS, GROUPS, TIMES, Json, Steering
from services.alerts.page import words, written
from services.alerts.page.frame import frame

View = dict[str, Any]

PLACES = re.compile(r"\{[^}]*\}")
FEWEST = 5  # a row about fewer patients is not sent on
RULES = 30
MINUTE, HOUR = 60, 3600
# The curves: which figures, and in what they are counted.
CURVES = (
    ("per_week", ("red", "yellow", "technical")),
    ("useful", ("useful",)),
    ("taken", ("red_taken_after", "yellow_taken_after")),
    ("closed", ("red_closed_after", "yellow_closed_after")),
    ("missed", ("missed",)),
)
TONES = {"red": "red", "yellow": "yel", "technical": "sil", "missed": "sil", "useful": "trace"}


def steering_view(data: Mapping[str, Any], lang: str) -> View:
    """told (Steering), unit, programme, weeks, offered, names (the programmes), back."""
    t = words.words(lang)
    said = t["steering"]
    told: Steering = data["told"]
    names = data["names"]
    query = f"unit={data['unit']}&programme={data['programme']}&weeks={data['weeks']}"
    return {
        **frame(data, lang),
        "title": said["title"],
        "back": f"{data['back']}/setup",
        "csv": f"/burden.csv?{query}",
        "units": [_option(said["all_units"], "", data["unit"])]
        + [_option(one["name"], one["id"], data["unit"]) for one in told.units],
        "programmes": [_option(said["all_programmes"], "", data["programme"])]
        + [_option(_name(one, names, lang), one, data["programme"]) for one in told.programmes],
        "spans": [
            _option(said["weeks"].format(n=one), str(one), str(data["weeks"]))
            for one in data["offered"]
        ],
        "span": said["span"].format(
            since=written.date_of(told.weeks[0]["week"], lang),
            until=f"{written.date_of(told.until.astimezone(written.OSLO).date(), lang)} "
            f"{written.time_only(told.until)}",
        ),
        "tiles": _tiles(told.whole, said, lang),
        "curves": [_curve(name, lines, told.weeks, said, lang) for name, lines in CURVES],
        "times": [_times(group, told.whole, said, t) for group in GROUPS],
        "places": [
            {
                "unit": (one["unit"] or {}).get("name", ""),
                "programme": _name(one["programme"], names, lang),
                "cells": _cells(one, said, t, lang),
            }
            for one in told.places
        ],
        "rules": [_rule(one, names, said, t, lang) for one in told.rules[:RULES]],
        "more_rules": max(0, len(told.rules) - RULES),
    }


def table(told: Steering, lang: str) -> Iterator[Sequence[object]]:
    """For a spreadsheet: each week of each programme at each unit. Fewer than five: only that."""
    head = words.words(lang)["steering"]["table"]
    figures = ("patient_days", *COUNTS[1:], *TIMES)
    yield [head[name] for name in ("week", "unit", "programme", "patients", *figures)]
    for one in told.cells:
        # A spreadsheet takes a name that begins with = for a formula.
        unit = str((one["unit"] or {}).get("name", "")).lstrip("=+-@\t\r ")
        place = (one["week"], unit, one["programme"])
        if one["patients"] < FEWEST:
            yield [*place, head["few"], *("" for _ in figures)]
            continue
        yield [*place, one["patients"], _plain(one["patient_days"], lang),
               *("" if one[name] is None else one[name] for name in figures[1:])]  # fmt: skip


def figure_of(one: Json, name: str) -> Decimal | None:
    """One figure of a week or place, or None where there is nothing to tell it of."""
    if name in GROUPS:
        weeks = Decimal(str(one["patient_days"])) / 7
        return Decimal(one[name]) / weeks if weeks else None
    if name == "useful":
        return Decimal(one["useful"]) * 100 / one["rated"] if one["rated"] else None
    if name == "missed":
        return Decimal(one["missed"]) * 100 / one["expected"] if one["expected"] else None
    if name == "own":
        return Decimal(one["own"]) * 100 / one["patients"] if one["patients"] else None
    seconds = one[name]
    if seconds is None:
        return None
    return Decimal(seconds) / (MINUTE if name.endswith("taken_after") else HOUR)


def _curve(name: str, lines: Sequence[str], weeks: Sequence[Json], said: Any, lang: str) -> View:
    own = said["curves"][name]
    found = [[figure_of(week, line) for week in weeks] for line in lines]
    drawn: View = {
        "weeks": [_day(week["week"], lang) for week in weeks],
        "lines": [
            {
                "name": said["lines"][line.split("_")[0]],
                "tone": TONES[line.split("_")[0]],
                "points": [None if n is None else float(round(n, 2)) for n in points],
            }
            for line, points in zip(lines, found, strict=True)
        ],
    }
    return {
        "id": name,
        "name": own["name"],
        "unit": own["unit"],
        "why": own["why"],
        "drawn": json.dumps(drawn, ensure_ascii=False),
        "is_empty": all(n is None for points in found for n in points),
        "heads": [one["name"] for one in drawn["lines"]],
        "rows": [
            {
                "week": _day(week["week"], lang)
                + (f" ({said['so_far']})" if week is weeks[-1] else ""),
                "cells": [_number(points[place], lang) for points in found],
            }
            for place, week in enumerate(weeks)
        ],
    }


def _tiles(one: Json, said: Any, lang: str) -> list[View]:
    per_week = sum((figure_of(one, name) or Decimal(0) for name in GROUPS), Decimal(0))
    shares = [(name, figure_of(one, name)) for name in ("useful", "missed", "own")]
    return [
        _tile("patients", str(one["patients"]), "", said),
        _tile("alerts", str(one["alerts"]), "", said),
        _tile("per_week", _number(per_week if one["patient_days"] else None, lang), "", said),
        *(
            _tile(name, _number(share, lang, 0), "%" if share is not None else "", said)
            for name, share in shares
        ),
        _tile("put_off", str(one["put_off"]), "", said),
        _tile("handled", str(one["handled"]), "", said),
    ]


def _tile(name: str, figure: str, unit: str, said: Any) -> View:
    return {
        "name": said["tiles"][name],
        "figure": figure + (f"{written.NBSP}{unit}" if unit else ""),
    }


def _times(group: str, one: Json, said: Any, t: words.Words) -> View:
    return {
        "icon": "silent" if group == "technical" else group,
        "name": said["lines"][group],
        "n": one[group],
        "taken": _span(one[f"{group}_taken_after"], t),
        "closed": _span(one[f"{group}_closed_after"], t),
    }


def _cells(one: Json, said: Any, t: words.Words, lang: str) -> list[str]:
    return [
        str(one["patients"]),
        *(_number(figure_of(one, name), lang) for name in GROUPS),
        *(_percent(figure_of(one, name), lang) for name in ("useful", "missed", "own")),
        str(one["put_off"]),
        _span(one["red_taken_after"], t),
        _span(one["red_closed_after"], t),
    ]


def _rule(one: Json, names: Any, said: Any, t: words.Words, lang: str) -> View:
    programme = names.get(one["programme"])
    rule = programme.rule_by_id.get(one["rule"]) if programme else None
    technical = one["lane"] == "technical"
    return {
        "id": one["rule"],
        "group": said["technical"].get(one["group"], one["group"]),
        "programme": _name(one["programme"], names, lang),
        "icon": "silent" if technical else one["colour"],
        "colour": said["lines"]["technical" if technical else one["colour"]],
        "firings": one["firings"],
        "rated": one["rated"],
        "useful": _percent(
            Decimal(one["useful"]) * 100 / one["rated"] if one["rated"] else None, lang
        ),
        "taken": _span(one["median_seconds_to_acknowledge"], t),
        "flagged": one["flagged"],
        "says": PLACES.sub("…", words.say(rule.says.model_dump(), lang)) if rule else "",
    }


def _name(slug: str | None, names: Mapping[str, Any], lang: str) -> str:
    programme = names.get(slug or "")
    if programme is not None:
        return words.say(programme.names.model_dump(), lang)
    return slug or str(words.words(lang)["steering"]["no_programme"])


def _option(name: str, value: str, chosen: str) -> View:
    return {"name": name, "value": value, "on": value == chosen}


def _day(day: date, lang: str) -> str:
    if lang == "nb":
        return f"{day.day}.{day.month}."
    return f"{day.day} {written.MONTHS[day.month - 1]}"


def _number(value: Decimal | None, lang: str, at_most: int = 2) -> str:
    return "–" if value is None else written.number(value, lang, at_most=at_most)


def _percent(value: Decimal | None, lang: str) -> str:
    return "–" if value is None else f"{written.number(value, lang, at_most=0)}{written.NBSP}%"


def _plain(value: float, lang: str) -> str:
    text = f"{value:.1f}"
    return text.replace(".", ",") if lang == "nb" else text


def _span(seconds: int | None, t: words.Words) -> str:
    if seconds is None:
        return "–"
    minutes = seconds // MINUTE
    if minutes < 1:
        return str(t["steering"]["under_a_minute"])
    if minutes < 120:
        return str(t["time"]["minutes"]).format(n=minutes)
    if minutes < 2880:
        return str(t["time"]["hours"]).format(n=minutes // 60)
    return str(t["time"]["days"]).format(n=minutes // 1440)
