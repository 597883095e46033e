"""Pure: what a colleague sees of a patient who has shut the record for her: that he is there, his
colour and how long he has waited, so that no red is hidden from the unit. Nothing of why.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.alerts.store_views import Story

Json = dict[str, Any]

SAID = {
    "blocked": {
        "nb": "Pasienten har sperret for deg. En kollega må ta dette.",
        "en": "The patient has shut the record for you. Another colleague must take this.",
    },
    "locked": {
        "nb": "Pasienten har sperret journalen. Åpnes med nødtilgang.",
        "en": "The patient has locked the record. Opened by emergency access.",
    },
}
# Of a stored row, all that is told of him.
KEPT = ("patient", "number", "colour", "emergency", "technical", "waiting_since")
HELD = ("assignee", "assignee_name", "assigned_at")
OF_ALERT = ("id", "version", "lane", "state", "colour", "emergency")


def row(stored: Any, why: str | None) -> Any:
    """A stored row of the list; as it is where nothing is shut."""
    if why is None:
        return stored
    body: Mapping[str, Any] = stored["body"]
    alerts = [_short(one, why) for one in body.get("alerts") or ()]
    if alerts:
        alerts[0]["reason"] = dict(SAID[why])  # once is enough
    paused = body.get("paused")
    made: Json = {
        **{name: body[name] for name in (*KEPT, *HELD) if name in body},
        "shut": why,
        "programme": "",
        "programme_name": None,
        "reason": dict(SAID[why]),
        "reason_alert": alerts[0]["id"] if alerts else None,
        "also": None,
        "cause": None,
        "values": [],
        "news2": None,
        "dry_weight": None,
        "promises": [],
        "paused": {"until": paused.get("until")} if paused else None,
        "alerts": alerts,
        "elsewhere": [],
    }
    return {**dict(stored), "body": made}


def _short(one: Mapping[str, Any], why: str) -> Json:
    nothing = dict.fromkeys(("snoozed_until", "acknowledged_at", "handed", "sample", "escalated"))
    return {
        **{name: one[name] for name in OF_ALERT},
        **nothing,
        "snoozed_until": one.get("snoozed_until"),
        "acknowledged_at": one.get("acknowledged_at"),
        "late": False,
        "basis_changed": False,
        "doubts": [],
        "programme": "",
        "group": "",
        "rule": "",
        "reason": None,
        "shut": why,
    }


def story(told: Story, why: str | None) -> Story:
    """An alert with its history: its life, without what it says of the patient."""
    if why is None:
        return told
    body = {"reason": dict(SAID[why]), "at": told.alert.body.get("at"), "shut": why}
    alert = replace(told.alert, programme="", group="", rule="", cause=None, body=body)
    bare: Json = {"note": None, "outcome": None, "body": {}}
    return Story(alert, [], [{**dict(one), **bare} for one in told.moves])  # type: ignore[misc]  # records


def task(one: Any, why: str | None) -> Any:
    """What is to be done, without what."""
    return one if why is None else {**dict(one), "text": SAID[why]["nb"], "history": []}
