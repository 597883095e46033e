"""Pure: conversations with patients as the API answers them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from services.alerts import telling
from services.alerts.reader import Reader
from shared import messages
from shared.contracts import Fact

if TYPE_CHECKING:
    from services.alerts.care.conversing import Conversation

Json = dict[str, Any]
SHORT = 140  # characters of a message on the list


def conversation(of: "Conversation", by: Reader) -> Json:
    row = of.row
    about = {
        "patient": telling.person(of.patient_id, of.names.get(of.patient_id)),
        "number": of.names[of.patient_id]["number"] if of.patient_id in of.names else None,
        "version": row["version"] if row else 0,
        "as_of": telling.iso(of.now),
        "messages": [_message(fact, of) for fact in of.facts],
    }
    return about | (standing(row, of.units) if row else _nothing()) | {"moves": moves(row, by)}


def standing(row: asyncpg.Record, units: telling.Units) -> Json:
    """Who has it, and by when an answer was promised."""
    return {
        "unit": telling.unit(row["unit_id"], units),
        "waiting_since": telling.iso(row["waiting_since"]),
        "promised_at": telling.iso(row["promised_at"]),
        "assignee": {"id": row["assignee"], "name": row["assignee_name"]}
        if row["assignee"]
        else None,
        "assigned_at": telling.iso(row["assigned_at"]),
        "offered_to": telling.unit(row["offered_to"], units),
        "history": row["history"],
    }


def _nothing() -> Json:
    names = ("unit", "waiting_since", "promised_at", "assignee", "assigned_at", "offered_to")
    return {**dict.fromkeys(names), "history": []}


def moves(row: asyncpg.Record | None, by: Reader) -> list[str]:
    """What this reader may do now."""
    if row is None or row["waiting_since"] is None:
        return ["answer"]
    allowed = ["read", "assign", "answer", "close", "hand-over"]
    if row["offered_to"] in by.units:
        allowed += ["accept", "decline"]
    return allowed


def _message(fact: Fact, of: "Conversation") -> Json:
    about: Json = {
        "id": str(fact.id),
        "from": "patient" if messages.is_from_patient(fact) else "unit",
        "text": str(fact.body.get("text") or ""),
        "sent_at": telling.iso(fact.at),
        "received_at": telling.iso(fact.received_at),
        "flags": sorted(fact.flags),
    }
    if not messages.is_from_patient(fact):
        return about | {
            "by_name": fact.body.get("by_name"),
            "answers": list(fact.body.get("answers") or ()),
        }
    known = {photo.id: photo.kind for photo in of.photos}
    kept = of.kept.get(fact.id)
    about["photos"] = [
        {"id": str(one), "kind": known[one]} for one in messages.photos(fact) if one in known
    ]
    if kept is None:
        return about | dict.fromkeys(
            ("promised_at", "seen_at", "seen_by_name", "settled_at", "settled_by_name", "outcome")
        )
    return about | {
        "promised_at": telling.iso(kept["promised_at"]),
        "seen_at": telling.iso(kept["seen_at"]),
        "seen_by_name": kept["seen_by_name"],
        "settled_at": telling.iso(kept["settled_at"]),
        "settled_by_name": kept["settled_by_name"],
        "outcome": kept["outcome"],
    }


def waiting(
    row: asyncpg.Record,
    units: telling.Units,
    names: Mapping[UUID, Any],
    words: Mapping[UUID, str],
    by: Reader,
    shut: str | None,
) -> Json:
    """A row of the list. What a patient has shut is not told: only that he waits."""
    patient = row["patient_id"]
    text = words.get(row["newest"], "")
    if len(text) > SHORT:
        text = text[:SHORT].rstrip() + "…"
    known = standing(row, units)
    del known["history"]
    return {
        "patient": telling.person(patient, names.get(patient)),
        "number": names[patient]["number"] if patient in names else None,
        "version": row["version"],
        **known,
        "n": row["n"],
        "text": None if shut else text,
        "shut": shut,
        "moves": [] if shut else moves(row, by),
    }
