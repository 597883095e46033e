"""Pure: alerts, rows and lists as the API answers them. Moments as ISO text, figures exact."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.alerts import scoring
from services.alerts.care import moving
from services.alerts.clinical import lifecycle, schedule
from services.alerts.judging import promises, raising
from services.alerts.judging.patient import PLATFORM, Alert
from services.alerts.reader import Reader
from services.alerts.rows import neutral
from services.alerts.store_views import Held, Story
from shared import watching
from shared.contracts import Watch
from shared.programmes import Text

Json = dict[str, Any]
Units = Mapping[UUID, asyncpg.Record]

NOBODY_IS_TOLD = {
    "nb": "Avdelingen har ingen varslingsstige: ingen får beskjed. Varselet står bare i listen.",
    "en": "The unit has no escalation ladder: nobody is told. The alert stands in the list only.",
}
PLATFORM_NAME = {"nb": "Plattformen", "en": "The platform"}
# Of a row's body, what is drawn on the page and is not part of the API's answer.
DRAWN = (
    "spark",
    "spark_kind",
    "spark_field",
    "spark_limits",
    "spark_missing",
    "as_of",
    "unit_id",
    "made_by",
)


def language(accepted: str | None) -> str:
    """nb unless English is asked for before any Norwegian."""
    for part in (accepted or "").lower().split(","):
        tag = part.partition(";")[0].strip()[:2]
        if tag in ("nb", "nn", "no"):
            return "nb"
        if tag == "en":
            return "en"
    return "nb"


def person(id_: UUID, names: Mapping[str, Any] | asyncpg.Record | None) -> Json:
    if id_ == PLATFORM:
        return {"id": str(id_), "name": PLATFORM_NAME["nb"], "born": None}
    born: date | None = names["born"] if names else None
    return {
        "id": str(id_),
        "name": (names["name"] if names else None) or "",
        "born": born.isoformat() if born else None,
    }


def unit(id_: UUID | None, units: Units) -> Json | None:
    if id_ is None:
        return None
    known = units.get(id_)
    return {"id": str(id_), "name": known["name"] if known else ""}


def allowed(alert: Alert, by: Reader) -> list[str]:
    if "shut" in alert.body:
        return []
    by_state = lifecycle.moves(alert.state, alert.colour, lifecycle.Role(by.role))
    possible = moving.possible(by_state, alert, by.units)
    return [one for one in possible if not alert.body.get("neutral") or one in neutral.MOVES]


def handed(about: Json | None, units: Units) -> Json | None:
    """To whom an alert was handed over, by whom and why, and what they answered."""
    if about is None:
        return None
    return {
        "to": unit(UUID(about["to"]), units),
        "from": unit(UUID(about["from"]) if about["from"] else None, units),
        "by": about["by"],
        "by_name": about["by_name"],
        "at": about["at"],
        "note": about["note"],
        "answer": about["answer"],
        "answered_by_name": about.get("answered_by_name"),
        "answered_at": about.get("answered_at"),
        "answer_note": about.get("answer_note"),
    }


def task(
    one: asyncpg.Record,
    units: Units,
    names: Mapping[UUID, Any] | None = None,
    shut: Collection[str] = (),
) -> Json:
    """What is asked in a programme that is `shut` to the reader is not told: only that it is."""
    patient = one["patient_id"]
    is_shut = one["programme"] in shut
    return {
        "id": str(one["id"]),
        "version": one["version"],
        "patient": {"id": str(patient)} if names is None else person(patient, names.get(patient)),
        "number": names[patient]["number"] if names and patient in names else None,
        "unit": unit(one["unit_id"], units),
        "offered_to": unit(one["offered_to"], units),
        "alert": str(one["alert_id"]) if one["alert_id"] else None,
        "text": neutral.SAID["nb"] if is_shut else one["text"],
        "due_at": iso(one["due_at"]),
        "told_at": iso(one["told_at"]),
        "made_at": iso(one["made_at"]),
        "made_by": {"id": one["made_by"], "name": one["made_by_name"]},
        "done_at": iso(one["done_at"]),
        "done_by": {"id": one["done_by"], "name": one["done_by_name"]} if one["done_at"] else None,
        "history": [] if is_shut else one["history"],
    }


def alert(
    story: Story, names: asyncpg.Record | None, units: Units, by: Reader, lang: str = "nb"
) -> Json:
    one = story.alert
    said = one.body.get("reason") or {}
    latest = story.moves[-1] if story.moves else None
    ends = raising.runs_out(one)
    return {
        "id": str(one.id),
        "version": one.version,
        "patient": person(one.patient_id, names),
        "number": names["number"] if names else None,
        "unit": unit(one.unit_id, units),
        "programme": one.programme,
        "programme_version": one.body.get("programme_version", ""),
        "group": one.group,
        "rule": one.rule,
        "lane": one.lane,
        "state": str(one.state),
        "colour": one.colour,
        "emergency": one.emergency,
        "reason": said.get(lang, ""),
        "says": said,
        "patient_text": one.body.get("patient_text"),
        "cause": one.cause,
        "late": one.late,
        "retake": one.retake,
        "basis_changed": one.basis_changed,
        "raised_at": iso(one.opened_at),
        "changed_at": iso(one.changed_at),
        "notified_at": iso(one.notified_at),
        "waiting_since": iso(one.oldest_unacknowledged),
        "acknowledged_at": iso(one.acknowledged_at),
        "acknowledged_by": one.acknowledged_by,
        "acknowledged_until": iso(one.acknowledged_until),
        "ends": {"at": iso(ends[1]), "move": str(ends[0])} if ends else None,
        "snoozed_until": iso(one.snoozed_until),
        "assignee": one.assignee,
        "assignee_name": one.assignee_name,
        "closed_at": iso(one.closed_at),
        "limits": _limits(one.body.get("limits", ())),
        "inputs": one.body.get("values", []),
        "evidence": [finding(row, lang) for row in story.findings],
        "history": [moved(row) for row in story.moves],
        "moved_by": {"id": latest["by"], "name": latest["by_name"]}
        if latest and latest["by_name"]
        else None,
        "handed": handed(one.body.get("handed"), units),
        "sample": one.body.get("sample"),
        "doubts": one.body.get("doubts", []),
        "shut": one.body.get("shut"),
        "notified": notified(story, lang),
        "moves": allowed(one, by),
    }


def behind(
    rows: Sequence[asyncpg.Record] | None, names: Mapping[UUID, Any], most: int
) -> Json | None:
    """The patients behind a silence that is one alarm; None of an alert that is about nobody else.
    `alert`: he has been called silent for it."""
    if rows is None:
        return None
    return {
        "patients": [
            {
                "patient": person(one["patient_id"], names.get(one["patient_id"])),
                "since": iso(one["since"]),
                "alert": str(one["alert_id"]) if one["alert_id"] else None,
            }
            for one in rows[:most]
        ],
        "more": len(rows) > most,
    }


def notified(story: Story, lang: str) -> Json:
    """Who has been told, how it went, and whose turn is next while nobody answers."""
    one, ladder = story.alert, story.ladder
    climbed = max(story.climbs, key=lambda row: row["step"], default=None)
    waits = climbed if one.state is lifecycle.State.OPEN else None
    return {
        "has_ladder": ladder is not None,
        "says": NOBODY_IS_TOLD[lang] if ladder is None else None,
        "step": climbed["step"] if climbed else one.body.get("step"),
        "of": len(ladder["steps"]) + 1 if ladder else None,
        "escalated_at": one.body.get("escalated_at"),
        "next_at": iso(waits["next_at"]) if waits else None,
        "at_the_end": bool(waits and waits["at_last"]),
        "deliveries": [delivery(row) for row in story.messages],
    }


def delivery(row: asyncpg.Record) -> Json:
    """A message on its way. Channels by name: an address may hold a key."""
    routes, place = row["routes"], row["place"]
    return {
        "id": str(row["id"]),
        "kind": row["kind"],
        "state": row["state"],
        "unit": str(row["unit_id"]),
        "alerts": [str(one) for one in row["alerts"]],
        "step": row["step"],
        "who": row["who"],
        "channel": routes[place]["name"] if place < len(routes) else None,
        "attempts": row["attempts"],
        "made_at": iso(row["made_at"]),
        "next_at": iso(row["next_at"]),
        "settled_at": iso(row["settled_at"]),
        "tries": [
            {name: one[name] for name in ("channel", "medium", "at", "result", "why")}
            for one in row["tries"]
        ],
    }


def finding(row: asyncpg.Record, lang: str) -> Json:
    body = row["body"]
    return {
        "id": str(row["id"]),
        "rule": row["rule"],
        "colour": row["colour"],
        "emergency": row["emergency"],
        "at": iso(row["at"]),
        "raised_at": iso(row["raised_at"]),
        "gone_at": iso(row["gone_at"]),
        "late": row["late"],
        "retake": body.get("retake", False),
        "doubts": body.get("doubts", []),
        "reason": body["reason"].get(lang, ""),
        "says": body["reason"],
        "patient_text": body["patient_text"],
        "programme_version": body["programme_version"],
        "facts": [str(one) for one in row["facts"]],
        "values": body["values"],
        "limits": _limits(body["limits"]),
    }


def moved(row: asyncpg.Record) -> Json:
    return {
        "version": row["version"],
        "move": row["move"],
        "by": row["by"],
        "by_name": row["by_name"],
        "at": iso(row["at"]),
        "state": row["state"],
        "colour": row["colour"],
        "note": row["note"],
        "outcome": row["outcome"],
        "until": iso(row["until"]),
        "assignee": row["assignee"],
        "seen": [str(one) for one in row["seen"]],
        "why": row["body"].get("why"),
        "case": row["body"].get("case"),
        "says": row["body"].get("says"),
        "to": row["body"].get("to"),
    }


def _limits(pairs: Iterable[Iterable[Any]]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in pairs]


def row(
    stored: asyncpg.Record,
    units: Units,
    now: datetime,
    lang: str,
    *,
    drawn: bool = False,
    held: Held | None = None,
    progress: Sequence[Json] = (),
) -> Json:
    """A worklist row. `drawn` keeps what only the page shows. What is `held` in quarantine stands
    in no row: no hand-over tells of it, so it is read with the list."""
    body = dict(stored["body"])
    unit_id: UUID = stored["unit_id"]
    said = body.pop("reason")
    seen: datetime | None = stored["seen_at"]
    if not drawn:
        for name in DRAWN:
            body.pop(name, None)
        body["reason"] = said.get(lang, "") if said else ""
        body["says"] = said
    else:
        body["reason"] = said
        body["assignee"] = _holder(body)
    is_today = seen is not None and schedule.local_day(seen) == schedule.local_day(now)
    body["seen_at"] = iso(seen) if is_today else None
    body["reviewed"] = _reviewed(stored) if is_today else None
    body.setdefault("shut", None)
    for name in ("alerts", "elsewhere"):
        body[name] = [
            {**one, "handed": handed(one.get("handed"), units)} for one in body.get(name, ())
        ]
    body["unacknowledged"] = [one["id"] for one in body["alerts"] if one["state"] == "open"]
    body["unit"] = unit(unit_id, units)
    body["news2"] = scoring.aged(body.get("news2"), now)
    body["answer_by"] = promises.next_of(body.pop("promises", ()), now)
    body["progress"] = list(progress)
    if not drawn:
        values = [*body["values"], *map(promises.as_value, progress)]
        # What is stored spells UTC as its zone; every moment of an answer ends in Z.
        body["values"] = [{**one, "at": one["at"].replace("+00:00", "Z")} for one in values]
    body["quarantined"] = quarantined(held)
    body["technical"] = body["technical"] or held is not None
    return body


def _reviewed(stored: asyncpg.Record) -> Json:
    """Who looked at a green, and when."""
    return {
        "at": iso(stored["seen_at"]),
        "by": {"id": stored["seen_by"], "name": stored["seen_by_name"] or ""},
    }


def quarantined(held: Held | None) -> Json | None:
    if held is None:
        return None
    return {"n": held.n, "oldest": iso(held.oldest), "codes": list(held.codes)}


def _holder(body: Json) -> Json | None:
    if not body["assignee"]:
        return None
    return {
        "id": body["assignee"],
        "name": body["assignee_name"],
        "at": body["assigned_at"],
    }


def colleagues(staff: Iterable[asyncpg.Record], units: frozenset[UUID]) -> list[Json]:
    """Those who treat patients in any of these units: whom an alert can be given to."""
    return [
        {"id": str(one["id"]), "name": one["name"]}
        for one in staff
        if one["role"] in ("nurse", "physician") and units & set(one["units"])
    ]


def watch(units: Iterable[asyncpg.Record], now: datetime) -> Watch:
    """Whether anybody watches any of these units now, until when, and when watching is next."""
    seen = [watching.watching(one["watching"], now) for one in units]
    untils = [one.until for one in seen if one.now and one.until]
    nexts = [one.next for one in seen if one.next]
    return Watch(
        now=any(one.now for one in seen),
        until=max(untils, default=None),
        next=min(nexts, default=None),
    )


def watch_json(watched: Watch) -> Json:
    return {
        "now": watched.now,
        "until": iso(watched.until),
        "next": iso(watched.next),
    }


def lag_seconds(oldest: datetime | None, now: datetime) -> float:
    if oldest is None:
        return 0.0
    return max(0.0, round((now - oldest) / timedelta(seconds=1), 1))


def iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def said(text: Text) -> Json:
    return {"nb": text.nb, "en": text.en}
