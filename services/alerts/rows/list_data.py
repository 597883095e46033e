"""Pure: what the list's page shows, made from what was read."""

from typing import Any
from uuid import UUID

from services.alerts import telling
from services.alerts.care import moving
from services.alerts.clinical import lifecycle
from services.alerts.reader import Reader
from services.alerts.rows import neutral
from services.alerts.rows.row import Programmes
from services.alerts.store_views import Story
from services.alerts.views import Listed, Question

Json = dict[str, Any]


def page(by: Reader, programmes: Programmes, asked: Question, listed: Listed) -> Json:
    unit = listed.units.get(asked.unit) if asked.unit else None
    quarantined, oldest = listed.quarantined
    watched = [listed.units[id_] for id_ in listed.shown if id_ in listed.units]
    return {
        "counts": {
            **listed.counts,
            "quarantined": quarantined,
        },
        "hidden": {"red": len(listed.hidden)},
        "hidden_rows": [_hidden(listed, one) for one in listed.hidden],
        "watching": telling.watch_json(telling.watch(watched, listed.now)),
        "as_of": telling.iso(listed.as_of),
        "lag_seconds": telling.lag_seconds(listed.oldest, listed.now),
        "expected": listed.expected,
        "quarantine_oldest": telling.iso(oldest),
        "unit": {"id": str(unit["id"]), "name": unit["name"]} if unit else _only(by, listed),
        "units": _units(by, asked, listed),
        "filters": _filters(programmes, asked, listed),
        "staff": telling.colleagues(listed.staff, by.units),
        "targets": [{"id": id_, "name": unit["name"]} for id_, unit in listed.units.items()],
        "tasks": [
            telling.task(one, listed.units, listed.names, listed.shut) for one in listed.tasks
        ],
        "conversations": listed.conversations,
        "mine": list(by.units),
        "reread_at": telling.iso(listed.reread_at),
        "platform": [_platform(by, listed, one) for one in listed.platform],
    }


def rows(by: Reader, listed: Listed) -> list[Json]:
    return [row(by, listed, one) for one in listed.rows]


def row(by: Reader, listed: Listed, stored: Any) -> Json:
    held = listed.held.get(stored["patient_id"])
    told = listed.progress.get(stored["patient_id"], ())
    made = telling.row(stored, listed.units, listed.now, "nb", drawn=True, held=held, progress=told)
    made["alerts"] = [{**one, "moves": _moves(by, one)} for one in made["alerts"]]
    made["behind"] = listed.behind.get(stored["patient_id"])
    return made


def _moves(by: Reader, one: Json) -> list[str]:
    if one.get("shut") or by.role == lifecycle.Role.SYSTEM:
        return []
    allowed = lifecycle.moves(lifecycle.State(one["state"]), one["colour"], lifecycle.Role(by.role))
    handed = one["handed"]
    asked = handed is not None and handed["answer"] is None
    if one.get("neutral"):
        return [str(move) for move in allowed if move in neutral.MOVES]
    offered = UUID(handed["to"]["id"]) if asked else None
    unit = UUID(handed["from"]["id"]) if asked and handed["from"] else None
    return [str(move) for move in moving.open_to(allowed, unit, offered, by.units)]


def _hidden(listed: Listed, stored: Any) -> Json:
    made = telling.row(stored, listed.units, listed.now, "nb", drawn=True)
    return {key: made[key] for key in ("patient", "number", "unit", "reason", "waiting_since")}


def _only(by: Reader, listed: Listed) -> Json | None:
    """The reader's unit, when she has but one."""
    known = [listed.units[id_] for id_ in by.units if id_ in listed.units]
    return {"id": str(known[0]["id"]), "name": known[0]["name"]} if len(known) == 1 else None


def _units(by: Reader, asked: Question, listed: Listed) -> list[Json]:
    return [
        {"id": str(id_), "name": unit["name"], "on": id_ == asked.unit}
        for id_, unit in listed.units.items()
        if id_ in by.units
    ]


def _filters(programmes: Programmes, asked: Question, listed: Listed) -> list[Json]:
    total = sum(listed.counts[colour] for colour in ("red", "yellow", "green"))
    is_all = not (asked.programme or asked.colour or asked.assignee or asked.state)
    chips: list[Json] = [
        {"key": "all", "count": total, "on": is_all},
        {"key": "mine", "on": asked.assignee == "me"},
        {"key": "nobody", "on": asked.assignee == "none"},
    ]
    # Only what is followed here: a unit has a few of all the programmes there are.
    followed = listed.programmes | ({asked.programme} if asked.programme else set())
    if len(followed) > 1:
        chips += [
            {
                "key": "programme",
                "value": slug,
                "name": {"nb": one.names.nb, "en": one.names.en},
                "on": asked.programme == slug,
            }
            for slug, one in programmes.items()
            if slug in followed
        ]
    return chips + [
        {
            "key": "saved",
            "name": one["name"],
            "query": one["query"],
            "on": one["query"] == query(asked, None),
        }
        for one in listed.saved
    ]


def _platform(by: Reader, listed: Listed, story: Story) -> Json:
    """A fault that is one alarm, with the patients of this part of the list behind it."""
    alert = story.alert
    waiting = {id_ for id_, one in listed.behind.items() if one["alert"] == str(alert.id)}
    unit = listed.units.get(alert.unit_id) if alert.unit_id else None
    patients = next((one["value"] for one in alert.body.get("values", ())), 0)
    return {
        "name": {"nb": unit["name"], "en": unit["name"]} if unit else telling.PLATFORM_NAME,
        "cause": alert.cause or "us",
        "patients": int(patients),
        "reason": alert.body.get("reason"),
        "since": telling.iso(alert.opened_at),
        "colour": alert.colour,
        "assignee": {"id": alert.assignee, "name": alert.assignee_name} if alert.assignee else None,
        "alert": {
            "id": str(alert.id),
            "version": alert.version,
            "state": str(alert.state),
            "colour": alert.colour,
            "acknowledged_at": telling.iso(alert.acknowledged_at),
            "moves": telling.allowed(alert, by),
        },
        "behind": [
            {
                "patient": one["body"]["patient"],
                "number": one["body"]["number"],
                "behind": listed.behind[one["patient_id"]],
            }
            for one in listed.rows
            if one["patient_id"] in waiting
        ],
    }


def query(asked: Question, cursor: str | None) -> dict[str, str]:
    given: dict[str, str | UUID | None] = {
        "unit": asked.unit,
        "programme": asked.programme,
        "colour": asked.colour,
        "assignee": asked.assignee,
        "state": asked.state,
        "cursor": cursor,
    }
    return {key: str(value) for key, value in given.items() if value}
