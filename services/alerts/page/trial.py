"""What another version would have made of the past: counts, and which alerts come and go."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.alerts.page import words, written
from services.alerts.page.frame import frame

View = dict[str, Any]

LISTS = ("new", "worse", "vanished", "milder")
SHOWN = 50  # of each list


def trial_view(data: Mapping[str, Any], lang: str) -> View:
    """programme (the version), days, offered, back, told? (as the API tells it)."""
    t = words.words(lang)
    said = t["trial"]
    programme, told = data["programme"], data["told"]
    name = programme.names.en if lang == "en" else programme.names.nb
    return {
        **frame(data, lang),
        "title": said["title"].format(name=name, version=programme.version),
        "slug": programme.slug,
        "version": programme.version,
        "back": f"{data['back']}/setup/programmes/{programme.slug}",
        "days": [
            {"n": one, "on": one == data["days"], "text": said["days"].format(n=one)}
            for one in data["offered"]
        ],
        "told": _told(told, said, t, lang) if told is not None else None,
    }


def _told(told: Mapping[str, Any], said: Any, t: Any, lang: str) -> View:
    return {
        "about": said["about"].format(
            patients=told["patients"], readings=told["readings"],
            patient_days=written.number(told["patient_days"], lang, at_most=1),
        ),
        "left_out": said["left_out"].format(n=told["left_out"]) if told["left_out"] else "",
        "failed": said["failed"].format(n=told["failed"]) if told["failed"] else "",
        "rows": [
            {
                "name": said[which],
                "alerts": told[which]["alerts"],
                "per": [
                    written.number(told[which]["per_day"][colour], lang)
                    for colour in ("red", "yellow", "technical")
                ],
            }
            for which in ("before", "after")
        ],
        "lists": [
            {
                "name": said[name],
                "n": told["counts"][name],
                "more": max(0, told["counts"][name] - SHOWN),
                "rows": [
                    {
                        "patient": one["patient"]["name"],
                        "href": f"/patients/{one['patient']['id']}",
                        "colour": "silent" if one["lane"] == "technical" else one["colour"],
                        "word": said["a_technical"] if one["lane"] == "technical" else
                        t["colours"][one["colour"]],
                        "reason": one["reason"], "day": _day(one["day"]), "rule": one["rule"],
                    }
                    for one in told[name][:SHOWN]
                ],
            }
            for name in LISTS
        ],
    }  # fmt: skip


def _day(day: str) -> str:
    return f"{date.fromisoformat(day):%d.%m.%Y}"
