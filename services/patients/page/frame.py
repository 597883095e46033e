"""What every page has around it: language, theme, who watches, the words the scripts need."""

import functools
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from services.patients.me.watched import NOBODY
from services.patients.nouns import Unit
from services.patients.page import words, written
from services.patients.page.words import Words
from shared import desk
from shared.contracts import Watch

TEMPLATES = Path(__file__).parent.parent / "templates"
THEMES = ("light", "dark")
View = dict[str, Any]


def around(lang: str, theme: str | None, *, title: str, tab: str = "", csrf: str = "") -> View:
    t = words.words(lang)
    return {
        "lang": t["page"]["lang"],
        "t": t,
        "languages": words.NAMES,
        "theme": theme if theme in THEMES else None,
        "title": f"{title} · {t['page']['product']}",
        "heading": title,
        "tab": tab,
        "csrf": csrf,
        "script_words": json.dumps(t["script"], ensure_ascii=False),
    }


def watching(watch: Watch, unit: str, now: datetime, t: Words) -> View:
    """Whether somebody watches now, and when next: never more than the calendar says."""
    w = t["watch"]
    following = w["never"] if watch.followed else w["not_followed"]
    if watch.now and watch.until is None and watch.next is None:
        following = w["always"]
    if watch.next is not None:
        at = written.time(watch.next)
        when = written.day(watch.next, now, t)
        following = w["next"].format(day=when, time=at)
    if not watch.now:
        return {"now": False, "lead": w["nobody"], "until": "", "next": following, "others": []}
    until = ""
    if watch.until is not None:
        until = w["until"].format(time=written.moment(watch.until, now, t))
    lead = w["now"].format(unit=unit)
    return {"now": True, "lead": lead, "until": until, "next": following, "others": []}


def watched(watches: Sequence[tuple[Unit, Watch]], now: datetime, t: Words) -> View:
    """Of each unit that follows him, by its own hours and its own name; of nobody if none does."""
    if not watches:
        return watching(NOBODY, "", now, t)
    several = [watching(watch, unit.name, now, t) for unit, watch in watches]
    if len(several) > 1:
        for one, (unit, _) in zip(several, watches, strict=True):
            if not one["now"]:
                one["lead"] = t["watch"]["nobody_of"].format(unit=unit.name)
    return {**several[0], "others": several[1:]}


@functools.cache
def templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, desk.TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, view: View) -> str:
    return templates().get_template(template).render(view)
