"""Pure: by when answers are promised to what a patient sent, and how far he is in a programme."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.alerts.clinical.history import Record
from shared import programmes
from shared.attachments import PREFIX
from shared.programmes import Programme

Json = dict[str, Any]


def outstanding(record: Record, followed: Iterable[Programme], first: datetime) -> list[str]:
    """The promises about what was taken since `first` and nobody has answered, the first one
    first. Those that are past stay: whoever shows them knows the hour."""
    found = set()
    for programme in followed:
        for wanted in programme.promised:
            for sample in record.input(wanted).all.since(first):
                fact = sample.fact
                if record.decided.is_answered(fact) or not record.follows(programme, sample.at):
                    continue
                by = programmes.answer_by([programme], f"{PREFIX}{fact.kind}", fact.received_at)
                if by is not None:
                    found.add(by.isoformat())
    return sorted(found)


def next_of(promises: Iterable[str], now: datetime) -> str | None:
    """The first that is still ahead; one that is past is an alert by now."""
    return next((by for by in promises if datetime.fromisoformat(by) > now), None)


def progress(programme: Programme, rows: Iterable[Mapping[str, Any]], now: datetime) -> Json | None:
    """How many of the programme's modules have come, of the rows that its plan made of them, and
    since when the first of those that have not come is awaited."""
    if programme.progress is None:
        return None
    due = {row["slot"]: row for row in rows if row["slot"] in programme.progress.items}
    came = {slot for slot, row in due.items() if row["satisfied_by"] is not None}
    awaited = [row for slot, row in due.items() if slot not in came and row["opens_at"] <= now]
    first = min(awaited, key=lambda row: row["due_at"], default=None)
    names = {item.id: item.names for item in programme.plan}
    return {
        "name": {"nb": programme.progress.names.nb, "en": programme.progress.names.en},
        "begun": bool(due),
        "done": len(came),
        "at": max((due[slot]["opens_at"] for slot in came), default=now).isoformat(),
        "of": len(programme.progress.items),
        "missed": sum(row["missed_at"] is not None for row in awaited),
        "awaits": (
            {
                "id": first["slot"],
                "name": {"nb": names[first["slot"]].nb, "en": names[first["slot"]].en},
                "due_at": first["due_at"].isoformat(),
            }
            if first
            else None
        ),
    }


def progress_of(
    known: Iterable[Programme],
    rows: Mapping[UUID, Sequence[Any]],
    now: datetime,
) -> dict[UUID, list[Json]]:
    """By patient, for each programme that counts modules and has made him rows."""
    found: dict[UUID, list[Json]] = {}
    for programme in known:
        for patient_id, several in rows.items():
            told = progress(programme, several, now)
            if told is not None and told["begun"]:
                found.setdefault(patient_id, []).append({"programme": programme.slug, **told})
    return found


def slots_of(known: Iterable[Programme]) -> set[str]:
    return {name for one in known if one.progress for name in one.progress.items}


def as_value(one: Json) -> Json:
    """Beside what is measured: module 3 of 8."""
    return {
        "kind": "progress",
        "field": one["programme"],
        "value": one["done"],
        "ucum": "1",
        "at": one["at"],
        "of": one["of"],
        "missed": one["missed"],
    }
