"""Pure: a patient's alerts as his page tells them: why, on which evidence, by whose limit, and what
has been done since.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import telling
from services.alerts.judging.patient import Alert
from services.alerts.one_patient import forms, patient_sent
from services.alerts.one_patient.patient_opened import Opened
from services.alerts.reader import Reader
from services.alerts.store_views import Story
from services.alerts.views import Parts
from shared import kinds
from shared.programmes import LimitRule, Programme

Json = dict[str, Any]

EVIDENCE = 12
NOTES = 20


def alert(parts: Parts, seen: Opened, story: Story, by: Reader) -> Json:
    alert = story.alert
    programme = parts.programmes.get(alert.programme)
    if programme:  # as it was when it spoke
        made = str(alert.body.get("programme_version"))
        programme = programme.versions.get(made, programme)
    rule = (
        next((one for one in programme.rules if one.id == alert.rule), None) if programme else None
    )
    measured = [one["at"] for one in story.findings]
    return {
        **telling.alert(story, seen.names, seen.units, by),
        "reason": alert.body.get("reason"),
        "rule_name": telling.said(rule.says) if rule and "{" not in rule.says.nb else None,
        "programme_name": telling.said(programme.names) if programme else None,
        "measured_at": telling.iso(min(measured)) if measured else None,
        "assignee": holder(alert) if alert.assignee else None,
        "evidence": _evidence(seen, story, programme),
        "limits": _limits(seen, programme, story),
        "history": [_history(one, seen.units) for one in story.moves],
    }


def _evidence(seen: Opened, story: Story, programme: Programme | None) -> list[Json]:
    """The values behind the alert, newest first, each once."""
    rules = programme.rules if programme else ()
    # Only there is the limit one of the value itself; elsewhere it is one of a change.
    compared = {rule.id for rule in rules if isinstance(rule, LimitRule)}
    found: dict[tuple[Any, ...], Json] = {}
    for one in sorted(story.findings, key=lambda row: row["at"], reverse=True):
        limits = one["body"]["limits"] if one["rule"] in compared else []
        limit = limits[0][1] if len(limits) == 1 else None
        facts = [seen.evidence[id_] for id_ in one["facts"] if id_ in seen.evidence]
        for value in one["body"]["values"]:
            key = (value["kind"], value["field"], value["at"])
            if key in found or value["kind"] == "platform":
                continue
            at = datetime.fromisoformat(value["at"])
            fact = next((f for f in facts if f.at == at or f.until == at), None)
            found[key] = {
                **value,
                **_coded(value, programme),
                "limit": limit,
                "breach": True,
                "superseded": one["gone_at"] is not None,
                **(patient_sent.source(fact.body, fact.source, fact.flags) if fact else {}),
                **({"entered": "questionnaire"} if fact and fact.type == "answers" else {}),
            }
    return list(found.values())[:EVIDENCE]


def _coded(value: Json, programme: Programme | None) -> Json:
    """An answer or a context code in words: what it is about, and what was said."""
    kind, field = value["kind"], value["field"]
    if programme is None or kind in kinds.CATALOGUE:
        return {}
    about = next((one for one in programme.inputs if (kind, field) in one.reads), None)
    form = forms.by_name([programme]).get(kind.removeprefix("answers:"), {})
    item = forms.questions(form).get(field)
    label = telling.said(about.names) if about else forms.question(item) if item else None
    if not isinstance(value["value"], str | bool):
        return {"label": label}
    return {"label": label, "value": forms.answer(item, value["value"])}


def _limits(seen: Opened, programme: Programme | None, story: Story) -> list[Json]:
    """Each limit used: whose it is, since when, and what it was before."""
    if programme is None:
        return []
    patient = seen.patient
    shown = []
    for name, value in story.alert.body.get("limits", ()):
        of = programme.limit_by_name.get(name)
        if of is None:
            continue
        steps = patient.record.decided.limits.get((programme.slug, name), [])
        decided = next(
            (
                one
                for one in reversed(patient.record.decided.facts)
                if one.type == "limit-set" and one.body.get("name") == name
            ),
            None,
        )
        before = (steps[-2][1] if len(steps) > 1 else of.default) if steps else None
        shown.append(
            {
                "name": name,
                "label": telling.said(of.names),
                "value": value,
                "ucum": of.ucum,
                "default": not steps or steps[-1][1] is None,
                "set_at": telling.iso(steps[-1][0]) if steps else None,
                "set_by": _colleague(seen, decided.body.get("by")) if decided else None,
                "before": before,
            }
        )
    return shown


def _colleague(seen: Opened, by: str | None) -> str | None:
    """A name for an id, if the person still works here."""
    return next((one["name"] for one in seen.staff if str(one["id"]) == by), None)


def _history(move: asyncpg.Record, units: telling.Units) -> Json:
    body = move["body"]
    unit = telling.unit(UUID(body["to"]), units) if body.get("to") else None
    return {
        "at": telling.iso(move["at"]),
        # The ladder's own step, and a nurse's wish, are told apart.
        "what": "climbed" if "whom" in body else move["move"],
        "by": body.get("whom") or move["by_name"] or None,
        "colour": move["colour"],
        "reason": body.get("reason") if move["move"] in ("raise", "worsen", "repeat") else None,
        "note": move["note"],
        "assignee": body.get("assignee_name"),
        "unit": unit["name"] if unit else None,
        "says": body.get("says"),
        "until": telling.iso(move["until"]),
        "outcome": move["outcome"],
    }


def closed(story: Story) -> Json:
    alert = story.alert
    close = next((one for one in reversed(story.moves) if one["state"] == "closed"), None)
    return {
        "id": str(alert.id),
        "version": alert.version,
        "lane": alert.lane,
        "state": str(alert.state),
        "colour": alert.colour,
        "reason": alert.body.get("reason"),
        "raised_at": telling.iso(alert.opened_at),
        "closed_at": telling.iso(alert.closed_at),
        "closed_by": (close["by_name"] or None) if close else None,
        "outcome": close["outcome"] if close else None,
    }


def notes(stories: list[Story]) -> list[Json]:
    noted = [one for story in stories for one in story.moves if one["note"]]
    noted.sort(key=lambda one: one["at"], reverse=True)
    return [
        {"at": telling.iso(one["at"]), "by": one["by_name"], "note": one["note"]}
        for one in noted[:NOTES]
    ]


def holder(alert: Alert | None) -> Json | None:
    if alert is None:
        return None
    return {"id": alert.assignee, "name": alert.assignee_name, "at": telling.iso(alert.assigned_at)}
