"""Pure: a patient's record as rows of tables."""

from collections.abc import Iterator, Sequence
from typing import Any

from services.patients.nouns import Identifier, Patient
from shared import exact, kinds, messages
from shared.audit import Event
from shared.contracts import Fact

Row = Sequence[Any]

READINGS: Row = (
    "id", "at", "until", "received", "kind", "field", "value", "unit", "flags", "entered",
    "device", "note",
)  # fmt: skip
ANSWERS: Row = ("id", "at", "received", "questionnaire", "question", "answer")
MESSAGES: Row = ("id", "at", "received", "from", "by", "text", "photos", "answers")
LOOKS: Row = ("at", "who", "role", "what", "why", "outcome")


def patient(one: Patient, identifiers: Sequence[Identifier]) -> Iterator[Row]:
    yield "field", "value"
    for name in ("id", "number", "name", "born", "sex", "language", "deceased_at"):
        yield name, getattr(one, name)
    for identifier in identifiers:
        # As text, or a spreadsheet takes the first nought of a national number away.
        yield identifier.system, f"'{identifier.value}"


def reading(fact: Fact) -> Iterator[Row]:
    """One row per value."""
    if fact.type != "reading":
        return
    kind = kinds.CATALOGUE.get(fact.kind)
    device = fact.body.get("device")
    named = " ".join(str(part) for part in device.values()) if isinstance(device, dict) else device
    for name, value in fact.body.get("values", {}).items():
        field = kind.fields.get(name) if kind else None
        yield (
            fact.id, fact.at, fact.until, fact.received_at, fact.kind, name, value,
            field.ucum if field else None, " ".join(sorted(map(str, fact.flags))),
            fact.body.get("entered"), named, fact.body.get("note"),
        )  # fmt: skip


def answer(fact: Fact) -> Iterator[Row]:
    """One row per question answered."""
    if fact.type != "answers":
        return
    for question, given in fact.body.get("answers", {}).items():
        values = given if isinstance(given, list) else [given]
        told = ", ".join(str(value) for value in values)
        yield (
            fact.id, fact.at, fact.received_at, fact.body.get("questionnaire"), question, told,
        )  # fmt: skip


def message(fact: Fact) -> Iterator[Row]:
    if fact.type != messages.TYPE:
        return
    sender = "patient" if messages.is_from_patient(fact) else "unit"
    listed = [" ".join(map(str, fact.body.get(name) or ())) for name in ("photos", "answers")]
    yield (
        fact.id, fact.at, fact.received_at, sender, fact.body.get("by_name"),
        fact.body.get("text"), *listed,
    )  # fmt: skip


def decisions(decided: Sequence[Fact]) -> Iterator[Row]:
    yield "id", "at", "recorded", "by", "decision", "content"
    for one in decided:
        yield (
            one.id, one.at, one.received_at, one.source, one.type, exact.dumps(one.body).decode(),
        )  # fmt: skip


def look(event: Event) -> Row:
    return event.at, event.name or event.by, event.role, event.what, event.why, event.outcome
