"""What every page has around it, the log-in and the error page, and how a template is filled."""

import functools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from services.alerts.page import words, written
from shared import desk

TEMPLATES = Path(__file__).parent.parent / "templates"
THEMES = ("light", "dark")

View = dict[str, Any]
Json = Mapping[str, Any]


def frame(data: Json, lang: str) -> View:
    """Language, theme, who is logged in, the request token, and the words the script needs."""
    t = words.words(lang)
    me = data.get("me")
    theme = data.get("theme")
    return {
        "lang": t["page"]["lang"],
        "t": t,
        "theme": theme if theme in THEMES else None,
        "csrf": str(data.get("csrf") or ""),
        "me": {
            "id": str(me["id"]),
            "name": str(me["name"]),
            "initials": written.initials(str(me["name"])),
            "role": t["roles"].get(me.get("role"), ""),
        }
        if me
        else None,
        "script_words": json.dumps(_script_words(t), ensure_ascii=False),
    }


def login_view(data: Json, lang: str) -> View:
    """`people`: [{"id", "name", "role", "unit"}] or `ways`: [{"name", "address"}], and `problem`,
    a code, after a refused try."""
    t = words.words(lang)
    people: Sequence[Json] = data.get("people") or ()
    return {
        **frame(data, lang),
        "title": t["login"]["title"],
        "people": [
            {
                "id": str(each["id"]),
                "name": str(each["name"]),
                "initials": written.initials(str(each["name"])),
                "role": t["roles"].get(each.get("role"), each.get("role", "")),
                "unit": str(each.get("unit") or ""),
            }
            for each in people
        ],
        "problem": t["error"].get(data["problem"], t["error"]["unknown"])
        if data.get("problem")
        else None,
        "ways": [dict(each) for each in data.get("ways") or ()],
        "next": str(data.get("next") or ""),
        "left": bool(data.get("left")),
    }


def leaving_view(data: Json, lang: str, there: str) -> View:
    """Logged out here; `there` is where the identity provider does the same."""
    t = words.words(lang)
    return {**frame(data, lang), "title": t["login"]["left_title"], "there": there}


def error_view(data: Json, lang: str, now: datetime) -> View:
    """`status`, `code` (as in problem documents) and `request_id`. Never a value, never a trace."""
    t = words.words(lang)
    code = str(data.get("code") or "unknown")
    return {
        **frame(data, lang),
        "title": t["error"]["title"].format(status=data["status"]),
        "status": data["status"],
        "text": t["error"].get(code, t["error"]["unknown"]),
        "request_id": str(data.get("request_id") or ""),
        "clock": written.time_only(now, seconds=True),
        "to_login": data["status"] == 401,
    }


@functools.cache
def templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, desk.TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, view: Json) -> str:
    return templates().get_template(template).render(view)


def _script_words(t: words.Words) -> View:
    return {
        "time": {key: t["time"][key] for key in ("minutes", "hours", "hours_minutes", "days")},
        "stale": t["stale"],
        "moves": t["moves"],
        "states": t["states"],
        "colours": t["colours"],
        "reds": t["reds"],
        "none": t["page"]["none"],
        "greens": t["worklist"]["greens"],
        "task_failed": t["worklist"]["task_failed"],
        "hits": t["worklist"]["search_hits"],
        "no_hits": t["worklist"]["search_none"],
        "printed": t["worklist"]["printed"],
        "as_it_was": t["worklist"]["lanes"]["as_it_was"],
        "missed": t["patient"]["missed"],
        "charts_off": t["patient"]["charts_off"],
        "left": t["shut"]["left"],
        "why": t["why"],
        "try": t["try"],
        "charts_none": t["patient"]["charts_none"],
        "more_charts": t["patient"]["more_charts"],
    }
