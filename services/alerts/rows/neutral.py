"""Pure: what a reader sees of a sensitive programme that is not open to her: that there is an
alert, its colour, how long it has waited, and whom to ask. Never that there is none.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from services.alerts.store_views import Story

Json = dict[str, Any]

SAID = {
    "nb": "Varsel i et annet program. Spør en kollega med tilgang.",
    "en": "Alert in another programme. Ask a colleague who has access.",
}
ANOTHER = {"nb": "Et annet program", "en": "Another programme"}
FORM = "answers:"  # the kind of a series that comes of a form
OTHERS = 3  # reasons told beside the first, as on the row itself
# What may be done with an alert that one may not read: make sure that somebody does.
MOVES = frozenset({"escalate"})


def stories(told: Iterable[Story], shut: Collection[str]) -> list[Story]:
    return [_story(one) if one.alert.programme in shut else one for one in told]


def _story(told: Story) -> Story:
    body = {"reason": dict(SAID), "at": told.alert.body.get("at"), "neutral": True}
    alert = replace(told.alert, programme="", group="", rule="", body=body)
    bare: Json = {"note": None, "outcome": None, "body": {}}
    moves: list[Any] = [{**dict(one), **bare} for one in told.moves]
    return Story(alert, [], moves)


def row(stored: Any, shut: Collection[str]) -> Any:
    """A stored row of the list; as it is when nothing of it is closed."""
    body: Json = stored["body"]
    hidden = {
        one["id"]
        for name in ("alerts", "elsewhere")
        for one in body.get(name) or ()
        if one["programme"] in shut
    }
    if not hidden and body.get("programme") not in shut:
        return stored
    made = {**body}
    for name in ("alerts", "elsewhere"):
        if name in body:
            made[name] = [_short(one) if one["id"] in hidden else one for one in body[name] or ()]
    if body.get("programme") in shut:
        made |= {"programme": "", "programme_name": dict(ANOTHER)}
    if body.get("reason_alert") in hidden:
        made["reason"] = dict(SAID)
    if str(body.get("spark_kind", "")).startswith(FORM):
        made |= {"spark": [], "spark_missing": [], "spark_kind": "", "spark_limits": None}
    made["also"] = _also(made.get("alerts") or ())
    return {**dict(stored), "body": made}


def _short(one: Mapping[str, Any]) -> Json:
    closed = {"programme": "", "group": "", "rule": "", "reason": dict(SAID), "neutral": True}
    return {**one, **closed}


def _also(alerts: Iterable[Mapping[str, Any]]) -> Json | None:
    said = [one.get("reason") or {} for one in [*alerts][1 : OTHERS + 1]]
    if not said:
        return None
    return {lang: " · ".join(one[lang] for one in said if lang in one) for lang in ("nb", "en")}
