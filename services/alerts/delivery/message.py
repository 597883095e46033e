"""Pure: the words of a message. A colour, a unit's name and a link; never a person, a number, a
diagnosis or a value: a phone lies face up on a table. What is sensitive does not name the unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

Kind = Literal["alert", "reminder", "answer", "test"]
# To the patient himself: no colour, no unit, no link that says where he is followed.
TO_PATIENTS = ("reminder", "answer")

EMERGENCY, RED, YELLOW, CALM = 0, 1, 2, 3
COLOURS = {EMERGENCY: "red", RED: "red", YELLOW: "yellow"}

TEXTS: Mapping[str, Mapping[str, str]] = {
    "nb": {
        "subject": "Hjemvakt",
        "alert-0": "Rødt varsel, haster",
        "alert-1": "Rødt varsel",
        "alert-2": "Gult varsel",
        "many-0": "{n} varsler, minst ett rødt som haster",
        "many-1": "{n} varsler, minst ett rødt",
        "many-2": "{n} gule varsler",
        "step": "Ingen har svart. ",
        "test": "Prøve av varsling",
        "reminder": "Hjemvakt: Vi har ikke mottatt det vi ventet i dag. Åpne appen når du kan.",
        "answer": "Hjemvakt: Du har fått svar. Åpne appen når du kan.",
    },
    "nn": {
        "reminder": "Hjemvakt: Vi har ikkje fått det vi venta i dag. Opne appen når du kan.",
        "answer": "Hjemvakt: Du har fått svar. Opne appen når du kan.",
    },
    "en": {
        "subject": "Hjemvakt",
        "alert-0": "Red alert, urgent",
        "alert-1": "Red alert",
        "alert-2": "Yellow alert",
        "many-0": "{n} alerts, at least one red and urgent",
        "many-1": "{n} alerts, at least one red",
        "many-2": "{n} yellow alerts",
        "step": "Nobody has answered. ",
        "test": "Test of notification",
        "reminder": "Hjemvakt: What we expected today has not arrived. Open the app when you can.",
        "answer": "Hjemvakt: You have an answer. Open the app when you can.",
    },
}


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said. `id` is the same however often it is sent. `credentials` name the
    patient's app and devices to the app's own server, which knows whose they are."""

    id: UUID
    kind: Kind
    language: str
    unit_id: UUID
    unit: str = ""
    rank: int = RED
    count: int = 1
    step: int = 1
    sensitive: bool = False
    link: str | None = None
    credentials: tuple[str, ...] = ()


def subject(message: Message) -> str:
    return f"{_words(message.language, 'subject')}: {_core(message)}"


def text(message: Message) -> str:
    if message.kind in TO_PATIENTS:
        return _words(message.language, message.kind)
    again = _words(message.language, "step") if message.kind == "alert" and message.step > 1 else ""
    said = f"Hjemvakt: {again}{_core(message)}."
    return f"{said} {message.link}" if message.link else said


def payload(message: Message) -> dict[str, Any]:
    """The body of a webhook."""
    about: dict[str, Any] = {
        "v": 1,
        "id": str(message.id),
        "kind": message.kind,
        "language": message.language,
        "text": text(message),
    }
    if message.kind in TO_PATIENTS:
        return {**about, "credentials": list(message.credentials)}
    if not message.sensitive:
        about["unit"] = {"id": str(message.unit_id), "name": message.unit}
    if message.kind == "alert":
        about |= {
            "colour": COLOURS.get(message.rank, "yellow"),
            "urgent": message.rank == EMERGENCY,
            "count": message.count,
            "step": message.step,
        }
    return {**about, "link": message.link}


def _core(message: Message) -> str:
    at = "" if message.sensitive else f", {message.unit}"
    if message.kind == "test":
        return _words(message.language, "test") + at
    rank = min(message.rank, YELLOW)
    name = f"alert-{rank}" if message.count == 1 else f"many-{rank}"
    return _words(message.language, name).format(n=message.count) + at


def _words(language: str, name: str) -> str:
    """nn where we have it, otherwise nb; so too Sami, until somebody vouches for the words."""
    return TEXTS.get(language, {}).get(name) or TEXTS["nb"][name]
